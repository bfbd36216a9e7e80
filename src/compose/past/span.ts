/**
 * How much more than a span has to be read for its alerts to be what a live run would have said.
 *
 * An event of the span may be the last of a window that began before it, and the first of one that ends after it: so the
 * reading begins the longest timespan earlier and ends it later, along chains of correlations their sum. Rules that are
 * judged at the end of a bucket need theirs whole. What the reading cannot know whole is left out.
 */
import type { AlertDraft } from "../../contracts.ts";
import type { Correlation, RuleSet } from "../../sigma/ast.ts";

/** Event times, epoch ms. */
export type Times = { readonly fromMs: number; readonly toMs: number };

/** The times to read for the alerts of `span`; nothing behind `nowMs` is there yet. */
export function widen({ fromMs, toMs }: Times, ruleSet: RuleSet, nowMs: number): Times {
  const reachMs = toReachMs(ruleSet);
  return { fromMs: fromMs - reachMs, toMs: Math.min(toMs + reachMs, nowMs) };
}

/** How far beyond an event its windows go, ms: that of the rule which looks farthest. */
export function toReachMs(ruleSet: RuleSet): number {
  return Math.max(0, ...ruleSet.correlations.map((rule) => reachOf(rule, ruleSet)));
}

function reachOf(rule: Correlation, ruleSet: RuleSet): number {
  const below = ruleSet.correlations.filter(({ id }) => rule.rules.includes(id) && id !== rule.id);
  const own = rule.timespanMs + (rule.judged === "final" ? rule.bucketMs : 0);
  return own + Math.max(0, ...below.map((child) => reachOf(child, ruleSet)));
}

/** True for an alert that the reading saw enough of: any but one judged over a bucket that was not read whole. */
export function isKnown({ content }: AlertDraft, read: Times, ruleSet: RuleSet): boolean {
  const rule = ruleSet.correlations.find(({ id }) => id === content.ruleId);
  if (rule?.judged !== "final") return true;
  const startMs = Math.floor(Date.parse(content.firstEventTime) / rule.bucketMs) * rule.bucketMs;
  return startMs >= read.fromMs && startMs + rule.bucketMs <= read.toMs;
}
