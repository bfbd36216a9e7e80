/**
 * When things that could not be had are tried again: after a minute, then ever later.
 */
import type { Clock } from "../../../lib/clock.ts";

/** First and longest wait, ms. */
const FIRST_MS = 60_000;
const LONGEST_MS = 30 * 60_000;
/** Names kept in mind. */
const KEPT_MAX = 20_000;

export type BackOff = {
  isDue(name: string): boolean;
  /** It was tried, and is not to be had yet. */
  failed(name: string): void;
};

export function createBackOff(clock: Pick<Clock, "monotonicMs">): BackOff {
  const waits = new Map<string, { readonly untilMs: number; readonly waitMs: number }>();
  return {
    isDue: (name) => (waits.get(name)?.untilMs ?? -Infinity) <= clock.monotonicMs(),
    failed: (name) => {
      const waitMs = Math.min(LONGEST_MS, 2 * (waits.get(name)?.waitMs ?? FIRST_MS / 2));
      waits.delete(name);
      waits.set(name, { untilMs: clock.monotonicMs() + waitMs, waitMs });
      if (waits.size > KEPT_MAX) for (const oldest of waits.keys()) return void waits.delete(oldest);
    },
  };
}
