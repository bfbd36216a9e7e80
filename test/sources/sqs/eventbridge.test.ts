/** The sqs-eventbridge source over the emulator: the exam of sources, faults, decisions, and its settings. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Batch, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import type { SourceDeps } from "../../../src/sources/settings.ts";
import { eventually, hasteClock, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { examineSource, textsOf, withAlso } from "../../contracts/source-exam.ts";
import { type Emulator, type Queue, startEmulator } from "../../fakes/emulator.ts";
import type { Fault } from "../../fakes/fault-proxy.ts";
import { toSnsMessage } from "../../fakes/s3-notices.ts";
import { call, finding, LIMITS } from "../records.ts";
import { envelope } from "./envelope.ts";
import { toEnding } from "./queue-exam.ts";

useEnvironmentCredentials();

const API = "AWS API Call via CloudTrail";
let emulator: Emulator;
const warnings: string[] = [];
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());
afterEach(() => {
  emulator.proxy.set();
  warnings.length = 0;
});

const open = (queue: Queue, settings: object = {}, deps: Partial<SourceDeps> = {}): Source => {
  const config = sourceRegistry["sqs-eventbridge"].schema.parse({
    type: "sqs-eventbridge",
    queue: queue.url,
    region: "eu-west-1",
    endpoint: emulator?.endpoint ?? "http://127.0.0.1:1",
    wait: "1s",
    ...settings,
  });
  return createSource(config, { clock: systemClock, limits: LIMITS, warn: (text) => warnings.push(text), ...deps });
};

const records = Array.from({ length: 25 }, (_, at) => call(`e${at}`));
examineSource({
  name: "sqs-eventbridge",
  open: async () => ({
    source: toEnding({
      emulator,
      name: "sqs-eventbridge",
      open: (queue) => open(queue, { receivers: 1 }),
      fill: (queue) =>
        emulator.send(queue, [
          ...records.map((record, at) => (at % 2 === 0 ? envelope(API, record) : toSnsMessage(envelope(API, record)))),
          "broken",
          envelope("Scheduled Event", "{}", "aws.events"),
        ]),
    }),
    close: () => Promise.resolve(),
  }),
  records,
  rejected: 1,
  skipped: 1,
});

/** Reads until `count` outcomes came, settling as told. */
async function read(source: Source, count: number, settle: (batch: Batch) => void): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  const end = new AbortController();
  for await (const batch of source.read(new Map(), end.signal)) {
    batches.push(...withAlso(batch));
    for (const one of withAlso(batch)) settle(one);
    if (batches.flatMap(textsOf).length + batches.flatMap(({ rejected }) => rejected).length >= count) end.abort();
  }
  return batches;
}

let queues = 0;
const fresh = (): Promise<Queue> => emulator.createQueue(`events-${(queues += 1)}`);

describe("through faults (each record once, the queue empty)", () => {
  const error = (code: string, status: number): Fault => ({ kind: "error", code, status });
  test.each<[string, string, number, Fault]>([
    ["throttled", "ReceiveMessage", 7, error("ThrottlingException", 400)],
    ["5xx", "ReceiveMessage", 7, error("ServiceUnavailable", 503)],
    ["reset", "ReceiveMessage", 7, { kind: "reset" }],
    ["answers lost", "ReceiveMessage", 2, { kind: "lose" }],
    ["answers again", "ReceiveMessage", 5, { kind: "replay" }],
    ["deletions lost", "DeleteMessageBatch", 3, { kind: "lose" }],
  ])("%s", async (_name, operation, ...[times, fault]) => {
    const queue = await fresh();
    await emulator.send(
      queue,
      records.map((record) => envelope(API, record)),
    );
    const source = open(queue, { visibility: "1s", receivers: 2 }, { clock: hasteClock(150, 20) });
    emulator.proxy.set({ operation, times, fault });
    const batches = await read(source, records.length, (batch) => batch.settle());
    expect(batches.flatMap(textsOf).toSorted()).toEqual(records.toSorted());
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  });
});

