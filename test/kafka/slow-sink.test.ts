/**
 * Of three sinks, one of them Kafka, one takes an alert a second: the other two have their alerts as soon as without it.
 *
 * The same load three times over a real store and a real broker: all quick, a slow neighbour, Kafka itself slow. The sinks
 * over HTTP and AWS: test/sinks/slow.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { createSink, sinkRegistry } from "../../src/sinks/registry.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { countMessages, makeTopic } from "../support/kafka/topics.ts";
import { measureSinks, type SinkTimes } from "../support/slow-sinks.ts";
import { KAFKA_MS, openSink } from "./make.ts";

const why = await whyNoKafka("own");
const LOAD = { ticks: 50, perTick: 20, tickMs: 100 };
const ALERTS = LOAD.ticks * LOAD.perTick;
/** Below it a percentile of a shared machine says nothing, ms. */
const NOISE_MS = 150;
type Name = "kafka" | "file" | "hook";

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

  /** The load with one sink slow, or none. */
  const measure = async (slow: Name | null): Promise<Record<Name, SinkTimes>> => {
    const topic = await makeTopic(kafka.direct, { partitions: 6 });
    const file = sinkRegistry.file.schema.parse({ type: "file", path: join(dir, `${slow}.ndjson`) });
    const sinks = [
      openSink({ brokers: kafka.plain, topic, name: "kafka" }),
      createSink(file, { version: "0.1.0", stdout: process.stdout }),
      hook,
    ];
    const times = await measureSinks(sinks, slow, LOAD);
    if (slow !== "kafka") expect(await countMessages(kafka.direct, topic)).toBe(ALERTS + 1);
    return Object.fromEntries(times) as Awaited<ReturnType<typeof measure>>;
  };

  test("delays neither of the others, whether it is a neighbour of Kafka or Kafka", { timeout: KAFKA_MS }, async () => {
    const all = await measure(null);
    for (const slow of ["hook", "kafka"] as const) {
      const now = await measure(slow);
      const others = (["kafka", "file", "hook"] as const).filter((name) => name !== slow);
      const told = others.map((name) => `${name} ${all[name].p99.toFixed(0)} -> ${now[name].p99.toFixed(0)} ms`);
      process.stderr.write(`${slow} takes an alert a second, p99 of the others: ${told.join(", ")}\n`);
      for (const name of others) {
        expect(now[name]).toMatchObject({ taken: ALERTS, waiting: 0 });
        expect(now[name].p99 / Math.max(all[name].p99, NOISE_MS)).toBeLessThan(2);
      }
      expect(now[slow].waiting).toBeGreaterThan(ALERTS - 60);
    }
  });
});
