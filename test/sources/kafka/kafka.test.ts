/** The Kafka source against a real broker: where it goes on, who else reads, what is gone, and what is not for readers. */
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { textsOf } from "../../contracts/source-exam.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { type Kafka, startKafka } from "../../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic, withAdmin } from "../../support/kafka/topics.ts";
import { call, finding, idsOf } from "../records.ts";
import { openPut, openSource, type Put, type Reading, startReading } from "./set-up.ts";

const why = await whyNoKafka("own");
const wait = { timeout: 60_000, interval: 20 } as const;
const calls = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => call(`${name}${at}`));
const idsSorted = (reading: Reading): string[] => idsOf(reading.batches).toSorted();
/** The offset that is committed. */
const placeOf = (reading: Reading, topic: string, partition = 0): string | undefined =>
  reading.positions().get(`${topic}/${partition}`)?.split("|")[0];

describe.skipIf(why !== null)(`the Kafka source and a real broker${toNote(why)}`, { timeout: KAFKA_MS }, () => {
  let kafka: Kafka;
  let put: Put;
  let close: () => Promise<void>;
  beforeAll(async () => {
    kafka = await startKafka();
    ({ put, close } = await openPut(kafka.direct));
  }, KAFKA_MS);
  afterAll(async () => {
    await close?.();
    await kafka?.stop();
  });
  const client = (): kafkajs.Kafka =>
    new kafkajs.Kafka({ brokers: [...kafka.direct], logLevel: kafkajs.logLevel.NOTHING });
  const open = (topic: string, settings: object = {}): ReturnType<typeof openSource> =>
    openSource({ brokers: kafka.plain, topics: [topic], group: `g-${topic}`, ...settings });
  const deleteBefore = (topic: string, partition: number, offset: number): Promise<void> =>
    withAdmin(kafka.direct, async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    });

  test("all partitions are read, a restart goes on behind what was committed, and the group keeps no offsets", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 3 });
    for (const partition of [0, 1, 2]) await put(topic, partition, calls(`a${partition}-`, 20));
    const first = startReading(open(topic).source);
    await expect.poll(() => idsOf(first.batches).length, wait).toBe(60);
    await first.stop();
    expect([0, 1, 2].map((partition) => placeOf(first, topic, partition))).toEqual(["20", "20", "20"]);
    await put(topic, 1, calls("b", 5));
    // As if the last commit had not come about.
    const before = new Map(first.positions()).set(`${topic}/2`, "17");
    const second = startReading(open(topic).source, before);
    await expect.poll(() => idsSorted(second), wait).toEqual(["a2-17", "a2-18", "a2-19", "b0", "b1", "b2", "b3", "b4"]);
    await second.stop();
    const offsets = await withAdmin(kafka.direct, (admin) =>
      admin.fetchOffsets({ groupId: `g-${topic}`, topics: [topic] }),
    );
    expect(new Set(offsets.flatMap(({ partitions }) => partitions.map(({ offset }) => offset)))).toEqual(
      new Set(["-1"]),
    );
  });

  test("whoever comes second into the group ends with a code, and the first reads on and loses nothing", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    const first = startReading(open(topic).source);
    await put(topic, 0, calls("a", 3));
    await expect.poll(() => idsOf(first.batches).length, wait).toBe(3);
    const second = startReading(open(topic, { name: "other" }).source);
    await second.over;
    expect(second.error()).toMatchObject({
      code: "kafka_fenced",
      message: expect.stringMatching(new RegExp(`Source other: .*consumer group g-${topic} .*${topic}.*\`group\``)),
    });
    expect(second.batches).toEqual([]);
    await put(topic, 0, calls("b", 2));
    await put(topic, 1, calls("c", 2));
    await expect.poll(() => idsSorted(first), wait).toEqual(["a0", "a1", "a2", "b0", "b1", "c0", "c1"]);
    expect(first.error()).toBeUndefined();
    await first.stop();
    const third = startReading(open(topic).source, first.positions());
    await put(topic, 1, calls("d", 1));
    await expect.poll(() => idsOf(third.batches), wait).toEqual(["d0"]);
  });

  test("a stranger's consumer in the group is told of, too", async () => {
    const topic = await makeTopic(kafka.direct);
    const stranger = client().consumer({ groupId: `g-${topic}` });
    onTestFinished(() => stranger.disconnect());
    await stranger.connect();
    await stranger.subscribe({ topics: [topic] });
    await stranger.run({ eachMessage: async () => undefined });
    const reading = startReading(open(topic).source);
    await reading.over;
    expect(reading.error()).toMatchObject({ code: "kafka_fenced", message: expect.stringContaining(`g-${topic}`) });
  });

  test("records deleted while it was away are an alert with their offsets; it goes on behind them, once", async () => {
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("a", 30));
    await deleteBefore(topic, 0, 30);
    const opened = open(topic);
    const reading = startReading(opened.source, new Map([[`${topic}/0`, "5"]]));
    await expect.poll(() => placeOf(reading, topic), wait).toBe("30");
    expect(opened.alerts).toEqual([
      {
        name: "source_gap",
        key: `${topic}/0`,
        why: expect.stringMatching(/Offsets 5 to 29 .* at most 25 records/),
      },
    ]);
    await put(topic, 0, calls("b", 2));
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["b0", "b1"]);
    await reading.stop();
    const again = open(topic);
    const next = startReading(again.source, reading.positions());
    await put(topic, 0, calls("c", 1));
    await expect.poll(() => idsOf(next.batches), wait).toEqual(["c0"]);
    expect(again.alerts).toEqual([]);
  });

  test("records deleted while it was behind are an alert, too", async () => {
    const topic = await makeTopic(kafka.direct);
    // More than one fetch, and a pipeline that stands still after the first batch.
    const large = Array.from({ length: 30 }, (_, at) => call(`a${at}`).replace("aws-cli/2.15", "x".repeat(200_000)));
    for (let at = 0; at < 30; at += 3) await put(topic, 0, large.slice(at, at + 3));
    const gate = Promise.withResolvers<void>();
    const opened = open(topic);
    const reading = startReading(opened.source, new Map(), () => gate.promise);
    await expect.poll(() => reading.batches.length, wait).toBeGreaterThan(0);
    await deleteBefore(topic, 0, 28);
    await sleep(500);
    gate.resolve();
    await expect.poll(() => idsOf(reading.batches).at(-1), wait).toBe("a29");
    const read = idsOf(reading.batches).length;
    expect(read).toBeLessThan(30);
    expect(opened.alerts).toEqual([
      { name: "source_gap", key: `${topic}/0`, why: expect.stringContaining(`Offsets ${read - 2} to 27`) },
    ]);
    expect(placeOf(reading, topic)).toBe("30");
  });

  test("a topic that was made anew is read from its beginning, and told of", async () => {
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("a", 3));
    const opened = open(topic);
    const reading = startReading(opened.source, new Map([[`${topic}/0`, "500"]]));
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1", "a2"]);
    expect(opened.alerts).toMatchObject([
      { name: "source_gap", why: expect.stringContaining("ends at offset 3, before 500") },
    ]);
    expect(placeOf(reading, topic)).toBe("3");
  });

  test("start: latest begins at the end, also when the first record comes after a restart", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    await put(topic, 0, calls("old", 4));
    const first = startReading(open(topic, { start: "latest" }).source);
    await expect.poll(() => first.positions().size, wait).toBe(2);
    await first.stop();
    expect(idsOf(first.batches)).toEqual([]);
    await put(topic, 0, calls("new", 2));
    const second = startReading(open(topic, { start: "latest" }).source, first.positions());
    await expect.poll(() => idsOf(second.batches), wait).toEqual(["new0", "new1"]);
  });

  test("partitions that are added are read from their beginning", async () => {
    const topic = await makeTopic(kafka.direct);
    const reading = startReading(open(topic).source);
    await put(topic, 0, calls("a", 1));
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0"]);
    await withAdmin(kafka.direct, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
    await sleep(500);
    const { put: putAnew, close: closeAnew } = await openPut(kafka.direct);
    onTestFinished(closeAnew);
    await putAnew(topic, 2, calls("b", 2));
    await expect.poll(() => idsSorted(reading), wait).toEqual(["a0", "b0", "b1"]);
    expect(placeOf(reading, topic, 2)).toBe("2");
  });

  test("of transactions only what was committed is read, and their markers hold nothing up", async () => {
    const topic = await makeTopic(kafka.direct);
    const producer = client().producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    onTestFinished(() => producer.disconnect());
    await producer.connect();
    const opened = open(topic);
    const reading = startReading(opened.source);
    const transact = async (end: "commit" | "abort"): Promise<void> => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: calls(`${end}-`, 2).map((value) => ({ value })) });
      await transaction[end]();
    };
    for (const end of ["commit", "abort", "commit"] as const) await transact(end);
    const expected = ["commit-0", "commit-1", "commit-0", "commit-1"];
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(expected);
    await reading.stop();
    // A log that ends with what nobody may read is read to its end, too.
    await transact("abort");
    const again = open(topic);
    const next = startReading(again.source, reading.positions());
    await expect.poll(() => again.scans, wait).toBe(1);
    await put(topic, 0, [finding("f")]);
    await expect.poll(() => next.batches.flatMap(textsOf), wait).toEqual([finding("f")]);
    expect(opened.alerts).toEqual([]);
  });

  test.each(["gzip", "zstd", "lz4", "snappy"])("what the broker packed by %s is read", async (type) => {
    const topic = await makeTopic(kafka.direct, { settings: { "compression.type": type } });
    const values = calls(type, 400);
    await put(topic, 0, values);
    const reading = startReading(open(topic).source);
    await expect.poll(() => reading.batches.flatMap(textsOf).length, wait).toBe(400);
    expect(reading.batches.flatMap(textsOf)).toEqual(values);
  });

  test("once all that was there at the start is committed, watermarks may go on: not before, and once", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    await put(topic, 1, calls("a", 1500));
    const gate = Promise.withResolvers<void>();
    const opened = open(topic);
    const reading = startReading(opened.source, new Map(), () => gate.promise);
    await expect.poll(() => reading.batches.length, wait).toBe(1);
    await sleep(300);
    expect(opened.scans).toBe(0);
    gate.resolve();
    await expect.poll(() => opened.scans, wait).toBe(1);
    expect(idsOf(reading.batches)).toHaveLength(1500);
    // While something waits the floor is the time at which it was put there at the latest; in the end nothing waits.
    const floors = reading.batches.map(({ floorMs }) => floorMs);
    expect(floors[0]).toBeLessThanOrEqual(Date.now());
    expect(floors.at(-1)).toBe(Infinity);
  });
});
