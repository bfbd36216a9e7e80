/**
 * What an error of the Kafka client means for the alerts that were being sent.
 *
 * Nothing was written where the answer is `refused`. Whatever is not known here is `unknown`: the same messages are sent
 * again. Pure.
 */
import { isUnreachable, type KafkaAccess, readTrouble, toCode } from "../../kafka/errors.ts";

/** What to answer. `detail`: what a person must do, where waiting alone will not help. */
export type Reading =
  | { readonly answer: "accepted" }
  | { readonly answer: "refused"; readonly code: string }
  | {
      readonly answer: "unknown";
      readonly code: string;
      readonly detail?: string;
      /** Only this partition is affected: others may be sent to meanwhile. */
      readonly isLocal?: true;
      /** The broker no longer knows this producer: the same messages need a new one. */
      readonly needsProducer?: true;
    };

/** What messages name: where the alerts should go and as whom. */
export type Place = { readonly topic: string; readonly brokers: readonly string[]; readonly user: string | null };

const REFUSED: Readonly<Record<string, string>> = {
  MESSAGE_TOO_LARGE: "too_large",
  RECORD_LIST_TOO_LARGE: "too_large",
  INVALID_RECORD: "invalid_record",
  INVALID_TIMESTAMP: "invalid_record",
  UNSUPPORTED_FOR_MESSAGE_FORMAT: "invalid_record",
  POLICY_VIOLATION: "policy_violation",
};
const LOCAL: Readonly<Record<string, string>> = {
  LEADER_NOT_AVAILABLE: "leader_missing",
  NOT_LEADER_FOR_PARTITION: "leader_missing",
  REPLICA_NOT_AVAILABLE: "leader_missing",
  FENCED_LEADER_EPOCH: "leader_missing",
  NOT_ENOUGH_REPLICAS: "replicas_missing",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "replicas_missing",
  REQUEST_TIMED_OUT: "timed_out",
};
const LOST_PRODUCER: ReadonlySet<string> = new Set([
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
  "INVALID_PRODUCER_EPOCH",
  "INVALID_PRODUCER_ID_MAPPING",
  "PRODUCER_FENCED",
]);

/** Reads an error. */
export function readError(error: unknown, place: Place): Reading {
  const { type, names, told } = readTrouble(error, toAccess(place));
  const refused = REFUSED[type];
  if (refused !== undefined) return { answer: "refused", code: refused };
  // The broker has these very messages under these very numbers.
  if (type === "DUPLICATE_SEQUENCE_NUMBER") return { answer: "accepted" };
  if (LOST_PRODUCER.has(type)) return { answer: "unknown", code: "producer_lost", needsProducer: true };
  if (told !== null) return { answer: "unknown", ...told };
  const local = LOCAL[type] ?? (names.includes("KafkaJSBrokerNotFound") ? "leader_missing" : undefined);
  if (local !== undefined) return { answer: "unknown", code: local, isLocal: true };
  if (names.includes("KafkaJSRequestTimeoutError")) return { answer: "unknown", code: "timed_out" };
  if (isUnreachable(names)) return { answer: "unknown", code: "unreachable" };
  return { answer: "unknown", code: toCode(type) || "send_failed" };
}

function toAccess({ topic, brokers, user }: Place): KafkaAccess {
  const grants = `Write and Describe on Topic:${topic}`;
  return { brokers, user, topic: `topic ${topic}`, does: "write to", grants };
}
