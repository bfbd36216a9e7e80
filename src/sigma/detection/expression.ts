/**
 * Builders of expression trees that keep them flat: an `and` never holds an `and`, nothing holds a single operand.
 *
 * Used wherever a tree grows (detections, conditions, filters), so that the same rule gives the same tree however its
 * author nested it. Builders never evaluate and never drop an operand that could change the result.
 */
import type { Expression, Selector, Test } from "../ast.ts";

/** All of `operands`. The list must not be empty. */
export function allOf(operands: readonly Expression[]): Expression {
  return join("and", operands);
}

/** Any of `operands`. The list must not be empty. */
export function anyOf(operands: readonly Expression[]): Expression {
  return join("or", operands);
}

/** The opposite. */
export function not(operand: Expression): Expression {
  return { op: "not", of: operand };
}

/** A test on a field; `field` null for keywords. */
export function leaf(field: string | null, test: Test): Extract<Expression, { op: "leaf" }> {
  return { op: "leaf", field, test };
}

/** What members of the array at `field` must meet. */
export function member(field: string, which: Selector, of: Expression): Expression {
  return { op: "member", field, which, of };
}

/** Stands for what could not be read: nothing is known of it. Whoever reports errors goes on with it; it never leaves the parser. */
export const UNREAD: Expression = { op: "not", of: { op: "and", of: [] } };

/** True where something of the tree could not be read. */
export function isTorn(expression: Expression): boolean {
  if (expression === UNREAD) return true;
  if (expression.op === "leaf") return false;
  if (expression.op === "not" || expression.op === "member") return isTorn(expression.of);
  return expression.of.some(isTorn);
}

/** The joined expression; what failed, and was reported, stands in it as UNREAD. */
export function whole(
  parts: readonly (Expression | null)[],
  join: (parts: readonly Expression[]) => Expression,
): Expression {
  return join(parts.map((part) => part ?? UNREAD));
}

function join(op: "and" | "or", operands: readonly Expression[]): Expression {
  const flat = operands.flatMap((operand) => (operand.op === op ? operand.of : [operand]));
  const [first] = flat;
  return flat.length === 1 && first !== undefined ? first : { op, of: flat };
}

/** Nodes of the tree, shared ones counted as often as they stand; counting stops once it is above `limit`. */
export function sizeOf(expression: Expression, limit: number): number {
  if (expression.op === "leaf") return 1;
  if (expression.op === "not" || expression.op === "member") return 1 + sizeOf(expression.of, limit - 1);
  let size = 1;
  for (const operand of expression.of) {
    if (size > limit) return size;
    size += sizeOf(operand, limit - size);
  }
  return size;
}

/** Every leaf of the tree, those about members of arrays included. */
export function* leavesOf(expression: Expression): Generator<Extract<Expression, { op: "leaf" }>> {
  if (expression.op === "leaf") yield expression;
  else if (expression.op === "not" || expression.op === "member") yield* leavesOf(expression.of);
  else for (const operand of expression.of) yield* leavesOf(operand);
}

/** The truth of the tree where none of its fields is there: only `null`, `exists: false` and negations can hold. */
export function holdsOfNothing(expression: Expression): boolean {
  switch (expression.op) {
    case "and":
      return expression.of.every(holdsOfNothing);
    case "or":
      return expression.of.some(holdsOfNothing);
    case "not":
      return !holdsOfNothing(expression.of);
    case "member":
      return expression.which === "none" || expression.which === "all_or_empty";
    case "leaf":
      return expression.test.type === "null" || (expression.test.type === "exists" && !expression.test.value);
  }
}
