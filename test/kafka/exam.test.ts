/** The sink exam over a real broker, behind a proxy that can refuse. */
import { afterAll, beforeAll, describe } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { examineSink } from "../contracts/sink-exam.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { type Proxy, startProxy } from "../support/kafka/proxy.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";
import { headsOf, KAFKA_MS, openSink } from "./make.ts";

const why = await whyNoKafka("own");

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
      reopen,
      slow: (ms) => proxy.delay(ms),
      dispose: async () => {
        proxy.delay(0);
        proxy.refuse(false);
        await sink.close();
      },
    };
  });
});
