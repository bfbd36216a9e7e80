/**
 * Brokers that freeze, die, slow down and lose partitions, under load: nothing lost, nothing doubled.
 *
 * The short cases; faults.long.ts has the same for longer and with three brokers (`npm run test:kafka`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { type Proxy, startProxy } from "../support/kafka/proxy.ts";
import { makeTopic } from "../support/kafka/topics.ts";
import { type Load, p99, startLoad } from "./load.ts";
import { KAFKA_MS, openSink } from "./make.ts";

const why = await whyNoKafka("own");
const PARTITIONS = 6;
const nothing = { lost: 0, doubled: 0, disordered: 0 };

describe.skipIf(why !== null)(`a broker in trouble, under load${toNote(why)}`, () => {
  let kafka: Kafka;
  let proxy: Proxy;
  beforeAll(async () => {
    proxy = await startProxy();
    kafka = await startKafka({ advertised: proxy.port });
    proxy.target(Number(kafka.plain[0]?.split(":")[1]));
  }, KAFKA_MS);
  afterAll(async () => {
    await kafka?.stop();
    await proxy?.close();
  });

  /** A load through the proxy while `trouble` happens. */
  const under = async (trouble: (load: Load) => Promise<void>): Promise<Load & { verdict: object }> => {
    const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS });
    const sink: Sink = openSink({ brokers: [`127.0.0.1:${proxy.port}`], topic, name: "kafka" });
    const load = startLoad({ sink, brokers: kafka.direct, topic, partitions: PARTITIONS });
    await sleep(1500);
    await trouble(load);
    await sleep(1000);
    return { ...load, verdict: await load.finish() };
  };

  test("none: every alert arrives, soon", { timeout: KAFKA_MS }, async () => {
    const { verdict, latencies } = await under(() => sleep(1500));
    expect(verdict).toMatchObject(nothing);
    expect(p99([...latencies(0).values()].flat())).toBeLessThan(3000);
  });

  test("frozen past the time-out", { timeout: KAFKA_MS }, async () => {
    const { verdict, signals } = await under(async () => {
      kafka.nodes[0]?.pause();
      await sleep(9000);
      kafka.nodes[0]?.resume();
    });
    expect(verdict).toMatchObject(nothing);
    expect(signals.map(({ type }) => type)).toContain("delivery_retry");
  });

  test("killed in the middle of batches and started on its data, twice", { timeout: KAFKA_MS }, async () => {
    const { verdict } = await under(async () => {
      for (let round = 0; round < 2; round += 1) {
        await kafka.nodes[0]?.kill();
        await sleep(500);
        await kafka.nodes[0]?.start();
        await sleep(1000);
      }
    });
    expect(verdict).toMatchObject(nothing);
  });

  test("a zombie: open connections go silent, new ones work", { timeout: KAFKA_MS }, async () => {
    let recoveredMs = Infinity;
    const { verdict } = await under(async (load) => {
      proxy.silence();
      const silentMs = systemClock.nowMs();
      await sleep(1500);
      while (load.waiting() > 200 && systemClock.nowMs() - silentMs < 30_000) await sleep(50);
      recoveredMs = systemClock.nowMs() - silentMs;
    });
    expect(verdict).toMatchObject(nothing);
    // The time-out is a second; kafkajs by itself needs minutes.
    expect(recoveredMs).toBeLessThan(15_000);
  });

  test("slow: every answer takes 300 ms", { timeout: KAFKA_MS }, async () => {
    const { verdict } = await under(async () => {
      proxy.delay(300);
      await sleep(3000);
      proxy.delay(0);
    });
    expect(verdict).toMatchObject(nothing);
  });

  test("away when the sink starts: alerts wait, then arrive", { timeout: KAFKA_MS }, async () => {
    const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS });
    await kafka.nodes[0]?.kill();
    const sink = openSink({ brokers: [`127.0.0.1:${proxy.port}`], topic });
    const load = startLoad({ sink, brokers: kafka.direct, topic, partitions: PARTITIONS });
    await sleep(3000);
    expect(load.waiting()).toBeGreaterThan(500);
    await kafka.nodes[0]?.start();
    expect(await load.finish()).toMatchObject(nothing);
  });
});
