/**
 * What an item of an input is: a record, an envelope around one, a page's row, or nothing we read.
 *
 * Sources split streams into items (lib/split/split.ts) and ask here what each is, from the keys that were seen and the
 * bytes of one or two values: nothing is parsed. All names by which records and envelopes are told stand in this file.
 * Shapes: the CloudTrail record reference (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html),
 * LookupEvents (…/awscloudtrail/latest/APIReference/API_LookupEvents.html), EventBridge events
 * (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html), GuardDuty GetFindings, whose JSON is camelCase
 * on the wire and PascalCase from some clients.
 */
import { createKeyTable } from "../lib/split/keys.ts";
import type { PlainKeys } from "../lib/split/plain.ts";
import type { ScanKeys } from "../lib/split/scan.ts";
import type { Item } from "../lib/split/types.ts";
import { unescapeText } from "../lib/split/text.ts";
import type { Kind, Reason, SkipReason } from "../model/event.ts";

/** Keys that tell what an item is, in the order of their codes; the first three have the range of their value kept. */
const NAMES = [
  "detail", "detail-type", "CloudTrailEvent", "userIdentity", "source", "account",
  "eventVersion", "eventName", "eventSource", "eventID", "insightDetails",
  "schemaVersion", "service", "type", "SchemaVersion", "Service", "Type",
  "digestStartTime", "digestEndTime", "Records", "Events", "Findings", "findings",
] as const; // prettier-ignore
type Name = (typeof NAMES)[number];

const code = (name: Name): number => NAMES.indexOf(name);
const bits = (...names: Name[]): number => names.reduce((mask, name) => mask | (1 << code(name)), 0);

/** The other keys of CloudTrail records and their userIdentity: a known key is told from its neighbours in half the time. */
const OTHERS = [
  "eventTime", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestParameters",
  "responseElements", "additionalEventData", "requestID", "eventType", "apiVersion", "managementEvent", "readOnly",
  "resources", "recipientAccountId", "serviceEventDetails", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId",
  "eventCategory", "addendum", "sessionCredentialFromConsole", "edgeDeviceDetails", "tlsDetails", "principalId", "arn",
  "accountId", "accessKeyId", "userName", "sessionContext", "invokedBy", "identityProvider", "credentialId",
] as const; // prettier-ignore

/**
 * Fields of a CloudTrail record that are told without parsing it (Batch.glances): its time, and what nearly every rule asks
 * of a call first. Those with a dot stand in its userIdentity.
 */
export const GLANCE_FIELDS = [
  "eventTime", "eventSource", "eventName", "eventType", "errorCode", "userAgent", "sourceIPAddress",
  "userIdentity.type", "userIdentity.arn", "userIdentity.userName", "userIdentity.principalId", "userIdentity.invokedBy",
] as const; // prettier-ignore
const IDENTITY = "userIdentity.";

/** The keys that the split pass looks for. */
export const RECORD_KEYS: ScanKeys = {
  table: createKeyTable(NAMES),
  containers: bits("Records", "Events", "Findings", "findings"),
  payload: code("detail"),
  inner: code("userIdentity"),
  ranged: 3,
};

const PLAIN_NAMES: readonly string[] = [...NAMES, ...OTHERS];
/** The keys of the quick look. Envelopes and containers are left to the pass that knows them. */
export const PLAIN_KEYS: PlainKeys = {
  names: PLAIN_NAMES,
  marks: NAMES.length,
  inner: RECORD_KEYS.inner,
  unusual: RECORD_KEYS.containers | bits("detail", "detail-type", "CloudTrailEvent"),
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

/** A detail-type has at most 128 characters (EventBridge's PutEvents); all of them may be escaped. */
const DETAIL_TYPE_BYTES = 128 * 6 + 2;

/** What becomes of an item. Ranges are in the item's bytes; `escaped` ones hold a text body without its quotes. */
export type Sorted =
  | { readonly is: "record"; readonly kind: Kind; readonly start: number; readonly end: number; readonly depth: number }
  | { readonly is: "escaped"; readonly kind: Kind; readonly start: number; readonly end: number }
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
  const detail = "an object with none of the keys of a CloudTrail record, a GuardDuty finding or an EventBridge event";
  return { is: "rejected", reason: "unknown_kind", detail, kind: "" };
}

/** Kind of a bare record by the keys seen at its top, "" when it is none. */
export function toKind(seen: number): Kind | "" {
  const marks = seen & CLOUDTRAIL;
  if ((marks & (marks - 1)) !== 0) return "cloudtrail";
  const has = (...names: Name[]): boolean => (seen & bits(...names)) !== 0;
  if (has("schemaVersion") && has("service", "type")) return "guardduty";
  if (has("SchemaVersion") && has("Service", "Type")) return "guardduty";
  return "";
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
  if (item.bytes[start] === 0x7b) return { is: "record", kind, start, end, depth: item.scan.deepest - 1 };
  return { is: "rejected", reason: "bad_json", detail: "detail of the envelope is no object", kind };
}

/**
 * Kind of an envelope's record, "" for one without a decoder. "AWS API Call via CloudTrail", "AWS Console Sign In via
 * CloudTrail", "AWS Service Event via CloudTrail", "AWS Insight via CloudTrail" and their like end alike.
 */
function toEnvelopeKind(item: Item): Kind | "" {
  if ((item.scan.seen & bits("detail-type")) === 0) return toKind(item.scan.seenPayload);
  const { start, end } = valueOf(item, "detail-type");
  if (end - start > DETAIL_TYPE_BYTES) return "";
  const plain = Buffer.alloc(end - start);
  const length = unescapeText(item.bytes, { start, end }, plain);
  const text = plain.toString("latin1", 0, Math.max(0, length));
  if (text.endsWith(' via CloudTrail"')) return "cloudtrail";
  return text === '"GuardDuty Finding"' ? "guardduty" : "";
}