describe("what is decided", () => {
  test("kinds of one message group come together, and the group is deleted when the last of them settled", async () => {
    const queue = await fresh();
    await emulator.send(queue, [
      envelope(API, call("a")),
      envelope("GuardDuty Finding", finding("f")),
      envelope("SageMaker Training Job State Change", "{}", "aws.sagemaker"),
    ]);
    const held: Batch[] = [];
    await read(open(queue), 3, (batch) => held.push(batch));
    expect(held.map(({ kind }) => kind)).toEqual(["cloudtrail", "guardduty", "eventbridge"]);
    for (const batch of held.slice(0, 2)) batch.settle();
    await systemClock.sleep(100);
    expect(await emulator.counts(queue)).toEqual({ waiting: 0, inFlight: 3 });
    held[2]!.settle();
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  });

  test("what is given up stays in the queue", async () => {
    const queue = await fresh();
    await emulator.send(queue, [envelope(API, call("a"))]);
    await read(open(queue, { visibility: "1s" }), 1, (batch) => batch.settle(new Error("given up")));
    expect(await emulator.counts(queue)).toEqual({ waiting: 0, inFlight: 1 });
    const again = await read(open(queue), 1, (batch) => batch.settle());
    expect(again.flatMap(textsOf)).toEqual([call("a")]);
  });

  test("a broken message is rejected with its text, and deleted then", async () => {
    const queue = await fresh();
    await emulator.send(queue, ["{broken", envelope(API, '"x"')]);
    const batches = await read(open(queue), 2, (batch) => batch.settle());
    expect(batches.flatMap(({ rejected }) => rejected.map(({ reason }) => reason)).toSorted()).toEqual([
      "bad_json",
      "bad_json",
    ]);
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  });

  test("a topic delivers wrapped and raw alike", async () => {
    const queue = await fresh();
    for (const raw of [true, false])
      await emulator.publish(await emulator.createTopic(`t-${raw}`, queue, raw), envelope(API, call(`raw ${raw}`)));
    const batches = await read(open(queue), 2, (batch) => batch.settle());
    expect(batches.flatMap(textsOf).toSorted()).toEqual([call("raw false"), call("raw true")]);
  });

  test("watermarks wait for one visibility timeout after the start, and the floor is the oldest message", async () => {
    const queue = await fresh();
    const beforeMs = systemClock.nowMs();
    await emulator.send(queue, [envelope(API, call("a"))]);
    let isScanned = false;
    const source = open(queue, { visibility: "1s" }, { onScanned: () => void (isScanned = true) });
    const end = new AbortController();
    const floors: number[] = [];
    const reading = (async () => {
      for await (const batch of source.read(new Map(), end.signal)) {
        floors.push(batch.floorMs);
        batch.settle();
      }
    })();
    await systemClock.sleep(700);
    expect(isScanned).toBe(false);
    await eventually(() => isScanned, true);
    expect(floors[0]).toBeGreaterThanOrEqual(beforeMs - 1);
    expect(floors[0]).toBeLessThanOrEqual(systemClock.nowMs());
    end.abort();
    await reading;
  });
});

describe("settings", () => {
  test("the defaults", () => {
    const { timing, logsources, name } = open({ url: "https://sqs.eu-west-1.amazonaws.com/111122223333/q", arn: "" });
    expect([name, timing, logsources]).toEqual([
      "sqs-eventbridge",
      { mode: "live", latenessMs: 900_000, idleMs: 300_000, followMs: null },
      ["aws/cloudtrail", "aws/guardduty", "aws/eventbridge", "aws/cost"],
    ]);
  });

  test.each([
    [{ queue: "arn:aws:sqs:eu-west-1:111122223333:q" }],
    [{ visibility: "13h" }],
    [{ wait: "30s" }],
    [{ receivers: 0 }],
    [{ queueUrl: "x" }],
  ])("%j is refused", (given) => {
    const base = { type: "sqs-eventbridge", queue: "https://sqs.eu-west-1.amazonaws.com/1/q", region: "eu-west-1" };
    expect(sourceRegistry["sqs-eventbridge"].schema.safeParse({ ...base, ...given }).success).toBe(false);
  });

  test("a queue that does not exist is told at once", async () => {
    const url = (await fresh()).url;
    const reading = read(open({ url: `${url}-no`, arn: "" }), 1, () => undefined);
    await expect(reading).rejects.toMatchObject({ code: "aws_missing" });
  });

  test("a role's name is looked for in the queue's account", async () => {
    const queue = { url: "http://127.0.0.1:1/q", arn: "" };
    await expect(read(open(queue, { role: "reader" }), 1, () => undefined)).rejects.toMatchObject({
      code: "config_invalid",
    });
  });
});
