/**
 * Sinks that break one rule of the Kafka sink each, so that the fault tests are seen to find it.
 *
 * `two-sends`: two sends at once on one producer. `two-partitions`: one send for several partitions.
 */
import kafkajs from "kafkajs";
import type { OutboxItem, SendResult, Sink } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createClient, type KafkaClient } from "../../src/sinks/kafka/client.ts";
import { type AlertMessage, toMessage } from "../../src/sinks/kafka/message.ts";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { kafkaSchema } from "../../src/sinks/kafka/settings.ts";
import { toLineEncoder } from "../../src/sinks/lines.ts";

const { Kafka, logLevel, Partitioners } = kafkajs;
const RETRY = { initialRetryTime: 100, maxRetryTime: 2000, retries: 10 } as const;

export type BrokenOptions = {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
};

/** A sink with the rule broken that `rule` names. */
export function openBroken(rule: "two-sends" | "two-partitions", options: BrokenOptions): Sink {
  return rule === "two-sends" ? twoSends(options) : twoPartitions(options);
}

function encode(items: readonly OutboxItem[], partitions: number): (AlertMessage & { partition: number })[] {
  const encodeOne = toLineEncoder("native", "test");
  return items.map((item) => {
    const message = toMessage(item, { encode: encodeOne, maxBytes: 900_000, nowMs: systemClock.nowMs() });
    if ("refused" in message) throw new Error(message.refused);
    return { ...message, partition: toPartition(message.key, partitions) };
  });
}

async function answer(items: readonly OutboxItem[], work: () => Promise<unknown>): Promise<SendResult[]> {
  try {
    await work();
    return items.map(() => ({ status: "accepted" }));
  } catch (error) {
    return items.map(() => ({ status: "unknown", code: (error as Error).name }));
  }
}

function twoSends({ brokers, topic, partitions }: BrokenOptions): Sink {
  const config = kafkaSchema.parse({ type: "kafka", brokers, topic, requestTimeout: "1s" });
  let client: KafkaClient | null = null;
  let connecting: Promise<void> | null = null;
  return {
    name: "kafka",
    // Every partition is a lane, all on one producer.
    limits: {
      maxItems: 500,
      maxBytes: 900_000,
      lane: ({ id }) => toPartition(id, partitions) * 2 + (Number.parseInt(id.slice(-1), 16) % 2),
      part: ({ id }) => String(toPartition(id, partitions)),
    },
    send: (items) =>
      answer(items, async () => {
        client ??= createClient({ config, clock: systemClock, onPartitions: () => undefined });
        connecting ??= client.connect();
        await connecting;
        const messages = encode(items, partitions);
        await client.produce(messages[0]?.partition ?? 0, messages);
      }),
    close: async () => client?.destroy(),
  };
}

function twoPartitions({ brokers, topic, partitions }: BrokenOptions): Sink {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, requestTimeout: 3000, retry: RETRY });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner, retry: RETRY });
  let connecting: Promise<void> | null = null;
  return {
    name: "kafka",
    limits: { maxItems: 60, maxBytes: 900_000, lane: () => 0, part: () => "" },
    send: (items) =>
      answer(items, async () => {
        connecting ??= producer.connect();
        await connecting;
        await producer.send({ topic, acks: -1, messages: encode(items, partitions) });
      }),
    close: () => producer.disconnect(),
  };
}
