/**
 * The condition of a correlation: bounds, the field it reads, the percentile.
 *
 * Every key must be known and every bound a number: a condition that is silently dropped is a weaker rule.
 */
import type { Bound, CorrelationType } from "../ast.ts";
import type { Findings } from "../problems.ts";
import { shownAs, valueOf, type YamlMap } from "../yaml.ts";
import { type NamesCondition, parseNames } from "./correlation-names.ts";
import { refuseUnknown, required, textList, wrongType } from "./fields.ts";

const OPERATORS = ["gt", "gte", "lt", "lte", "eq", "neq"] as const satisfies readonly Bound["operator"][];
/** The field by which a correlation of correlations reads the number that an inner one compared with its bounds. */
export const AGGREGATE = "state.aggregate";

/** A condition read. `fields` is empty unless the type reads values; `percentile` null unless it is stated. */
export type CorrelationCondition = {
  readonly bounds: readonly Bound[];
  readonly fields: readonly string[];
  readonly percentile: number | null;
  /** A text in place of bounds; null without one. */
  readonly text: NamesCondition | null;
};

/**
 * Reads the condition of the section; null when it has errors. Only temporal types can do without one. Of a type that is
 * none (null), only what is wrong under every type is told.
 */
export function parseCorrelationCondition(
  section: YamlMap,
  kind: CorrelationType | null,
  findings: Findings,
): CorrelationCondition | null {
  const isTemporal = kind === "temporal" || kind === "temporal_ordered";
  const node = isTemporal || kind === null ? valueOf(section, "condition") : required(section, "condition", findings);
  if (node === undefined) return { bounds: [], fields: [], percentile: null, text: null };
  if (node === null) return null;
  if (node.kind === "scalar" && typeof node.value === "string") {
    const text = kind === null ? null : parseNames(node, kind, findings);
    return text === null ? null : { bounds: [], fields: [], percentile: null, text };
  }
  if (node.kind !== "map") {
    wrongType(node, "`correlation.condition` must be a map such as {gte: 5}", findings);
    return null;
  }
  const before = findings.errors();
  refuseUnknown(node, "correlation.condition", { known: [...OPERATORS, "field", "percentile"], findings });
  const bounds = parseBounds(node, findings);
  if (bounds.length === 0 && !isTemporal && kind !== null && findings.errors() === before) {
    findings.error("correlation_condition", node.at, {
      message: "the condition has no bound",
      value: shownAs(node),
      remedy: `add one of ${OPERATORS.join(", ")}`,
    });
  }
  if (isContradiction(bounds)) {
    findings.warning("correlation_condition_never", node.at, {
      message: "no number meets all bounds of the condition",
      value: shownAs(node),
      remedy: "mend the bounds",
    });
  }
  if (kind === null) return null;
  const fields = parseFields(node, kind, findings);
  const percentile = parsePercentile(node, kind, findings);
  return findings.errors() > before ? null : { bounds, fields, percentile, text: null };
}

function parseBounds(condition: YamlMap, findings: Findings): readonly Bound[] {
  return OPERATORS.flatMap((operator) => {
    const node = valueOf(condition, operator);
    if (node === undefined) return [];
    const value = node.kind === "scalar" ? node.value : null;
    if (typeof value === "number" && Number.isFinite(value)) return [{ operator, value }];
    findings.error("correlation_condition", node.at, {
      message: `\`${operator}\` needs a number`,
      value: shownAs(node),
      remedy: "write a number without quotes",
    });
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
    if (takesField)
      findings.error("correlation_field", condition.at, {
        message: `\`${kind}\` needs \`field\` in its condition`,
        value: kind,
        remedy: "add the field whose values it reads",
      });
    return [];
  }
  if (!takesField) {
    findings.error("correlation_field", node.at, {
      message: `\`${kind}\` reads no field`,
      value: shownAs(node),
      remedy: "remove `field`, or use value_count",
    });
    return [];
  }
  const fields = textList(node, "field", findings) ?? [];
  const isTuple = fields.length > 1 && kind !== "value_count";
  if (isTuple || fields.some((field) => field === "")) {
    findings.error("correlation_field", node.at, {
      message: isTuple ? `\`${kind}\` reads one field only` : "a field has no name",
      value: shownAs(node),
      remedy: "name one field",
    });
  }
  return fields;
}

function parsePercentile(condition: YamlMap, kind: CorrelationType, findings: Findings): number | null {
  const node = valueOf(condition, "percentile");
  if (node === undefined) return null;
  const value = node.kind === "scalar" ? node.value : null;
  const isPercentile = typeof value === "number" && value >= 0 && value <= 100;
  if (isPercentile && kind === "value_percentile") return value;
  findings.error("correlation_condition", node.at, {
    message: isPercentile
      ? `\`percentile\` belongs to value_percentile, not ${kind}`
      : "`percentile` is a number from 0 to 100",
    value: shownAs(node),
    remedy: isPercentile ? "remove it" : "mend the number",
  });
  return null;
}
