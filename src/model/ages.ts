/**
 * How old records are when something happens to them: event times of a batch, and their ages as a histogram.
 *
 * Ages are counted where the records are at hand and handed on as counts, so that telling of a thousand records costs as
 * much as telling of one. Pure; wall time is given.
 */

/** Event times of records of one account and Region, epoch ms. Both texts empty: not known, or several in the batch. */
export type SeenTimes = { readonly accountId: string; readonly region: string; readonly timesMs: readonly number[] };

/** How far behind and how quiet a source may be; `historic` never looks at the wall clock. */
export type SourceTiming = {
  readonly mode: "live" | "historic";
  /** Lateness bound L in ms: a record older than watermark = newest − L is late. */
  readonly latenessMs: number;
  /** Idle bound I in ms (live): a source without records for so long follows the wall clock − L. */
  readonly idleMs: number;
  /** Live: longest time between two questions while all is well, ms. Left out: it asks all the time. */
  readonly asksMs?: number;
  /** Historic: follow newest event time − this (ms) while the slots cannot be told. Null: stay at −∞ then. */
  readonly followMs: number | null;
};

/** What the matcher is told of time. `wantsTimes`: give back the event times of what was evaluated. */
export type MatchTime = {
  readonly nowMs: number | null;
  readonly watermarkMs: number;
  readonly wantsTimes?: boolean;
};

/** Counts by AGE_BOUNDS_MS, one more for what is older than all of them, and the sum of the ages. */
export type Ages = { readonly counts: readonly number[]; readonly sumMs: number };

/**
 * Upper bounds, ms, included: from what a queue takes to what CloudTrail promises (15 min) and to a day, after which
 * nobody waits. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
 */
export const AGE_BOUNDS_MS: readonly number[] = [
  1_000, 2_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 14_400_000,
  86_400_000,
];

/** Ages at `nowMs`. A time ahead of the clock counts as age 0. */
export function toAges(timesMs: readonly number[], nowMs: number): Ages {
  const counts = [...AGE_BOUNDS_MS, 0].map(() => 0);
  let sumMs = 0;
  let [lastMs, slot] = [Number.NaN, 0];
  for (const timeMs of timesMs) {
    // Event times are whole seconds, and neighbours often share one.
    if (timeMs !== lastMs) {
      slot = slotOf(nowMs - timeMs);
      lastMs = timeMs;
    }
    counts[slot] = (counts[slot] ?? 0) + 1;
    if (timeMs < nowMs) sumMs += nowMs - timeMs;
  }
  return { counts, sumMs };
}

function slotOf(ageMs: number): number {
  let slot = 0;
  while (slot < AGE_BOUNDS_MS.length && ageMs > (AGE_BOUNDS_MS[slot] as number)) slot += 1;
  return slot;
}
