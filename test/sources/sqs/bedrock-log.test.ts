/** The bedrock-log source over the emulator: the exam of sources, outputs that stand beside the log, listing, the past. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bedrockDecoder } from "../../../src/decode/bedrock.ts";
import { systemClock, toUtcText } from "../../../src/lib/clock.ts";
import { blockedField, intervenedField, tokensField } from "../../../src/match/invocation.ts";
import type { Event } from "../../../src/model/event.ts";
import { createPast, sourceRegistry } from "../../../src/sources/registry.ts";
import { hasteClock, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { examineSource, textsOf } from "../../contracts/source-exam.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { LIMITS } from "../records.ts";
import { toEnding } from "./queue-exam.ts";
import { createBucketTests, outcomesOf, takeAll } from "./s3-set-up.ts";

useEnvironmentCredentials();
const tests = createBucketTests();
beforeAll(() => tests.start());
afterAll(() => tests.stop());
afterEach(() => tests.reset());

const TYPE = { type: "bedrock-log" } as const;
const PLACE = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1";
const HOUR = `${PLACE}/2026/03/10/12`;
const SECRET = "the secret recipe";

type Output = {
  readonly outputTokenCount?: undefined;
  readonly outputBodyS3Path?: string;
  readonly outputBodyJson?: unknown;
};

/** An entry of the log as Bedrock writes it, on one line. */
function entry(requestId: string, output: Output, input: object = { inputBodyJson: { prompt: SECRET } }): string {
  return JSON.stringify({
    schemaType: "ModelInvocationLog",
    schemaVersion: "1.0",
    timestamp: "2026-03-10T12:00:00Z",
    accountId: "111122223333",
    identity: { arn: "arn:aws:sts::111122223333:assumed-role/app/session" },
    region: "eu-west-1",
    requestId,
    operation: "InvokeModel",
    modelId: "anthropic.claude-3-haiku-20240307-v1:0",
    input: { inputContentType: "application/json", inputTokenCount: 7, ...input },
    output: { outputContentType: "application/json", outputTokenCount: 30_000, ...output },
  });
}

const pathOf = (name: string): string => `s3://trail-logs/${HOUR}/data/${name}`;
const BLOCKED = {
  completion: SECRET,
  "amazon-bedrock-guardrailAction": "INTERVENED",
  "amazon-bedrock-trace": {
    guardrail: { output: [{ sensitiveInformationPolicy: { piiEntities: [{ match: SECRET, action: "BLOCKED" }] } }] },
  },
};

function toEvent(text: string): Event {
  const arrival = { duplicateKeys: false, nowMs: null, isPlain: false };
  return bedrockDecoder.decode(Buffer.from(text), arrival) as Event;
}

const outcomeOf = (text: string): unknown => {
  const event = toEvent(text);
  return [event.key, intervenedField(event), blockedField(event), tokensField(event)];
};

const many = Array.from({ length: 1200 }, (_, at) => entry(`m${at}`, { outputBodyJson: { completion: "fine" } }));

examineSource({
  name: "bedrock-log",
  open: async () => ({
    source: toEnding({
      emulator: tests.emulator,
      name: "bedrock-log",
      open: (queue) => tests.open(queue, { ...TYPE, receivers: 1 }),
      fill: async (queue) => {
        const objects = [
          await tests.put(`${HOUR}/20260310T120000000Z_a.json.gz`, many.join("\n")),
          await tests.put(`${HOUR}/20260310T120500000Z_b.json.gz`, `${entry("last", {})}\n!`),
          await tests.put(`${HOUR}/data/m1_input.json.gz`, SECRET),
          await tests.put("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/10/x.json.gz", "{}"),
        ];
        await tests.emulator.send(
          queue,
          objects.map((object) => toNotice(object)),
        );
      },
    }),
    close: () => Promise.resolve(),
  }),
  records: [...many, entry("last", {})],
  rejected: 1,
  skipped: 2,
});

