/** What the tests ask of a cluster beside the sink: topics made, and messages read back by clients of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { type Admin } from "kafkajs";
import { patchKafkajs } from "../../../src/kafka/patch.ts";
import { newTopic } from "./broker.ts";
import { CLASS_PATH, findJava, JVM } from "./place.ts";

const { Kafka, logLevel } = kafkajs;
patchKafkajs();

/** A message as a reader finds it. */
export type Received = {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Retries that outlast a broker's start. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 } as const;

/** Runs `work` with an admin client. */
export async function withAdmin<T>(brokers: readonly string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: RETRY, clientId: "test" });
  const admin = kafka.admin({ retry: RETRY });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A new topic. `settings` such as max.message.bytes. */
export async function makeTopic(
  brokers: readonly string[],
  options: {
    readonly partitions?: number;
    readonly replicas?: number;
    readonly settings?: Readonly<Record<string, string>>;
    readonly topic?: string;
    /** Replicas of each partition by node id, instead of `partitions` and `replicas`. */
    readonly assignment?: readonly (readonly number[])[];
  } = {},
): Promise<string> {
  const { partitions = 1, replicas = 1, settings = {}, topic = newTopic(), assignment } = options;
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const shape =
    assignment === undefined
      ? { numPartitions: partitions, replicationFactor: replicas }
      : { replicaAssignment: assignment.map((nodes, partition) => ({ partition, replicas: [...nodes] })) };
  await withAdmin(brokers, async (admin) => {
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, configEntries, ...shape }] });
    await untilLed(admin, topic);
  });
  return topic;
}

/**
 * Waits until each partition has a leader that knows it is one. kafkajs's own wait gives up at once where the broker that it
 * asks has not heard of the topic yet, and is content with a leader that refuses still; both happen on a busy machine.
 */
async function untilLed(admin: Admin, topic: string): Promise<void> {
  const isLed = async (): Promise<boolean> => {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      if (!partitions.every(({ leader, partitionErrorCode }) => leader >= 0 && partitionErrorCode === 0)) return false;
      return (await admin.fetchTopicOffsets(topic)).length > 0;
    } catch (error) {
      if (error instanceof Error && /does not host this topic|no leader|not the leader/i.test(error.message))
        return false;
      throw error;
    }
  };
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (await isLed()) return;
    await sleep(50);
  }
  throw new Error(`the topic ${topic} has no leader for each of its partitions after 30 s`);
}

/** How many messages a topic has. */
export async function countMessages(brokers: readonly string[], topic: string): Promise<number> {
  const offsets = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic));
  return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}

/** Every message of a topic as it is now, by partition and offset. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<Received[]> {
  const wanted = await countMessages(brokers, topic);
  if (wanted === 0) return [];
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: RETRY, clientId: "reader" });
  const consumer = kafka.consumer({ groupId: newTopic(), maxWaitTimeInMs: 100, retry: RETRY });
  const received: Received[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)] as const);
        const [key, value] = [String(message.key), String(message.value)];
        received.push({ partition, offset: Number(message.offset), key, value, headers: Object.fromEntries(headers) });
      },
    });
    for (let waited = 0; received.length < wanted && waited < 60_000; waited += 20) await sleep(20);
  } finally {
    await consumer.disconnect();
  }
  return received.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/**
 * Every message of a topic, read by Kafka's own console consumer: another implementation than the sink's, in another
 * language. Needs Java.
 */
export async function readByConsole(brokers: readonly string[], topic: string): Promise<Received[]> {
  const wanted = await countMessages(brokers, topic);
  if (wanted === 0) return [];
  const found = findJava();
  if ("missing" in found) throw new Error(found.missing);
  const printed = ["key", "value", "headers", "partition", "offset"];
  const args = [
    ...JVM,
    "-cp",
    CLASS_PATH,
    "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "--bootstrap-server",
    brokers.join(","),
    "--topic",
    topic,
    "--from-beginning",
    "--max-messages",
    String(wanted),
    "--timeout-ms",
    "60000",
    ...printed.flatMap((name) => ["--formatter-property", `print.${name}=true`]),
  ];
  const child = spawn(found.java, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (err += bytes.toString()));
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`the console consumer ended with ${code}: ${err.slice(-2000)}`);
  const lines = out.split("\n").filter((line) => line.startsWith("Partition:"));
  return lines.map(toReceived).toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** "Partition:0	Offset:0	id:…,revision:1	KEY	VALUE" */
function toReceived(line: string): Received {
  const [partition = "", offset = "", headers = "", key = "", value = ""] = line.split("\t");
  const pairs = headers.split(",").map((pair) => pair.split(/:(.*)/s).slice(0, 2));
  return {
    partition: Number(partition.split(":")[1]),
    offset: Number(offset.split(":")[1]),
    key,
    value,
    headers: Object.fromEntries(pairs) as Record<string, string>,
  };
}
