/** What doctor says of a machine and of AWS, and the policies that it prints. */
import { mkdirSync, readdirSync } from "node:fs";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { runProbes } from "../../../src/commands/doctor/check.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { createPlace, configText, write } from "../../e2e/make.ts";
import { startEmulator } from "../../fakes/emulator.ts";
import { call } from "../cli.ts";

useEnvironmentCredentials();

function configure(more: object): { readonly path: string; readonly state: string } {
  const place = createPlace();
  const text = configText(place, { more: { http: { enabled: false }, ...more } });
  return { path: write(join(place.root, "sagewatch.yml"), text), state: place.state };
}

type Printed = { readonly policy: { readonly Statement: readonly object[] }; readonly roles: readonly object[] };

async function policyOf(more: object, ...args: readonly string[]): Promise<Printed> {
  const { code, stdout } = await call("doctor", "--policy", "--config", configure(more).path, ...args);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Printed;
}

test("a role by name in several accounts: a policy and a trust with its external id for each, and only AssumeRole for the own identity", async () => {
  const source = {
    type: "guardduty",
    regions: ["eu-west-1"],
    accounts: ["444455556666", "111122223333"],
    role: "reader",
  };
  const externalId = { "111122223333": "one-id", "444455556666": "other-id" };
  const printed = await policyOf(
    { sources: [{ ...source, externalId }] },
    "--principal",
    "arn:aws:iam::999988887777:role/sagewatch",
  );
  const roles = ["111122223333", "444455556666"].map((account) => `arn:aws:iam::${account}:role/reader`);
  const detector = (account: string): string => `arn:aws:guardduty:eu-west-1:${account}:detector/*`;
  expect(printed).toMatchObject({
    policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["sts:AssumeRole"], Resource: roles }] },
    roles: ["111122223333", "444455556666"].map((account, at) => ({
      role: roles[at],
      account,
      policy: {
        Statement: [
          { Action: ["guardduty:GetDetector", "guardduty:GetFindings", "guardduty:ListFindings"], Resource: [detector(account)] },
          { Action: ["guardduty:ListDetectors"], Resource: ["*"], Condition: { StringEquals: { "aws:RequestedRegion": ["eu-west-1"] } } },
        ],
      },
      trust: {
        Statement: [
          {
            Principal: { AWS: "arn:aws:iam::999988887777:role/sagewatch" },
            Action: "sts:AssumeRole",
            Condition: { StringEquals: { "sts:ExternalId": [at === 0 ? "one-id" : "other-id"] } },
          },
        ],
      },
    })),
  }); // prettier-ignore
});

test("ARNs follow the partition of the Region", async () => {
  const sinks = [{ type: "eventbridge", region: "us-gov-west-1", bus: "security" }];
  const queue = "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/files";
  const trails = [{ bucket: "logs", prefix: "org/" }];
  const text = JSON.stringify(
    await policyOf({ sources: [{ type: "sqs-s3", region: "cn-north-1", queue, trails }], sinks }),
  );
  for (const part of [
    "arn:aws-us-gov:events:us-gov-west-1:*:event-bus/security",
    "arn:aws-cn:sqs:cn-north-1:111122223333:files",
    "arn:aws-cn:s3:::logs/org/AWSLogs/*",
    "s3.cn-north-1.amazonaws.com.cn",
  ])
    expect(text).toContain(`"${part}"`);
  expect(text).not.toContain("arn:aws:");
});

test("sources and sinks that want the same are one statement, and the order of the file changes nothing", async () => {
  const queue = (name: string): object => ({
    type: "sqs-eventbridge", name, region: "eu-west-1", queue: `https://sqs.eu-west-1.amazonaws.com/111122223333/${name}`,
  }); // prettier-ignore
  const printed = await policyOf({ sources: [queue("b"), queue("a")] });
  expect(await policyOf({ sources: [queue("a"), queue("b")] })).toEqual(printed);
  expect(printed.policy.Statement).toHaveLength(2);
  expect(printed.policy.Statement[1]).toMatchObject({
    Resource: ["arn:aws:sqs:eu-west-1:111122223333:a", "arn:aws:sqs:eu-west-1:111122223333:b"],
  });
});

test("a broken configuration is a failed check, and nothing else is tried", async () => {
  const { code, stdout } = await call(
    "doctor",
    "--json",
    "--config",
    configure({ sources: [{ type: "sqs-s4" }] }).path,
  );
  const { ok, checks } = JSON.parse(stdout) as {
    ok: boolean;
    checks: { check: string; status: string; did: string }[];
  };
  expect([code, ok, checks.length]).toEqual([1, false, 1]);
  expect(checks[0]).toMatchObject({ check: "configuration", status: "fail" });
  expect(checks[0]?.did).toContain("did you mean `sqs-s3`");
});