describe("outputs beside the log", () => {
  test("are read for what a guardrail did, and for tokens that the log does not count, and for nothing else", async () => {
    const queue = await tests.queue();
    await tests.put(`${HOUR}/data/r1_output.json.gz`, JSON.stringify(BLOCKED));
    const pieces = [
      { type: "message_start" },
      { type: "message_delta", delta: { stop_reason: "guardrail_intervened" } },
    ];
    await tests.put(`${HOUR}/data/r2_output.json.gz`, JSON.stringify(pieces));
    await tests.put(`${HOUR}/data/r3_output.json.gz`, pieces.map((piece) => JSON.stringify(piece)).join("\n"));
    await tests.put(`${HOUR}/data/r4_output.json.gz`, JSON.stringify({ completion: SECRET }));
    const counted = { stopReason: "end_turn", output: SECRET, usage: { inputTokens: 50, outputTokens: 60_000 } };
    await tests.put(`${HOUR}/data/r7_output.json.gz`, JSON.stringify(counted));
    const log = [
      ...["r1", "r2", "r3", "r4"].map((id) => entry(id, { outputBodyS3Path: pathOf(`${id}_output.json.gz`) })),
      entry("r5", { outputBodyJson: { completion: "fine" } }),
      entry(
        "r7",
        { outputTokenCount: undefined, outputBodyS3Path: pathOf("r7_output.json.gz") },
        { inputTokenCount: undefined },
      ),
      // The name in what somebody said is no pointer.
      entry("r6", {}, { inputBodyJson: { outputBodyS3Path: pathOf("r1_output.json.gz") } }),
    ];
    await tests.emulator.send(queue, [toNotice(await tests.put(`${HOUR}/log.json.gz`, log.join("\n")))]);
    const texts = (await takeAll(tests.open(queue, TYPE), 7)).flatMap(textsOf);
    expect(texts.map(outcomeOf)).toEqual([
      ["r1", true, ["sensitiveInformationPolicy"], 30_007],
      ["r2", true, null, 30_007],
      ["r3", true, null, 30_007],
      ["r4", false, null, 30_007],
      ["r5", false, null, 30_007],
      ["r7", false, null, 60_050],
      ["r6", null, null, 30_007],
    ]);
    expect(texts[0]).not.toContain("completion");
    expect(texts[0]?.split(SECRET)).toHaveLength(2);
    expect(tests.warnings).toEqual([]);
    await tests.isEmpty(queue);
  });

  test("that cannot be had hold nothing up: their records are read without, and it is told", async () => {
    const queue = await tests.queue();
    await tests.put(`${HOUR}/data/no-json.json.gz`, "no JSON");
    await tests.put(`elsewhere/foreign.json`, JSON.stringify(BLOCKED));
    await tests.put(`${HOUR}/data/denied.json.gz`, JSON.stringify(BLOCKED));
    tests.emulator.proxy.set({
      operation: "GetObject",
      path: /denied/,
      fault: { kind: "error", code: "AccessDenied", status: 403 },
    });
    const paths = [
      pathOf("gone.json.gz"),
      pathOf("no-json.json.gz"),
      pathOf("denied.json.gz"),
      "s3://trail-logs/elsewhere/foreign.json",
      pathOf("r1_output.json.gz").replace("trail-logs", "another-bucket"),
    ];
    const log = paths.map((outputBodyS3Path, at) => entry(`r${at}`, { outputBodyS3Path }));
    await tests.emulator.send(queue, [toNotice(await tests.put(`${HOUR}/partly.json`, log.join("\n")))]);
    const texts = (await takeAll(tests.open(queue, TYPE), 5)).flatMap(textsOf);
    expect(texts).toEqual(log);
    expect(tests.warnings).toEqual([
      expect.stringMatching(
        /^What a guardrail did is not known of 5 records of s3:\/\/trail-logs\/.*partly\.json, whose/,
      ),
    ]);
    const asked = tests.emulator.proxy.log.filter(({ operation }) => operation === "GetObject");
    expect(asked.filter(({ path }) => /foreign|another-bucket/.test(path))).toEqual([]);
    await tests.isEmpty(queue);
  });

  test("of a record that is nested too deep to be written again are left away, and the record is rejected", async () => {
    const queue = await tests.queue();
    await tests.put(`${HOUR}/data/deep.json.gz`, JSON.stringify(BLOCKED));
    const output = { outputBodyS3Path: pathOf("deep.json.gz") };
    const nested = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const log = [entry("deep", output).replace(`"${SECRET}"`, nested), entry("next", output)];
    await tests.emulator.send(queue, [toNotice(await tests.put(`${HOUR}/deep.json`, log.join("\n")))]);
    const batches = await takeAll(tests.open(queue, TYPE), 2);
    expect(outcomesOf(batches).rejected).toEqual({ too_deep: 1 });
    expect(batches.flatMap(textsOf).map(outcomeOf)).toEqual([["next", true, ["sensitiveInformationPolicy"], 30_007]]);
    await tests.isEmpty(queue);
  });

  test("are left alone by `outputs: false`", async () => {
    const queue = await tests.queue();
    const log = entry("r1", { outputBodyS3Path: pathOf("r1_output.json.gz") });
    await tests.emulator.send(queue, [toNotice(await tests.put(`${HOUR}/alone.json`, log))]);
    expect((await takeAll(tests.open(queue, { ...TYPE, outputs: false }), 1)).flatMap(textsOf)).toEqual([log]);
  });
});

