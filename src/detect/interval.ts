/**
 * Unions of closed time intervals, kept as sorted disjoint lists. Adding is the only change, so a union only grows.
 */

/** Closed interval of event time, epoch ms, from ≤ to. */
export type Interval = { readonly fromMs: number; readonly toMs: number };

/** Adds `added` to the sorted disjoint list in place, merging what it touches. Returns false when it was covered already. */
export function addInterval(list: Interval[], added: Interval): boolean {
  let first = list.length;
  // Windows come nearly in order, so the place is near the end.
  while (first > 0 && (list[first - 1] as Interval).toMs >= added.fromMs) first -= 1;
  let after = first;
  let { fromMs, toMs } = added;
  for (; after < list.length && (list[after] as Interval).fromMs <= added.toMs; after += 1) {
    const met = list[after] as Interval;
    if (met.fromMs <= added.fromMs && met.toMs >= added.toMs) return false;
    fromMs = Math.min(fromMs, met.fromMs);
    toMs = Math.max(toMs, met.toMs);
  }
  list.splice(first, after - first, { fromMs, toMs });
  return true;
}
