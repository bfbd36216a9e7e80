/** The consumer of a queue, over the emulator and through every fault: nothing lost, nothing deleted undecided. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSqsConsumer } from "../../src/aws/sqs-consumer.ts";
import type { SqsConsumer, SqsConsumerOptions, SqsMessage } from "../../src/aws/sqs-types.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Emulator, type Queue, startEmulator } from "../fakes/emulator.ts";
import type { Fault } from "../fakes/fault-proxy.ts";
import { awsAt, eventually, hasteClock } from "./set-up.ts";

let emulator: Emulator;
let queue: Queue;
let names = 0;
let end = new AbortController();
const warnings: string[] = [];
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());
beforeEach(async () => {
  queue = await emulator.createQueue(`consumed-${(names += 1)}`);
  end = new AbortController();
  warnings.length = 0;
});
afterEach(() => {
  end.abort();
  emulator.proxy.set();
});

const open = (options: Partial<SqsConsumerOptions> = {}): SqsConsumer =>
  createSqsConsumer({
    aws: awsAt(emulator.endpoint),
    clock: hasteClock(150, 20),
    queueUrl: queue.url,
    waitSeconds: 1,
    visibilitySeconds: 120,
    receivers: 1,
    creditBytes: 1 << 20,
    creditMessages: 1000,
    warn: (text) => warnings.push(text),
    ...options,
  });

/** Reads `count` messages, deciding each as it comes, then ends. */
async function take(consumer: SqsConsumer, count: number, decide = true): Promise<SqsMessage[]> {
  const taken: SqsMessage[] = [];
  for await (const messages of consumer.read(100, end.signal)) {
    taken.push(...messages);
    if (decide) consumer.done(messages);
    if (taken.length >= count) break;
  }
  return taken;
}
const bodiesOf = (messages: readonly SqsMessage[]): string[] => messages.map(({ body }) => body).toSorted();
const bodies = (count: number): string[] => Array.from({ length: count }, (_, at) => `m${String(at).padStart(3, "0")}`);

test("every message comes once and is deleted when it is decided", async () => {
  await emulator.send(queue, bodies(35));
  const taken = await take(open({ receivers: 3 }), 35);
  expect(bodiesOf(taken)).toEqual(bodies(35));
  expect(taken.every(({ sentMs, receives }) => sentMs > 1e12 && receives === 1)).toBe(true);
  await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  expect(warnings).toEqual([]);
});

test("what is handed out and undecided stays in the queue; what was never handed out is back at once", async () => {
  await emulator.send(queue, bodies(10));
  for await (const messages of open().read(4, end.signal)) {
    expect(messages).toHaveLength(4);
    break;
  }
  expect(await emulator.counts(queue)).toEqual({ waiting: 6, inFlight: 4 });
});

test("decided after the end of reading, it is deleted all the same", async () => {
  await emulator.send(queue, bodies(12));
  const consumer = open();
  const taken = await take(consumer, 12, false);
  expect(await emulator.counts(queue)).toEqual({ waiting: 0, inFlight: 12 });
  consumer.done(taken);
  await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
});

test("an abort ends a long poll at once", async () => {
  const reading = take(open({ waitSeconds: 20 }), 1);
  await systemClock.sleep(100);
  const begunMs = performance.now();
  end.abort();
  expect(await reading).toEqual([]);
  expect(performance.now() - begunMs).toBeLessThan(10_000);
});

test("an undecided message is held beyond its visibility; a forgotten one comes again", async () => {
  await emulator.send(queue, ["held", "forgotten"]);
  const consumer = open({ visibilitySeconds: 1, clock: systemClock });
  const seen: string[] = [];
  void (async () => {
    for await (const messages of consumer.read(10, end.signal)) {
      seen.push(...messages.map(({ body }) => body));
      consumer.forget(messages.filter(({ body, receives }) => body === "forgotten" && receives === 1));
    }
  })();
  await eventually(() => seen.toSorted(), ["forgotten", "forgotten", "held"]);
  await systemClock.sleep(1_500);
  expect(seen).toHaveLength(3);
  expect(emulator.proxy.log.some(({ operation }) => operation === "ChangeMessageVisibilityBatch")).toBe(true);
});

test("at the credit nothing more is received until something is decided", async () => {
  await emulator.send(
    queue,
    Array.from({ length: 30 }, () => "x".repeat(1000)),
  );
  const consumer = open({ creditBytes: 10_000 });
  const taken: SqsMessage[] = [];
  void (async () => {
    for await (const messages of consumer.read(100, end.signal)) taken.push(...messages);
  })();
  await eventually(() => taken.length, 10);
  await systemClock.sleep(200);
  expect(taken).toHaveLength(10);
  consumer.done(taken);
  await eventually(() => taken.length, 20);
});

