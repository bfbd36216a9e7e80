/**
 * What an error of the Kafka client means, as far as sink and source read it alike.
 *
 * The client's own `retriable` says little: a plain outage comes as not retriable. The broker's word stands in `type`, of
 * the error or of one of its causes; else the name tells. Pure.
 */

/** What messages name: what is done there, with which topics, and as whom. */
export type KafkaAccess = {
  readonly brokers: readonly string[];
  /** Null: no name is known. */
  readonly user: string | null;
  /** "topic x", or several. */
  readonly topic: string;
  readonly does: "write to" | "read";
  /** ACL operations that are needed on it, as a sentence goes on behind "grant". */
  readonly grants: string;
  /** What to check when the log-in is refused. Default: mechanism, username and password. */
  readonly login?: string;
};

/** What a person must do, where waiting alone will not help. */
export type Told = {
  readonly code:
    | "topic_missing"
    | "topic_invalid"
    | "not_authorised"
    | "auth_failed"
    | "tls_failed"
    | "file_unreadable";
  readonly detail: string;
};

/** The broker's word (`type`, empty where there is none), all names, and what to tell a person. */
export type KafkaTrouble = { readonly type: string; readonly names: readonly string[]; readonly told: Told | null };

const TLS_CODES = /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/;
/** Words of the client and of Node for a connection that ended. */
const CUT_OFF =
  /closed connection|connection (was )?(closed|given up)|not connected|timed out|ECONN|EPIPE|socket hang/i;
const DEEPEST = 6;

/** Reads an error. */
export function readTrouble(error: unknown, access: KafkaAccess): KafkaTrouble {
  const chain = toChain(error);
  const type = chain.map((one) => textOf(one, "type")).find((text) => text !== "") ?? "";
  const names = chain.map((one) => textOf(one, "name"));
  const told = readPermission(type, access) ?? readLogin(chain, access) ?? readTls(chain, access);
  return { type, names, told };
}

/** True where no connection could be made or held, by the names of an error. */
export function isUnreachable(names: readonly string[]): boolean {
  return names.some((name) => name.startsWith("KafkaJSConnection"));
}

/** "SOME_ERROR" as "some_error"; at most 60 characters of letters. Empty where there is no word. */
export function toCode(type: string): string {
  const plain = type
    .toLowerCase()
    .replace(/[^a-z]+/g, "_")
    .slice(0, 60);
  return plain === "unknown" ? "" : plain;
}

function readPermission(type: string, access: KafkaAccess): Told | null {
  const { topic, brokers, user, does, grants } = access;
  const who = toWho(user);
  const at = brokers.join(",");
  switch (type) {
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return {
        code: "topic_missing",
        detail: `${topic} does not exist on ${at}: create it, and grant ${who} ${grants}`,
      };
    case "INVALID_TOPIC_EXCEPTION":
      return {
        code: "topic_invalid",
        detail: `the brokers ${at} refuse ${topic.replace(/^topics? /, "")} as the name of a topic: choose another`,
      };
    case "TOPIC_AUTHORIZATION_FAILED":
    case "GROUP_AUTHORIZATION_FAILED":
      return {
        code: "not_authorised",
        detail: `${who} may not ${does} ${topic} on ${at}: grant the ACL operations ${grants}`,
      };
    case "CLUSTER_AUTHORIZATION_FAILED":
      return {
        code: "not_authorised",
        detail: `${who} may not write idempotently on ${at}: grant the ACL operation IdempotentWrite on Cluster, and ${grants}`,
      };
    case "UNSUPPORTED_SASL_MECHANISM":
    case "SASL_AUTHENTICATION_FAILED":
    case "ILLEGAL_SASL_STATE":
      return toRefusedLogin(access);
    default:
      return null;
  }
}

/** A connection that ended within the log-in bears the same name as a log-in that was refused. */
function readLogin(chain: readonly object[], access: KafkaAccess): Told | null {
  const failed = chain.find((one) => textOf(one, "name") === "KafkaJSSASLAuthenticationError");
  return failed === undefined || CUT_OFF.test(textOf(failed, "message")) ? null : toRefusedLogin(access);
}

function toRefusedLogin({ brokers, user, login = "check sasl.mechanism, username and password" }: KafkaAccess): Told {
  const who = toWho(user);
  return { code: "auth_failed", detail: `${brokers.join(",")} refused the log-in of ${who}: ${login}` };
}

function toWho(user: string | null): string {
  return user === null ? "Sagewatch's principal" : `User:${user}`;
}

/** The client puts Node's own words for a failed handshake into its message, and its code beside it. */
function readTls(chain: readonly object[], { brokers }: KafkaAccess): Told | null {
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
