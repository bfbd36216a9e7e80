/** A topic on a Kafka broker of the demo's own, where Java is, and the reading back of what was sent to it. */
import { toCount } from "../../src/ops/summary.ts";
import { remark, type Terminal } from "../../src/ops/terminal.ts";
import type { Alert } from "../../src/model/alert.ts";
import { startKafka } from "../support/kafka/broker.ts";
import { whyNoKafka } from "../support/kafka/find.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";

export type Topic = {
  readonly brokers: readonly string[];
  readonly name: string;
  /** Says what a consumer finds in the topic; false where one of `alerts` is missing or has not its last revision last. */
  tell(alerts: readonly Alert[], terminal: Terminal): Promise<boolean>;
  close(): Promise<void>;
};

const PARTITIONS = 4;

/** Null, and a word why, where no broker can be had. */
export async function openTopic(terminal: Terminal): Promise<Topic | null> {
  if ((await whyNoKafka("own")) !== null) {
    remark(terminal, "Alerts go to a file only.");
    return null;
  }
  const kafka = await startKafka();
  const name = await makeTopic(kafka.direct, { partitions: PARTITIONS, topic: "sagewatch-alerts" });
  return {
    brokers: kafka.plain,
    name,
    tell: async (alerts, at) => {
      const messages = await readTopic(kafka.direct, name);
      const last = new Map(messages.map(({ key, headers }) => [key, Number(headers["revision"])]));
      const missing = alerts.filter(({ id, revision }) => last.get(id) !== revision);
      remark(
        at,
        `Kafka: a consumer finds ${toCount(messages.length)} messages of ${toCount(last.size)} alerts in the topic ${name}; ${missing.length} of ${toCount(alerts.length)} alerts are missing or not at their last revision.`,
      );
      return missing.length === 0;
    },
    close: () => kafka.stop(),
  };
}
