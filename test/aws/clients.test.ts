/** Calls to AWS: credentials that run out, roles with external ids, limits in time, and errors that say what to do. */
import * as s3 from "@aws-sdk/client-s3";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Aws, CALL_LIMITS, createAws } from "../../src/aws/clients.ts";
import { toAwsError } from "../../src/aws/errors.ts";
import { type AwsSettings, awsShape, toRole } from "../../src/aws/settings.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { type Emulator, startEmulator } from "../fakes/emulator.ts";
import { type FaultProxy, startFaultProxy } from "../fakes/fault-proxy.ts";
import { type Fake, FakeError, serve, startFake } from "../fakes/service.ts";
import { awsAt } from "./set-up.ts";

const never = (): AbortSignal => new AbortController().signal;
const CALL = { service: "sqs", operation: "GetQueueUrl", resource: "https://sqs/q" };

let fake: Fake | null = null;
let emulator: Emulator | null = null;
afterEach(async () => {
  await fake?.close();
  await emulator?.close();
  [fake, emulator] = [null, null];
});

const askUrl = (aws: Aws): Promise<string | undefined> => {
  const client = aws.open(sqs.SQSClient, CALL_LIMITS, {});
  const command = new sqs.GetQueueUrlCommand({ QueueName: "q" });
  return aws
    .call(CALL, (abortSignal) => client.send(command, { abortSignal }), { limits: CALL_LIMITS, signal: never() })
    .then(({ QueueUrl }) => QueueUrl);
};

describe("credentials", () => {
  test.each([
    ["have run out", "ExpiredToken"],
    ["are not known, as of a key that was replaced and deleted", "InvalidClientTokenId"],
    ["are not known, in the words of JSON services", "UnrecognizedClientException"],
    ["have another secret now", "SignatureDoesNotMatch"],
  ])("are asked for anew when AWS says that they %s, and the call goes through", async (_why, code) => {
    let issued = 0;
    const used: string[] = [];
    fake = await startFake([
      serve(sqs, {
        GetQueueUrl: (_input, { accessKeyId }) => {
          used.push(accessKeyId);
          if (accessKeyId === "AKIA1") throw new FakeError(code, "The security token is not taken", 403);
          return { QueueUrl: "https://q" };
        },
      }),
    ]);
    const aws = createAws(
      { region: "eu-west-1", endpoint: fake.url },
      { clock: systemClock, chain: async () => ({ accessKeyId: `AKIA${(issued += 1)}`, secretAccessKey: "s" }) },
    );
    expect(await askUrl(aws)).toBe("https://q");
    expect(await askUrl(aws)).toBe("https://q");
    expect(used).toEqual(["AKIA1", "AKIA2", "AKIA2"]);
  });

  test("that stay expired end in an error after one more try", async () => {
    fake = await startFake([
      serve(sqs, {
        GetQueueUrl: () => {
          throw new FakeError("ExpiredToken", "expired", 403);
        },
      }),
    ]);
    await expect(askUrl(awsAt(fake.url))).rejects.toMatchObject({ code: "aws_credentials", retryable: true });
    expect(fake.requests).toHaveLength(2);
  });

  test("a role is assumed with its external id, once for many calls, and again when it runs out", async () => {
    const roles: unknown[] = [];
    let isRevoked = false;
    fake = await startFake([
      serve(sts, {
        AssumeRole: ({ RoleArn, ExternalId }) => {
          roles.push([RoleArn, ExternalId]);
          const Expiration = new Date(systemClock.nowMs() + 3_600_000);
          const Credentials = {
            AccessKeyId: `ASIA${roles.length}`,
            SecretAccessKey: "s",
            SessionToken: "t",
            Expiration,
          };
          return { Credentials };
        },
      }),
      serve(sqs, {
        GetQueueUrl: (_input, { accessKeyId, sessionToken }) => {
          if (isRevoked && accessKeyId === "ASIA1") throw new FakeError("ExpiredToken", "expired", 403);
          return { QueueUrl: `${accessKeyId}/${sessionToken}` };
        },
      }),
    ]);
    const externalId = { "111122223333": "ours" };
    const settings = { region: "eu-west-1", endpoint: fake.url, role: "sagewatch-read", externalId };
    const chain = async (): Promise<{ accessKeyId: string; secretAccessKey: string }> => ({
      accessKeyId: "AKIA",
      secretAccessKey: "s",
    });
    const aws = createAws(settings, { clock: systemClock, accountId: "111122223333", chain });
    expect(await Promise.all([askUrl(aws), askUrl(aws)])).toEqual(["ASIA1/t", "ASIA1/t"]);
    expect(roles).toEqual([["arn:aws:iam::111122223333:role/sagewatch-read", "ours"]]);
    isRevoked = true;
    expect(await askUrl(aws)).toBe("ASIA2/t");
  });

  test("a role that may not be assumed names sts:AssumeRole, not the call", async () => {
    fake = await startFake([
      serve(sts, {
        AssumeRole: () => {
          throw new FakeError(
            "AccessDenied",
            "User: u is not authorized to perform: sts:AssumeRole on resource: r",
            403,
          );
        },
      }),
    ]);
    const role = "arn:aws:iam::111122223333:role/reader";
    const chain = async (): Promise<{ accessKeyId: string; secretAccessKey: string }> => ({
      accessKeyId: "AKIA",
      secretAccessKey: "s",
    });
    const aws = createAws({ region: "eu-west-1", endpoint: fake.url, role }, { clock: systemClock, chain });
    await expect(askUrl(aws)).rejects.toMatchObject({
      code: "aws_denied",
      message: expect.stringContaining("allow sts:AssumeRole for this identity") as string,
    });
  });
});

