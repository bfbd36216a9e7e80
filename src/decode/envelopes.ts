/**
 * What an item of an input is: a record, an envelope around one, a page's row, or nothing we read.
 *
 * Sources split streams into items (lib/split/split.ts) and ask here what each is, from the keys that were seen and the
 * bytes of one or two values: nothing is parsed. All names by which records and envelopes are told stand in this file.
 * Shapes: the CloudTrail record reference (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html),
 * LookupEvents (…/awscloudtrail/latest/APIReference/API_LookupEvents.html), EventBridge events
 * (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html), GuardDuty GetFindings, whose JSON is camelCase
 * on the wire and PascalCase from some clients, and what CloudWatch Logs hands to a subscription
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html).
 */
import { createKeyTable } from "../lib/split/keys.ts";
import type { PlainKeys } from "../lib/split/plain.ts";
import type { ScanKeys } from "../lib/split/scan.ts";
import type { Item } from "../lib/split/types.ts";
import { unescapeText } from "../lib/split/text.ts";
import type { Kind, Reason, SkipReason } from "../model/event.ts";

/** Keys that tell what an item is, in the order of their codes; the first six have the range of their value kept. */
const NAMES = [
  "detail", "detail-type", "CloudTrailEvent", "source", "Message", "message", "userIdentity", "account", "TopicArn",
  "eventVersion", "eventName", "eventSource", "eventID", "insightDetails",
  "schemaVersion", "service", "type", "SchemaVersion", "Service", "Type",
  "digestStartTime", "digestEndTime", "Records", "Events", "Findings", "findings", "logEvents", "schemaType",
  "modelId", "RetrievedAt", "anomalyId",
] as const; // prettier-ignore
type Name = (typeof NAMES)[number];

const code = (name: Name): number => NAMES.indexOf(name);
const bits = (...names: Name[]): number => names.reduce((mask, name) => mask | (1 << code(name)), 0);

/** The other keys of CloudTrail records and their userIdentity: a known key is told from its neighbours in half the time. */
const OTHERS = [
  "eventTime", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestParameters",
  "responseElements", "additionalEventData", "requestID", "eventType", "apiVersion", "managementEvent", "readOnly",
  "resources", "recipientAccountId", "serviceEventDetails", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId",
  "eventCategory", "addendum", "sessionCredentialFromConsole", "tlsDetails", "principalId", "arn",
  "accountId", "accessKeyId", "userName", "sessionContext", "invokedBy", "identityProvider", "credentialId",
] as const; // prettier-ignore

/**
 * Fields of a CloudTrail record that are told without parsing it (Batch.glances): its time, and what nearly every rule asks
 * of a call first. Those with a dot stand in its userIdentity.
 */
export const GLANCE_FIELDS = [
  "eventTime", "eventSource", "eventName", "eventType", "errorCode", "userAgent", "sourceIPAddress", "readOnly", "requestParameters",
  "userIdentity.type", "userIdentity.arn", "userIdentity.userName", "userIdentity.principalId", "userIdentity.invokedBy",
  "userIdentity.accessKeyId",
] as const; // prettier-ignore
/**
 * Lists of these in which records are often alike, and are numbered by (model/glance.ts): what most rules ask
 * first, and the two fields by which rules look for a caller, whatever was called.
 */
export const GLANCE_NUMBERED: readonly (readonly (typeof GLANCE_FIELDS)[number][])[] = [
  ["eventSource", "eventName", "userIdentity.type", "errorCode"],
  ["userAgent"],
  ["userIdentity.arn"],
];
/** Numbers in a row of glances: pairs, who numbered, numbers. */
export const GLANCE_WIDTH: number = 2 * GLANCE_FIELDS.length + 1 + GLANCE_NUMBERED.length;
const IDENTITY = "userIdentity.";

/** The keys that the split pass looks for. */
export const RECORD_KEYS: ScanKeys = {
  table: createKeyTable(NAMES),
  containers: bits("Records", "Events", "Findings", "findings", "logEvents"),
  payload: code("detail"),
  inner: code("userIdentity"),
  ranged: 6,
};

