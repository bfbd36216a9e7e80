/**
 * The sink `kafka`: alerts as messages of one topic, none lost, none doubled while this process lives.
 *
 * The key is the alert's id and chooses the partition, so that the revisions of an alert stay in order; headers carry id,
 * revision, severity, rule and action (opened or updated). An alert is accepted when all in-sync replicas have it. Lanes
 * are producers, each for the partitions of its number modulo `producers`, so that a partition in trouble holds up its own
 * lane only. Until a broker was reached nobody knows how many partitions there are: there is one lane then, and its arrays
 * are cut by partition when they are sent. Partitions that are added are used within a minute; from then on an alert may
 * have its later revisions in another partition than its first. After a restart, what was under way comes again, under the
 * same id and revision.
 *
 * Codes. Refused: `encode_failed`, `too_large`, `invalid_record`, `policy_violation`. Unknown, with what a person must do:
 * `topic_missing`, `topic_invalid`, `not_authorised`, `auth_failed`, `tls_failed`, `file_unreadable`. Unknown:
 * `unreachable`, `timed_out`, `leader_missing`, `replicas_missing`, `producer_lost`, `connect_failed`, `send_failed`,
 * `aborted`, or a broker's own word in small letters.
 */
import type { Sink } from "../contracts.ts";
import { kafkaNeeds } from "../kafka/needs.ts";
import { toUser } from "../kafka/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { createLane, type Lane } from "./kafka/lane.ts";
import { toPartition } from "./kafka/partition.ts";
import { kafkaProbes } from "./kafka/probe.ts";
import { kafkaSchema, type KafkaSinkConfig } from "./kafka/settings.ts";
import { toLineEncoder } from "./lines.ts";
import type { SinkDeps, SinkType } from "./settings.ts";

export type { KafkaSinkConfig };

/** Alerts in one array: at 2 KB each as many as fill a send. */
const MAX_ITEMS = 500;

/** Connects with the first alert. */
export function createKafkaSink(config: KafkaSinkConfig, { version, clock = systemClock }: SinkDeps): Sink {
  let partitions: number | null = null;
  const { brokers, topic, maxBytes, producers } = config;
  const open = async (): ReturnType<Parameters<typeof createLane>[0]["open"]> => {
    const { createClient } = await import("./kafka/client.ts");
    return createClient({ config, clock, onPartitions: (count) => void (count > 0 && (partitions = count)) });
  };
  const lanes = new Map<number, Lane>();
  const laneOf = (number: number): Lane => {
    const lane =
      lanes.get(number) ??
      createLane({
        open,
        plan: { encode: toLineEncoder(config.format, version), maxBytes, maxItems: MAX_ITEMS },
        place: { topic, brokers, user: toUser(config) },
        clock,
        partitions: () => partitions,
      });
    lanes.set(number, lane);
    return lane;
  };
  const partitionOf = (id: string): number => (partitions === null ? 0 : toPartition(id, partitions));
  /** The lane in which an array is open: partitions may have been learned or added since it was cut. */
  const sending = new Map<string, number>();
  return {
    name: config.name,
    limits: {
      maxItems: MAX_ITEMS,
      maxBytes,
      lane: ({ id }) => partitionOf(id) % producers,
      part: ({ id }) => (partitions === null ? "" : String(partitionOf(id))),
    },
    send: async (items, signal) => {
      const [first] = items;
      if (first === undefined) return [];
      const { id } = first.alert;
      const number = sending.get(id) ?? partitionOf(id) % producers;
      sending.set(id, number);
      const results = await laneOf(number).send(items, signal);
      if (results.every(({ status }) => status !== "unknown")) sending.delete(id);
      return results;
    },
    close: async () => lanes.forEach((lane) => lane.close()),
  };
}

/** Registry entry of `type: kafka`. */
export const kafkaSink: SinkType<KafkaSinkConfig> = {
  schema: kafkaSchema,
  create: createKafkaSink,
  needs: (config) => kafkaNeeds(config, { does: "write", topic: config.topic }),
  probes: kafkaProbes,
};