describe("the floor", () => {
  test("is the oldest send time in flight, but for what came too often", async () => {
    await emulator.send(queue, ["a"]);
    await systemClock.sleep(5);
    const consumer = open({ visibilitySeconds: 1, clock: systemClock });
    expect(consumer.floorMs()).toBe(-Infinity);
    const floors: number[] = [];
    const receives: number[] = [];
    for await (const messages of consumer.read(10, end.signal)) {
      floors.push(consumer.floorMs());
      receives.push(messages[0]!.receives);
      if (receives.at(-1) === 4) break;
      consumer.forget(messages);
    }
    expect(receives).toEqual([1, 2, 3, 4]);
    expect(new Set(floors.slice(0, 3)).size).toBe(1);
    expect(floors[0]).toBeGreaterThan(1e12);
  });

  test("is not known while a full queue has been read for less than a minute, and then is the oldest of that minute", async () => {
    await emulator.send(
      queue,
      Array.from({ length: 35 }, (_, at) => `m${at}`),
    );
    let nowMs = 0;
    const consumer = open({ creditMessages: 10, clock: { ...systemClock, monotonicMs: () => nowMs } });
    const floors: number[] = [];
    for await (const messages of consumer.read(10, end.signal)) {
      floors.push(consumer.floorMs());
      if (floors.length === 2) nowMs = 61_000;
      if (floors.length === 3) break;
      consumer.done(messages);
    }
    expect(floors.slice(0, 2)).toEqual([-Infinity, -Infinity]);
    expect(floors[2]).toBeGreaterThan(1e12);
  });

  test("tells once when what was in flight before has come and is decided", async () => {
    let told = 0;
    const onSettledIn = (): void => void (told += 1);
    const consumer = open({ visibilitySeconds: 1, clock: systemClock, onSettledIn });
    await emulator.send(queue, bodies(3));
    let given: readonly SqsMessage[] = [];
    void (async () => {
      for await (const messages of consumer.read(10, end.signal)) given = messages;
    })();
    await eventually(() => given.length, 3);
    await systemClock.sleep(2_500);
    expect(told).toBe(0);
    consumer.done(given);
    await eventually(() => told, 1);
    await systemClock.sleep(1_200);
    expect(told).toBe(1);
  });
});

describe("through faults", () => {
  const error = (code: string, status: number): Fault => ({ kind: "error", code, status });
  test.each<[string, string, number, Fault]>([
    ["throttling beyond the SDK's tries", "ReceiveMessage", 7, error("RequestThrottled", 400)],
    ["a failing service", "ReceiveMessage", 5, error("InternalFailure", 500)],
    ["a bad gateway", "ReceiveMessage", 4, error("", 502)],
    ["connections that are reset", "ReceiveMessage", 5, { kind: "reset" }],
    ["an altered body", "ReceiveMessage", 1, { kind: "edit", edit: (text) => text.replace('"m000"', '"m00x"') }],
    ["a broken answer", "ReceiveMessage", 1, { kind: "edit", edit: (text) => text.slice(0, -3) }],
    ["an answer that is cut", "ReceiveMessage", 1, { kind: "truncate" }],
    ["lost answers", "ReceiveMessage", 2, { kind: "lose" }],
    ["expired credentials", "ReceiveMessage", 1, error("ExpiredToken", 403)],
    ["deletions that fail", "DeleteMessageBatch", 5, error("InternalFailure", 500)],
    ["deletions whose answer is lost", "DeleteMessageBatch", 2, { kind: "lose" }],
    [
      "entries of a deletion that fail",
      "DeleteMessageBatch",
      1,
      {
        kind: "edit",
        edit: () =>
          JSON.stringify({ Successful: [], Failed: [{ Id: "0", SenderFault: false, Code: "InternalError" }] }),
      },
    ],
  ])("%s: nothing is lost, all is deleted", async (_name, operation, ...[times, fault]) => {
    await emulator.send(queue, bodies(15));
    emulator.proxy.set({ operation, times, fault });
    const taken: SqsMessage[] = [];
    const consumer = open({ visibilitySeconds: 1 });
    const reading = (async () => {
      for await (const messages of consumer.read(100, end.signal)) {
        taken.push(...messages);
        consumer.done(messages);
      }
    })();
    await eventually(() => bodiesOf(taken), bodies(15), 20_000);
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 }, 20_000);
    end.abort();
    await reading;
    expect(bodiesOf(taken)).toEqual(bodies(15));
  });

  test("no answer at all, once: the poll ends at its limit and is tried again", async () => {
    await emulator.send(queue, ["late"]);
    emulator.proxy.set({ operation: "ReceiveMessage", times: 1, fault: { kind: "hang" } });
    const limits = { answerMs: 300, silenceMs: 300, totalMs: 5_000 };
    expect(bodiesOf(await take(open({ waitSeconds: 0, limits }), 1))).toEqual(["late"]);
  });

  test("an answer given twice gives each message once", async () => {
    await emulator.send(queue, bodies(5));
    const consumer = open({ waitSeconds: 0 });
    const taken: SqsMessage[] = [];
    void (async () => {
      for await (const messages of consumer.read(100, end.signal)) taken.push(...messages);
    })();
    await eventually(() => taken.length, 5);
    emulator.proxy.set({ operation: "ReceiveMessage", times: 3, fault: { kind: "replay" } });
    await systemClock.sleep(200);
    consumer.done(taken);
    emulator.proxy.set({ operation: "ReceiveMessage", times: 2, fault: { kind: "replay" } });
    await systemClock.sleep(200);
    expect(bodiesOf(taken)).toEqual(bodies(5));
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 });
  });

  test("a refusal is told with its remedy and tried again; it ends when it is mended", async () => {
    emulator.proxy.set({ operation: "ReceiveMessage", times: 3, fault: error("AccessDeniedException", 403) });
    await emulator.send(queue, ["in the end"]);
    expect(bodiesOf(await take(open(), 1))).toEqual(["in the end"]);
    expect(warnings[0]).toMatch(/Nothing is received from .*allow sqs:ReceiveMessage/);
  });

  test("a queue that does not exist ends it, with its name", async () => {
    const reading = take(open({ queueUrl: `${queue.url}-no` }), 1);
    await expect(reading).rejects.toMatchObject({
      code: "aws_missing",
      message: expect.stringContaining("-no") as string,
    });
  });
});