const PLAIN_NAMES: readonly string[] = [...NAMES, ...OTHERS];
/** The keys of the quick look. Envelopes and containers are left to the pass that knows them. */
export const PLAIN_KEYS: PlainKeys = {
  names: PLAIN_NAMES,
  marks: NAMES.length,
  inner: RECORD_KEYS.inner,
  unusual: RECORD_KEYS.containers | bits("detail", "detail-type", "CloudTrailEvent", "message"),
  placed: {
    item: GLANCE_FIELDS.filter((field) => !field.startsWith(IDENTITY)).map((field) => PLAIN_NAMES.indexOf(field)),
    inner: GLANCE_FIELDS.filter((field) => field.startsWith(IDENTITY)).map((field) =>
      PLAIN_NAMES.indexOf(field.slice(IDENTITY.length)),
    ),
  },
};

/** Marks of a CloudTrail record; two of them tell one, so that a trimmed record is still known. */
const CLOUDTRAIL = bits("eventVersion", "eventName", "eventSource", "eventID", "userIdentity", "insightDetails");
const DIGEST = bits("digestStartTime", "digestEndTime");
const DETAIL = bits("detail");
const ENVELOPE = bits("detail-type", "source", "account");
const ROW = bits("CloudTrailEvent");
const LOGGED = bits("message");

/**
 * Services whose envelopes are events themselves: findings of Security Hub, state changes of SageMaker and Bedrock, what
 * Cost Explorer says beside anomalies (https://docs.aws.amazon.com/eventbridge/latest/ref/events.html). Others say nothing
 * about security, or say it in CloudTrail as well.
 */
const EVENT_SOURCES = new Set(["aws.securityhub", "aws.sagemaker", "aws.bedrock", "aws.ce"]);
const NOTIFICATION = bits("Message", "TopicArn", "Type");

/** A detail-type has at most 128 characters (EventBridge's PutEvents); all of them may be escaped. */
const DETAIL_TYPE_BYTES = 128 * 6 + 2;

/**
 * What becomes of an item. Ranges are in the item's bytes; `escaped` and `logged` ones hold a text body without its quotes.
 * `logged`: a log event, whose message is an item by itself.
 */
export type Sorted =
  | { readonly is: "record"; readonly kind: Kind; readonly start: number; readonly end: number; readonly depth: number }
  | { readonly is: "escaped"; readonly kind: Kind; readonly start: number; readonly end: number }
  | { readonly is: "logged"; readonly start: number; readonly end: number }
  | { readonly is: "skipped"; readonly reason: SkipReason }
  | { readonly is: "rejected"; readonly reason: Reason; readonly detail: string; readonly kind: Kind | "" };

/** Tells what an item is. Pure and total. */
export function sortItem(item: Item): Sorted {
  const { scan, start, end } = item;
  const kind = toKind(scan.seen);
  if (kind !== "") return { is: "record", kind, start, end, depth: scan.deepest };
  if (isDigest(scan.seen)) return { is: "skipped", reason: "digest_file" };
  if ((scan.seen & ROW) !== 0) return sortRow(item);
  if ((scan.seen & DETAIL) !== 0 && (scan.seen & ENVELOPE) !== 0) return sortEnvelope(item);
  if ((scan.seen & LOGGED) !== 0) {
    const text = valueOf(item, "message");
    if (item.bytes[text.start] === 0x22) return { is: "logged", start: text.start + 1, end: text.end - 1 };
  }
  const detail =
    "an object with none of the keys of a CloudTrail record, a GuardDuty finding, a model-invocation log, a row of costs or an EventBridge event";
  return { is: "rejected", reason: "unknown_kind", detail, kind: "" };
}

