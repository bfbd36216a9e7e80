/**
 * Sums of a run, taken from the signals that pass by: what the summary of `run` and `replay` prints.
 *
 * It listens and never changes a signal. Alerts are counted by their first revision, so a growing alert counts once.
 */
import type { Reason, SkipReason } from "../model/event.ts";
import type { Emit, Signal } from "../model/signal.ts";

/** Sums since the start. read = evaluated + quarantined + the skipped. */
export type Sums = {
  readonly read: number;
  readonly evaluated: number;
  readonly quarantined: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly late: number;
  readonly repeated: number;
  readonly bytes: number;
  readonly quarantinedByReason: Readonly<Partial<Record<Reason, number>>>;
  readonly alertsByRule: Readonly<Record<string, number>>;
};

/** Passes every signal on to `emit` and keeps the sums; tells `onCommit` of them after each commit. */
export function createTally(
  emit: Emit,
  onCommit: (sums: Sums) => void,
): { readonly emit: Emit; readonly sums: () => Sums } {
  const totals = { read: 0, evaluated: 0, late: 0, repeated: 0, bytes: 0 };
  const skipped = new Map<SkipReason, number>();
  const reasons = new Map<Reason, number>();
  const alerts = new Map<string, number>();
  const count = (signal: Signal): void => {
    if (signal.type === "batch") {
      totals.read += signal.read;
      totals.evaluated += signal.evaluated;
      totals.bytes += signal.bytes;
    } else if (signal.type === "late") totals.late += signal.records;
    else if (signal.type === "repeated") totals.repeated += signal.records;
    else if (signal.type === "skipped") add(skipped, signal.reason, signal.records);
    else if (signal.type === "quarantined") add(reasons, signal.reason, signal.records);
    else if (signal.type === "alert_written" && signal.revision === 1) add(alerts, signal.ruleId, 1);
  };
  const sums = (): Sums => ({
    ...totals,
    quarantined: [...reasons.values()].reduce((sum, records) => sum + records, 0),
    skipped: Object.fromEntries(skipped),
    quarantinedByReason: Object.fromEntries(reasons),
    alertsByRule: Object.fromEntries(alerts),
  });
  return {
    emit: (signal) => {
      count(signal);
      emit(signal);
      if (signal.type === "committed") onCommit(sums());
    },
    sums,
  };
}

function add<K>(to: Map<K, number>, key: K, count: number): void {
  to.set(key, (to.get(key) ?? 0) + count);
}
