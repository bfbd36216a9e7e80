/**
 * What rules read beside their own text: fields by name, and lists.
 *
 * A reload asks it which rules a changed list touches, a start whether any rule asks for business hours. Pure.
 */
import type { Correlation, DetectionRule, Expression, RuleSet } from "../sigma/ast.ts";
import { listsOf as namesIn, partsOf } from "../sigma/detection/pattern.ts";

/** Names of the fields that any rule of the set reads, in conditions, groups and measures. */
export function fieldsOf({ detections, correlations }: RuleSet): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const { expression, engine } of detections) {
    for (const field of engine.groupBy) fields.add(field);
    eachLeaf(expression, ({ field, test }) => {
      if (field !== null) fields.add(field);
      if (test.type === "fieldref") fields.add(test.field);
    });
  }
  for (const { groupBy, fields: measured, aliases } of correlations) {
    for (const field of [...groupBy, ...measured]) fields.add(field);
    for (const field of Object.values(aliases).flatMap((byRule) => Object.values(byRule))) fields.add(field);
  }
  return fields;
}

/** Names of the lists that a rule reads by `expand`; a correlation reads none itself. */
export function listsOf(rule: DetectionRule | Correlation): ReadonlySet<string> {
  const lists = new Set<string>();
  if (rule.type === "correlation") return lists;
  eachLeaf(rule.expression, ({ test }) => {
    for (const list of namesIn(partsOf(test))) lists.add(list);
  });
  return lists;
}

function eachLeaf(expression: Expression, visit: (leaf: Extract<Expression, { op: "leaf" }>) => void): void {
  if (expression.op === "leaf") return visit(expression);
  const operands: readonly Expression[] = "op" in expression.of ? [expression.of] : expression.of;
  for (const operand of operands) eachLeaf(operand, visit);
}
