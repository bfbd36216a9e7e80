/**
 * The cap of one sink's waiting alerts, by the bytes of their contents in the state file.
 *
 * What a required sink cannot take any more stops the input until there is room again: nothing is lost, and what the
 * sources hold is safe there. A best-effort sink loses its oldest alerts instead, counted, down to nine tenths of the cap.
 * Alerts that are just being sent are not dropped.
 */
import type { Outbox, Sink } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Emit } from "../model/signal.ts";

export type CapOptions = {
  readonly sink: Pick<Sink, "name">;
  readonly outbox: Pick<Outbox, "size" | "drop">;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly cap: { readonly delivery: "required" | "best_effort"; readonly bytes: number };
  /** How many of the oldest rows are being sent. */
  readonly held: () => number;
};

/** How old a look at the size may be, ms: it counts all rows, and a sink fills up in hours. */
const LOOK_MS = 2_000;
const LOOK_FULL_MS = 1_000;
const ROOM = 0.9;

export function createCap({ sink, outbox, clock, emit, cap, held }: CapOptions): {
  /** Looks, where the last look is old, and drops what a best-effort sink cannot hold. */
  check(): void;
  isFull(): boolean;
} {
  let lookedMs = -Infinity;
  let isFull = false;
  return {
    isFull: () => isFull,
    check: () => {
      const nowMs = clock.monotonicMs();
      if (nowMs - lookedMs < (isFull ? LOOK_FULL_MS : LOOK_MS)) return;
      lookedMs = nowMs;
      const { rows, bytes } = outbox.size();
      const isOver = bytes >= cap.bytes;
      isFull = isOver && cap.delivery === "required";
      if (!isOver || cap.delivery === "required") return;
      const excess = Math.ceil(rows * (1 - (cap.bytes * ROOM) / bytes));
      const alerts = outbox.drop(excess, held(), clock.nowMs());
      if (alerts > 0) emit({ type: "delivery_dropped", sink: sink.name, alerts });
    },
  };
}
