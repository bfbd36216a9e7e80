/**
 * Costs to events: rows of Cost Explorer's GetCostAndUsage, and anomalies of Cost Anomaly Detection, whichever way they come.
 *
 * A row is what the source `cost` makes of one group of one period: `TimePeriod`, `Granularity`, `Estimated`, `Dimensions`
 * (SERVICE, LINKED_ACCOUNT …, a tag as TAG:NAME), `Metrics` as AWS wrote them (amounts are texts), `Earlier` (the highest
 * UnblendedCost of the `Periods` before it) and `RetrievedAt`. AWS changes its figures for weeks, so a row is known by its
 * period and dimensions, and its version is when it was retrieved. An anomaly comes from GetAnomalies with `RetrievedAt`,
 * in an EventBridge envelope, or bare as SNS sends it: its id is its identity, the time at which AWS said it its version,
 * and the event's record is always as GetAnomalies spells it, so that one rule meets all and one anomaly is one alert.
 * Event time is the start of the period, or of the anomaly. Pure and total. Shapes:
 * https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html, …/API_Anomaly.html and
 * https://docs.aws.amazon.com/cost-management/latest/userguide/cad-eventbridge.html
 */
import type { Arrival, Decoder, Undecodable } from "../contracts.ts";
import { canonicalJson } from "../lib/canonical.ts";
import { isObject, ownValue, textAt } from "../lib/json.ts";
import type { Event, Json, JsonObject, Principal } from "../model/event.ts";
import { toEvidence } from "./evidence.ts";
import { parseRecord } from "./parse.ts";
import { FUTURE_MS, parseEventTime } from "./time.ts";

/** The decoder. Reasons it gives: bad_utf8, bad_json, too_deep, schema, no_event_time, future_event. */
export const costDecoder: Decoder = { kind: "cost", decode };

/** Costs name nobody. */
const NOBODY: Principal = { id: "", name: "", kind: "unknown", session: "" };

type Facts = Pick<Event, "key" | "eventId" | "version" | "accountId" | "region" | "record"> & {
  readonly time: unknown;
  readonly action: string;
  readonly target: string;
};

function decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable {
  const parsed = parseRecord(bytes);
  if (!("record" in parsed)) return parsed;
  const facts = isObject(ownValue(parsed.record, "Metrics")) ? toRow(parsed.record) : toAnomaly(parsed.record);
  if ("reason" in facts) return facts;
  const { time: written, action, target, ...identity } = facts;
  const timeMs = parseDay(written);
  const shown = `the time of the costs is ${JSON.stringify(written ?? null).slice(0, 100)}`;
  if (timeMs === null) return { reason: "no_event_time", detail: shown };
  const { nowMs } = arrival;
  if (nowMs !== null && Math.max(timeMs, identity.version) > nowMs + FUTURE_MS)
    return { reason: "future_event", detail: shown };
  return {
    provider: "aws",
    kind: "cost",
    logsource: "aws/cost",
    timeMs,
    principal: NOBODY,
    evidence: toEvidence({ action, ip: "", agent: "", error: "", target }),
    flags: arrival.duplicateKeys ? ["duplicate_keys"] : [],
    ...identity,
  };
}

/** Epoch ms of a day, or of an hour as Cost Explorer writes it. */
function parseDay(text: unknown): number | null {
  const isDay = typeof text === "string" && /^\d{4}-\d\d-\d\d$/.test(text);
  return parseEventTime(isDay ? `${text}T00:00:00Z` : text)?.timeMs ?? null;
}

