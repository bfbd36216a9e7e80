/**
 * The glance: whether a few fields of an event already show that no rule can match it.
 *
 * Rules with a witness need one of its values; of the others, what reads one field alone and must hold (the guard). Where
 * all of that reads fields that are known before a record is parsed, most records need no parsing. Where it does not (a
 * rule without witness and guard, or one whose only witness lies deep in the record), there is no glance, and every
 * record is parsed: slower, and nothing else. Sound by construction and by test: what a glance passes over matches no rule.
 */
import type { Event, Logsource } from "../model/event.ts";
import { appliesTo, createIndex, type IndexedRule } from "./index.ts";
import type { Evaluator } from "./plan/evaluator.ts";

/** A glance at the events of one logsource. */
export type Glance = {
  /** What it reads. */
  readonly fields: readonly string[];
  /** False: no rule matches any event that has these values in `fields`. `event.record` need have no others. */
  mayMatch(event: Event): boolean;
};

/** The glance of compiled rules at a logsource, null when a rule needs a field that is not in `known`. */
export function createGlance(
  rules: readonly IndexedRule[],
  evaluator: Evaluator,
  { logsource, known }: { readonly logsource: Logsource; readonly known: readonly string[] },
): Glance | null {
  const own = rules.filter((rule) => appliesTo(rule.logsource, logsource));
  const guards = own.filter((rule) => rule.witness === null).map((rule) => rule.guard);
  const witnesses = own.filter((rule) => rule.witness !== null);
  const fields = new Set(witnesses.flatMap(({ witness }) => (witness ?? []).map(({ field }) => field)));
  for (const guard of guards) fields.add(guard?.field ?? "");
  if ([...fields].some((field) => !known.includes(field))) return null;
  const index = createIndex(logsource, witnesses, (field) => evaluator.slot(field));
  let isFound = false;
  const find = (): void => {
    isFound = true;
  };
  return {
    fields: [...fields],
    mayMatch: (event) => {
      evaluator.begin(event);
      isFound = false;
      index.candidates(find);
      for (let at = 0; at < guards.length && !isFound; at += 1) isFound = guards[at]?.holds() === true;
      return isFound;
    },
  };
}
