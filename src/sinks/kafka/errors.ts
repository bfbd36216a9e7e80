/**
 * What an error of the Kafka client means for the alerts that were being sent.
 *
 * The client's own `retriable` says little: a plain outage comes as not retriable. The broker's word stands in `type`, of
 * the error or of one of its causes; else the name tells. Nothing was written where the answer is `refused`. Whatever is
 * not known here is `unknown`: the same messages are sent again. Pure.
 */

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
const TLS_CODES = /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/;
const DEEPEST = 6;

/** Reads an error. */
export function readError(error: unknown, place: Place): Reading {
  const chain = toChain(error);
  const type = chain.map((one) => textOf(one, "type")).find((text) => text !== "") ?? "";
  const names = chain.map((one) => textOf(one, "name"));
  const refused = REFUSED[type];
  if (refused !== undefined) return { answer: "refused", code: refused };
  // The broker has these very messages under these very numbers.
  if (type === "DUPLICATE_SEQUENCE_NUMBER") return { answer: "accepted" };
  if (LOST_PRODUCER.has(type)) return { answer: "unknown", code: "producer_lost", needsProducer: true };
  const forPeople = readPermission(type, names, place) ?? readTls(chain, place);
  if (forPeople !== null) return { answer: "unknown", ...forPeople };
  const local = LOCAL[type] ?? (names.includes("KafkaJSBrokerNotFound") ? "leader_missing" : undefined);
  if (local !== undefined) return { answer: "unknown", code: local, isLocal: true };
  if (names.includes("KafkaJSRequestTimeoutError")) return { answer: "unknown", code: "timed_out" };
  if (names.some((name) => name.startsWith("KafkaJSConnection"))) return { answer: "unknown", code: "unreachable" };
  return { answer: "unknown", code: toCode(type) };
}

type Told = { readonly code: string; readonly detail: string };

function readPermission(type: string, names: readonly string[], place: Place): Told | null {
  const { topic, brokers, user } = place;
  const who = user === null ? "Sagewatch's principal" : `User:${user}`;
  const at = brokers.join(",");
  switch (type) {
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return {
        code: "topic_missing",
        detail: `topic ${topic} does not exist on ${at}: create it, and grant ${who} Write and Describe on Topic:${topic}`,
      };
    case "INVALID_TOPIC_EXCEPTION":
      return {
        code: "topic_invalid",
        detail: `the brokers ${at} refuse ${topic} as the name of a topic: choose another`,
      };
    case "TOPIC_AUTHORIZATION_FAILED":
      return {
        code: "not_authorised",
        detail: `${who} may not write to topic ${topic} on ${at}: grant the ACL operations Write and Describe on Topic:${topic}`,
      };
    case "CLUSTER_AUTHORIZATION_FAILED":
      return {
        code: "not_authorised",
        detail: `${who} may not write idempotently on ${at}: grant the ACL operation IdempotentWrite on Cluster, and Write and Describe on Topic:${topic}`,
      };
    case "UNSUPPORTED_SASL_MECHANISM":
    case "SASL_AUTHENTICATION_FAILED":
    case "ILLEGAL_SASL_STATE":
      return {
        code: "auth_failed",
        detail: `${at} refused the log-in of ${who}: check sasl.mechanism, username and password`,
      };
    default:
      return names.includes("KafkaJSSASLAuthenticationError")
        ? {
            code: "auth_failed",
            detail: `${at} refused the log-in of ${who}: check sasl.mechanism, username and password`,
          }
        : null;
  }
}

/** The client puts Node's own words for a failed handshake into its message, and its code beside it. */
function readTls(chain: readonly object[], { brokers }: Place): Told | null {
  const unread = chain.find((one) => textOf(one, "path") !== "");
  if (unread !== undefined) return { code: "file_unreadable", detail: textOf(unread, "message") };
  const failed = chain.find(
    (one) =>
      TLS_CODES.test(textOf(one, "code")) || /certificate|SSL alert|wrong version number/i.test(textOf(one, "message")),
  );
  if (failed === undefined) return null;
  const why = textOf(failed, "message").slice(0, 200);
  return { code: "tls_failed", detail: `no TLS with ${brokers.join(",")}: ${why}; check tls.ca, tls.cert and tls.key` };
}

function toChain(error: unknown): object[] {
  const chain: object[] = [];
  for (let one = error; typeof one === "object" && one !== null && chain.length < DEEPEST;) {
    chain.push(one);
    one = (one as { cause?: unknown }).cause;
  }
  return chain;
}

function textOf(from: object, member: string): string {
  const value = (from as Record<string, unknown>)[member];
  return typeof value === "string" ? value : "";
}

/** "SOME_ERROR" as "some_error"; at most 60 characters of letters. */
function toCode(type: string): string {
  const plain = type
    .toLowerCase()
    .replace(/[^a-z]+/g, "_")
    .slice(0, 60);
  return plain === "" || plain === "unknown" ? "send_failed" : plain;
}
