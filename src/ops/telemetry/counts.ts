/**
 * Counts signals in plain objects, as the tables of signals.ts say.
 *
 * An instrument of a telemetry library costs microseconds a call; a number in an object costs nothing worth telling, and
 * is looked at only when somebody asks. It listens, never changes a signal, never throws, and holds a bounded number of
 * series (labels.ts).
 */
import type { Ages } from "../../model/ages.ts";
import type { Signal, SignalType } from "../../model/signal.ts";
import type { MetricRow } from "../signal-row.ts";
import { SIGNALS } from "../signals.ts";
import { AGE_BOUNDS, createHistogram, type Histogram, merge, record, TIME_BOUNDS } from "./histogram.ts";
import { createLabelBounds, type LabelBounds, SERIES_MAX, toLabelName } from "./labels.ts";

/** One line of figures: labels by name, and the figure. */
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number | Histogram };
/** A metric with its figures. */
export type Metric = {
  readonly name: string;
  readonly type: MetricRow["type"];
  readonly what: string;
  readonly samples: readonly Sample[];
};

export type Counts = { count(signal: Signal): void; metrics(): readonly Metric[] };

type Series = { readonly labels: Record<string, string>; value: number | Histogram };
type Kept = { readonly row: MetricRow; readonly series: Map<string, Series> };

export function createCounts(): Counts {
  const bounds = createLabelBounds();
  const kept = new Map<SignalType, readonly Kept[]>(
    Object.entries(SIGNALS).map(([type, { metrics }]) => [
      type as SignalType,
      (metrics as readonly MetricRow[]).map((row) => ({ row, series: new Map() })),
    ]),
  );
  return {
    count: (signal) => {
      for (const metric of kept.get(signal.type) ?? []) countOne(metric, signal, bounds);
    },
    metrics: () =>
      [...kept.values()].flat().map(({ row, series }) => ({
        name: row.name,
        type: row.type,
        what: row.what,
        samples: [...series.values()],
      })),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function countOne({ row, series }: Kept, signal: Fields, bounds: LabelBounds): void {
  if (row.only !== undefined && signal[row.only.field] !== row.only.is) return;
  const one = find(row, series, { signal, bounds });
  const value = row.value === 1 ? 1 : signal[row.value];
  const scale = row.fromMs === true ? 0.001 : 1;
  if (typeof one.value !== "number") {
    if (typeof value === "number") record(one.value, value * scale);
    else merge(one.value, (value as Ages).counts, (value as Ages).sumMs * scale);
  } else if (typeof value === "number") one.value = row.type === "counter" ? one.value + value : value * scale;
}

function find(
  row: MetricRow,
  series: Map<string, Series>,
  { signal, bounds }: { signal: Fields; bounds: LabelBounds },
): Series {
  const { labels } = row as { labels: readonly string[] };
  let values = labels.map((field) => bounds.admit(field, signal[field]));
  let key = values.join("\n");
  const found = series.get(key);
  if (found !== undefined) return found;
  if (row.single === true) series.clear();
  if (series.size >= SERIES_MAX) {
    values = values.map((value, index) => bounds.fold(String(labels[index]), value));
    key = values.join("\n");
  }
  const folded = series.get(key);
  if (folded !== undefined) return folded;
  const made = {
    labels: Object.fromEntries(labels.map((field, index) => [toLabelName(field), String(values[index])])),
    value: row.type === "histogram" ? createHistogram(boundsOf(row)) : 0,
  };
  series.set(key, made);
  return made;
}

const AGES: ReadonlySet<unknown> = new Set(["ages", "waits"]);

/** Ages come as counts already; all else is a duration. */
function boundsOf(row: MetricRow): readonly number[] {
  return AGES.has(row.value) ? AGE_BOUNDS : TIME_BOUNDS;
}
