/**
 * value_percentile has two meanings, and which one a rule has is asked wherever its values are read, judged and named.
 *
 * With `percentile: N` it compares that percentile of numbers; without, the share in % of each value among all
 * (docs/correlations.md). Here, so that this is written once. Pure.
 */
import type { Correlation } from "./ast.ts";

/** True when the rule judges shares of values: any text is a value, and a bucket's alert covers those that meet the bounds. */
export function isShare({ kind, percentile }: Pick<Correlation, "kind" | "percentile">): boolean {
  return kind === "value_percentile" && percentile === null;
}
