/**
 * Clusters of several brokers: rolling restarts, a partition without a leader, and the proof that these tests can fail.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { makeTopic } from "../support/kafka/topics.ts";
import { openBroken } from "./broken.ts";
import { type Load, p99, startLoad, type Verdict } from "./load.ts";
import { KAFKA_MS, openSink } from "./make.ts";

const why = await whyNoKafka("own");
const PARTITIONS = 12;
const nothing = { lost: 0, doubled: 0, disordered: 0 };
const LEADERLESS_MS = 60_000;

/** What is done to a broker before it is the next one's turn. */
type How = "restart" | "freeze" | "stall-restart";

describe.skipIf(why !== null)(`three brokers, restarted one after another under load${toNote(why)}`, () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka({ nodes: 3 });
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  /** Each broker but the controller in turn, `times` in all: SIGTERM and start; frozen just past the time-out; or both. */
  const roll = async (open: (topic: string) => Sink, how: How, times: number): Promise<Verdict> => {
    const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS, replicas: 3 });
    await sleep(1000);
    const load = startLoad({
      sink: open(topic),
      brokers: kafka.direct,
      topic,
      partitions: PARTITIONS,
      rate: 60,
      finishMs: 45_000,
    });
    await sleep(2000);
    for (let round = 0; round < times; round += 1) {
      const node = kafka.nodes[1 + (round % 2)];
      if (how !== "restart") {
        // Its session is not over, so it stays the leader and answers what nobody waits for any more.
        node?.pause();
        await sleep(1300);
        node?.resume();
        await sleep(1700);
      }
      if (how === "freeze") continue;
      await node?.stop();
      await sleep(1000);
      await node?.start();
      await sleep(4000);
    }
    return load.finish();
  };

  test.each([
    ["restarted", "restart", 4],
    ["frozen just past the time-out", "freeze", 10],
    ["stalled, then restarted", "stall-restart", 4],
  ] as const)("each %s: nothing is lost, nothing doubled", async (name, how, times) => {
    const verdict = await roll((topic) => openSink({ brokers: kafka.plain, topic }), how, times);
    process.stderr.write(`${name}, ${times} times: ${JSON.stringify(verdict)}\n`);
    expect(verdict).toMatchObject(nothing);
    expect(verdict.alerts).toBeGreaterThan(5000);
  });

  // The controls. Two partitions a send lose by a move of the leader alone: an orderly restart shows it soon. Two sends lose
  // only when an array that was written goes without its answer, so that the other takes its sequence numbers. A broker that
  // ends by SIGTERM rarely leaves one so: rolls of restarts alone showed it in one of four tries (2 lost, 3 doubled). So here
  // each broker stalls just past the time-out before its SIGTERM, as on a machine that is full: the same rolling restart with
  // the one fault in it that the rule is there for. The sink that keeps the rule passes the very same roll above.
  test.each([
    ["two-partitions", "restart", 4],
    ["two-sends", "stall-restart", 4],
  ] as const)("a sink with %s is found out by a rolling %s", async (rule, how, times) => {
    const found: string[] = [];
    for (let tries = 0; tries < 6 && found.length === 0; tries += 1) {
      const open = (topic: string): Sink => openBroken(rule, { brokers: kafka.plain, topic, partitions: PARTITIONS });
      const verdict = await roll(open, how, times).catch((error: Error) => error.message);
      if (typeof verdict === "string") found.push(verdict);
      else if (verdict.lost + verdict.doubled + verdict.disordered > 0) found.push(JSON.stringify(verdict));
    }
    process.stderr.write(`${rule}: ${found.join()}\n`);
    expect(found).toHaveLength(1);
  });
});

describe.skipIf(why !== null)(`two brokers, one partition on the second alone${toNote(why)}`, () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka({ nodes: 2 });
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  test("without a leader for a minute it holds up its own lane only", async () => {
    const assignment = Array.from({ length: PARTITIONS }, (_, partition) => [partition === 0 ? 2 : 1]);
    const topic = await makeTopic(kafka.direct, { assignment });
    const brokers = kafka.direct.slice(0, 1);
    const sink = openSink({ brokers: kafka.plain, topic });
    const load: Load = startLoad({ sink, brokers, topic, partitions: PARTITIONS, rate: 10 });
    await sleep(3000);
    await kafka.nodes[1]?.kill();
    const fromMs = systemClock.nowMs() + 1000;
    await sleep(LEADERLESS_MS);
    const others = [...load.latencies(fromMs)].filter(([partition]) => partition % 4 !== 0).flatMap(([, ms]) => ms);
    expect(others.length).toBeGreaterThan(3000);
    process.stderr.write(
      `other lanes, without a leader in one: p99 ${p99(others).toFixed(0)} ms of ${others.length}\n`,
    );
    expect(p99(others)).toBeLessThan(1000);
    expect(load.signals).toContainEqual(
      expect.objectContaining({ type: "sink_down", code: "leader_missing", lanes: 1 }),
    );
    await kafka.nodes[1]?.start();
    expect(await load.finish()).toMatchObject(nothing);
  });
});
