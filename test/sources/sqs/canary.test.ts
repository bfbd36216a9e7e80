/** The canary over the emulator: it comes back through the commit, and is missed where it does not. */
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Need } from "../../../src/aws/needs.ts";
import { composeReplay } from "../../../src/compose.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import type { Batch } from "../../../src/contracts.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import type { CanaryOutcome } from "../../../src/model/watch/canary.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import { eventually, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { textsOf, withAlso } from "../../contracts/source-exam.ts";
import { type Emulator, type Queue, startEmulator } from "../../fakes/emulator.ts";
import { call, LIMITS } from "../records.ts";
import { envelope } from "./envelope.ts";

useEnvironmentCredentials();
let emulator: Emulator;
let queues = 0;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());
afterEach(() => emulator.proxy.set());

/** Half a minute passes in a second. */
const SPEED = 30;
const fast: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * SPEED,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};

type Reading = {
  readonly outcomes: CanaryOutcome[];
  readonly batches: Batch[];
  /** As long as false, nothing is settled. */
  settles: boolean;
  end(): Promise<void>;
};

/** Reads a queue; what comes is settled at once. */
function startReading(queue: Queue, settings: object): Reading {
  const config = sourceRegistry["sqs-eventbridge"].schema.parse({
    type: "sqs-eventbridge",
    queue: queue.url,
    region: "eu-west-1",
    endpoint: emulator.endpoint,
    wait: "1s",
    receivers: 1,
    visibility: "10m",
    ...settings,
  });
  const outcomes: CanaryOutcome[] = [];
  const source = createSource(config, {
    clock: fast,
    limits: LIMITS,
    warn: () => undefined,
    canary: (outcome) => outcomes.push(outcome),
  });
  const stop = new AbortController();
  const held: Batch[] = [];
  const reading: Reading = {
    outcomes,
    batches: [],
    settles: true,
    end: async () => {
      stop.abort();
      await done;
      for (const batch of held) batch.settle(new Error("over"));
    },
  };
  const read = async (): Promise<void> => {
    for await (const batch of source.read(new Map(), stop.signal))
      for (const one of withAlso(batch)) {
        reading.batches.push(one);
        if (reading.settles) one.settle();
        else held.push(one);
      }
  };
  const done = read();
  return reading;
}

const fresh = (): Promise<Queue> => emulator.createQueue(`canary-${(queues += 1)}`);
const sends = (): number => emulator.proxy.log.filter(({ operation }) => operation === "SendMessage").length;
const statuses = ({ outcomes }: Reading): string[] => outcomes.map(({ status }) => status);

