/**
 * EventBridge envelopes that are events themselves: Security Hub findings, state changes of SageMaker and Bedrock, alerts
 * of Cost Anomaly Detection. Rules read the envelope as it came, `detail` included (logsource aws/eventbridge).
 *
 * Its identity is the envelope's id, which AWS keeps when it delivers again. Only a readable `time` is required. Pure and
 * total. Shape: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
 */
import type { Arrival, Decoder, Undecodable } from "../contracts.ts";
import { sha256Hex } from "../lib/canonical.ts";
import { ownValue, textAt } from "../lib/json.ts";
import type { Event, EventFlag, Principal } from "../model/event.ts";
import { toEvidence } from "./evidence.ts";
import { parseRecord } from "./parse.ts";
import { FUTURE_MS, type ParsedTime, parseEventTime } from "./time.ts";

/** The decoder. Reasons it gives: bad_utf8, bad_json, too_deep, no_event_time, future_event. */
export const eventbridgeDecoder: Decoder = { kind: "eventbridge", decode };

/** An envelope names no principal. */
const NOBODY: Principal = { id: "", name: "", kind: "unknown", session: "" };

function decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable {
  const parsed = parseRecord(bytes);
  if (!("record" in parsed)) return parsed;
  const { record } = parsed;
  const written = ownValue(record, "time");
  const time = parseTime(written);
  const shown = written === undefined ? "time is missing" : `time is ${JSON.stringify(written).slice(0, 100)}`;
  if (time === null) return { reason: "no_event_time", detail: shown };
  if (arrival.nowMs !== null && time.timeMs > arrival.nowMs + FUTURE_MS)
    return { reason: "future_event", detail: shown };
  const flags: EventFlag[] = [];
  if (arrival.duplicateKeys) flags.push("duplicate_keys");
  if (time.isLoose) flags.push("loose_time");
  const id = textAt(record, "id");
  const key = id === "" ? `sha256:${sha256Hex(bytes)}` : id;
  const resources = ownValue(record, "resources");
  const first: unknown = Array.isArray(resources) ? resources[0] : undefined;
  return {
    provider: "aws",
    kind: "eventbridge",
    logsource: "aws/eventbridge",
    key,
    eventId: key,
    version: 0,
    timeMs: time.timeMs,
    accountId: textAt(record, "account"),
    region: textAt(record, "region"),
    principal: NOBODY,
    evidence: toEvidence({
      action: `${textAt(record, "source").replace(/^aws\./, "")}:${textAt(record, "detail-type")}`,
      ip: "",
      agent: "",
      error: "",
      target: typeof first === "string" ? first : "",
    }),
    flags,
    record,
  };
}

/** SageMaker has written epoch milliseconds as a text. */
function parseTime(written: unknown): ParsedTime | null {
  if (typeof written === "string" && /^\d{13}$/.test(written)) return { timeMs: Number(written), isLoose: false };
  return parseEventTime(written);
}
