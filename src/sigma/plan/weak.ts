/**
 * A plan weakened to what can be told by some fields: true wherever the plan itself may be, whatever the others hold.
 *
 * A leaf that reads anything else is taken to be what lets the rule match: true where it stands plainly, false under
 * `not`. False of the weak plan is false of the plan, never the other way round. Pure.
 */
import type { PlanNode } from "./normalise.ts";

/** The weakened plan; `isKnown` says of a field whether its value will be there. */
export function toWeakPlan(node: PlanNode, isKnown: (field: string) => boolean): PlanNode {
  return weaken(node, isKnown, true);
}

/** `wanted`: what helps the rule to match here. */
function weaken(node: PlanNode, isKnown: (field: string) => boolean, wanted: boolean): PlanNode {
  switch (node.op) {
    case "const":
      return node;
    case "leaf":
    case "member":
      return fieldsOf(node).every((field) => field !== null && isKnown(field)) ? node : toConst(wanted);
    case "not": {
      const of = weaken(node.of, isKnown, !wanted);
      return of.op === "const" ? toConst(!of.value) : { op: "not", of };
    }
    case "and":
    case "or":
      return join(
        node.op,
        node.of.map((part) => weaken(part, isKnown, wanted)),
      );
  }
}

/** What is read of the event; null for the whole of it, or what cannot be said. */
function fieldsOf(node: PlanNode): (string | null)[] {
  switch (node.op) {
    case "const":
      return [];
    case "leaf":
      return node.test.type === "fieldref" ? [node.field, node.test.field] : [node.field];
    case "not":
      return fieldsOf(node.of);
    // The leaves below read the members alone.
    case "member":
      return [node.field];
    case "and":
    case "or":
      return node.of.flatMap(fieldsOf);
  }
}

function toConst(value: boolean): PlanNode {
  return { op: "const", value };
}

/** Parts that settle nothing are left out; one that settles all stands alone. */
function join(op: "and" | "or", parts: readonly PlanNode[]): PlanNode {
  const settles = op === "or";
  if (parts.some((part) => part.op === "const" && part.value === settles)) return toConst(settles);
  const left = parts.filter(({ op: kind }) => kind !== "const");
  const [only] = left;
  if (only === undefined) return toConst(!settles);
  return left.length === 1 ? only : { op, of: left };
}
