/**
 * Where the condition of a correlation that fires at once holds: for a time range, the event times t at which the closed
 * window [t − W, t] meets it, and the number that was held against the limit there.
 *
 * event_count slides two indexes over the members; value_count, value_sum and temporal slide a count of the distinct
 * values, an exact sum, or a count of the rules along (judging/slide.ts). All pass once over what is new; temporal_ordered
 * has a way of its own (judging/ordered.ts). Events of one time are taken together.
 */
import type { Member } from "../contracts.ts";
import type { Correlation } from "../sigma/ast.ts";
import { countEchoes, type Group, lowerBound, upperBound } from "./group.ts";
import type { Interval } from "./interval.ts";
import { type Holding, meetsCondition } from "./judging/bounds.ts";
import { orderedTimes } from "./judging/ordered.ts";
import { keepSlide, NOWHERE, openSlide } from "./judging/slide.ts";

/** The times in the closed `range` at which the condition of `rule` holds, ascending. Do not change the group meanwhile. */
export function holdingTimes(group: Group, rule: Correlation, range: Interval): Iterable<Holding> {
  return rule.kind === "temporal_ordered" ? orderedTimes(group, rule, range) : countedTimes(group, rule, range);
}

function* countedTimes(group: Group, rule: Correlation, range: Interval): Generator<Holding> {
  const { members } = group;
  let at = lowerBound(members, range.fromMs);
  if (at === members.length) return;
  let left = lowerBound(members, (members[at] as Member).timeMs - rule.timespanMs);
  const slide = openSlide(group, rule, { from: left, to: at });
  let window: Interval = NOWHERE;
  while (at < members.length) {
    const timeMs = (members[at] as Member).timeMs;
    if (timeMs > range.toMs) break;
    window = { fromMs: timeMs - rule.timespanMs, toMs: timeMs };
    for (; at < members.length && (members[at] as Member).timeMs === timeMs; at += 1) slide?.add(members[at] as Member);
    for (; (members[left] as Member).timeMs < window.fromMs; left += 1) slide?.remove(members[left] as Member);
    const value = slide?.value() ?? at - left - countEchoes(group, window);
    if (meetsCondition(rule, value, slide?.has)) yield { timeMs, value };
  }
  if (slide !== null) keepSlide(group, slide, window);
}

/** For a temporal rule: the latest event of each of its `rules` in the closed `window`, by total order. */
export function findSet(members: readonly Member[], window: Interval, rules: number): Member[] {
  const found = new Map<number, Member>();
  const first = lowerBound(members, window.fromMs);
  // The latest come first, so a hot rule is not gone over.
  for (let i = upperBound(members, window.toMs) - 1; i >= first && found.size < rules; i -= 1) {
    const member = members[i] as Member;
    if (!found.has(member.step)) found.set(member.step, member);
  }
  return [...found.values()].toReversed();
}
