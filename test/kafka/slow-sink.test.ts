/**
 * Of three sinks, one of them Kafka, one takes an alert a second: the other two have their alerts as soon as without it.
 *
 * The same load three times over a real store and a real broker: all quick, a slow neighbour, Kafka itself slow. Time is
 * taken from the commit to the outbox knowing that the sink has the alert.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Outbox, Sink } from "../../src/contracts.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { createSink, sinkRegistry } from "../../src/sinks/registry.ts";
import { openStore } from "../../src/store/store.ts";
import { content, unit } from "../store/make.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { countMessages, makeTopic } from "../support/kafka/topics.ts";
import { p99 } from "./load.ts";
import { KAFKA_MS, openSink } from "./make.ts";

const why = await whyNoKafka("own");
const [TICKS, PER_TICK, TICK_MS] = [50, 20, 100];
/** Below it a percentile of a shared machine says nothing, ms. */
const NOISE_MS = 150;
type Name = "kafka" | "file" | "hook";

/** One alert a second, one after another. */
function slowed(sink: Sink): Sink {
  return {
    ...sink,
    limits: { ...sink.limits, maxItems: 1, lane: () => 0 },
    send: async (items, signal) => {
      await systemClock.sleep(1000, signal);
      return sink.send(items, signal);
    },
  };
}

const hook: Sink = {
  name: "hook",
  limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
  send: async (items) => {
    await sleep(5);
    return items.map(() => ({ status: "accepted" }));
  },
  close: async () => undefined,
};

describe.skipIf(why !== null)(`three sinks, one slow${toNote(why)}`, () => {
  let kafka: Kafka;
  let dir: string;
  beforeAll(async () => {
    kafka = await startKafka();
    dir = mkdtempSync(join(tmpdir(), "sagewatch-slow-"));
  }, KAFKA_MS);
  afterAll(async () => {
    await kafka?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** The load with one sink slow, or none: p99 by sink, ms, how many each took, and how many wait for the slow one. */
  const measure = async (slow: Name | null): Promise<Record<Name, { p99: number; taken: number; waiting: number }>> => {
    const topic = await makeTopic(kafka.direct, { partitions: 6 });
    const file = sinkRegistry.file.schema.parse({ type: "file", path: join(dir, `${slow}.ndjson`) });
    const made = [
      openSink({ brokers: kafka.plain, topic, name: "kafka" }),
      createSink(file, { version: "0.1.0", stdout: process.stdout }),
      hook,
    ];
    const store = openStore({ dir: null, clock: systemClock, engine: "test" });
    const committedMs = new Map<string, number>();
    const found = new Map<string, number[]>(made.map(({ name }) => [name, []]));
    const timed = (name: string): Outbox => {
      const outbox = store.outbox(name);
      const sent: Outbox["sent"] = (items, nowMs) => {
        outbox.sent(items, nowMs);
        const doneMs = systemClock.monotonicMs();
        for (const { alert } of items) found.get(name)?.push(doneMs - (committedMs.get(alert.id) ?? Infinity));
      };
      return { ...outbox, sent };
    };
    const workers = made.map((sink) =>
      startDeliver({
        sink: sink.name === slow ? slowed(sink) : sink,
        outbox: timed(sink.name),
        clock: systemClock,
        emit: () => undefined,
        cap: { delivery: "required", bytes: Infinity },
      }),
    );
    onTestFinished(() => store.close());
    const commit = (ids: readonly string[]): void => {
      for (const id of ids) committedMs.set(id, systemClock.monotonicMs());
      const rest = { order: null, final: true, records: [], sinks: made.map(({ name }) => name) };
      const alerts = ids.map((id) => ({ ...rest, content: content(id) }));
      store.commit(unit({ nowMs: systemClock.nowMs(), alerts }));
      for (const worker of workers) worker.wake();
    };
    // The first alerts open connections: they are not counted.
    commit(["warm"]);
    await sleep(1500);
    for (const times of found.values()) times.length = 0;
    for (let tick = 0; tick < TICKS; tick += 1) {
      commit(Array.from({ length: PER_TICK }, (_, i) => sha256Hex(`${topic} ${tick} ${i}`)));
      await sleep(TICK_MS);
    }
    const quick = workers.filter(({ sink }) => sink !== slow);
    for (let waited = 0; quick.some((worker) => worker.waiting() > 0) && waited < 300; waited += 1) await sleep(50);
    const result = workers.map((worker) => {
      const times = found.get(worker.sink) ?? [];
      return [worker.sink, { p99: p99(times), taken: times.length, waiting: worker.waiting() }] as const;
    });
    await Promise.all(workers.map((worker) => worker.close()));
    if (slow !== "kafka") expect(await countMessages(kafka.direct, topic)).toBe(TICKS * PER_TICK + 1);
    return Object.fromEntries(result) as Awaited<ReturnType<typeof measure>>;
  };

  test("delays neither of the others, whether it is a neighbour of Kafka or Kafka", { timeout: KAFKA_MS }, async () => {
    const all = await measure(null);
    for (const slow of ["hook", "kafka"] as const) {
      const now = await measure(slow);
      const others = (["kafka", "file", "hook"] as const).filter((name) => name !== slow);
      const told = others.map((name) => `${name} ${all[name].p99.toFixed(0)} -> ${now[name].p99.toFixed(0)} ms`);
      process.stderr.write(`${slow} takes an alert a second, p99 of the others: ${told.join(", ")}\n`);
      for (const name of others) {
        expect(now[name]).toMatchObject({ taken: TICKS * PER_TICK, waiting: 0 });
        expect(now[name].p99 / Math.max(all[name].p99, NOISE_MS)).toBeLessThan(2);
      }
      expect(now[slow].waiting).toBeGreaterThan(TICKS * PER_TICK - 60);
    }
  });
});
