/**
 * The glance: whether a few fields of an event already show that no rule can match it.
 *
 * Two looks. The first is for every event, or for one of all that are alike in its fields: rules with a witness need one of
 * its values; of the others, what reads one field alone and must hold (the guard); and what of each rule that is left can be
 * told by these fields must be true. The second is for the rules that the first leaves: what of each can be told by the
 * fields that are known before a record is parsed, all else taken to be as the rule wants it. Of steady rules that depends on
 * fields alone in which many records are alike, so that whoever asks may remember the answer. Where the first look needs a
 * field that is not known there is no glance, and every record is parsed: slower, and nothing else. Sound by construction
 * and by test: what a glance passes over matches no rule.
 */
import type { Event, Logsource } from "../model/event.ts";
import { appliesTo, createIndex, type IndexedRule } from "./index.ts";
import type { Evaluator } from "./plan/evaluator.ts";
import type { PlanNode } from "./plan/normalise.ts";
import { toWeakPlan } from "./plan/weak.ts";

/** Rules that the first look leaves: steady ones, whose second look reads `steady` fields alone, and others. */
export type Candidates = { readonly steady: readonly number[]; readonly others: readonly number[] };

/** A glance at the events of one logsource. */
export type Glance = {
  /** What the first look reads. */
  readonly fields: readonly string[];
  /** Of the known fields, those that guards read of every event, and those that it takes only where a rule is left. */
  readonly guarded: readonly string[];
  readonly more: readonly string[];
  /** The first look: rules that an event with these values in `fields` may match, but for those with a guard in `guarded`. Depends on nothing else. */
  candidates(event: Event): Candidates;
  /** What the second look at steady rules reads, the fields of the first included. */
  readonly steady: readonly string[];
  /** And whether the guard of a rule with one in `guarded` holds of these values of `guarded`. False: no such rule matches. */
  isOpen(event: Event): boolean;
  /** The second, of these candidates. False: none of them matches any event that has these values in all fields. */
  mayMatch(event: Event, rules: readonly number[]): boolean;
  /** The second, of the rules with a guard in `guarded`. */
  mayMatchOpen(event: Event): boolean;
};

/** What a glance is made for. */
export type GlanceWanted = {
  readonly logsource: Logsource;
  /** Fields whose values are known whole, with all that lies below them. */
  readonly known: readonly string[];
  /** Those of them in which many records are alike. */
  readonly alike: readonly string[];
  readonly planOf: (rule: number) => PlanNode;
};

/** The glance of compiled rules at a logsource, null when a rule needs a field that is not known at the first look. */
export function createGlance(
  rules: readonly IndexedRule[],
  evaluator: Evaluator,
  { logsource, known, alike, planOf }: GlanceWanted,
): Glance | null {
  const own = rules.filter((rule) => appliesTo(rule.logsource, logsource));
  const witnesses = own.filter((rule) => rule.witness !== null);
  const open = own.filter((rule) => rule.witness === null);
  const fields = new Set(witnesses.flatMap(({ witness }) => (witness ?? []).map(({ field }) => field)));
  const guarded = new Set(open.map(({ guard }) => guard?.field ?? "").filter((field) => !fields.has(field)));
  const early = [...fields, ...guarded];
  const sooner = open.filter(({ guard }) => fields.has(guard?.field ?? ""));
  const later = open.filter(({ guard }) => guarded.has(guard?.field ?? ""));
  if (early.some((field) => !known.includes(field))) return null;
  const used = new Set<string>();
  const steady = new Set(fields);
  const holds: (() => boolean)[] = [];
  const holdsAtFirst: (() => boolean)[] = [];
  const isSteady: boolean[] = [];
  for (const { index } of own) {
    const read = new Set<string>();
    const isKnown = (field: string): boolean => {
      const name = known.find((one) => field === one || field.startsWith(`${one}.`));
      if (name !== undefined) read.add(name);
      return name !== undefined;
    };
    holds[index] = evaluator.program(toWeakPlan(planOf(index), isKnown));
    holdsAtFirst[index] = evaluator.program(toWeakPlan(planOf(index), (field) => fields.has(field)));
    isSteady[index] = [...read].every((field) => fields.has(field) || alike.includes(field));
    for (const field of read) used.add(field);
    if (isSteady[index]) for (const field of read) steady.add(field);
  }
  const index = createIndex(logsource, witnesses, (field) => evaluator.slot(field));
  return {
    fields: [...fields],
    guarded: [...guarded],
    more: [...used].filter((field) => !early.includes(field)),
    candidates: (event) => {
      const found = new Set<number>();
      evaluator.begin(event);
      index.candidates((rule) => found.add(rule));
      for (const { index: rule, guard } of sooner) if (guard?.holds() === true) found.add(rule);
      const left = [...found].filter((rule) => holdsAtFirst[rule]?.() === true);
      return {
        steady: left.filter((rule) => isSteady[rule] === true),
        others: left.filter((rule) => isSteady[rule] !== true),
      };
    },
    isOpen: (event) => {
      evaluator.begin(event);
      return later.some(({ guard }) => guard?.holds() === true);
    },
    steady: [...steady],
    mayMatch: (event, rules) => {
      evaluator.begin(event);
      for (let at = 0; at < rules.length; at += 1) if (holds[rules[at] ?? -1]?.() === true) return true;
      return false;
    },
    mayMatchOpen: (event) => {
      evaluator.begin(event);
      return later.some(({ index: rule, guard }) => guard?.holds() === true && holds[rule]?.() === true);
    },
  };
}
