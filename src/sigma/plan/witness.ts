/**
 * The witness of a rule: exact values of which an event must show at least one, or the rule cannot match.
 *
 * A witness is necessary, never sufficient: it may name too much and must never name too little, which a property test
 * holds against a full scan. Only equality of texts gives one; under `not` there is none. Pure.
 */
import { fold } from "../leaf/fold.ts";
import { literalsOf, type PlanNode } from "./normalise.ts";

/** Folded values of fields; any one of them is enough to make the rule a candidate. */
export type Witness = readonly { readonly field: string; readonly value: string }[];

/**
 * How little a value of the field narrows the search: names of calls tell most (over a thousand in use), so that a list of
 * fifty still tells more than the service they belong to; then errors, services, and the few types of identity. A value
 * that the event shows costs the same look-up however many are wanted. Counted over the captured records (docs/bench.md).
 */
const FIELD_WEIGHTS: Readonly<Record<string, number>> = {
  eventName: 1,
  type: 1,
  eventSource: 60,
  errorCode: 10,
  errorMessage: 10,
  "userIdentity.type": 100,
};
/** Any other field. A level below the first costs reads at every event, the more the deeper it is: a key may have dots in it. */
const FIELD_WEIGHT_DEFAULT = 20;
const LEVEL_WEIGHTS = [0, 10, 50, 100] as const;
/** A field computed before the match costs a call, so it is the last choice. */
const COMPUTED_WEIGHT = 200;

/** The witness of a plan, or null: the rule is open, tried on every event of its logsource. A plan that is false has an empty one. */
export function toWitness(node: PlanNode): Witness | null {
  switch (node.op) {
    case "const":
      return node.value ? null : [];
    case "leaf": {
      const literals = node.field === null ? null : literalsOf(node.test);
      const { field } = node;
      if (literals === null || field === null) return null;
      return literals.values.map((value) => ({ field, value: literals.cased ? fold(value) : value }));
    }
    case "and":
      return node.of.map(toWitness).reduce(better, null);
    case "or": {
      const parts = node.of.map(toWitness);
      return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
    }
    case "not":
    case "member":
      return null;
  }
}

function better(one: Witness | null, other: Witness | null): Witness | null {
  if (one === null || other === null) return one ?? other;
  return weigh(other) < weigh(one) ? other : one;
}

function weigh(witness: Witness): number {
  return witness.reduce((sum, { field }) => sum + weighField(field), 0);
}

function weighField(field: string): number {
  if (field.startsWith("enrich.")) return COMPUTED_WEIGHT;
  const known = Object.hasOwn(FIELD_WEIGHTS, field) ? FIELD_WEIGHTS[field] : undefined;
  if (known !== undefined) return known;
  const below = Math.min(field.split(".").length, LEVEL_WEIGHTS.length) - 1;
  return FIELD_WEIGHT_DEFAULT + (LEVEL_WEIGHTS[below] ?? 0);
}

/** The part of a rule that reads one field alone and must hold, or null: there is none. */
export type Guard = { readonly field: string; readonly node: PlanNode };

/**
 * The guard of a plan without a witness. Its truth is a function of the field's value, so it can be remembered by value.
 * Of several the first is taken: plans put first what settles them soonest.
 */
export function toGuard(node: PlanNode): Guard | null {
  for (const part of node.op === "and" ? node.of : [node]) {
    const fields = new Set(fieldsOf(part));
    const [field] = fields;
    if (fields.size === 1 && field !== undefined && field !== null) return { field, node: part };
  }
  return null;
}

/** Fields of all leaves; null for the whole event. */
function fieldsOf(node: PlanNode): (string | null)[] {
  switch (node.op) {
    case "const":
      return [];
    case "leaf":
      return node.test.type === "fieldref" ? [node.field, node.test.field] : [node.field];
    case "not":
      return fieldsOf(node.of);
    // A function of the arrays themselves, which no slot holds: told as the whole event.
    case "member":
      return [null];
    case "and":
    case "or":
      return node.of.flatMap(fieldsOf);
  }
}
