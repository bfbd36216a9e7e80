/**
 * Keeps a flood of equal signals from becoming a flood of lines.
 *
 * A signal that counts records (late, quarantined, …) passes at once the first time; what comes within the next ten seconds
 * under the same type and labels is added up and passed as one signal with the sum. Nothing is left out of the sums: what
 * is held back passes when its time is up, looked at with each signal, and at the end of the run. Holds no timer.
 */
import type { Clock } from "../lib/clock.ts";
import type { Emit, Signal } from "../model/signal.ts";

/** An operator reads no faster, and a minute of trouble stays six lines. */
const SPAN_MS = 10_000;

type Gathered = Extract<Signal, { readonly type: "quarantined" | "skipped" | "late" | "repeated" | "groupless" }>;
const GATHERED: ReadonlySet<Signal["type"]> = new Set(["quarantined", "skipped", "late", "repeated", "groupless"]);
/** After these nothing more may come. */
const LAST: ReadonlySet<Signal["type"]> = new Set(["drained", "failed"]);

/** Wraps `emit`. */
export function createGathering(emit: Emit, clock: Pick<Clock, "monotonicMs">): Emit {
  const held = new Map<string, { signal: Gathered; records: number; sinceMs: number }>();
  const pass = (minAgeMs: number, nowMs: number): void => {
    for (const [key, entry] of held) {
      if (nowMs - entry.sinceMs < minAgeMs) continue;
      held.delete(key);
      if (entry.records > 0) emit({ ...entry.signal, records: entry.records });
    }
  };
  return (signal) => {
    const nowMs = clock.monotonicMs();
    pass(LAST.has(signal.type) ? 0 : SPAN_MS, nowMs);
    if (!isGathered(signal)) return emit(signal);
    const key = JSON.stringify({ ...signal, records: 0 });
    const entry = held.get(key);
    if (entry !== undefined) entry.records += signal.records;
    else {
      held.set(key, { signal, records: 0, sinceMs: nowMs });
      emit(signal);
    }
  };
}

function isGathered(signal: Signal): signal is Gathered {
  return GATHERED.has(signal.type);
}
