/** The sink exam over a real broker, behind a proxy that can refuse. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { item } from "../contracts/alert-items.ts";
import { examineSink } from "../contracts/sink-exam.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { type Proxy, startProxy } from "../support/kafka/proxy.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";
import { headsOf, items, KAFKA_MS, openSink, sendUntilKnown } from "./make.ts";

const why = await whyNoKafka("own");
/** A request with two alerts is larger, one of kafkajs about itself is smaller. */
const HALF_FROM_BYTES = 500;

describe.skipIf(why !== null)(`a real broker${toNote(why)}`, () => {
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

  examineSink("kafka", async () => {
    const topic = await makeTopic(kafka.direct);
    const reopen = (): Sink => openSink({ brokers: [`127.0.0.1:${proxy.port}`], topic });
    const sink = reopen();
    return {
      sink,
      received: async () => headsOf(await readTopic(kafka.direct, topic)),
      fail: async () => {
        proxy.refuse(true);
        proxy.cut();
      },
      mend: async () => proxy.refuse(false),
      killMidWrite: async () => {
        // Half of the request with the alerts reaches the broker, whose other half dies with the process.
        const torn = proxy.tear(HALF_FROM_BYTES);
        const stop = new AbortController();
        const sending = sink.send([item(2), item(3)], stop.signal);
        await torn;
        stop.abort();
        await sending;
        await sink.close();
        proxy.refuse(false);
        return reopen();
      },
      reopen,
      slow: (ms) => proxy.delay(ms),
      dispose: async () => {
        proxy.delay(0);
        proxy.refuse(false);
        await sink.close();
      },
    };
  });

  test("stopped while the broker is away, it ends soon and sends nothing later", async () => {
    const topic = await makeTopic(kafka.direct);
    const sink = openSink({ brokers: [`127.0.0.1:${proxy.port}`], topic });
    await sink.send([item(1)], new AbortController().signal);
    proxy.refuse(true);
    proxy.cut();
    const stop = new AbortController();
    const begunMs = performance.now();
    const sending = sink.send([item(2)], stop.signal);
    stop.abort();
    expect((await sending)[0]?.status).toBe("unknown");
    await sink.close();
    expect(performance.now() - begunMs).toBeLessThan(5000);
    proxy.refuse(false);
    await sleep(4000);
    expect(headsOf(await readTopic(kafka.direct, topic))).toEqual([{ id: item(1).alert.id, revision: 1 }]);
  });

  test("another array after an unknown one is not taken for its repetition", async () => {
    const topic = await makeTopic(kafka.direct);
    const sink = openSink({ brokers: [`127.0.0.1:${proxy.port}`], topic, producers: 1 });
    const { signal } = new AbortController();
    await sink.send(items(1, 5), signal);
    // The broker writes this array, and its answer is not heard.
    proxy.delay(4000);
    const [first] = await sink.send(items(6, 10), signal);
    expect(first?.status).toBe("unknown");
    proxy.delay(0);
    await sendUntilKnown(sink, items(11, 15));
    await sendUntilKnown(sink, items(6, 10));
    await sink.close();
    const numbers = headsOf(await readTopic(kafka.direct, topic)).map(({ id }) => Number.parseInt(id, 16));
    expect([...new Set(numbers)].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
  });
});
