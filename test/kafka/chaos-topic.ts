/** The Kafka side of the chaos runs: a topic for each run, whether it has everything, and what it holds. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Alert } from "../../src/model/alert.ts";
import type { Kafka } from "../support/kafka/broker.ts";
import { makeTopic, readTopic, withAdmin } from "../support/kafka/topics.ts";
import type { KafkaPlace } from "../chaos/world.ts";

const PARTITIONS = 6;

/** A new topic for a run, or null where the run has no Kafka. */
export async function openTopic(kafka: Pick<Kafka, "plain" | "direct"> | null): Promise<KafkaPlace | null> {
  if (kafka === null) return null;
  const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS });
  return { plain: kafka.plain, direct: kafka.direct, topic };
}

/** The alerts of the topic, those of one partition in their order, apart from what Sagewatch says of itself. */
export async function readAlerts({ direct, topic }: KafkaPlace): Promise<Alert[]> {
  const received = await readTopic(direct, topic);
  await withAdmin(direct, (admin) => admin.deleteTopics({ topics: [topic] }));
  return received
    .map(({ value }) => JSON.parse(value) as Alert)
    .filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
}

/** Whether no sink has anything to get. */
export function isDelivered(state: string): boolean {
  const sqlite = new DatabaseSync(join(state, "store.db"), { readOnly: true });
  try {
    return sqlite.prepare("SELECT 1 FROM outbox WHERE wanted > sent LIMIT 1").get() === undefined;
  } finally {
    sqlite.close();
  }
}
