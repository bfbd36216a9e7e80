/** The source exam over a real broker. */
import { afterAll, beforeAll, describe } from "vitest";
import type { Batch, Source } from "../../../src/contracts.ts";
import { examineSource } from "../../contracts/source-exam.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { toNote, useKafka, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic } from "../../support/kafka/topics.ts";
import { call, delivery, finding } from "../records.ts";
import { openPut, openSource } from "./set-up.ts";

const why = await whyNoKafka("any");

const singles = Array.from({ length: 1200 }, (_, at) => (at % 7 === 0 ? finding(`f${at}`) : call(`x${at}`)));
const paged = [call("p1"), call("p2"), call("p3")];
const TOO_LARGE = `{"eventVersion":"1.08","userIdentity":{},"a":"${"x".repeat(1 << 20)}"}`;

describe.skipIf(why !== null)(`the Kafka source and any broker${toNote(why)}`, { timeout: KAFKA_MS }, () => {
  let kafka: Awaited<ReturnType<typeof useKafka>>;
  let topic: string;
  let end: number;
  beforeAll(async () => {
    kafka = await useKafka();
    topic = await makeTopic(kafka.direct, { settings: { "max.message.bytes": "4000000" } });
    const { put, close } = await openPut(kafka.direct);
    const values = [...singles.slice(0, 600), delivery(...paged), null, "no JSON at all", ...singles.slice(600)];
    for (let at = 0; at < values.length; at += 300) await put(topic, 0, values.slice(at, at + 300));
    await put(topic, 0, [TOO_LARGE]);
    end = values.length + 1;
    await close();
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  const isEnd = (place: string | undefined): boolean => place?.split("|")[0] === String(end);
  let groups = 0;
  /** A source that ends with the log, and of which two can be read at once: each reading is in a group of its own. */
  const toEnding = (): Source => {
    const open = (): Source =>
      openSource({ brokers: kafka.plain, topics: [topic], group: `exam-${topic}-${(groups += 1)}` }).source;
    async function* read(positions: ReadonlyMap<string, string>, signal: AbortSignal): AsyncGenerator<Batch> {
      const key = `${topic}/0`;
      if (isEnd(positions.get(key))) return;
      const over = new AbortController();
      for await (const batch of open().read(positions, AbortSignal.any([signal, over.signal]))) {
        yield batch;
        const last = [batch, ...(batch.also ?? [])].flatMap((one) => one.positions).at(-1);
        if (isEnd(last?.value)) return over.abort();
      }
    }
    return { ...open(), read };
  };

  examineSource({
    name: "kafka",
    open: async () => ({ source: toEnding(), close: async () => undefined }),
    records: [...singles, ...paged],
    rejected: 2,
    skipped: 1,
  });
});
