/** The Kafka sink and any broker: the one of KAFKA_BROKERS, or one of our own. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { endpointBurst } from "../encode/alerts.ts";
import { toNote, useKafka, whyNoKafka } from "../support/kafka/find.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";
import { items, KAFKA_MS, openSink, sendUntilKnown } from "./make.ts";

const why = await whyNoKafka("any");

describe.skipIf(why !== null)(`the Kafka sink and any broker${toNote(why)}`, () => {
  let kafka: Awaited<ReturnType<typeof useKafka>>;
  beforeAll(async () => {
    kafka = await useKafka();
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  test.each(["none", "gzip", "zstd"] as const)("%s: what is read back is what was sent", async (compression) => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    const array = items(1, 100);
    const sink = openSink({ brokers: kafka.plain, topic, compression, format: "native" });
    const { results } = await sendUntilKnown(sink, array);
    await sink.close();
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["accepted"]));
    const received = await readTopic(kafka.direct, topic);
    expect(received.every(({ key, partition }) => partition === toPartition(key, 2))).toBe(true);
    const values = received.map(({ value }) => JSON.parse(value) as { id: string });
    expect(values.map(({ id }) => id).toSorted()).toEqual(array.map(({ alert }) => alert.id));
    expect(values[0]).toMatchObject({ title: endpointBurst.title, evidence: endpointBurst.evidence });
  });
});
