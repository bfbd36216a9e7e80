/** What faults.test.ts has, for as long as real outages take; and partitions that are added. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { item } from "../contracts/alert-items.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { makeTopic, withAdmin } from "../support/kafka/topics.ts";
import { startLoad, type Verdict } from "./load.ts";
import { KAFKA_MS, openSink, sendUntilKnown } from "./make.ts";

const why = await whyNoKafka("own");
const PARTITIONS = 12;
const nothing = { lost: 0, doubled: 0, disordered: 0 };

describe.skipIf(why !== null)(`a broker that is away for long${toNote(why)}`, () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka();
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  /** With the product's own time-outs. */
  const under = async (trouble: () => Promise<void>): Promise<Verdict> => {
    const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS });
    const sink = openSink({ brokers: kafka.plain, topic, requestTimeout: "5s" });
    const load = startLoad({ sink, brokers: kafka.direct, topic, partitions: PARTITIONS, finishMs: 120_000 });
    await sleep(2000);
    await trouble();
    await sleep(2000);
    return load.finish();
  };

  test("frozen for 30 s", async () => {
    const verdict = await under(async () => {
      kafka.nodes[0]?.pause();
      await sleep(30_000);
      kafka.nodes[0]?.resume();
    });
    expect(verdict).toMatchObject(nothing);
  });

  test("killed five times in the middle of batches, away for up to 20 s", async () => {
    const verdict = await under(async () => {
      for (const awayMs of [0, 200, 1000, 5000, 20_000]) {
        await kafka.nodes[0]?.kill();
        await sleep(awayMs);
        await kafka.nodes[0]?.start();
        await sleep(2000);
      }
    });
    expect(verdict).toMatchObject(nothing);
  });

  test("frozen, killed while frozen, and back", async () => {
    const verdict = await under(async () => {
      kafka.nodes[0]?.pause();
      await sleep(7000);
      await kafka.nodes[0]?.kill();
      await kafka.nodes[0]?.start();
    });
    expect(verdict).toMatchObject(nothing);
  });

  test("partitions that are added are used once the topic is described anew", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    const sink = openSink({ brokers: kafka.plain, topic });
    onTestFinished(() => sink.close());
    await sendUntilKnown(sink, [item(1)]);
    await withAdmin(kafka.direct, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }));
    const part = (): string => sink.limits.part(item(99).alert);
    for (let n = 100; part() !== String(toPartition(item(99).alert.id, 5)) && n < 300; n += 1) {
      await sendUntilKnown(sink, [item(n)]);
      await sleep(500);
    }
    expect(part()).toBe(String(toPartition(item(99).alert.id, 5)));
  });
});
