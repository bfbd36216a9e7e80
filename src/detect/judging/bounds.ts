/**
 * Numbers against the bounds of a correlation's condition.
 */
import type { Bound, Correlation, StepCondition } from "../../sigma/ast.ts";

/** A time at which a condition holds; `value` is the count, sum or length of chain that met it. */
export type Holding = { readonly timeMs: number; readonly value: number };

/**
 * True when `value` meets the condition; a temporal rule without bounds wants every one of its rules. `hasStep` says which
 * rules were met, for text conditions.
 */
export function meetsCondition(rule: Correlation, value: number, hasStep?: (step: number) => boolean): boolean {
  const { kind, bounds, rules, condition } = rule;
  if (condition !== undefined && hasStep !== undefined) return meetsSteps(condition, hasStep);
  if (bounds.length > 0) return meetsBounds(value, bounds);
  return value === (kind === "temporal" ? new Set(rules).size : rules.length);
}

function meetsSteps(condition: StepCondition, hasStep: (step: number) => boolean): boolean {
  switch (condition.op) {
    case "step":
      return hasStep(condition.step);
    case "not":
      return !meetsSteps(condition.of, hasStep);
    case "and":
      return condition.of.every((operand) => meetsSteps(operand, hasStep));
    case "or":
      return condition.of.some((operand) => meetsSteps(operand, hasStep));
  }
}

/** True when `value` meets all bounds. */
export function meetsBounds(value: number, bounds: readonly Bound[]): boolean {
  return bounds.every(({ operator, value: limit }) => {
    switch (operator) {
      case "gt":
        return value > limit;
      case "gte":
        return value >= limit;
      case "lt":
        return value < limit;
      case "lte":
        return value <= limit;
      case "eq":
        return value === limit;
      case "neq":
        return value !== limit;
    }
  });
}
