/**
 * The condition of a rule as a list that people read: what must hold, from the tree that runs.
 */
import { formatDuration } from "../../src/lib/duration.ts";
import { toWords } from "../../src/rules/test-words.ts";
import type { Correlation, DetectionRule, Expression, StepCondition } from "../../src/sigma/ast.ts";

type Rule = DetectionRule | Correlation;

/** Values of one field that are shown in a line. */
const VALUES_MAX = 12;
const RECORDS: Readonly<Record<string, string>> = {
  cloudtrail: "A CloudTrail record",
  guardduty: "A GuardDuty finding",
  bedrock: "A row of the model-invocation log",
  cost: "A row or an anomaly of Cost Explorer",
};
const BOUNDS = {
  gt: "more than",
  gte: "at least",
  lt: "fewer than",
  lte: "at most",
  eq: "exactly",
  neq: "not",
} as const;

/** Lines of Markdown: a correlation's sentence, then what each rule behind it matches. */
export function toConditionLines(rule: Rule, rules: ReadonlyMap<string, Rule>): readonly string[] {
  if (rule.type === "detection") return toMatchLines(rule);
  const behind = [...new Set(rule.rules)].flatMap((id) => rules.get(id) ?? []);
  return [
    toSentence(rule, rules),
    ...behind.flatMap((one) => ["", `**${one.title}**`, "", ...toConditionLines(one, rules)]),
  ];
}

function toMatchLines({ expression, logsource, engine }: DetectionRule): readonly string[] {
  const once =
    engine.suppressMs === null
      ? []
      : ["", `One alert within ${formatDuration(engine.suppressMs)} for the same ${fields(engine.groupBy)}.`];
  const what = RECORDS[logsource.service ?? ""] ?? "A record";
  return [`${what} of which all of this holds:`, "", ...toTree(expression, 0), ...once];
}

function toSentence(rule: Correlation, rules: ReadonlyMap<string, Rule>): string {
  const { kind, bounds, timespanMs, groupBy, fields: measured } = rule;
  const titles = rule.rules.map((id) => `“${rules.get(id)?.title ?? id}”`);
  const number = bounds.map(({ operator, value }) => `${BOUNDS[operator]} ${value}`).join(" and ");
  const within = `within ${formatDuration(timespanMs)}${groupBy.length === 0 ? "" : `, with the same ${fields(groupBy)}`}`;
  if (kind === "event_count") return `${number} events of ${titles.join(" or ")} ${within}.`.replace(/^./, upper);
  if (kind === "value_count")
    return `${number} different values of ${fields(measured)} in ${titles.join(" or ")} ${within}.`.replace(
      /^./,
      upper,
    );
  if (kind === "value_sum") return `The sum of ${fields(measured)} over ${titles.join(" or ")} is ${number} ${within}.`;
  if (kind === "temporal_ordered") return `${titles.join(", then ")}, in this order, ${within}.`;
  if (kind === "temporal" && rule.condition !== undefined) return `${toSteps(rule.condition, titles)} ${within}.`;
  if (kind === "temporal") return `${titles.join(" and ")}, in any order, ${within}.`;
  throw new Error(`no words for the correlation type ${kind}: ${rule.title}`);
}

function toSteps(condition: StepCondition, titles: readonly string[]): string {
  if (condition.op === "step") return titles[condition.step] ?? "";
  if (condition.op === "not") return `not ${toSteps(condition.of, titles)}`;
  return `(${condition.of.map((one) => toSteps(one, titles)).join(` ${condition.op} `)})`;
}

function toTree(expression: Expression, depth: number): readonly string[] {
  const line = (text: string): string => `${"  ".repeat(depth)}- ${text}`;
  if (expression.op === "leaf") return [line(code(toWords(expression)))];
  if (expression.op === "member")
    return [
      line(`${String(expression.which)} member of \`${expression.field}\`:`),
      ...toTree(expression.of, depth + 1),
    ];
  if (expression.op === "not") {
    const alternatives = toAlternatives(expression.of);
    return alternatives === null ? [line("not:"), ...toTree(expression.of, depth + 1)] : [line(`not ${alternatives}`)];
  }
  const alternatives = toAlternatives(expression);
  if (alternatives !== null) return [line(alternatives)];
  const inner = expression.of.flatMap((child) =>
    toTree(child, depth + (depth === 0 && expression.op === "and" ? 0 : 1)),
  );
  return depth === 0 && expression.op === "and"
    ? inner
    : [line(expression.op === "and" ? "all of:" : "any of:"), ...inner];
}

/** "`field`: a, b or c" of an `or` over one field, or of one leaf; null for any other. */
function toAlternatives(expression: Expression): string | null {
  if (expression.op === "leaf") return code(toWords(expression));
  if (expression.op !== "or") return null;
  const words = expression.of.map((child) => (child.op === "leaf" ? toWords(child) : null));
  const split = words.map((word) => (word === null ? null : /^([^:]+): (.*)$/s.exec(word)));
  const field = split[0]?.[1];
  if (field === undefined || split.some((part) => part?.[1] !== field)) return null;
  const values = split.map((part) => code(part?.[2] ?? ""));
  const more = values.length > VALUES_MAX ? [`${values.length - VALUES_MAX} more`] : [];
  return `\`${field}\`: ${[...values.slice(0, VALUES_MAX), ...more].join(", ")}`;
}

function fields(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function upper(letter: string): string {
  return letter.toUpperCase();
}
