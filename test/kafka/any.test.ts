/** The Kafka sink and any broker: the one of KAFKA_BROKERS, or one of our own. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { HOSTILE, hostileItems } from "../contracts/hostile-items.ts";
import { endpointBurst } from "../encode/alerts.ts";
import { toNote, useKafka, whyNoKafka } from "../support/kafka/find.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";
import { items, KAFKA_MS, openSink, sendUntilKnown } from "./make.ts";

type Titled = { readonly title?: string; readonly finding_info?: { readonly title: string } };

function titleOf({ title, finding_info }: Titled): string {
  return title ?? finding_info?.title ?? "";
}

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

  test.each(["native", "ocsf"] as const)(
    "%s: what strangers wrote comes back, and key and headers stay ours",
    async (format) => {
      const topic = await makeTopic(kafka.direct, { partitions: 1 });
      const sink = openSink({ brokers: kafka.plain, topic, format });
      await sendUntilKnown(sink, hostileItems());
      await sink.close();
      const received = await readTopic(kafka.direct, topic);
      for (const { key, headers, value } of received) {
        expect([key, headers["id"]]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), key]);
        expect(Object.keys(headers).toSorted()).toEqual(["action", "id", "revision", "rule", "severity"]);
        expect(Object.values(headers).join(" ")).toMatch(/^[ -~]*$/);
        expect(value).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }
      const titles = received.map(({ value }) => titleOf(JSON.parse(value) as Titled));
      expect(titles.toSorted()).toEqual([...HOSTILE].toSorted());
    },
  );
});
