/**
 * Where the condition of a correlation holds: for a time range, the event times t at which the closed window [t − W, t]
 * meets it.
 *
 * event_count slides two indexes over the members; value_count and temporal slide a count of the distinct values or rules
 * along. temporal_ordered keeps, for each step, the latest possible start of a
 * chain that has come so far; a chain holds at an event of the last step when its start is inside the window. Both pass
 * once over the members, whatever the rule. Events of one second count as in order either way (CloudTrail has whole
 * seconds), so all members of one time are taken together, and one event never serves two steps.
 */
import type { Member } from "../contracts.ts";
import type { Bound, Correlation } from "../sigma/ast.ts";
import { countEchoes, type Group, lowerBound, toIdentity, upperBound } from "./group.ts";

/** Closed range of event time, epoch ms. */
type Range = { readonly fromMs: number; readonly toMs: number };

/** The times t in `range` at which the condition of `rule` holds, ascending. Do not change the group meanwhile. */
export function holdingTimes(group: Group, rule: Correlation, range: Range): Iterable<number> {
  return rule.kind === "temporal_ordered" ? orderedTimes(group.members, rule, range) : countedTimes(group, rule, range);
}

function* countedTimes(group: Group, rule: Correlation, range: Range): Generator<number> {
  const { members } = group;
  let at = lowerBound(members, range.fromMs);
  if (at === members.length) return;
  let left = lowerBound(members, (members[at] as Member).timeMs - rule.timespanMs);
  const counter = createCounter(group, rule);
  if (counter !== null) for (let i = left; i < at; i += 1) counter.add(members[i] as Member);
  while (at < members.length) {
    const timeMs = (members[at] as Member).timeMs;
    if (timeMs > range.toMs) return;
    for (; at < members.length && (members[at] as Member).timeMs === timeMs; at += 1)
      counter?.add(members[at] as Member);
    for (; (members[left] as Member).timeMs < timeMs - rule.timespanMs; left += 1)
      counter?.remove(members[left] as Member);
    const count = counter?.size() ?? at - left - countEchoes(group, { fromMs: timeMs - rule.timespanMs, toMs: timeMs });
    if (holds(count, rule)) yield timeMs;
  }
}

/** What a rule counts once; null for events of which each stands at one time only: their indexes are count enough. */
function toCounted(group: Group, { kind }: Correlation): ((member: Member) => string | number) | null {
  if (kind === "value_count") return (member) => member.value ?? "";
  if (kind === "temporal") return (member) => member.step;
  return group.spread === 0 ? null : toIdentity;
}

/** Counts what is distinct in a sliding window; null when nothing needs to be kept for that. */
function createCounter(
  group: Group,
  rule: Correlation,
): { add(member: Member): void; remove(member: Member): void; size(): number } | null {
  const counted = toCounted(group, rule);
  if (counted === null) return null;
  const counts = new Map<string | number, number>();
  return {
    add: (member) => void counts.set(counted(member), (counts.get(counted(member)) ?? 0) + 1),
    remove: (member) => {
      const left = (counts.get(counted(member)) ?? 0) - 1;
      if (left > 0) counts.set(counted(member), left);
      else counts.delete(counted(member));
    },
    size: () => counts.size,
  };
}

/** A temporal rule without a condition wants every one of its rules. */
function holds(count: number, { kind, bounds, rules }: Correlation): boolean {
  return kind === "temporal" && bounds.length === 0 ? count === new Set(rules).size : meetsBounds(count, bounds);
}

/** True when `value` meets all bounds. */
export function meetsBounds(value: number, bounds: readonly Bound[]): boolean {
  return bounds.every(({ operator, value: limit }) => {
    switch (operator) {
      case "gt":
        return value > limit;
      case "gte":
        return value >= limit;
      case "lt":
        return value < limit;
      case "lte":
        return value <= limit;
      case "eq":
        return value === limit;
      case "neq":
        return value !== limit;
    }
  });
}

