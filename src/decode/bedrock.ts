/**
 * Bedrock's model-invocation log: one record a call of a model, with tokens, model, identity and, where switched on, texts.
 *
 * A role's session is told under the role, as CloudTrail's sessionIssuer is, so that both name the same principal (the log
 * does not have the role's path). Identity is the request's id. Only a readable `timestamp` is required. What people and
 * models said stays in the record: no field of the envelope, and so no alert, has any of it. Pure and total.
 * Shape: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
 */
import type { Arrival, Decoder, Undecodable } from "../contracts.ts";
import { sha256Hex } from "../lib/canonical.ts";
import { ownValue, textAt } from "../lib/json.ts";
import type { Event, EventFlag, JsonObject, Principal } from "../model/event.ts";
import { toName } from "./cloudtrail/principal.ts";
import { toEvidence } from "./evidence.ts";
import { parseRecord } from "./parse.ts";
import { FUTURE_MS, parseEventTime } from "./time.ts";

/** The decoder. Reasons it gives: bad_utf8, bad_json, too_deep, no_event_time, future_event. */
export const bedrockDecoder: Decoder = { kind: "bedrock", decode };

function decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable {
  const parsed = parseRecord(bytes);
  if (!("record" in parsed)) return parsed;
  const { record } = parsed;
  const written = ownValue(record, "timestamp");
  const time = parseEventTime(written);
  const shown =
    written === undefined ? "timestamp is missing" : `timestamp is ${JSON.stringify(written).slice(0, 100)}`;
  if (time === null) return { reason: "no_event_time", detail: shown };
  if (arrival.nowMs !== null && time.timeMs > arrival.nowMs + FUTURE_MS)
    return { reason: "future_event", detail: shown };
  const flags: EventFlag[] = [];
  if (arrival.duplicateKeys) flags.push("duplicate_keys");
  if (time.isLoose) flags.push("loose_time");
  const id = textAt(record, "requestId");
  const key = id === "" ? `sha256:${sha256Hex(bytes)}` : id;
  return {
    provider: "aws",
    kind: "bedrock",
    logsource: "aws/bedrock",
    key,
    eventId: key,
    version: 0,
    timeMs: time.timeMs,
    accountId: textAt(record, "accountId"),
    region: textAt(record, "region"),
    principal: toPrincipal(record),
    evidence: toEvidence({
      action: `bedrock:${textAt(record, "operation")}`,
      ip: "",
      agent: "",
      error: textAt(record, "errorCode"),
      target: textAt(record, "modelId"),
    }),
    flags,
    record,
  };
}

function toPrincipal(record: JsonObject): Principal {
  const arn = textAt(record, "identity", "arn");
  const [, partition, account, role, session] =
    /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([^/]+)\/([^/]*)$/.exec(arn) ?? [];
  if (role !== undefined) {
    const id = `arn:${partition}:iam::${account}:role/${role}`;
    return { id, name: role, kind: "workload", session: session ?? "" };
  }
  const kind = arn.endsWith(":root") ? "root" : arn.includes(":user/") ? "human" : "unknown";
  return { id: arn, name: toName(arn), kind, session: "" };
}
