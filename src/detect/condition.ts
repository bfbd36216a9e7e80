/**
 * Where the condition of a correlation that fires at once holds: for a time range, the event times t at which the closed
 * window [t − W, t] meets it, and the number that was held against the limit there.
 *
 * event_count slides two indexes over the members; value_count, value_sum and temporal slide a count of the distinct
 * values, an exact sum, or a count of the rules along. All pass once over the members, whatever the rule; temporal_ordered
 * has a way of its own (judging/ordered.ts). Events of one time are taken together.
 */
import type { Member } from "../contracts.ts";
import { createExactSum } from "../lib/exact-sum.ts";
import type { Correlation } from "../sigma/ast.ts";
import { countEchoes, type Group, lowerBound, toIdentity, upperBound } from "./group.ts";
import type { Interval } from "./interval.ts";
import { type Holding, meetsCondition } from "./judging/bounds.ts";
import { orderedTimes } from "./judging/ordered.ts";

/** The times in the closed `range` at which the condition of `rule` holds, ascending. Do not change the group meanwhile. */
export function holdingTimes(group: Group, rule: Correlation, range: Interval): Iterable<Holding> {
  return rule.kind === "temporal_ordered" ? orderedTimes(group, rule, range) : countedTimes(group, rule, range);
}

function* countedTimes(group: Group, rule: Correlation, range: Interval): Generator<Holding> {
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
    const value =
      counter?.value() ?? at - left - countEchoes(group, { fromMs: timeMs - rule.timespanMs, toMs: timeMs });
    if (meetsCondition(rule, value)) yield { timeMs, value };
  }
}

/** What slides along with a window. */
type Counter = { add(member: Member): void; remove(member: Member): void; value(): number };

/** Null where the indexes of the window are count enough: events of which each stands at one time only. */
function createCounter(group: Group, { kind }: Correlation): Counter | null {
  if (kind === "value_sum") return createSum(group.spread === 0 && group.echoes.length === 0);
  if (kind === "value_count") return createDistinct((member) => member.value ?? "");
  if (kind === "temporal") return createDistinct((member) => member.step);
  return group.spread === 0 ? null : createDistinct(toIdentity);
}

function createDistinct(counted: (member: Member) => string | number): Counter {
  const counts = new Map<string | number, number>();
  return {
    add: (member) => void counts.set(counted(member), (counts.get(counted(member)) ?? 0) + 1),
    remove: (member) => {
      const left = (counts.get(counted(member)) ?? 0) - 1;
      if (left > 0) counts.set(counted(member), left);
      else counts.delete(counted(member));
    },
    value: () => counts.size,
  };
}

/** An event counts once, with the largest of its numbers: so more members never make the sum smaller. */
function createSum(isEachAlone: boolean): Counter {
  const sum = createExactSum();
  if (isEachAlone) {
    return {
      add: (member) => sum.add(member.number ?? 0),
      remove: (member) => sum.remove(member.number ?? 0),
      value: () => sum.value(),
    };
  }
  const numbers = new Map<string, number[]>();
  const change = (member: Member, how: (of: number[], number: number) => void): void => {
    const of = numbers.get(toIdentity(member)) ?? [];
    if (of.length > 0) sum.remove(Math.max(...of));
    how(of, member.number ?? 0);
    if (of.length > 0) sum.add(Math.max(...of));
    if (of.length > 0) numbers.set(toIdentity(member), of);
    else numbers.delete(toIdentity(member));
  };
  return {
    add: (member) => change(member, (of, number) => void of.push(number)),
    remove: (member) => change(member, (of, number) => void of.splice(of.indexOf(number), 1)),
    value: () => sum.value(),
  };
}

/** For a temporal rule: the latest event of each of its rules in the closed `window`, by total order. */
export function findSet(members: readonly Member[], window: Interval): Member[] {
  const inside = members.slice(lowerBound(members, window.fromMs), upperBound(members, window.toMs));
  const last = new Map(inside.map((member) => [member.step, member]));
  return inside.filter((member) => last.get(member.step) === member);
}
