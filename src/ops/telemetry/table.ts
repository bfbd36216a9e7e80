/**
 * Every metric in one list: those that signals feed and those that are read when asked. docs/metrics.md, the dashboard's
 * test and the exporters go by it.
 */
import type { MetricRow } from "../signal-row.ts";
import { SIGNALS } from "../signals.ts";
import { toLabelName } from "./labels.ts";
import { READINGS } from "./readings.ts";

export type MetricEntry = {
  readonly name: string;
  readonly type: MetricRow["type"];
  readonly labels: readonly string[];
  /** The signal that feeds it; null: read when asked. */
  readonly signal: string | null;
  readonly what: string;
};

export const METRICS: readonly MetricEntry[] = [
  ...Object.entries(SIGNALS).flatMap(([signal, { metrics }]) =>
    (metrics as readonly MetricRow[]).map(({ name, type, labels, what }) => ({
      name,
      type,
      labels: labels.map(toLabelName),
      signal,
      what,
    })),
  ),
  ...Object.entries(READINGS).map(([name, { type, labels, what }]) => ({ name, type, labels, signal: null, what })),
];

/** Unit by the end of the name, as UCUM writes it; empty: a count. */
export function unitOf(name: string): string {
  const bare = name.replace(/_total$/, "");
  return bare.endsWith("_seconds") ? "s" : bare.endsWith("_bytes") || bare.startsWith("sagewatch_bytes_") ? "By" : "";
}
