/**
 * A correlation document: type, rules, grouping, time span, condition and aliases, read but not yet resolved.
 *
 * References stay as written until the whole set is known (../references.ts). A draft is made even of a broken document,
 * because the rules that it names must not begin to alert by themselves when their correlation fails. Unknown keys are
 * errors: a condition that is silently dropped is a weaker rule.
 */
import { didYouMean } from "../../lib/nearest.ts";
import type { Bound, CorrelationType, RuleHead } from "../ast.ts";
import type { Findings } from "../problems.ts";
import { shownAs, valueOf, type YamlMap, type YamlNode } from "../yaml.ts";
import { refuseUnknown, required, requiredMap, textList, textOf, wrongType } from "./fields.ts";
import { parseReferences, type Reference } from "./filter.ts";
import { parseHead } from "./head.ts";
import { parseTimespan } from "./timespan.ts";

/** Types of the specification, and the median that pySigma and rsigma have beside them. */
const TYPES = [
  "event_count",
  "value_count",
  "temporal",
  "temporal_ordered",
  "value_sum",
  "value_avg",
  "value_percentile",
  "value_median",
] as const satisfies readonly CorrelationType[];
const OPERATORS = ["gt", "gte", "lt", "lte", "eq", "neq"] as const satisfies readonly Bound["operator"][];
const KEYS = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"] as const;

/** An alias as written: which field stands for it in which rule. */
export type AliasDraft = { readonly name: string; readonly at: number; readonly fields: readonly (Reference & { readonly field: string })[] };

/** The body of a correlation without errors of its own. */
export type CorrelationBody = {
  readonly kind: CorrelationType;
  readonly groupBy: readonly string[];
  readonly aliases: readonly AliasDraft[];
  readonly timespanMs: number;
  readonly bounds: readonly Bound[];
  readonly fields: readonly string[];
  readonly percentile: number | null;
};

/** A correlation before its references are resolved. `head` or `body` null: it has errors. */
export type CorrelationDraft = {
  readonly head: RuleHead | null;
  readonly body: CorrelationBody | null;
  readonly references: readonly Reference[];
  readonly generate: boolean;
  readonly findings: Findings;
  readonly at: number;
  /** Place of the correlation's type, for findings about the whole. */
  readonly typeAt: number;
};

/** Reads a document with `correlation`. */
export function parseCorrelation(map: YamlMap, findings: Findings): CorrelationDraft {
  const before = findings.errors();
  const head = parseHead(map, findings);
  if (head !== null) checkEngine(map, head, findings);
  const section = requiredMap(map, "correlation", findings);
  const rules = section === null ? null : required(section, "rules", findings);
  const references = rules === null ? [] : parseReferences(rules, "correlation.rules", findings);
  if (rules !== null && references.length === 0) wrongType(rules, "`correlation.rules` must name at least one rule", findings);
  const generate = parseGenerate(map, findings) || (section !== null && parseGenerate(section, findings));
  const body = section === null ? null : parseBody(section, findings);
  const isGood = findings.errors() === before;
  const typeAt = (section === null ? undefined : valueOf(section, "type"))?.at ?? map.at;
  return { head: isGood ? head : null, body: isGood ? body : null, references, generate, findings, at: map.at, typeAt };
}

function checkEngine(map: YamlMap, { engine }: RuleHead, findings: Findings): void {
  if (engine.suppressMs === null && engine.groupBy.length === 0) return;
  findings.error("engine_option", valueOf(map, "x_engine")?.at ?? map.at, {
    message: "`suppress` and `group-by` of `x_engine` belong to detections",
    value: engine.suppressMs === null ? "group-by" : "suppress",
    remedy: "a correlation has `correlation.group-by`, and `x_engine.bucket` for the length of an alert",
  });
}

function parseGenerate(map: YamlMap, findings: Findings): boolean {
  const node = valueOf(map, "generate");
  if (node === undefined) return false;
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  wrongType(node, "`generate` must be true or false", findings);
  return false;
}

function parseBody(section: YamlMap, findings: Findings): CorrelationBody | null {
  refuseUnknown(section, "correlation", { known: KEYS, findings });
  const kind = parseType(section, findings);
  const timespan = required(section, "timespan", findings);
  const timespanMs = timespan === null ? null : parseTimespan("timespan", timespan, findings);
  const group = valueOf(section, "group-by");
  const groupBy = group === undefined || isNothing(group) ? [] : textList(group, "group-by", findings);
  const aliases = parseAliases(section, findings);
  if (kind === null) return null;
  const condition = parseCorrelationCondition(section, kind, findings);
  if (timespanMs === null || groupBy === null || condition === null) return null;
  return { kind, timespanMs, groupBy: [...new Set(groupBy)], aliases, ...condition };
}

