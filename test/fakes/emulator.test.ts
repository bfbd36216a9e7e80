/** The emulator, its notices and the proxy do what tests of sources stand on: each fault, seen by the real clients. */
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, EMULATOR_CREDENTIALS, type Queue, startEmulator } from "./emulator.ts";
import type { Fault } from "./fault-proxy.ts";
import { encodeKey, toEventBridgeNotice, toNotice } from "./s3-notices.ts";

let emulator: Emulator;
let queue: Queue;
let sqs: SQSClient;
let s3: S3Client;
beforeAll(async () => {
  emulator = await startEmulator();
  queue = await emulator.createQueue("faults", { VisibilityTimeout: "60" });
  await emulator.createBucket("faults");
  await emulator.put("faults", "key", Buffer.alloc(20_000, "x"));
  const settings = { region: "eu-west-1", endpoint: emulator.endpoint, credentials: EMULATOR_CREDENTIALS };
  sqs = new SQSClient({
    ...settings,
    maxAttempts: 1,
    requestHandler: { requestTimeout: 300, throwOnRequestTimeout: true },
  });
  s3 = new S3Client({ ...settings, forcePathStyle: true, maxAttempts: 1, requestHandler: { socketTimeout: 300 } });
});
afterAll(async () => {
  sqs.destroy();
  s3.destroy();
  await emulator.close();
});

const receive = async (): Promise<string[]> => {
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue.url, MaxNumberOfMessages: 10 }));
  return Messages.map(({ Body = "" }) => Body);
};
const get = async (): Promise<number> => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: "faults", Key: "key" }));
  return (await Body!.transformToByteArray()).length;
};
const withFault = async <T>(operation: string, fault: Fault, use: () => Promise<T>): Promise<T> => {
  emulator.proxy.set({ operation, times: 1, fault });
  try {
    return await use();
  } finally {
    emulator.proxy.set();
  }
};

describe("faults of the proxy", () => {
  test("without a rule all passes, and is logged by service and operation", async () => {
    await emulator.send(queue, ["m1"]);
    expect(await receive()).toEqual(["m1"]);
    expect(await get()).toBe(20_000);
    await s3.send(new ListObjectsV2Command({ Bucket: "faults" }));
    expect(emulator.proxy.log.slice(-3)).toMatchObject([
      { service: "sqs", operation: "ReceiveMessage", fault: null },
      { service: "s3", operation: "GetObject", fault: null },
      { service: "s3", operation: "ListObjectsV2", fault: null },
    ]);
  });

  test("an error comes in the service's own spelling, as often as asked", async () => {
    const throttle: Fault = { kind: "error", code: "RequestThrottled", status: 400 };
    await expect(withFault("ReceiveMessage", throttle, receive)).rejects.toMatchObject({ name: "RequestThrottled" });
    const slow: Fault = { kind: "error", code: "SlowDown", status: 503 };
    await expect(withFault("GetObject", slow, get)).rejects.toMatchObject({ name: "SlowDown" });
    expect(await get()).toBe(20_000);
  });

  test.each(["reset", "hang", "lose"] as const)("%s: no answer", async (kind) => {
    await expect(withFault("ReceiveMessage", { kind }, receive)).rejects.toMatchObject({ name: "TimeoutError" });
  });

  test("a lost answer was carried out", async () => {
    await emulator.send(queue, ["lost"]);
    await expect(withFault("ReceiveMessage", { kind: "lose" }, receive)).rejects.toMatchObject({
      name: "TimeoutError",
    });
    expect(await receive()).toEqual([]);
  });

  test("replay gives the last answer again", async () => {
    await emulator.send(queue, ["again"]);
    expect(await receive()).toEqual(["again"]);
    expect(await withFault("ReceiveMessage", { kind: "replay" }, receive)).toEqual(["again"]);
  });

  test.each([
    ["truncate", /aborted|ECONNRESET/],
    ["stall", /timed? ?out|aborted|ECONNRESET/i],
    ["corrupt", /[Cc]hecksum/],
  ] as const)("%s: the body never becomes whole", async (kind, why) => {
    await expect(withFault("GetObject", { kind }, get)).rejects.toThrow(why);
  });

  test("short: the length agrees, the checksum does not", async () => {
    await expect(withFault("GetObject", { kind: "short" }, get)).rejects.toThrow(/[Cc]hecksum/);
  });

  test("drip and delay: it comes, late", async () => {
    const begunMs = performance.now();
    expect(await withFault("GetObject", { kind: "drip", bytes: 5000, everyMs: 20 }, get)).toBe(20_000);
    expect(await withFault("GetObject", { kind: "delay", ms: 50 }, get)).toBe(20_000);
    expect(performance.now() - begunMs).toBeGreaterThan(100);
  });

  test("edit changes a body, and the client notices an altered message", async () => {
    await emulator.send(queue, ["before"]);
    const edit = (body: string): string => body.replace('"before"', '"behind"');
    await expect(withFault("ReceiveMessage", { kind: "edit", edit }, receive)).rejects.toThrow(/MD5/);
  });

  test("an entry of a batch can be made to fail", async () => {
    const edit = (): string =>
      JSON.stringify({ Successful: [], Failed: [{ Id: "a", SenderFault: false, Code: "InternalError" }] });
    const Entries = [{ Id: "a", ReceiptHandle: "r" }];
    const answer = await withFault("DeleteMessageBatch", { kind: "edit", edit }, () =>
      sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries })),
    );
    expect(answer.Failed).toMatchObject([{ Id: "a", Code: "InternalError" }]);
  });
});

describe("the emulator and the notices", () => {
  test("a topic hands on wrapped or raw", async () => {
    const fed = await emulator.createQueue("fed");
    for (const [name, raw] of [
      ["wrapped", false],
      ["raw", true],
    ] as const)
      await emulator.publish(await emulator.createTopic(name, fed, raw), name);
    const { Messages = [] } = await emulator.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: fed.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    const bodies = Messages.map(({ Body = "" }) => Body).toSorted();
    expect(bodies[0]).toBe("raw");
    expect(JSON.parse(bodies[1]!)).toMatchObject({ Type: "Notification", Message: "wrapped" });
  });

  test("keys are encoded as S3 encodes them, and not by EventBridge", () => {
    expect(encodeKey("AWSLogs/a b=é(1).gz")).toBe("AWSLogs/a+b%3D%C3%A9%281%29.gz");
    const noticed = { bucket: "b", key: "a b", size: 1, etag: "e" };
    expect(toNotice(noticed)).toContain('"key":"a+b"');
    expect(toEventBridgeNotice(noticed)).toContain('"key":"a b"');
  });
});