function* orderedTimes(members: readonly Member[], rule: Correlation, range: Range): Generator<number> {
  const steps = rule.rules.length;
  // starts[k] = latest start of a chain over steps 0..k−1; starts[0] is set to each time itself: a chain may begin there.
  const starts = new Float64Array(steps + 1).fill(-Infinity);
  // No chain that ends in the range begins before its first window.
  let at = lowerBound(members, range.fromMs - rule.timespanMs);
  while (at < members.length) {
    const timeMs = (members[at] as Member).timeMs;
    if (timeMs > range.toMs) return;
    const end = upperBoundFrom(members, at);
    const done = extendChains(members.slice(at, end), starts, timeMs);
    if (done && timeMs >= range.fromMs && (starts[steps] as number) >= timeMs - rule.timespanMs) yield timeMs;
    at = end;
  }
}

function upperBoundFrom(members: readonly Member[], at: number): number {
  let end = at + 1;
  const timeMs = (members[at] as Member).timeMs;
  while (end < members.length && (members[end] as Member).timeMs === timeMs) end += 1;
  return end;
}

/**
 * Extends every chain by the members of one time, which may serve consecutive steps in any order, each event once.
 * Returns true when a chain can end here, at an event of the last step; starts[steps] is then its latest start
 * (that of a chain completed before is never later, since starts[steps − 1] only grows).
 */
function extendChains(together: readonly Member[], starts: Float64Array, timeMs: number): boolean {
  const steps = starts.length - 1;
  const before = Float64Array.from(starts);
  before[0] = timeMs;
  const present = new Set(together.map((member) => member.step));
  let done = false;
  for (let first = 0; first < steps; first += 1) {
    if (before[first] === -Infinity) continue;
    for (let last = first; last < steps && present.has(last); last += 1) {
      if (!canServe(together, first, last)) break;
      starts[last + 1] = Math.max(starts[last + 1] as number, before[first] as number);
      if (last === steps - 1) done = true;
    }
  }
  return done;
}

/** True when steps first..last can each have an event of their own among `together` (bipartite matching; a handful of each). */
export function canServe(together: readonly Member[], first: number, last: number): boolean {
  if (first === last) return true;
  const stepOf = new Map<string, number>();
  const tryStep = (step: number, tried: Set<string>): boolean => {
    for (const member of together) {
      const identity = toIdentity(member);
      if (member.step !== step || tried.has(identity)) continue;
      tried.add(identity);
      const other = stepOf.get(identity);
      if (other === undefined || tryStep(other, tried)) {
        stepOf.set(identity, step);
        return true;
      }
    }
    return false;
  };
  for (let step = first; step <= last; step += 1) if (!tryStep(step, new Set())) return false;
  return true;
}

/** For a temporal rule: the latest event of each of its rules in the window that ends at `endMs`, by total order. */
export function findSet(members: readonly Member[], rule: Correlation, endMs: number): Member[] {
  const window = members.slice(lowerBound(members, endMs - rule.timespanMs), upperBound(members, endMs));
  const last = new Map(window.map((member) => [member.step, member]));
  return window.filter((member) => last.get(member.step) === member);
}

/**
 * One satisfying chain that ends at `endMs`, an event a step in order, for the sentence that explains the alert: the one
 * with the latest start, and of equal ones the first by total order. Empty when none ends there.
 */
export function findChain(members: readonly Member[], rule: Correlation, endMs: number): Member[] {
  const steps = rule.rules.length;
  const from = lowerBound(members, endMs - rule.timespanMs);
  const window = members.slice(from, upperBound(members, endMs));
  // Walk backwards: the latest event of each step at or before the one after it, each event once.
  const pick = (step: number, limit: number, used: ReadonlySet<string>): Member[] | null => {
    if (step < 0) return [];
    for (let i = limit; i >= 0; i -= 1) {
      const member = window[i] as Member;
      if (member.step !== step || used.has(toIdentity(member))) continue;
      if (step === steps - 1 && member.timeMs !== endMs) return null;
      const rest = pick(step - 1, lastOfTime(window, member.timeMs), new Set([...used, toIdentity(member)]));
      if (rest !== null) return [...rest, member];
    }
    return null;
  };
  return pick(steps - 1, window.length - 1, new Set()) ?? [];
}

function lastOfTime(window: readonly Member[], timeMs: number): number {
  return upperBound(window, timeMs) - 1;
}
