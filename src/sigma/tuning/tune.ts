/**
 * Puts the configured numbers in the place of the named ones, in a set whose rules have their keys already.
 *
 * Keys are made of what the rule's file says, so another number neither empties a window nor changes an alert's id: the
 * windows are judged anew. Pure; the set that is given is not changed.
 */
import type { Bound, Correlation, DetectionRule, Expression, Problem, RuleSet, Threshold } from "../ast.ts";

/** Numbers by the name of their threshold. */
export type Thresholds = ReadonlyMap<string, number>;

type Rule = DetectionRule | Correlation;

/** The set under these numbers. Problem codes: threshold_value, threshold_default. Names that no rule has are passed over. */
export function tuneRules(
  { detections, correlations }: RuleSet,
  given: Thresholds,
): { readonly ruleSet: RuleSet; readonly problems: readonly Problem[] } {
  const rules: readonly Rule[] = [...detections, ...correlations];
  const tuned = <R extends Rule>(rule: R): R => (rule.engine.thresholds === undefined ? rule : tune(rule, given));
  return {
    ruleSet: { detections: detections.map(tuned), correlations: correlations.map(tuned) },
    problems: [...rules.flatMap((rule) => checkNumbers(rule, given)), ...checkDefaults(rules)],
  };
}

/** Names of the thresholds of a set, with their defaults. */
export function thresholdsOf({ detections, correlations }: RuleSet): ReadonlyMap<string, number> {
  const named = [...detections, ...correlations].flatMap(({ engine }) => engine.thresholds ?? []);
  return new Map(named.map(({ name, written }) => [name, written]));
}

function tune<R extends Rule>(rule: R, given: Thresholds): R {
  const thresholds = (rule.engine.thresholds ?? []).map(({ name, written }): Threshold => {
    return { name, written, value: given.get(name) ?? written };
  });
  const numbers = new Map(thresholds.map(({ written, value }) => [written, value]));
  const engine = { ...rule.engine, thresholds };
  if (rule.type === "correlation") {
    const bounds = rule.bounds.map(({ operator, value }): Bound => ({ operator, value: numbers.get(value) ?? value }));
    return { ...rule, engine, bounds };
  }
  const { expression, conditions } = rule;
  return {
    ...rule,
    engine,
    expression: tuneExpression(expression, numbers),
    ...(conditions === undefined
      ? {}
      : { conditions: conditions.map((one) => ({ ...one, expression: tuneExpression(one.expression, numbers) })) }),
  };
}

/** Leaves that keep their number stay the same objects: where they stand in the file is known by that. */
function tuneExpression(expression: Expression, numbers: ReadonlyMap<number, number>): Expression {
  if (expression.op === "leaf") {
    const { test } = expression;
    if (test.type !== "compare" || test.part !== null) return expression;
    const value = numbers.get(test.value) ?? test.value;
    return value === test.value ? expression : { ...expression, test: { ...test, value } };
  }
  if (expression.op === "not" || expression.op === "member")
    return { ...expression, of: tuneExpression(expression.of, numbers) };
  return { ...expression, of: expression.of.map((child) => tuneExpression(child, numbers)) };
}

/** Counts are whole and at least 1: below that a rule would fire without an event. */
function checkNumbers(rule: Rule, given: Thresholds): readonly Problem[] {
  const isCount = rule.type === "correlation" && !/^value_(?!count$)/.test(rule.kind);
  return (rule.engine.thresholds ?? []).flatMap(({ name }): Problem[] => {
    const value = given.get(name);
    if (value === undefined || !isCount || (Number.isInteger(value) && value >= 1)) return [];
    const message = `\`${name}\` counts, so the configuration cannot set it to ${value}`;
    const remedy = "set a whole number of 1 or more";
    return [{ ...rule.place, severity: "error", code: "threshold_value", message, value: String(value), remedy }];
  });
}

/** One name has one default, or a page of defaults would lie. */
function checkDefaults(rules: readonly Rule[]): readonly Problem[] {
  const first = new Map<string, number>();
  return rules.flatMap((rule) =>
    (rule.engine.thresholds ?? []).flatMap(({ name, written }): Problem[] => {
      const known = first.get(name) ?? written;
      first.set(name, known);
      if (known === written) return [];
      const message = `the threshold \`${name}\` is ${written} here and ${known} in another rule`;
      const remedy = "use one number, or another name";
      return [{ ...rule.place, severity: "error", code: "threshold_default", message, value: name, remedy }];
    }),
  );
}
