/** Sources that can be gone: a queue, the bucket behind a queue, a stream of Kinesis, a topic of Kafka. */
import { gzipSync } from "node:zlib";
import { startEmulator } from "../fakes/emulator.ts";
import { startKinesis } from "../fakes/kinesis.ts";
import { toNotice } from "../fakes/s3-notices.ts";
import { openPut } from "../sources/kafka/set-up.ts";
import { envelope } from "../sources/sqs/envelope.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { startProxy } from "../support/kafka/proxy.ts";
import { makeTopic } from "../support/kafka/topics.ts";
import { type Mode, setProxy, type Target } from "./target.ts";

const AWS = { region: "eu-west-1", wait: "2s", visibility: "30s" } as const;

/** A queue of EventBridge envelopes. `visibility`: how long what a killed daemon had taken stays hidden. */
export async function openQueue(name = "queue", visibility: string = AWS.visibility): Promise<Target> {
  const emulator = await startEmulator();
  const queue = await emulator.createQueue(name);
  const { endpoint, proxy } = emulator;
  return {
    name,
    of: "source",
    config: { ...AWS, type: "sqs-eventbridge", name, queue: queue.url, endpoint, visibility },
    set: (mode) => setProxy(proxy, mode),
    proxy,
    send: (texts) =>
      emulator.send(
        queue,
        texts.map((text) => envelope("AWS API Call via CloudTrail", text, "aws.s3")),
      ),
    close: () => emulator.close(),
  };
}

/** A bucket whose notices go on coming while it is gone. */
export async function openBucket(): Promise<Target> {
  const [name, bucket] = ["bucket", "outage-trail"];
  const emulator = await startEmulator();
  await emulator.createBucket(bucket);
  const queue = await emulator.createQueue(name);
  const { endpoint, proxy } = emulator;
  let objects = 0;
  return {
    name,
    of: "source",
    config: { ...AWS, type: "sqs-s3", name, queue: queue.url, endpoint, digests: false },
    set: (mode) => setProxy(proxy, mode, "s3"),
    send: async (texts) => {
      const key = `AWSLogs/111122223333/CloudTrail/eu-west-1/outage-${(objects += 1)}.json.gz`;
      const body = gzipSync(`{"Records":[${texts.join(",")}]}`);
      const etag = await emulator.put(bucket, key, body);
      await emulator.send(queue, [toNotice({ bucket, key, size: body.length, etag })]);
    },
    close: () => emulator.close(),
  };
}

/** A stream of Kinesis. */
export async function openStream(): Promise<Target> {
  const [name, stream] = ["stream", "outage-trail"];
  const kinesis = await startKinesis();
  await kinesis.createStream(stream);
  return {
    name,
    of: "source",
    config: { type: "kinesis", name, stream, region: "eu-west-1", endpoint: kinesis.endpoint },
    set: (mode) => setProxy(kinesis.proxy, mode),
    send: async (texts) => void (await kinesis.put(stream, texts)),
    close: () => kinesis.close(),
  };
}

/** A broker behind a proxy of bytes: failing is refused, for a broker has no errors of HTTP. */
export async function openBroker(): Promise<{
  readonly kafka: Kafka;
  readonly set: (mode: Mode) => void;
  readonly close: () => Promise<void>;
}> {
  const proxy = await startProxy();
  const kafka = await startKafka({ advertised: proxy.port });
  const [, own = ""] = (kafka.plain[0] ?? "").split(":");
  proxy.target(Number(own));
  return {
    kafka: { ...kafka, plain: [`127.0.0.1:${proxy.port}`] },
    set: (mode) => {
      proxy.refuse(mode !== "up");
      if (mode === "silent") proxy.silence();
      else proxy.cut();
    },
    close: async () => {
      await proxy.close();
      await kafka.stop();
    },
  };
}

/** A topic of records. */
export async function openRecordTopic(): Promise<Target> {
  const name = "records";
  const { kafka, set, close } = await openBroker();
  const topic = await makeTopic(kafka.direct);
  const { put, close: closePut } = await openPut(kafka.direct);
  return {
    name,
    of: "source",
    config: { type: "kafka", name, brokers: kafka.plain, topics: [topic] },
    set,
    send: (texts) => put(topic, 0, texts),
    close: async () => {
      await closePut();
      await close();
    },
  };
}