test("the machine: leaves no file, names a taken port, a state folder that cannot be one, rules that are broken", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { path, state } = configure({ http: { enabled: true, host: "127.0.0.1", port } });
  mkdirSync(state);
  const { code, stdout } = await call("doctor", "--config", path);
  taken.close();
  expect(stdout).toMatch(/FAIL +http port: 127\.0\.0\.1:\d+ cannot be listened on/);
  expect(code).toBe(1);
  expect(stdout).toMatch(/OK +state folder: a file was written into/);
  expect(readdirSync(state)).toEqual([]);
  const rule = write(join(state, "broken.yml"), "title: x\n");
  const other = await call(
    "doctor",
    "--config",
    configure({ state: { dir: join(rule, "state") }, rules: { paths: [rule] } }).path,
  );
  expect(other.stdout).toMatch(/FAIL +state folder: .* cannot be written/);
  expect(other.stdout).toMatch(/FAIL +rules: /);
});

test("a clock that is a minute wrong fails, one that is right does not; a queue without a dead-letter queue is noted", async () => {
  const emulator = await startEmulator();
  const queue = await emulator.createQueue("events");
  const source = { type: "sqs-eventbridge", region: "eu-west-1", queue: queue.url, endpoint: emulator.endpoint };
  const { path: config } = configure({ sources: [source] });
  const ask = async (offMs: number): Promise<string> => {
    const stdout = new PassThrough();
    const terminal = { stdout, stderr: new PassThrough(), signal: new AbortController().signal };
    await runDoctor({ config }, terminal, { ...systemClock, nowMs: () => systemClock.nowMs() + offMs });
    return String(stdout.read());
  };
  const [right, ahead, behind] = [await ask(0), await ask(60_000), await ask(-60_000)];
  await emulator.close();
  expect(right).toMatch(/OK +clock/);
  expect(right).toContain("no dead-letter queue");
  expect(ahead).toMatch(/FAIL +clock .*6\d s ahead of|FAIL +clock .*59 s ahead of/);
  expect(behind).toMatch(/FAIL +clock .*\d\d s behind/);
});

test("a log of Bedrock in the bucket of a trail is tried by an object of its own, within its policy", async () => {
  const emulator = await startEmulator();
  await emulator.createBucket("logs");
  const queue = await emulator.createQueue("bedrock");
  const source = {
    type: "bedrock-log",
    region: "eu-west-1",
    endpoint: emulator.endpoint,
    queue: queue.url,
    logs: [{ bucket: "logs" }],
  };
  const { path: config } = configure({ sources: [source] });
  const key = "AWSLogs/222222222222/BedrockModelInvocationLogs/eu-west-1/2026/03/10/12/a.json.gz";
  await emulator.put("logs", "AWSLogs/111111111111/CloudTrail/eu-west-1/2026/03/10/b.json.gz", Buffer.from("{}"));
  const empty = await call("doctor", "--config", config);
  await emulator.put("logs", key, Buffer.from("{}"));
  emulator.proxy.set({
    operation: "GetObject",
    path: /CloudTrail/,
    fault: { kind: "error", code: "AccessDenied", status: 403 },
  });
  const allowed = await call("doctor", "--config", config);
  emulator.proxy.set({ operation: "GetObject", fault: { kind: "error", code: "AccessDenied", status: 403 } });
  const denied = await call("doctor", "--config", config);
  await emulator.close();
  expect(empty.stdout).toContain("no object stands under AWSLogs/");
  expect([allowed.code, allowed.stdout]).toEqual([0, expect.stringContaining(`the first byte of ${key} was read`)]);
  expect([denied.code, denied.stdout]).toEqual([1, expect.stringContaining("allow s3:GetObject for this identity")]);
  const printed = JSON.stringify(await policyOf({ sources: [source] }));
  expect(printed.match(/"arn:aws:s3:::logs\/[^"]*"/g)).toEqual([
    '"arn:aws:s3:::logs/AWSLogs/*/BedrockModelInvocationLogs/*"',
  ]);
});

test("a check that hangs ends at its deadline while others are done, and one that throws fails by itself", async () => {
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 50), signal),
  };
  const checked = await runProbes(
    [
      { name: "hangs", run: () => new Promise(() => undefined) },
      { name: "throws", run: () => { throw new Error("broken"); } },
      { name: "works", run: async () => ({ status: "ok", did: "done" }) },
    ],
    { clock, signal: new AbortController().signal },
  ); // prettier-ignore
  expect(checked.map(({ check, status }) => [check, status])).toEqual([["hangs", "fail"], ["throws", "fail"], ["works", "ok"]]); // prettier-ignore
});
