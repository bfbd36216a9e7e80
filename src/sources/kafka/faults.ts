/**
 * What an error of the Kafka client means for the reading: an end, with a code, or another try.
 *
 * Before anything was read, what only a person can mend ends the source: a wrong name or password is found at the start. Later
 * the same is told and tried again, for the daemon has other sources. A second member in the group always ends it.
 */
import { isUnreachable, type KafkaAccess, readTrouble, toCode } from "../../kafka/errors.ts";
import { toUser } from "../../kafka/settings.ts";
import { type ErrorCode, SagewatchError, toMessage } from "../../model/errors.ts";
import { groupOf, type KafkaSourceConfig } from "./settings.ts";

/**
 * What to say, and with which code to end where it is the first look. Null: it may pass by itself. `isUsual`: it comes with
 * every start of a broker, and is not worth a word before it lasts.
 */
export type Fault = { readonly text: string; readonly code: ErrorCode | null; readonly isUsual?: true };

const USUAL: ReadonlySet<string> = new Set(["GROUP_LOAD_IN_PROGRESS", "GROUP_COORDINATOR_NOT_AVAILABLE"]);

/** An error that was met at one of the topics. */
export function toTopicError(error: unknown, topic: string): Error {
  return Object.assign(new Error(toMessage(error), { cause: error }), { topic });
}

/** What messages name: the topic at which the error was met, or all. */
function toAccess(config: KafkaSourceConfig, error: unknown): KafkaAccess {
  const { brokers } = config;
  const met = (error as { readonly topic?: unknown } | null)?.topic;
  const topics = config.topics.filter((topic) => typeof met !== "string" || topic === met);
  const grants = `Read and Describe on ${topics.map((topic) => `Topic:${topic}`).join(", ")}, and Read on Group:${groupOf(config)}`;
  const topic = `${topics.length === 1 ? "topic" : "topics"} ${topics.join(", ")}`;
  const login =
    config.sasl?.mechanism === "aws-msk-iam"
      ? { login: "check that the identity of the credentials may kafka-cluster:Connect, sasl.region, and the clock" }
      : {};
  return { brokers, user: toUser(config), topic, does: "read", grants, ...login };
}

/** Reads an error. */
export function readFault(error: unknown, config: KafkaSourceConfig): Fault {
  const { type, names, told } = readTrouble(error, toAccess(config, error));
  if (type === "INCONSISTENT_GROUP_PROTOCOL") return { text: toFenced(config), code: "kafka_fenced" };
  if (told !== null)
    return { text: told.detail, code: told.code.startsWith("topic_") ? "kafka_missing" : "kafka_denied" };
  const at = config.brokers.join(",");
  const isIam = config.sasl?.mechanism === "aws-msk-iam";
  const hint = isIam ? " (a token that MSK refuses looks the same: see docs/kafka.md)" : "";
  if (isUnreachable(names) || names.includes("KafkaJSSASLAuthenticationError"))
    return { text: `${at} cannot be reached${hint}: ${toMessage(error)}`, code: null };
  const word = toCode(type);
  const text = word === "" ? toMessage(error) : `${word}: ${toMessage(error)}`;
  return { text, code: null, ...(USUAL.has(type) ? { isUsual: true as const } : {}) };
}

/** The error of whoever came second into the group. */
export function toFencedError(config: KafkaSourceConfig): SagewatchError {
  return new SagewatchError("kafka_fenced", `Source ${config.name}: ${toFenced(config)}`);
}

function toFenced(config: KafkaSourceConfig): string {
  const { brokers, topics } = config;
  return `another member was first in the consumer group ${groupOf(config)} on ${brokers.join(",")} and reads ${topics.join(", ")}: stop it, or give each its own \`group\``;
}
