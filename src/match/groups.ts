/**
 * Groups and values: what a correlation, or a detection with a suppression of its own, reads of an event that matched.
 *
 * An event whose field holds several values joins the group of each (32 at most over all fields together); one that lacks
 * a field is in no group of a correlation. Values keep their case and become texts in one canonical way. Pure.
 */
import { canonicalJson } from "../lib/canonical.ts";
import { exactSum } from "../lib/exact-sum.ts";
import { toGroupKey } from "../model/alert.ts";
import type { Json } from "../model/event.ts";
import { toScalarText } from "../sigma/leaf/fold.ts";
import { toNumber } from "../sigma/leaf/number.ts";
import type { Correlation } from "../sigma/ast.ts";
import { isShare } from "../sigma/share.ts";

/** Groups that one event may join in one correlation (sigma.md 2.1): beyond it an array is an attack or an inventory. */
export const GROUPS_MAX = 32;
/** Key of the one group of everything. */
export const NO_GROUP = "[]";

/** Values of a field of the current event, flattened. */
export type ReadField = (field: string) => readonly Json[];

/** Distinct values of a field as texts, nulls left out, in the order of the record. */
function distinctTexts(values: readonly Json[]): string[] {
  const [only] = values;
  if (values.length === 1 && only !== undefined && only !== null) return [toScalarText(only) ?? canonicalJson(only)];
  const texts = new Set<string>();
  for (const value of values) if (value !== null) texts.add(toScalarText(value) ?? canonicalJson(value));
  return [...texts];
}

/** Keys of the groups that the event joins. Null: a field is missing. `missing` is the value that stands in its place instead. */
export function toGroups(fields: readonly string[], read: ReadField, missing: string | null): readonly string[] | null {
  if (fields.length === 0) return [NO_GROUP];
  let tuples: string[][] = [[]];
  for (const field of fields) {
    const found = distinctTexts(read(field));
    const texts = found.length === 0 && missing !== null ? [missing] : found;
    const [only] = texts;
    if (only === undefined) return null;
    if (texts.length === 1) {
      for (const tuple of tuples) tuple.push(only);
      continue;
    }
    tuples = tuples.flatMap((tuple) => texts.slice(0, GROUPS_MAX).map((text) => [...tuple, text])).slice(0, GROUPS_MAX);
  }
  return tuples.map(toGroupKey);
}

/** What a value_* correlation measures. */
export type Measure = { readonly value: string | null; readonly number: number | null };

/** Nothing is measured: event_count and temporal types. */
export const NO_MEASURE: Measure = { value: null, number: null };

/**
 * The value of an event for a correlation, null when it lacks one and so does not count. A tuple is written as a group
 * key; of a field with several values all count as one value, in the order of the record, and value_sum adds them up.
 * An event without a finite number lacks one where a number is measured.
 */
export function toMeasure(
  correlation: Pick<Correlation, "kind" | "percentile">,
  fields: readonly string[],
  read: ReadField,
): Measure | null {
  const { kind } = correlation;
  if (!kind.startsWith("value_")) return NO_MEASURE;
  const parts = fields.map((field) => distinctTexts(read(field)));
  if (parts.length === 0 || parts.some((texts) => texts.length === 0)) return null;
  const texts = parts.map((part) => (part.length === 1 ? (part[0] ?? "") : toGroupKey(part)));
  const value = texts.length === 1 ? (texts[0] ?? "") : toGroupKey(texts);
  // A percentile without a number is the share of a value among all: any text will do.
  if (kind === "value_count" || isShare(correlation)) return { value, number: null };
  const numbers = read(fields[0] ?? "")
    .map(toNumber)
    .filter((number): number is number => number !== null && Number.isFinite(number));
  const [first] = numbers;
  if (first === undefined) return null;
  if (kind !== "value_sum") return { value, number: first };
  const number = exactSum(numbers);
  return Number.isFinite(number) ? { value, number } : null;
}
