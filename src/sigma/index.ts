/**
 * The candidate index: which rules an event can match at all, found by a few look-ups instead of trying every rule.
 *
 * One index a logsource. A rule with a witness is a candidate when the event shows one of its values; a rule without is
 * open and always a candidate. Sound by construction and by test: every matching rule is a candidate. Values are looked up
 * in their raw spelling first, so that an event whose names were seen before is not even lower-cased.
 */
import type { Json, Logsource } from "../model/event.ts";
import type { RuleLogsource } from "./ast.ts";
import { fold, toScalarText } from "./leaf/fold.ts";
import type { Slot } from "./leaf/slot.ts";
import type { Witness } from "./plan/witness.ts";

/** A rule as the index sees it: its number and what it needs. */
export type IndexedRule = {
  readonly index: number;
  readonly logsource: RuleLogsource;
  readonly witness: Witness | null;
};

/** Candidates of one logsource. */
export type RuleIndex = {
  /** Rules without a witness. */
  readonly open: readonly number[];
  /** All rules of the logsource. */
  readonly all: readonly number[];
  /** Calls `visit` for each candidate of the current event; a rule may be visited more than once. */
  candidates(visit: (rule: number) => void): void;
};

/** Spellings remembered a field. CloudTrail has some thousand event names; an attacker's inventions are not remembered beyond it. */
const MEMO_MAX = 8_192;
/** Longer values are looked up folded each time, so that they hold no memory. */
const MEMO_TEXT_MAX = 128;
const NO_RULES: readonly number[] = [];

/** True when every part that the rule states equals that of the event: product aws, service its kind, no category. */
export function appliesTo(logsource: RuleLogsource, event: Logsource): boolean {
  const [product, service] = event.split("/");
  if (logsource.category !== null) return false;
  if (logsource.product !== null && logsource.product.toLowerCase() !== product) return false;
  return logsource.service === null || logsource.service.toLowerCase() === service;
}

/** Builds the index of one logsource. `slot` gives the slot of a field for the current event. */
export function createIndex(
  logsource: Logsource,
  rules: readonly IndexedRule[],
  slot: (field: string) => () => Slot,
): RuleIndex {
  const own = rules.filter((rule) => appliesTo(rule.logsource, logsource));
  const open = own.filter((rule) => rule.witness === null).map((rule) => rule.index);
  const fields = new Map<string, Map<string, number[]>>();
  for (const rule of own) {
    for (const { field, value } of rule.witness ?? []) {
      const values = fields.get(field) ?? new Map<string, number[]>();
      fields.set(field, values);
      const at = values.get(value) ?? [];
      values.set(value, at);
      if (at.at(-1) !== rule.index) at.push(rule.index);
    }
  }
  const probes = [...fields].map(([field, values]) => createProbe(slot(field), values));
  return {
    open,
    all: own.map((rule) => rule.index),
    candidates: (visit) => {
      for (let index = 0; index < open.length; index += 1) visit(open[index] ?? -1);
      for (let index = 0; index < probes.length; index += 1) probes[index]?.(visit);
    },
  };
}

/** Lower-casing makes this one letter two code units long, and no other letter changes its length. */
const LENGTHENED = "\u0130";

/**
 * Looks one field's values up. A text whose length no wanted value has is passed over without being hashed, which spares
 * most of the work on long texts such as user agents.
 */
function createProbe(
  slot: () => Slot,
  values: ReadonlyMap<string, readonly number[]>,
): (visit: (rule: number) => void) => void {
  const memo = new Map<string, readonly number[]>();
  const lengths = new Uint8Array(Math.max(...[...values.keys()].map((value) => value.length)) + 1);
  for (const value of values.keys()) lengths[value.length] = 1;
  const lookUp = (text: string): readonly number[] => {
    if (lengths[text.length] !== 1 && !text.includes(LENGTHENED)) return NO_RULES;
    const known = memo.get(text);
    if (known !== undefined) return known;
    const rules = values.get(fold(text)) ?? NO_RULES;
    if (memo.size < MEMO_MAX && text.length <= MEMO_TEXT_MAX) memo.set(text, rules);
    return rules;
  };
  const visitValue = (value: Json, visit: (rule: number) => void): void => {
    const text = toScalarText(value);
    if (text === null) return;
    const rules = lookUp(text);
    for (let index = 0; index < rules.length; index += 1) visit(rules[index] ?? -1);
  };
  return (visit) => {
    const current = slot();
    if (current.count === 0) return;
    if (current.many === null) visitValue(current.value, visit);
    else for (const value of current.many) visitValue(value, visit);
  };
}
