/**
 * The sentence that says why an alert was made, with its numbers. Texts of records appear in it as they stand; whoever
 * prints it to a terminal makes control characters visible.
 */
import type { Member } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import type { Evidence } from "../model/event.ts";
import type { Correlation } from "../sigma/ast.ts";

/** "DeleteTrail from 203.0.113.9 at 2026-03-10T03:12:00Z, denied: AccessDenied". */
export function whySingle(evidence: Evidence, time: string): string {
  const target = evidence.target === "" ? "" : ` on ${evidence.target}`;
  const from = evidence.ip === "" ? "" : ` from ${evidence.ip}`;
  const error = evidence.error === "" ? "" : `, failed with ${evidence.error}`;
  return `${toActionName(evidence.action)}${target}${from} at ${time}${error}`;
}

/** "7 CreateEndpoint in 12 min, limit 5 in 1 h", or "12 different modelId in 12 InvokeModel …"; without a window (a suppressing rule) there is no limit to tell. */
export function whyCounted(
  rule: Correlation,
  found: { count: number; spanMs: number; actions: readonly string[]; values: number | null },
): string {
  const values =
    found.values === null ? "" : `${found.values} different ${rule.fields.map(toLastName).join(" and ")} in `;
  const seen = `${values}${found.count} ${toActionNames(found.actions)} ${toWithin(found.spanMs)}`;
  if (rule.timespanMs === 0) return seen;
  const limits = rule.bounds.map(({ operator, value }) => (operator === "gt" ? `more than ${value}` : `${value}`));
  return `${seen}, limit ${limits.join(" and ")} in ${toSpanText(rule.timespanMs)}`;
}

function toLastName(field: string): string {
  return field.slice(field.lastIndexOf(".") + 1);
}

/** Event times are whole seconds, so no time between them means one second. */
function toWithin(spanMs: number): string {
  return spanMs < 1000 ? "within a second" : `in ${toSpanText(spanMs)}`;
}

/** "ListFoundationModels at …, then PutUseCaseForModelAccess at …, then InvokeModel at …, all within 1 h". */
export function whyOrdered(chain: readonly Member[], rule: Correlation): string {
  const steps = chain.map((member) => `${toActionName(member.action)} at ${toUtcText(member.timeMs)}`);
  return `${steps.join(", then ")}: ${chain.length} steps in order within ${toSpanText(rule.timespanMs)}`;
}

/** "CreateTrail at …, StopLogging at …: 2 of 3 rules within 1 h". */
export function whyTogether(found: readonly Member[], rule: Correlation): string {
  const events = found.map((member) => `${toActionName(member.action)} at ${toUtcText(member.timeMs)}`);
  return `${events.join(", ")}: ${found.length} of ${rule.rules.length} rules within ${toSpanText(rule.timespanMs)}`;
}

/** Most frequent first, at most three named; equal ones by name. */
function toActionNames(actions: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const action of actions) counts.set(toActionName(action), (counts.get(toActionName(action)) ?? 0) + 1);
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