describe("credentials that are never given", () => {
  /** The machine's clock, on which they are waited for half a second. */
  const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 45_000 ? 500 : ms, signal) };
  const ask = (aws: Aws, totalMs: number, signal = never()): Promise<string> =>
    aws.call(CALL, () => Promise.resolve("asked"), { limits: { ...CALL_LIMITS, totalMs }, signal });
  const identity = { accessKeyId: "AKIA", secretAccessKey: "s" };
  afterEach(() => proxy?.close());
  let proxy: FaultProxy | null = null;

  test.each(["the chain", "STS"])("hold up no call beyond its end, and are asked for anew: %s", async (who) => {
    const Credentials = { AccessKeyId: "ASIA", SecretAccessKey: "s", SessionToken: "t", Expiration: new Date(4e12) };
    fake = await startFake([serve(sts, { AssumeRole: () => ({ Credentials }) })]);
    proxy = await startFaultProxy(fake.url);
    proxy.set({ operation: "AssumeRole", times: 1, fault: { kind: "hang" } });
    let asked = 0;
    const hang = (): Promise<never> => new Promise(() => undefined);
    const chain = () => ((asked += 1) === 1 && who === "the chain" ? hang() : Promise.resolve(identity));
    const role = who === "STS" ? { role: "arn:aws:iam::111122223333:role/reader" } : {};
    const aws = createAws({ region: "eu-west-1", endpoint: proxy.url, ...role }, { clock, chain });
    const end = new AbortController();
    const aborted = ask(aws, 5_000, end.signal);
    const late = ask(aws, 50);
    const first = ask(aws, 5_000);
    await Promise.all([
      expect(late).rejects.toMatchObject({ code: "aws_unreachable", message: expect.stringContaining("50 ms") }),
      expect(aborted).rejects.toBe("over now"),
      expect(first).rejects.toMatchObject({
        code: "aws_unreachable",
        message: expect.stringContaining("no credentials were given within 45000 ms"),
      }),
      systemClock.sleep(100).then(() => end.abort("over now")),
    ]);
    expect(await ask(aws, 5_000)).toBe("asked");
  });
});

describe("settings", () => {
  const schema = z.strictObject(awsShape);
  test.each([
    [{ region: "eu-west-1" }, true],
    [{ region: "us-gov-west-1", role: "arn:aws-us-gov:iam::111122223333:role/team/reader", externalId: "x1" }, true],
    [{ region: "Ireland" }, false],
    [{ region: "eu-west-1", endpoint: "127.0.0.1:4566" }, false],
    [{ region: "eu-west-1", role: "a role" }, false],
    [{ region: "eu-west-1", externalId: { "1": "xx" } }, false],
  ])("%j: %s", (given, isGood) => {
    expect(schema.safeParse(given).success).toBe(isGood);
  });

  test.each<[AwsSettings, string | null, unknown]>([
    [{ region: "eu-west-1" }, "111122223333", null],
    [
      { region: "cn-north-1", role: "r" },
      "111122223333",
      { arn: "arn:aws-cn:iam::111122223333:role/r", externalId: null },
    ],
    [
      { region: "eu-west-1", role: "arn:aws:iam::444455556666:role/r", externalId: { "444455556666": "four" } },
      null,
      { arn: "arn:aws:iam::444455556666:role/r", externalId: "four" },
    ],
  ])("role of %j in %s", (settings, account, role) => {
    expect(toRole(settings, account)).toEqual(role);
  });

  test("a role's name without an account is told", () => {
    expect(() => toRole({ region: "eu-west-1", role: "r" }, null)).toThrow(/in which account; give its ARN/);
  });
});

