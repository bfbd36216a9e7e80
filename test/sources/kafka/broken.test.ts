/** The Kafka source and what is broken in a log itself: batches that cannot be unpacked, and a topic that is another one. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { type Kafka, startKafka } from "../../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic, withAdmin } from "../../support/kafka/topics.ts";
import { call, idsOf } from "../records.ts";
import { openPut, openSource, type Put, startReading } from "./set-up.ts";

const why = await whyNoKafka("own");
const wait = { timeout: 60_000, interval: 20 } as const;
const calls = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => call(`${name}${at}`));
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${name}${at}`);

describe.skipIf(why !== null)(`the Kafka source and a broken log${toNote(why)}`, { timeout: KAFKA_MS }, () => {
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
  const open = (topic: string, deps: Parameters<typeof openSource>[1] = {}): ReturnType<typeof openSource> =>
    openSource({ brokers: kafka.plain, topics: [topic], group: `g-${topic}` }, deps);
  const remake = async (topic: string): Promise<void> => {
    await withAdmin(kafka.direct, (admin) => admin.deleteTopics({ topics: [topic] }));
    await expect
      .poll(
        () =>
          makeTopic(kafka.direct, { topic }).then(
            () => "made",
            () => "not yet",
          ),
        wait,
      )
      .toBe("made");
  };
  /** A producer that knows nothing of the topic's past. */
  const putAnew = async (topic: string, values: readonly string[]): Promise<void> => {
    const anew = await openPut(kafka.direct);
    await anew.put(topic, 0, values);
    await anew.close();
  };

  test.each(["gzip", "zstd", "lz4", "snappy"])(
    "a batch packed by %s that is damaged on the disk is quarantined with its offsets and told; what is around it is read",
    async (type) => {
      const topic = await makeTopic(kafka.direct, { settings: { "compression.type": type } });
      for (const name of ["a", "b", "c"]) await put(topic, 0, calls(name, 20));
      damage(kafka.nodes[0]?.segment(topic, 0) ?? "", 1);
      const opened = open(topic);
      const reading = startReading(opened.source);
      await expect.poll(() => idsOf(reading.batches), wait).toEqual([...numbered("a", 20), ...numbered("c", 20)]);
      const rejected = reading.batches.flatMap((batch) => batch.rejected);
      expect(rejected).toMatchObject([
        {
          reason: "batch_bad",
          pointer: { path: `kafka://${topic}/0/20-39` },
          detail: expect.stringContaining("record batch of offsets 20-39 cannot be unpacked"),
        },
      ]);
      expect(rejected[0]?.bytes?.length).toBeGreaterThan(100);
      expect(opened.alerts).toEqual([
        { name: "source_gap", key: `${topic}/0`, why: expect.stringContaining("offsets 20-39 of") },
      ]);
      expect(reading.positions().get(`${topic}/0`)).toMatch(/^60\|/);
      expect(reading.error()).toBeUndefined();
    },
  );

  test("a damaged batch that is the last of the log holds nothing up, and is not told again after a restart", async () => {
    const topic = await makeTopic(kafka.direct, { settings: { "compression.type": "gzip" } });
    for (const name of ["a", "b"]) await put(topic, 0, calls(name, 20));
    damage(kafka.nodes[0]?.segment(topic, 0) ?? "", 1);
    const first = startReading(open(topic).source);
    await expect.poll(() => first.positions().get(`${topic}/0`), wait).toMatch(/^40\|/);
    await first.stop();
    const again = open(topic);
    const second = startReading(again.source, first.positions());
    await put(topic, 0, calls("c", 1));
    await expect.poll(() => idsOf(second.batches), wait).toEqual(["c0"]);
    expect(again.alerts).toEqual([]);
  });

  test("a topic made anew while it was away, and longer than before: told, and read whole, once", async () => {
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("old", 3));
    const first = startReading(open(topic).source);
    await expect.poll(() => idsOf(first.batches), wait).toEqual(numbered("old", 3));
    await first.stop();
    await remake(topic);
    await putAnew(topic, calls("new", 6));
    const opened = open(topic);
    const second = startReading(opened.source, first.positions());
    await expect.poll(() => idsOf(second.batches), wait).toEqual(numbered("new", 6));
    const told = [{ name: "source_gap", key: `${topic}/0`, why: expect.stringMatching(/made anew.*behind offset 3/) }];
    expect(opened.alerts).toEqual(told);
    await second.stop();
    const again = open(topic);
    const third = startReading(again.source, second.positions());
    await putAnew(topic, calls("more", 1));
    await expect.poll(() => idsOf(third.batches), wait).toEqual(["more0"]);
    expect(again.alerts).toEqual([]);
  });

  test("a topic made anew while it is read, and longer than before, is noticed: every record of it is read", async () => {
    // It is asked ten times as often as usual.
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms >= 30_000 ? ms / 10 : ms, signal),
    };
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("old", 3));
    const opened = open(topic, { clock });
    const reading = startReading(opened.source);
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(numbered("old", 3));
    await remake(topic);
    await putAnew(topic, calls("new", 6));
    await expect
      .poll(() => [...new Set(idsOf(reading.batches))].toSorted(), wait)
      .toEqual([...numbered("new", 6), ...numbered("old", 3)]);
    expect(opened.alerts).toMatchObject([{ name: "source_gap", key: `${topic}/0` }]);
    expect(reading.error()).toBeUndefined();
  });
});

/** Spoils what is packed in the nth batch of a log file; the broker does not look into it any more. */
function damage(file: string, nth: number): void {
  const bytes = readFileSync(file);
  let at = 0;
  for (let batch = 0; batch < nth; batch += 1) at += 12 + bytes.readInt32BE(at + 8);
  const end = at + 12 + bytes.readInt32BE(at + 8);
  bytes.fill(0xff, at + 61, end);
  writeFileSync(file, bytes, { flag: "r+" });
}
