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
import { TextCache } from "../lib/texts/cache.ts";
import type { Witness } from "./plan/witness.ts";

/** A rule as the index sees it: its number and what it needs. */
export type IndexedRule = {
  readonly index: number;
  readonly logsource: RuleLogsource;
  readonly witness: Witness | null;
  /** Of a rule without a witness: what must hold of one field, a function of that field's value alone. */
  readonly guard: { readonly field: string; readonly holds: () => boolean } | null;
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

/** Longer values are looked up folded each time, so that they hold no memory. */
const MEMO_TEXT_MAX = 128;
const NO_RULES: readonly number[] = [];
/** From so many open rules on one field, remembering which of their guards a value meets pays for hashing the value. */
const GUARDS_MIN = 3;
/** Look-ups over which hits are counted, and events for which a memo that hits less than half the time is left alone. */
const MEMO_TRIAL = 1_024;
const MEMO_REST = 16_384;
/** Longest value remembered: user agents run to several hundred bytes. */
const GUARD_TEXT_MAX = 512;

/** True when every part that the rule states equals that of the event: product aws, service its kind; no kind has a category or any other field. */
export function appliesTo(logsource: RuleLogsource, event: Logsource): boolean {
  const [product, service] = event.split("/");
  if (logsource.category !== null || logsource.custom !== undefined) return false;
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
  const { always, guarded } = splitOpen(own.filter((rule) => rule.witness === null));
  const probes = [
    ...[...fields].map(([field, values]) => createProbe(slot(field), values)),
    ...[...guarded].map(([field, rules]) => createGuardProbe(slot(field), rules)),
  ];
  return {
    open,
    all: own.map((rule) => rule.index),
    candidates: (visit) => {
      for (let index = 0; index < always.length; index += 1) visit(always[index] ?? -1);
      for (let index = 0; index < probes.length; index += 1) probes[index]?.(visit);
    },
  };
}

/** An open rule with a guard. */
type GuardedRule = { readonly index: number; readonly holds: () => boolean };

/** Open rules that share a guarded field in number, and those that are simply tried. */
function splitOpen(rules: readonly IndexedRule[]): { always: number[]; guarded: Map<string, GuardedRule[]> } {
  const guarded = new Map<string, GuardedRule[]>();
  for (const { index, guard } of rules) {
    if (guard === null) continue;
    const group = guarded.get(guard.field) ?? [];
    guarded.set(guard.field, group);
    group.push({ index, holds: guard.holds });
  }
  for (const [field, group] of guarded) if (group.length < GUARDS_MIN) guarded.delete(field);
  const always = rules.filter(({ guard }) => guard === null || !guarded.has(guard.field)).map(({ index }) => index);
  return { always, guarded };
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
  const memo = new TextCache<readonly number[]>();
  const lengths = new Uint8Array([...values.keys()].reduce((longest, value) => Math.max(longest, value.length), 0) + 1);
  for (const value of values.keys()) lengths[value.length] = 1;
  const lookUp = (text: string): readonly number[] => {
    if (lengths[text.length] !== 1 && !text.includes(LENGTHENED)) return NO_RULES;
    const known = memo.get(text);
    if (known !== undefined) return known;
    const rules = values.get(fold(text)) ?? NO_RULES;
    if (text.length <= MEMO_TEXT_MAX) memo.set(text, rules);
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

/**
 * Remembers by value which guards hold. Where values hardly ever come again (an attacker can see to that) the memo is
 * emptied and left alone for a while, and every rule of the field is tried.
 */
function createGuardProbe(slot: () => Slot, rules: readonly GuardedRule[]): (visit: (rule: number) => void) => void {
  const memo = new TextCache<readonly number[]>();
  let tried = 0;
  let missed = 0;
  let resting = 0;
  const lookUp = (text: string): readonly number[] => {
    const known = memo.get(text);
    tried += 1;
    if (known === undefined) missed += 1;
    if (tried === MEMO_TRIAL) {
      if (missed * 2 > tried) {
        resting = MEMO_REST;
        memo.clear();
      }
      tried = 0;
      missed = 0;
    }
    if (known !== undefined) return known;
    const held = rules.filter(({ holds }) => holds()).map(({ index }) => index);
    if (resting === 0) memo.set(text, held);
    return held;
  };
  return (visit) => {
    const { count, many, value } = slot();
    if (resting > 0) resting -= 1;
    if (resting === 0 && count === 1 && many === null && typeof value === "string" && value.length <= GUARD_TEXT_MAX) {
      const held = lookUp(value);
      for (let index = 0; index < held.length; index += 1) visit(held[index] ?? -1);
    } else for (let index = 0; index < rules.length; index += 1) visit(rules[index]?.index ?? -1);
  };
}