/** Kind of a bare record by the keys seen at its top, "" when it is none. */
export function toKind(seen: number): Kind | "" {
  const marks = seen & CLOUDTRAIL;
  if ((marks & (marks - 1)) !== 0) return "cloudtrail";
  const has = (...names: Name[]): boolean => (seen & bits(...names)) !== 0;
  if (has("schemaType") && has("modelId")) return "bedrock";
  if (has("RetrievedAt", "anomalyId")) return "cost";
  if (has("schemaVersion") && has("service", "type")) return "guardduty";
  if (has("SchemaVersion") && has("Service", "Type")) return "guardduty";
  return "";
}

const CONTROL = Buffer.from("CWL CONTROL MESSAGE");

/** Whether the text of a log event is what CloudWatch Logs sends to try whether a subscription's target can be reached. */
export function isControlText(bytes: Uint8Array): boolean {
  return CONTROL.equals(bytes.subarray(0, CONTROL.length));
}

/** A digest file lists log files (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html). */
export function isDigest(seen: number): boolean {
  return (seen & DIGEST) === DIGEST;
}

function valueOf(item: Item, name: Name): { start: number; end: number } {
  const at = code(name) * 2;
  const start = item.start + (item.scan.ranges[at] as number);
  let end = item.start + (item.scan.ranges[at + 1] as number);
  while (end > start && (item.bytes[end - 1] as number) <= 0x20) end -= 1;
  return { start, end };
}

function sortRow(item: Item): Sorted {
  const { start, end } = valueOf(item, "CloudTrailEvent");
  if (item.bytes[start] === 0x22) return { is: "escaped", kind: "cloudtrail", start: start + 1, end: end - 1 };
  return { is: "rejected", reason: "bad_json", detail: "CloudTrailEvent is no text", kind: "cloudtrail" };
}

function sortEnvelope(item: Item): Sorted {
  const kind = toEnvelopeKind(item);
  if (kind === "") return { is: "skipped", reason: "envelope" };
  const { start, end } = valueOf(item, "detail");
  // The time of an anomaly stands in its envelope only.
  if (kind === "eventbridge" || kind === "cost")
    return { is: "record", kind, start: item.start, end: item.end, depth: item.scan.deepest };
  if (item.bytes[start] === 0x7b) return { is: "record", kind, start, end, depth: item.scan.deepest - 1 };
  return { is: "rejected", reason: "bad_json", detail: "detail of the envelope is no object", kind };
}

/**
 * Kind of an envelope's record, "" for one without a decoder. "AWS API Call via CloudTrail", "AWS Console Sign In via
 * CloudTrail", "AWS Service Event via CloudTrail", "AWS Insight via CloudTrail" and their like end alike.
 */
function toEnvelopeKind(item: Item): Kind | "" {
  if ((item.scan.seen & bits("detail-type")) === 0) return toKind(item.scan.seenPayload);
  const type = textOf(item, "detail-type");
  if (type.endsWith(" via CloudTrail")) return "cloudtrail";
  if (type === "GuardDuty Finding") return "guardduty";
  const source = textOf(item, "source");
  if (type === "Anomaly Detected" && source === "aws.ce") return "cost";
  return EVENT_SOURCES.has(source) ? "eventbridge" : "";
}

/** A short text of an item, "" when it is none or too long. */
function textOf(item: Item, name: Name): string {
  if ((item.scan.seen & bits(name)) === 0) return "";
  const { start, end } = valueOf(item, name);
  if (end - start > DETAIL_TYPE_BYTES || item.bytes[start] !== 0x22) return "";
  const plain = Buffer.alloc(end - start);
  const length = unescapeText(item.bytes, { start: start + 1, end: end - 1 }, plain);
  return plain.toString("latin1", 0, Math.max(0, length));
}

/**
 * The range of the escaped message, without its quotes, when an item is what SNS wraps around one on its way to a queue
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html); else null.
 */
export function snsMessage(item: Item): { readonly start: number; readonly end: number } | null {
  if ((item.scan.seen & NOTIFICATION) !== NOTIFICATION) return null;
  const { start, end } = valueOf(item, "Message");
  return item.bytes[start] === 0x22 ? { start: start + 1, end: end - 1 } : null;
}
