/**
 * What a reload changes: two rule sets held against each other, rule by rule, and what becomes of each rule's windows.
 *
 * Windows hang on a rule's state key. The same key keeps them: under another threshold or list they are judged anew, under
 * a longer timespan they are kept too but lack what was forgotten already. Another key (detection, group-by, fields, type)
 * begins with empty windows, or with those that it had itself not long ago. All but the first warm up: until one timespan has passed, a window may know less than it should. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import type { Correlation, DetectionRule, RuleSet } from "../sigma/ast.ts";
import type { ListTable } from "../sigma/compile.ts";
import { listsOf } from "./reads.ts";

type Rule = DetectionRule | Correlation;

/** In what a rule differs; `returned` is another meaning whose windows are there already, `text` all that changes no alert's being: title, level, tags and the like. */
export const CHANGES = ["meaning", "returned", "timespan", "threshold", "lists", "text"] as const;
export type Change = (typeof CHANGES)[number];

export type ChangedRule = {
  readonly id: string;
  readonly title: string;
  /** In the order of CHANGES, at least one. */
  readonly what: readonly Change[];
};

/** Windows that may know less than they should for one timespan from now on, ms. */
export type Warming = { readonly id: string; readonly title: string; readonly timespanMs: number };

/** A rule that is there as it was is only counted. Each list by id. */
export type RuleChanges = {
  readonly added: readonly { readonly id: string; readonly title: string }[];
  readonly removed: readonly { readonly id: string; readonly title: string }[];
  readonly changed: readonly ChangedRule[];
  readonly kept: number;
  readonly warming: readonly Warming[];
};

/** One of the sets: its rules, and the lists that it was compiled with. */
export type ComparedSet = { readonly ruleSet: RuleSet; readonly lists: ListTable };

/** Compares the set in use with the one that takes its place. */
export function compareRules(before: ComparedSet, after: ComparedSet): RuleChanges {
  const [old, next] = [byId(before.ruleSet), byId(after.ruleSet)];
  const changed = [...next.values()].flatMap((rule): ChangedRule[] => {
    const was = old.get(rule.id);
    if (was === undefined) return [];
    const what = toChanges(was, rule, { before: before.lists, after: after.lists });
    return what.length === 0 ? [] : [{ id: rule.id, title: rule.title, what }];
  });
  const common = [...next.keys()].filter((id) => old.has(id)).length;
  return {
    added: named(next, old),
    removed: named(old, next),
    changed: changed.toSorted(byIdText),
    kept: common - changed.length,
    warming: toWarming(old, next),
  };
}

/** The same when the new set is in use: `holds` says of a rule whether its windows have anything in them. */
export function tellReturned(changes: RuleChanges, holds: (id: string) => boolean): RuleChanges {
  const changed = changes.changed.map((rule): ChangedRule => {
    const isBack = rule.what.includes("meaning") && holds(rule.id);
    return isBack ? { ...rule, what: ["returned"] } : rule;
  });
  return { ...changes, changed };
}

function byId({ detections, correlations }: RuleSet): ReadonlyMap<string, Rule> {
  return new Map<string, Rule>([...detections, ...correlations].map((rule) => [rule.id, rule]));
}

/** Those of `rules` that the others lack. */
function named(rules: ReadonlyMap<string, Rule>, others: ReadonlyMap<string, Rule>): RuleChanges["added"] {
  return [...rules.values()]
    .filter(({ id }) => !others.has(id))
    .map(({ id, title }) => ({ id, title }))
    .toSorted(byIdText);
}

function byIdText(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function toChanges(was: Rule, rule: Rule, lists: { before: ListTable; after: ListTable }): Change[] {
  if (was.type !== rule.type || was.stateKey !== rule.stateKey) return ["meaning"];
  const what: Change[] = [];
  if (was.ruleSem !== rule.ruleSem) what.push("timespan");
  if (!isDeepStrictEqual(toNumbers(was), toNumbers(rule))) what.push("threshold");
  const isOtherList = (name: string): boolean => !isDeepStrictEqual(lists.before.get(name), lists.after.get(name));
  if ([...listsOf(rule)].some(isOtherList)) what.push("lists");
  if (what.length === 0 && !isDeepStrictEqual(toText(was), toText(rule))) what.push("text");
  return what;
}

/** What a rule's windows are judged by, and the numbers in use of a detection. */
function toNumbers(rule: Rule): unknown {
  if (rule.type === "detection") return rule.engine.thresholds?.map(({ value }) => value) ?? [];
  const { bounds, percentile, judged, condition } = rule;
  return { bounds, percentile, judged, condition };
}

/** A rule without the places where it stands: moving it within its file changes nothing. */
function toText({ place: _place, placeOf: _placeOf, ...rule }: Rule): unknown {
  return rule;
}

/** Correlations whose windows are empty, or shorter than their timespan asks for. */
function toWarming(old: ReadonlyMap<string, Rule>, next: ReadonlyMap<string, Rule>): Warming[] {
  // Rules of one state key share their members, so another rule's longer timespan may have kept enough.
  const held = new Map<string, number>();
  for (const rule of old.values())
    if (rule.type === "correlation") held.set(rule.stateKey, Math.max(held.get(rule.stateKey) ?? 0, rule.timespanMs));
  return [...next.values()]
    .flatMap((rule) =>
      rule.type === "correlation" && rule.timespanMs > (held.get(rule.stateKey) ?? 0)
        ? [{ id: rule.id, title: rule.title, timespanMs: rule.timespanMs }]
        : [],
    )
    .toSorted(byIdText);
}