test("one is sent at once and then in its rhythm, and tells its way once it is committed; it counts as skipped", async () => {
  const queue = await fresh();
  const before = sends();
  const reading = startReading(queue, { canary: "30s", canaryWithin: "1h" });
  await expect.poll(() => reading.outcomes.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
  await reading.end();
  expect(new Set(statuses(reading))).toEqual(new Set(["returned"]));
  for (const outcome of reading.outcomes) expect(outcome.status === "returned" ? outcome.tripMs : 0).toBeGreaterThan(0);
  expect(sends() - before).toBeLessThanOrEqual(reading.outcomes.length + 1);
  // A record would move the watermark, though what AWS sends is late.
  expect(reading.batches.flatMap(textsOf)).toEqual([]);
  expect(reading.batches.every(({ skipped, rejected }) => skipped.canary === 1 && rejected.length === 0)).toBe(true);
});

test("one that is received and not committed is missed once, and its return ends that", async () => {
  const queue = await fresh();
  const reading = startReading(queue, { canary: "1h", canaryWithin: "20s" });
  reading.settles = false;
  await eventually(() => statuses(reading), ["missing"]);
  await systemClock.sleep(1_500);
  expect(reading.outcomes).toEqual([
    expect.objectContaining({
      detail: expect.stringMatching(/^a canary .* queue canary-\d+ has not come back within 20s$/),
    }),
  ]);
  for (const batch of reading.batches) batch.settle();
  expect(statuses(reading)).toEqual(["missing", "returned"]);
  await reading.end();
});

test("where none can be sent it is told why, once, after the same time; a short trouble is worth nothing", async () => {
  const queue = await fresh();
  const denied = {
    kind: "error",
    code: "AccessDenied",
    status: 403,
    message: "not allowed to sqs:SendMessage",
  } as const;
  emulator.proxy.set({ operation: "SendMessage", times: 1, fault: denied });
  const short = startReading(queue, { canary: "2m", canaryWithin: "1h" });
  await eventually(() => statuses(short), ["returned"]);
  await short.end();
  emulator.proxy.set({ operation: "SendMessage", fault: denied });
  const long = startReading(queue, { canary: "1m", canaryWithin: "20s" });
  await eventually(() => statuses(long), ["missing"]);
  await systemClock.sleep(2_000);
  expect(long.outcomes).toEqual([
    expect.objectContaining({
      detail: expect.stringMatching(
        /^no canary could be sent to the queue canary-\d+ for 20s \(aws_denied: .*SendMessage/,
      ),
    }),
  ]);
  emulator.proxy.set();
  await eventually(() => statuses(long).at(-1), "returned");
  await long.end();
});

test("a canary of another process, or of a stranger, tells nothing, and what comes with it is read", async () => {
  const queue = await fresh();
  const others = ['{"id":"sagewatch-canary-', '{"id":"sagewatch-canary-1234","detail":{}}'];
  const event = call("e1");
  await emulator.send(queue, [...others, envelope("AWS API Call via CloudTrail", event)]);
  const reading = startReading(queue, { canary: "1h", canaryWithin: "1h" });
  await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  await eventually(() => statuses(reading), ["returned"]);
  await reading.end();
  expect(reading.batches.flatMap(textsOf)).toEqual([event]);
  expect(reading.batches.reduce((sum, { skipped }) => sum + (skipped.canary ?? 0), 0)).toBe(3);
});

test("without `canary` nothing is ever put on the queue", async () => {
  const queue = await fresh();
  const before = sends();
  const reading = startReading(queue, {});
  await systemClock.sleep(500);
  await reading.end();
  expect(sends()).toBe(before);
  expect(reading.batches).toEqual([]);
});

test("whoever else reads the queue finds a CloudTrail record that no rule fits", async () => {
  const queue = await fresh();
  emulator.proxy.set({ operation: "ReceiveMessage", fault: { kind: "hang" } });
  const reading = startReading(queue, { canary: "1h", canaryWithin: "1h" });
  await eventually(() => emulator.counts(queue), { waiting: 1, inFlight: 0 });
  const { Messages: [message] = [] } = await emulator.sqs.send(new ReceiveMessageCommand({ QueueUrl: queue.url }));
  emulator.proxy.set();
  await reading.end();
  const { detail } = JSON.parse(message?.Body ?? "") as { detail: object };
  expect(detail).toMatchObject({ eventSource: "canary.sagewatch", recipientAccountId: "000000000000" });
  const dir = mkdtempSync(join(tmpdir(), "sagewatch-canary-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "canary.json");
  writeFileSync(file, JSON.stringify({ Records: [detail] }));
  const { config } = parseConfig("{}", { adapters: ADAPTERS, path: null });
  const more = { rulePaths: null, latenessMs: null, emit: () => undefined, signal: new AbortController().signal };
  const { alerts, summary } = await composeReplay({ config, paths: [file], ...more });
  expect([alerts, summary.evaluated]).toEqual([[], 1]);
});

test("only a source with a canary needs to send, and only to its own queue", () => {
  const queue = "https://sqs.eu-west-1.amazonaws.com/111122223333/own";
  const needs = (canary: string | null): readonly Need[] => {
    const { "sqs-eventbridge": type } = sourceRegistry;
    const config = type.schema.parse({ type: "sqs-eventbridge", region: "eu-west-1", queue, canary });
    return type.needs?.(config) ?? [];
  };
  const sending = (of: readonly Need[]): string[] =>
    of.filter(({ action }) => action === "sqs:SendMessage").map(({ resource }) => resource);
  expect(sending(needs(null))).toEqual([]);
  expect(sending(needs("5m"))).toEqual(["arn:aws:sqs:eu-west-1:111122223333:own"]);
});