describe("limits and errors", () => {
  test("a body that drips ends at the deadline, and an abort ends a call at once", async () => {
    emulator = await startEmulator();
    await emulator.createBucket("bucket");
    await emulator.put("bucket", "k", Buffer.alloc(100_000, "x"));
    const aws = awsAt(emulator.endpoint);
    const limits = { ...CALL_LIMITS, totalMs: 400 };
    const client = aws.open(s3.S3Client, limits, { forcePathStyle: true });
    const read = (signal: AbortSignal): Promise<Uint8Array | undefined> =>
      aws.call(
        { service: "s3", operation: "GetObject", resource: "s3://b/k" },
        async (abortSignal) => {
          const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: "bucket", Key: "k" }), { abortSignal });
          return Body?.transformToByteArray();
        },
        { limits, signal },
      );
    emulator.proxy.set({ operation: "GetObject", fault: { kind: "drip", bytes: 1000, everyMs: 50 } });
    const late = { code: "aws_unreachable", message: expect.stringContaining("longer than 400 ms") as string };
    await expect(read(never())).rejects.toMatchObject(late);
    const end = new AbortController();
    const begunMs = performance.now();
    const reading = read(end.signal);
    setTimeout(() => end.abort(), 50);
    await expect(reading).rejects.toThrow(/abort/i);
    expect(performance.now() - begunMs).toBeLessThan(2000);
  });

  const thrown = (name: string, message = "", status = 400): Error =>
    Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
  const onObject = { service: "s3", operation: "GetObject", resource: "s3://b/k" };
  test.each<[Error, typeof CALL, string, boolean, RegExp]>([
    [
      thrown("AccessDenied"),
      onObject,
      "aws_denied",
      false,
      /s3 GetObject on s3:\/\/b\/k.*allow s3:GetObject .*the bucket's policy/,
    ],
    [
      thrown("AccessDenied", "User: u is not authorized to perform: kms:Decrypt on k", 403),
      onObject,
      "aws_denied",
      false,
      /allow kms:Decrypt .*the key's policy/,
    ],
    [
      thrown("AccessDeniedException"),
      { ...CALL, operation: "DeleteMessageBatch" },
      "aws_denied",
      false,
      /allow sqs:DeleteMessage /,
    ],
    [
      thrown("AccessDenied", "User: u is not authorized to perform: sqs:deletemessage on resource: q", 403),
      { ...CALL, operation: "DeleteMessageBatch" },
      "aws_denied",
      false,
      /allow sqs:DeleteMessage /,
    ],
    [thrown("UnknownError", "", 403), onObject, "aws_denied", false, /allow s3:GetObject/],
    [thrown("NoSuchKey", "", 404), onObject, "aws_missing", false, /check the name/],
    [thrown("QueueDoesNotExist"), CALL, "aws_missing", false, /check the name, the account and the Region/],
    [thrown("InvalidClientTokenId", "", 403), CALL, "aws_credentials", true, /check the credentials/],
    [thrown("CredentialsProviderError"), CALL, "aws_credentials", true, /check the credentials/],
    [thrown("SlowDown", "", 503), onObject, "aws_unreachable", true, /tried again/],
    [thrown("TimeoutError"), CALL, "aws_unreachable", true, /tried again/],
    [thrown("ValidationException"), CALL, "aws_refused", false, /check the settings/],
  ])("%o", (error, call, ...[code, retryable, message]) => {
    const ours = toAwsError(error, call);
    expect([ours.code, ours.retryable]).toEqual([code, retryable]);
    expect(ours.message).toMatch(message);
  });
});
