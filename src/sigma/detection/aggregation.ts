/**
 * Recognises the aggregations of old Sigma (`| count() by x > 5`, `near`) in a condition and says how to write the same
 * as a correlation, which replaced them in version 2. Words only: nothing of them is ever evaluated.
 */
import type { Words } from "../problems.ts";

const OPERATORS: Readonly<Record<string, string>> = {
  ">": "gt",
  ">=": "gte",
  "<": "lt",
  "<=": "lte",
  "=": "eq",
  "==": "eq",
};
const TYPES: Readonly<Record<string, string>> = { sum: "value_sum", avg: "value_avg", count: "value_count" };
const COUNT = /\|\s*(count|sum|avg)\s*\(\s*([^)\s]*)\s*\)\s*(?:by\s+(\S+)\s*)?(>=|<=|==|=|>|<)\s*(\d+)/i;

/** Where the aggregation of `text` begins and what to say of it; null when there is none. */
export function explainAggregation(text: string): { readonly index: number; readonly words: Words } | null {
  const index = text.indexOf("|");
  if (index === -1) return null;
  const message = "aggregations behind `|` are no longer part of Sigma; correlations replace them";
  return { index, words: { message, value: text.slice(index), remedy: toRemedy(text) } };
}

function toRemedy(text: string): string {
  const [, name = "", field = "", by, operator = "", number] = COUNT.exec(text) ?? [];
  if (number === undefined)
    return "drop the part behind `|`, give the rule a name, and add a correlation document (temporal for `near`)";
  const type = name.toLowerCase() === "count" && field === "" ? "event_count" : TYPES[name.toLowerCase()];
  const condition = `{${field === "" ? "" : `field: ${field}, `}${OPERATORS[operator]}: ${number}}`;
  const group = by === undefined ? "" : `, group-by: [${by}]`;
  return `drop the part behind \`|\`, give the rule a name, and add a document with correlation: {type: ${type}, rules: [NAME]${group}, timespan: 5m, condition: ${condition}}`;
}
