/**
 * CloudTrail records of every eventVersion to events: management, data, Insight and network-activity records alike.
 *
 * Only a readable `eventTime` is required. A record that lacks anything else, or has odd values in it, is evaluated as it
 * is: rules see the untouched record. CloudTrail's field names are known here and in rules, nowhere else. Pure and total.
 * Record reference: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
import type { Arrival, Decoder, Undecodable } from "../contracts.ts";
import { sha256Hex } from "../lib/canonical.ts";
import { ownValue, textAt } from "../lib/json.ts";
import type { Event, EventFlag, JsonObject } from "../model/event.ts";
import { toPrincipal } from "./cloudtrail/principal.ts";
import { toTarget } from "./cloudtrail/target.ts";
import { toEvidence } from "./evidence.ts";
import { cloudtrailGlance } from "./glance.ts";
import { parseRecord } from "./parse.ts";
import { FUTURE_MS, parseEventTime } from "./time.ts";

/** The decoder. Reasons it gives: bad_utf8, bad_json, too_deep, no_event_time, future_event, unknown_kind. */
export const cloudtrailDecoder: Decoder = { kind: "cloudtrail", decode, glance: cloudtrailGlance };

function decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable {
  const parsed = parseRecord(bytes, arrival.isPlain);
  if (!("record" in parsed)) return parsed;
  const { record } = parsed;
  if (isStorageNotice(record)) return { reason: "unknown_kind", detail: "an S3 notification, not a CloudTrail record" };
  const time = parseEventTime(ownValue(record, "eventTime"));
  if (time === null) return { reason: "no_event_time", detail: describe("eventTime", ownValue(record, "eventTime")) };
  if (arrival.nowMs !== null && time.timeMs > arrival.nowMs + FUTURE_MS) {
    return { reason: "future_event", detail: describe("eventTime", ownValue(record, "eventTime")) };
  }
  const flags: EventFlag[] = [];
  if (arrival.duplicateKeys) flags.push("duplicate_keys");
  if (time.isLoose) flags.push("loose_time");
  if (Object.hasOwn(record, "addendum")) flags.push("delayed");
  return toEvent(record, bytes, { timeMs: time.timeMs, flags });
}

function toEvent(record: JsonObject, bytes: Uint8Array, known: Pick<Event, "timeMs" | "flags">): Event {
  const identity = ownValue(record, "userIdentity");
  const recipient = textAt(record, "recipientAccountId");
  const eventId = textAt(record, "eventID");
  const key = eventId === "" ? `sha256:${sha256Hex(bytes)}` : toKey(recipient, eventId);
  return {
    provider: "aws",
    kind: "cloudtrail",
    logsource: "aws/cloudtrail",
    key,
    eventId: eventId || key,
    version: 0,
    timeMs: known.timeMs,
    accountId: recipient || textAt(identity, "accountId"),
    region: textAt(record, "awsRegion"),
    principal: toPrincipal(identity),
    evidence: toEvidence({
      action: toAction(record),
      ip: textAt(record, "sourceIPAddress"),
      agent: textAt(record, "userAgent"),
      // A failed ConsoleLogin has a message and no code.
      error: textAt(record, "errorCode") || textAt(record, "errorMessage"),
      target: toTarget(record),
    }),
    flags: known.flags,
    record,
  };
}

/**
 * Identity of a record: "ACCOUNT/EVENT-ID". The same eventID with another recipient is another record (cross-account
 * calls). An account is digits; whatever else it holds is escaped, so that no two pairs give one key.
 */
function toKey(recipient: string, eventId: string): string {
  return `${recipient.replace(/[%/]/g, encodeURIComponent)}/${eventId}`;
}

/** "service:Call"; of an Insight record, the call it is about. */
function toAction(record: JsonObject): string {
  const insight = ownValue(record, "insightDetails");
  const source = textAt(record, "eventSource") || textAt(insight, "eventSource");
  const name = textAt(record, "eventName") || textAt(insight, "eventName");
  return `${source.replace(/\.amazonaws\.com(?:\.cn)?$/, "")}:${name}`;
}

/** S3 event notifications look much like records: eventVersion, eventTime, eventSource "aws:s3". */
function isStorageNotice(record: JsonObject): boolean {
  return textAt(record, "eventSource") === "aws:s3" && ownValue(record, "s3") !== undefined;
}

/** One line on a field that is missing or wrong. */
function describe(field: string, value: unknown): string {
  return value === undefined ? `${field} is missing` : `${field} is ${JSON.stringify(value).slice(0, 100)}`;
}
