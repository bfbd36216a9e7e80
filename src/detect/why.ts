/**
 * The sentence that says why an alert was made, with its numbers. Texts of records appear in it as they stand; whoever
 * prints it to a terminal makes control characters visible.
 */
import type { Member } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import { EVENT_COUNT_MAX } from "../model/alert.ts";
import type { Evidence } from "../model/event.ts";
import type { Bound, Correlation } from "../sigma/ast.ts";

/** How a member is spoken of: `alertOf` is the title of the correlation whose alert it is, null for a record. */
export type Named = (member: Member) => { readonly action: string; readonly alertOf: string | null };

/** Events of a window: how many, over how long, and the first of them. */
export type Seen = {
  readonly count: number;
  readonly spanMs: number;
  readonly members: readonly Member[];
  readonly named: Named;
};

/** Values that are told of one by one. */
const VALUES_SHOWN = 3;

/** "DeleteTrail from 203.0.113.9 at 2026-03-10T03:12:00Z, denied: AccessDenied". */
export function whySingle(evidence: Evidence, time: string): string {
  const target = evidence.target === "" ? "" : ` on ${evidence.target}`;
  const from = evidence.ip === "" ? "" : ` from ${evidence.ip}`;
  const error = evidence.error === "" ? "" : `, failed with ${evidence.error}`;
  return `${toActionName(evidence.action)}${target}${from} at ${time}${error}`;
}

/** "7 CreateEndpoint in 12 min, limit 5 in 1 h"; without a window (a suppressing rule) there is no limit to tell. */
export function whyCounted(rule: Correlation, seen: Seen): string {
  const events = toEvents(seen);
  return rule.timespanMs === 0 ? events : `${events}, ${toLimit(rule)}`;
}

/** "12 different modelId in 14 InvokeModel in 12 min, limit 10 in 1 h". */
export function whyDistinct(rule: Correlation, seen: Seen & { readonly value: number }): string {
  return `${seen.value} different ${rule.fields.map(toLastName).join(" and ")} in ${toEvents(seen)}, ${toLimit(rule)}`;
}

/** "usd_per_hour 412.5 summed over 9 RunInstances in 40 min, limit 50 in 1 h". */
export function whyMeasured(rule: Correlation, seen: Seen & { readonly value: number }): string {
  const field = rule.fields.map(toLastName).join(" and ");
  return `${field} ${toNumberText(seen.value)} ${toMeasureName(rule)} ${toEvents(seen)}, ${toLimit(rule)}`;
}

/** "userAgent curl/8.1 2 % of 100 GetObject in 40 min, limit less than 5 % in 1 h". */
export function whyShares(
  rule: Correlation,
  seen: Seen & { readonly shares: readonly (readonly [value: string, share: number])[] },
): string {
  const field = rule.fields.map(toLastName).join(" and ");
  const shown = seen.shares.slice(0, VALUES_SHOWN).map(([value, share]) => `${value} ${toNumberText(share)} %`);
  const more = seen.shares.length > shown.length ? ` and ${seen.shares.length - shown.length} more` : "";
  return `${field} ${shown.join(", ")}${more} of ${toEvents(seen)}, ${toLimit(rule, " %")}`;
}

function toMeasureName({ kind, percentile }: Correlation): string {
  if (kind === "value_sum") return "summed over";
  if (kind === "value_avg") return "on average over";
  return kind === "value_median" ? "in the median of" : `at percentile ${percentile ?? ""} of`;
}

function toEvents({ count, spanMs, members, named }: Seen): string {
  const events = count > EVENT_COUNT_MAX ? `more than ${EVENT_COUNT_MAX}` : String(count);
  return `${events} ${toActionNames(members.map(named))} ${toWithin(spanMs)}`;
}

function toLimit({ bounds, timespanMs }: Correlation, unit = ""): string {
  const limits = bounds.map((bound) => `${toBoundText(bound)}${unit}`);
  return `limit ${limits.join(" and ")} in ${toSpanText(timespanMs)}`;
}

function toBoundText({ operator, value }: Bound): string {
  const text = toNumberText(value);
  switch (operator) {
    case "gte":
      return text;
    case "gt":
      return `more than ${text}`;
    case "lt":
      return `less than ${text}`;
    case "lte":
      return `at most ${text}`;
    case "eq":
      return `exactly ${text}`;
    case "neq":
      return `other than ${text}`;
  }
}

/** Six digits are what a reader takes in; whole numbers stand in full. */
function toNumberText(number: number): string {
  return Number.isSafeInteger(number) ? `${number}` : `${Number(number.toPrecision(6))}`;
}

function toLastName(field: string): string {
  return field.slice(field.lastIndexOf(".") + 1);
}

/** Event times are whole seconds, so no time between them means one second. */
function toWithin(spanMs: number): string {
  return spanMs < 1000 ? "within a second" : `in ${toSpanText(spanMs)}`;
}

/** "ListFoundationModels at …, then PutUseCaseForModelAccess at …: 2 steps in order within 1 h"; "2 of 3 steps" where not all are asked for. */
export function whyOrdered(chain: readonly Member[], rule: Correlation, named: Named): string {
  const all = chain.length === rule.rules.length ? "" : ` of ${rule.rules.length}`;
  const steps = chain.map((member) => toMoment(member, named)).join(", then ");
  return `${steps}: ${chain.length}${all} steps in order within ${toSpanText(rule.timespanMs)}`;
}

/** "CreateTrail at …, StopLogging at …: 2 of 3 rules within 1 h". */
export function whyTogether(found: readonly Member[], rule: Correlation, named: Named): string {
  const events = found.map((member) => toMoment(member, named));
  return `${events.join(", ")}: ${found.length} of ${rule.rules.length} rules within ${toSpanText(rule.timespanMs)}`;
}

function toMoment(member: Member, named: Named): string {
  const { action, alertOf } = named(member);
  return `${alertOf === null ? toActionName(action) : `alert of ${alertOf}`} at ${toUtcText(member.timeMs)}`;
}

/** Most frequent first, at most three named; equal ones by name. */
function toActionNames(named: readonly ReturnType<Named>[]): string {
  const counts = new Map<string, number>();
  for (const { action, alertOf } of named) {
    const name = alertOf === null ? toActionName(action) : `alerts of ${alertOf}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const names = [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
  if (names.length === 0) return "events";
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more actions`;
}

function toActionName(action: string): string {
  return action.slice(action.indexOf(":") + 1) || "event";
}

/** Readable length of time: "45 s", "12 min", "1 h", "2 h 10 min", "3 d". */
export function toSpanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