function toRow(record: JsonObject): Facts | Undecodable {
  const dimensions = ownValue(record, "Dimensions");
  const retrieved = parseEventTime(ownValue(record, "RetrievedAt"));
  if (!isObject(dimensions)) return { reason: "schema", detail: "the costs have no Dimensions" };
  if (retrieved === null) return { reason: "schema", detail: "the costs do not say when they were retrieved" };
  const time = ownValue(ownValue(record, "TimePeriod"), "Start");
  const named = Object.entries(dimensions).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const payer = textAt(record, "AccountId");
  const account = textAt(dimensions, "LINKED_ACCOUNT");
  const cost = ownValue(ownValue(record, "Metrics"), "UnblendedCost");
  const unit = textAt(cost, "Unit");
  const earlier = ownValue(record, "Earlier");
  const before =
    earlier === undefined
      ? ""
      : `, at most ${toShort(ownValue(earlier, "Highest"))} in the ${String(ownValue(earlier, "Periods"))} before`;
  const span = textAt(record, "Granularity") === "HOURLY" ? "an hour" : "a day";
  return {
    time,
    key: canonicalJson([time, named, account === "" ? payer : ""]),
    eventId: [time, ...named.map(([name, value]) => `${name}=${String(value)}`)].join(" "),
    version: retrieved.timeMs,
    accountId: account || payer,
    region: textAt(dimensions, "REGION"),
    action: `ce:${toShort(ownValue(cost, "Amount"))} ${unit} in ${span}${before}`,
    target: named
      .filter(([name]) => name !== "LINKED_ACCOUNT" && name !== "REGION")
      .map(([, value]) => String(value))
      .join(", "),
    record,
  };
}

/** An amount as people read it: nobody wants a new revision for a thousandth of a cent. */
function toShort(amount: unknown): string {
  const number = Number(amount);
  if (Number.isNaN(number)) return "?";
  return number.toFixed(Math.abs(number) >= 10 ? 0 : 2);
}

function toAnomaly(record: JsonObject): Facts | Undecodable {
  const detail = ownValue(record, "detail");
  const isEnvelope = isObject(detail);
  const anomaly = toPascalObject(isEnvelope ? (detail as JsonObject) : record);
  const id = textAt(anomaly, "AnomalyId");
  if (id === "") return { reason: "schema", detail: "the anomaly has no id" };
  const [start, end] = [ownValue(anomaly, "AnomalyStartDate"), ownValue(anomaly, "AnomalyEndDate")];
  const said = isEnvelope ? ownValue(record, "time") : ownValue(anomaly, "RetrievedAt");
  // SNS does not say when: the days that the anomaly covers grow with it, and are older than any retrieval.
  const version = parseEventTime(said)?.timeMs ?? parseDay(end) ?? parseDay(start) ?? 0;
  const causes = ownValue(anomaly, "RootCauses");
  const cause: unknown = Array.isArray(causes) ? causes[0] : undefined;
  const impact = ownValue(anomaly, "Impact");
  const percent = ownValue(impact, "TotalImpactPercentage");
  const share = typeof percent === "number" ? ` (${Math.round(percent)} % more than expected)` : "";
  return {
    time: start ?? end,
    key: id,
    eventId: id,
    version,
    accountId: textAt(cause, "LinkedAccount") || toOwner(anomaly, record),
    region: textAt(cause, "Region"),
    action: `ce:cost anomaly of ${toShort(ownValue(impact, "TotalImpact"))} USD${share}`,
    target: textAt(cause, "UsageType") || textAt(cause, "Service") || textAt(anomaly, "DimensionValue"),
    record: anomaly,
  };
}

/** The account that has the monitor, by whichever way the anomaly came. */
function toOwner(anomaly: JsonObject, record: JsonObject): string {
  const [, account = ""] = /^arn:[a-z-]+:ce::(\d{12}):/.exec(textAt(anomaly, "MonitorArn")) ?? [];
  return account || textAt(anomaly, "AccountId") || textAt(record, "account");
}

/** Spells keys as the API does: `anomalyId` is `AnomalyId`; SNS and EventBridge name the dimension's value in two ways. */
function toPascalObject(record: JsonObject): JsonObject {
  // fromEntries defines properties, so that a key __proto__ stays a key.
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [toPascalKey(key), toPascal(value)]));
}

function toPascal(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(toPascal);
  return isObject(value) ? toPascalObject(value) : value;
}

function toPascalKey(key: string): string {
  if (key === "dimensionalValue" || key === "DimensionalValue") return "DimensionValue";
  return /^[a-z]/.test(key) ? key.charAt(0).toUpperCase() + key.slice(1) : key;
}
