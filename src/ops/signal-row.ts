/**
 * The shape of a signal's row: what becomes of one happening in the log and in the metrics.
 *
 * The rows stand in signals-run.ts, -input.ts and -output.ts and in signals/past.ts; signals.ts joins them. Types only.
 */
import type { Signal, SignalType } from "../model/signal.ts";

/** Levels a signal may have in the log. */
export type SignalLevel = "debug" | "info" | "warn" | "error" | "fatal";

/**
 * A metric that a signal feeds. `value` is the field that is added or set (a number, or Ages for a histogram); 1 counts the
 * signal itself. Labels are fields; what each is called outside stands in telemetry/labels.ts.
 */
export type MetricRow<S extends Signal = Signal> = {
  readonly name: `sagewatch_${string}`;
  readonly type: "counter" | "gauge" | "histogram";
  readonly value: Extract<keyof S, string> | 1;
  /** The field is in ms and the metric in seconds. */
  readonly fromMs?: true;
  /** Only the newest labels count: the version that runs, the rules in use. */
  readonly single?: true;
  /** Counts only where this field has this value. */
  readonly only?: { readonly field: Extract<keyof S, string>; readonly is: number | string };
  readonly labels: readonly Extract<keyof S, string>[];
  readonly what: string;
};

/** A signal's row. `message` is the `msg` of its log line; all its fields stand beside it. */
export type SignalRow<S extends Signal = Signal> = {
  readonly level: SignalLevel;
  readonly message: string;
  readonly what: string;
  readonly metrics: readonly MetricRow<S>[];
};

/** The rows of some signals. */
export type SignalRows<T extends SignalType> = { readonly [Name in T]: SignalRow<Extract<Signal, { type: Name }>> };
