/**
 * Canonical form v1 of a rule's meaning, and the two hashes made of it: `stateKey` and `ruleSem` (contract C4).
 *
 * Alert ids and the windows in the store hang on these hashes, so the form is frozen: the same meaning must give the same
 * text in every release. docs/canonical-form.md describes it; a change is a new form with a number of its own. Order of
 * keys, repeated values, nesting, names of detections and formatting do not show; neither do thresholds, title, level,
 * tags or ids. Pure.
 */
import { canonicalJson, sha256Hex } from "../lib/canonical.ts";
import { toRuleSem } from "../model/alert.ts";
import type { Correlation, EngineOptions, Expression, Pattern, RuleLogsource, Test, TextStep } from "./ast.ts";
import { fold } from "./leaf/fold.ts";
import { isShare } from "./share.ts";

/** Number of the form. */
export const CANONICAL_FORM = 1;

type Form = readonly unknown[];

/** State key and rule_sem of a detection. Its bucket is the suppression period, 0 without one. */
export function toDetectionKeys(rule: { logsource: RuleLogsource; expression: Expression; engine: EngineOptions }): {
  readonly stateKey: string;
  readonly ruleSem: string;
} {
  const form = {
    form: CANONICAL_FORM,
    type: "detection",
    logsource: rule.logsource,
    detection: toForm(rule.expression),
    ...(rule.engine.suppressMs === null ? {} : { groupBy: rule.engine.groupBy }),
  };
  const stateKey = sha256Hex(canonicalJson(form));
  return { stateKey, ruleSem: toRuleSem(stateKey, 0, (rule.engine.suppressMs ?? 0) / 1000) };
}

/** What a correlation's keys hang on. */
export type CorrelationMeaning = Pick<
  Correlation,
  "kind" | "groupBy" | "fields" | "aliases" | "rules" | "percentile" | "timespanMs" | "bucketMs" | "engine"
>;

/**
 * State key and rule_sem of a correlation. `stateKeys` are those of the referenced rules, by id. The order of rules is
 * part of the form, since members are stored under their step.
 */
export function toCorrelationKeys(
  rule: CorrelationMeaning,
  stateKeys: ReadonlyMap<string, string>,
): { readonly stateKey: string; readonly ruleSem: string } {
  const used = [...rule.groupBy, ...rule.fields].filter((name) => Object.hasOwn(rule.aliases, name));
  const form = {
    form: CANONICAL_FORM,
    type: isShare(rule) ? "value_share" : rule.kind,
    rules: rule.rules.map((id) => stateKeys.get(id) ?? ""),
    groupBy: rule.groupBy,
    ...(rule.engine.missing === undefined ? {} : { missing: rule.engine.missing }),
    fields: rule.fields,
    aliases: Object.fromEntries(used.map((name) => [name, rule.rules.map((id) => rule.aliases[name]?.[id] ?? "")])),
  };
  const stateKey = sha256Hex(canonicalJson(form));
  return { stateKey, ruleSem: toRuleSem(stateKey, rule.timespanMs / 1000, rule.bucketMs / 1000) };
}

/** The form of an expression: ["and"|"or", operand…] with operands sorted by their text and each once, ["not", operand], ["is", field, test], ["each", which, field, operand]. */
export function toForm(expression: Expression): Form {
  if (expression.op === "leaf") return ["is", expression.field, toTestForm(expression.test)];
  if (expression.op === "not") {
    const inner = toForm(expression.of);
    return inner[0] === "not" ? (inner[1] as Form) : ["not", inner];
  }
  if (expression.op === "member") return ["each", expression.which, expression.field, toForm(expression.of)];
  const { op } = expression;
  const operands = new Map<string, Form>();
  for (const operand of expression.of.map(toForm)) {
    const flat = operand[0] === op ? (operand.slice(1) as readonly Form[]) : [operand];
    for (const form of flat) operands.set(canonicalJson(form), form);
  }
  const sorted = [...operands].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, form]) => form);
  return sorted.length === 1 && sorted[0] !== undefined ? sorted[0] : [op, ...sorted];
}

function toTestForm(test: Test): Form {
  switch (test.type) {
    case "text":
      return [test.cased ? "cased" : "text", ...toPatternForm(test.pattern, test.cased)];
    case "encoded":
      return ["encoded", test.steps.map(toStepForm), [...toPatternForm(test.pattern, true)], test.cased];
    case "number":
      return ["number", Number.isSafeInteger(test.value) || !Number.isInteger(test.value) ? test.value : test.text];
    case "boolean":
    case "exists":
      return [test.type, test.value];
    case "null":
      return ["null"];
    case "regex":
      return ["regex", test.source, toFlags(test)];
    case "regex_expand":
      return ["regex", test.parts, toFlags(test)];
    case "cidr":
      return ["cidr", test.network];
    case "compare":
      return ["compare", test.operator, test.value, test.part];
    case "timepart":
      return ["timepart", test.part, test.value];
    case "fieldref":
      return ["fieldref", test.field, test.mode, test.cased];
  }
}

/** `wide` is another name. */
function toStepForm(step: TextStep): string {
  return step === "wide" ? "utf16le" : step;
}

function toFlags(test: { ignoreCase: boolean; multiline: boolean; dotAll: boolean }): string {
  return `${test.ignoreCase ? "i" : ""}${test.multiline ? "m" : ""}${test.dotAll ? "s" : ""}`;
}

/** Literals joined and folded unless cased, `**` made `*`: 0 for `*`, 1 for `?`, 2 for an option dash, {"list": name} for a placeholder. */
function toPatternForm(pattern: Pattern, cased: boolean): Form {
  const parts: Pattern[number][] = [];
  for (const part of pattern) {
    const last = parts.at(-1);
    if (typeof part !== "string") {
      if (part !== 0 || last !== 0) parts.push(part);
    } else if (part !== "") {
      const text = cased ? part : fold(part);
      if (typeof last === "string") parts[parts.length - 1] = last + text;
      else parts.push(text);
    }
  }
  return parts;
}