function isNothing(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

function parseType(section: YamlMap, findings: Findings): CorrelationType | null {
  const node = required(section, "type", findings);
  if (node === null) return null;
  const text = textOf(node) ?? "";
  const kind = TYPES.find((type) => type === text) ?? null;
  if (kind === null) {
    findings.error("correlation_type", node.at, { message: `correlation type \`${shownAs(node)}\` does not exist${didYouMean(text, TYPES)}`, value: shownAs(node), remedy: `use one of ${TYPES.join(", ")}` });
  }
  return kind;
}

type Conditions = Pick<CorrelationBody, "bounds" | "fields" | "percentile">;

function parseCorrelationCondition(section: YamlMap, kind: CorrelationType, findings: Findings): Conditions | null {
  const isTemporal = kind === "temporal" || kind === "temporal_ordered";
  const node = isTemporal ? valueOf(section, "condition") : required(section, "condition", findings);
  if (node === undefined) return { bounds: [], fields: [], percentile: null };
  if (node === null) return null;
  if (node.kind === "scalar" && typeof node.value === "string") {
    findings.error("correlation_condition_extended", node.at, { message: "text conditions of correlations are not run by this engine yet", value: shownAs(node), remedy: "use a map such as {gte: 5}, or leave it out to demand every rule" });
    return null;
  }
  if (node.kind !== "map") {
    wrongType(node, "`correlation.condition` must be a map such as {gte: 5}", findings);
    return null;
  }
  const before = findings.errors();
  refuseUnknown(node, "correlation.condition", { known: [...OPERATORS, "field", "percentile"], findings });
  const bounds = parseBounds(node, findings);
  if (bounds.length === 0 && !isTemporal && findings.errors() === before) {
    findings.error("correlation_condition", node.at, { message: "the condition has no bound", value: shownAs(node), remedy: `add one of ${OPERATORS.join(", ")}` });
  }
  if (isContradiction(bounds)) {
    findings.warning("correlation_condition_never", node.at, { message: "no number meets all bounds of the condition", value: shownAs(node), remedy: "mend the bounds" });
  }
  const fields = parseFields(node, kind, findings);
  const percentile = parsePercentile(node, kind, findings);
  return findings.errors() > before ? null : { bounds, fields, percentile };
}

function parseBounds(condition: YamlMap, findings: Findings): readonly Bound[] {
  return OPERATORS.flatMap((operator) => {
    const node = valueOf(condition, operator);
    if (node === undefined) return [];
    const value = node.kind === "scalar" ? node.value : null;
    if (typeof value === "number" && Number.isFinite(value)) return [{ operator, value }];
    findings.error("correlation_condition", node.at, { message: `\`${operator}\` needs a number`, value: shownAs(node), remedy: "write a number without quotes" });
    return [];
  });
}

function isContradiction(bounds: readonly Bound[]): boolean {
  const holds = (number: number): boolean =>
    bounds.every(({ operator, value }) => {
      if (operator === "gt") return number > value;
      if (operator === "gte") return number >= value;
      if (operator === "lt") return number < value;
      if (operator === "lte") return number <= value;
      return operator === "eq" ? number === value : number !== value;
    });
  // Between two neighbouring bounds nothing changes, so one number of each piece decides.
  const values = bounds.map(({ value }) => value).toSorted((a, b) => a - b);
  const pieces = values.flatMap((value, index) => [value, (value + (values[index + 1] ?? value + 2)) / 2]);
  return bounds.length > 0 && ![(values[0] ?? 0) - 1, ...pieces].some(holds);
}

function parseFields(condition: YamlMap, kind: CorrelationType, findings: Findings): readonly string[] {
  const node = valueOf(condition, "field");
  const takesField = kind.startsWith("value_");
  if (node === undefined) {
    if (takesField) findings.error("correlation_field", condition.at, { message: `\`${kind}\` needs \`field\` in its condition`, value: kind, remedy: "add the field whose values it reads" });
    return [];
  }
  if (!takesField) {
    findings.error("correlation_field", node.at, { message: `\`${kind}\` reads no field`, value: shownAs(node), remedy: "remove `field`, or use value_count" });
    return [];
  }
  const fields = textList(node, "field", findings) ?? [];
  const isTuple = fields.length > 1 && kind !== "value_count";
  if (isTuple || fields.some((field) => field === "")) {
    findings.error("correlation_field", node.at, { message: isTuple ? `\`${kind}\` reads one field only` : "a field has no name", value: shownAs(node), remedy: "name one field" });
  }
  return fields;
}

function parsePercentile(condition: YamlMap, kind: CorrelationType, findings: Findings): number | null {
  const node = valueOf(condition, "percentile");
  if (node === undefined) return null;
  const value = node.kind === "scalar" ? node.value : null;
  const isPercentile = typeof value === "number" && value >= 0 && value <= 100;
  if (isPercentile && kind === "value_percentile") return value;
  findings.error("correlation_condition", node.at, { message: isPercentile ? `\`percentile\` belongs to value_percentile, not ${kind}` : "`percentile` is a number from 0 to 100", value: shownAs(node), remedy: isPercentile ? "remove it" : "mend the number" });
  return null;
}

function parseAliases(section: YamlMap, findings: Findings): readonly AliasDraft[] {
  const node = valueOf(section, "aliases");
  if (node === undefined || isNothing(node)) return [];
  if (node.kind !== "map") {
    wrongType(node, "`aliases` must be a map of alias to {rule: field}", findings);
    return [];
  }
  return node.entries.map(({ key, keyNode, value }) => {
    if (value.kind !== "map") wrongType(value, `alias \`${key}\` must be a map of rule to field`, findings);
    const entries = value.kind === "map" ? value.entries : [];
    const fields = entries.flatMap((entry) => {
      const field = textOf(entry.value);
      if (field === null) wrongType(entry.value, `alias \`${key}\` must name a field of \`${entry.key}\``, findings);
      return field === null ? [] : [{ text: entry.key, at: entry.keyNode.at, field }];
    });
    return { name: key, at: keyNode.at, fields };
  });
}
