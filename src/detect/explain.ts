/**
 * The numbers for the sentence that explains a window's alert, taken from its group; why.ts words them.
 *
 * They describe what the alert covers, so a count may exceed that of the window at which the condition first held. A hot
 * group costs no more than a hundred members; sums and distinct values are kept (judging/slide.ts).
 */
import type { Member } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import { exactSum } from "../lib/exact-sum.ts";
import { EVENT_IDS_MAX } from "../model/alert.ts";
import type { Correlation } from "../sigma/ast.ts";
import { firstMembers, membersOf, type Summary } from "./behind.ts";
import { findSet } from "./condition.ts";
import { compareMembers, type Group } from "./group.ts";
import type { Interval } from "./interval.ts";
import { toBucketRange, toWinners, type Verdict } from "./judging/bucket.ts";
import type { Counted } from "./judging/kept.ts";
import { findChain } from "./judging/ordered.ts";
import { countCovered } from "./judging/slide.ts";
import {
  type Named,
  type Seen,
  whyCounted,
  whyDistinct,
  whyMeasured,
  whyOrdered,
  whyShares,
  whySingle,
  whyTogether,
} from "./why.ts";

/** What an alert covers. */
export type Covered = {
  readonly bucket: number;
  readonly intervals: readonly Interval[];
  readonly verdict: Verdict | null;
  readonly children: readonly (string | null)[];
  /** The events among what is covered where some are alerts, if they are known. */
  readonly events: ReadonlyMap<string, Counted> | null;
  readonly summary: Summary;
};

/** The sentence of an alert of `rule` for `group`. */
export function toWhy(rule: Correlation, group: Group, covered: Covered): string {
  const named = toNamed(covered.children);
  if (rule.kind === "temporal_ordered") return whyOrdered(chainOf(rule, group, covered), rule, named);
  if (rule.kind === "temporal")
    return whyTogether(findSet(group.members, windowOf(rule, covered), rule.rules.length), rule, named);
  const { summary, verdict } = covered;
  const [only] = summary.shown;
  if (rule.timespanMs === 0 && summary.eventCount === 1 && only !== undefined)
    return whySingle(only.entry.evidence, toUtcText(only.entry.timeMs));
  const seen = toSeen(group, { ...covered, named });
  if (rule.kind === "event_count") return whyCounted(rule, seen);
  if (rule.kind === "value_count")
    return whyDistinct(rule, { ...seen, value: verdict?.value ?? countValues(rule, group, covered) });
  const shares = verdict?.shares ?? null;
  if (shares !== null) return whyShares(rule, { ...seen, shares });
  return whyMeasured(rule, { ...seen, value: verdict?.value ?? sumOf(rule, group, covered) });
}

/** What a member is called: the call of a record, or the rule of an alert. */
function toNamed(children: Covered["children"]): Named {
  return (member) => {
    const child = children[member.step] ?? null;
    return child === null ? { action: member.action, alertOf: null } : { action: "", alertOf: child };
  };
}

function toSeen(group: Group, covered: Covered & { readonly named: Named }): Seen {
  const { intervals, verdict, summary, named } = covered;
  const spanMs = summary.last.timeMs - summary.first.timeMs;
  // An alert stands at each time at which it holds, yet is one.
  if (covered.children.some((child) => child !== null)) {
    const members = eventsOf(group, covered);
    return { count: verdict?.events ?? members.length, spanMs, members: members.slice(0, EVENT_IDS_MAX), named };
  }
  const members =
    (verdict?.only ?? null) === null
      ? firstMembers(group, intervals, EVENT_IDS_MAX)
      : ownMembers(group, covered).slice(0, EVENT_IDS_MAX);
  return { count: verdict?.events ?? summary.eventCount, spanMs, members, named };
}

/** The member that counts for each event, by the order of their first ones. */
function eventsOf(group: Group, covered: Covered): Member[] {
  if (covered.events === null) return [...toWinners(ownMembers(group, covered)).values()];
  return [...covered.events.values()].toSorted((a, b) => compareMembers(a.first, b.first)).map(({ best }) => best);
}

function ownMembers(group: Group, { intervals, verdict }: Covered): Member[] {
  return membersOf({ group, intervals, only: verdict?.only ?? null, isRecord: null });
}

/** The window that ends at the last time at which the condition holds. */
function windowOf(rule: Correlation, { bucket, intervals, verdict }: Covered): Interval {
  if (verdict !== null) return { fromMs: toBucketRange(rule, bucket).fromMs, toMs: verdict.endMs };
  const toMs = intervals.at(-1)?.toMs ?? 0;
  return { fromMs: toMs - rule.timespanMs, toMs };
}

/** The longest chain of that window, which for a rule without bounds has all steps. */
function chainOf(rule: Correlation, group: Group, covered: Covered): Member[] {
  const window = windowOf(rule, covered);
  for (let length = covered.verdict?.value ?? rule.rules.length; length > 0; length -= 1) {
    const chain = findChain(group.members, rule, { window, length });
    if (chain.length > 0) return chain;
  }
  return [];
}

/** Distinct values in all that is covered. */
function countValues(rule: Correlation, group: Group, covered: Covered): number {
  const counted = countCovered(group, rule, covered);
  return counted ?? new Set(ownMembers(group, covered).map((member) => member.value)).size;
}

/** The sum over all events that are covered, each once. */
function sumOf(rule: Correlation, group: Group, covered: Covered): number {
  const isEachAlone = group.spread === 0 && group.echoes.length === 0;
  const counted = rule.kind === "value_sum" && isEachAlone ? countCovered(group, rule, covered) : null;
  if (counted !== null) return counted;
  return exactSum([...toWinners(ownMembers(group, covered)).values()].map((member) => member.number ?? 0));
}
