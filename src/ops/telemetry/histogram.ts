/**
 * A histogram in plain numbers: counts between bounds, and the sum.
 */
import { AGE_BOUNDS_MS } from "../../model/ages.ts";

/** `counts` has one more entry than `bounds`: what is above all of them. Sums and bounds are of one unit. */
export type Histogram = { readonly bounds: readonly number[]; readonly counts: number[]; sum: number };

/** Bounds in seconds, included: from a fast commit to a request that has long timed out. */
export const TIME_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120,
];

/** Bounds of ages in seconds. */
export const AGE_BOUNDS: readonly number[] = AGE_BOUNDS_MS.map((ms) => ms / 1000);

export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: [...bounds, 0].map(() => 0), sum: 0 };
}

export function record(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let slot = 0;
  while (slot < bounds.length && value > (bounds[slot] as number)) slot += 1;
  counts[slot] = (counts[slot] ?? 0) + 1;
  histogram.sum += value;
}

/** Adds counts over the same bounds. */
export function merge(into: Histogram, counts: readonly number[], sum: number): void {
  for (let slot = 0; slot < counts.length; slot += 1)
    into.counts[slot] = (into.counts[slot] ?? 0) + (counts[slot] ?? 0);
  into.sum += sum;
}
