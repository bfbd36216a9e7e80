/**
 * One producer of kafkajs with connections of its own, used in the one way in which it neither loses nor doubles.
 *
 * Found by fault tests (docs/kafka.md): after any failed send kafkajs gives its sequence numbers to whatever comes next,
 * and within one send's retries a broker that has answered is not asked again. So a caller has one `produce` under way at
 * a time, for one partition, and after a failure gives the very same messages for that partition until they are answered.
 */
import kafkajs, { type Kafka, type Message, type Producer } from "kafkajs";
import { createConnection, METADATA_MS, RETRY } from "../../kafka/connection.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KafkaSinkConfig } from "./settings.ts";

const { CompressionTypes } = kafkajs;

/** A producer and its connections. */
export type KafkaClient = {
  /** Connects and learns how many partitions there are. To be called until it succeeds; throws what kafkajs throws. */
  connect(): Promise<void>;
  /** Resolves when all in-sync replicas have the messages. Throws what kafkajs throws, or an Error with a `type`. */
  produce(partition: number, messages: readonly Message[]): Promise<void>;
  /** Cuts all connections for good: nothing is sent from here on, not even what is under way. */
  destroy(): void;
};

export type ClientOptions = {
  readonly config: KafkaSinkConfig;
  readonly clock: Clock;
  /** Told at connecting and with every send: how many partitions the topic has. */
  readonly onPartitions: (count: number) => void;
};

/** A produce that is not answered after so many request time-outs hangs where kafkajs has no time-out of its own. */
const HUNG_TIMEOUTS = 6;

/** Makes a client; connects to nothing yet. */
export function createClient({ config, clock, onPartitions }: ClientOptions): KafkaClient {
  const { kafka, cut, destroy } = createConnection(config, clock);
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MS,
    retry: RETRY,
    createPartitioner:
      () =>
      ({ partitionMetadata, message }) => {
        onPartitions(partitionMetadata.length);
        return message.partition ?? 0;
      },
  });
  producer.on(producer.events.REQUEST_TIMEOUT, ({ payload }) => cut(payload.broker));
  let isCounted = false;
  return {
    connect: async () => {
      if (!isCounted) onPartitions(await countPartitions(kafka, config.topic, cut));
      isCounted = true;
      await producer.connect();
    },
    produce: async (partition, messages) => {
      const done = new AbortController();
      void clock.sleep(config.requestTimeout * HUNG_TIMEOUTS, done.signal).then(() => {
        if (!done.signal.aborted) cut();
      });
      try {
        await send(producer, config, { partition, messages });
      } finally {
        done.abort();
      }
    },
    destroy,
  };
}

async function send(
  producer: Producer,
  config: KafkaSinkConfig,
  { partition, messages }: { partition: number; messages: readonly Message[] },
): Promise<void> {
  const results = await producer.send({
    topic: config.topic,
    acks: -1,
    timeout: config.requestTimeout,
    compression: COMPRESSION[config.compression],
    messages: messages.map((message) => ({ ...message, partition })),
  });
  const [first] = results;
  if (results.length === 1 && first?.partition === partition && first.errorCode === 0) return;
  // kafkajs answers nothing for a partition that is not in its description of the topic.
  throw Object.assign(new Error(`no answer for partition ${partition}`), { type: "LEADER_NOT_AVAILABLE" });
}

const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
} as const;

async function countPartitions(kafka: Kafka, topic: string, cut: (broker: string) => void): Promise<number> {
  const admin = kafka.admin({ retry: RETRY });
  admin.on(admin.events.REQUEST_TIMEOUT, ({ payload }) => cut(payload.broker));
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  } finally {
    void admin.disconnect().catch(() => undefined);
  }
}