test("a log file of which no notice came is found by listing, and by a reading of the past; bodies are not", async () => {
  const queue = await tests.queue();
  const clock = { ...hasteClock(1e9, 1), nowMs: () => Date.now() + 20 * 60_000 };
  const hour = `listed/${PLACE}/${toUtcText(Date.now()).slice(0, 13).replaceAll(/[-T]/g, "/")}`;
  const missed = await tests.put(`${hour}/20260310T120000000Z_c.json.gz`, entry("missed", {}));
  await tests.put(`${hour}/data/missed_input.json.gz`, SECRET);
  const logs = [{ bucket: tests.bucket, prefix: "listed/" }];
  const batches = await takeAll(tests.open(queue, { ...TYPE, logs }, { clock }), 2, { by: "settled" });
  expect(outcomesOf(batches)).toEqual({ records: [entry("missed", {})], rejected: {}, skipped: {} });
  const config = sourceRegistry["bedrock-log"].schema.parse({
    ...TYPE,
    queue: queue.url,
    region: "eu-west-1",
    endpoint: tests.emulator.endpoint,
    logs,
  });
  const past = createPast(config, { clock: systemClock, limits: LIMITS });
  const span = { fromMs: Date.now() - 3_600_000, toMs: Date.now(), account: "111122223333", region: null };
  const limits = { objects: 10, bytes: 1e6, requests: 100 };
  const plan = await past?.plan(span, limits, AbortSignal.timeout(10_000));
  expect(plan).toMatchObject({ objects: 1, bytes: missed.size });
});

test("the past of an hour has a log file that was put there again on a later day", async () => {
  const queue = await tests.queue();
  await tests.put(`mended/${HOUR}/20260310T124500000Z_c.json.gz`, entry("mended", {}));
  const shared = { queue: queue.url, region: "eu-west-1", endpoint: tests.emulator.endpoint };
  const logs = [{ bucket: tests.bucket, prefix: "mended/" }];
  const config = sourceRegistry["bedrock-log"].schema.parse({ ...TYPE, ...shared, logs });
  const past = createPast(config, { clock: systemClock, limits: LIMITS });
  const objectsOf = async (from: string, to: string): Promise<number | undefined> => {
    const [fromMs, toMs] = [Date.parse(`2026-03-10T${from}:00Z`), Date.parse(`2026-03-10T${to}:00Z`)];
    const limits = { objects: 10, bytes: 1e6, requests: 100 };
    const span = { fromMs, toMs, account: "111122223333", region: null };
    return (await past?.plan(span, limits, AbortSignal.timeout(10_000)))?.objects;
  };
  expect(await objectsOf("12:00", "13:00")).toBe(1);
  expect(await objectsOf("12:40", "12:50")).toBe(1);
  expect(await objectsOf("14:00", "15:00")).toBe(0);
  expect(await objectsOf("10:00", "11:00")).toBe(0);
});
