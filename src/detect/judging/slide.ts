/**
 * Counts that stay with a large group between commits, each with the window that it stands at.
 *
 * Judging a window anew would cost by its length: with a million members in a day's window that is too much for each
 * commit. So the count of the last window judged is kept, and that of what each open bucket's alert covers, and moved on
 * or back by the members between. They are caches: whoever adds or forgets members says so, and without one the count is
 * made anew. Small groups do without.
 */
import type { Member } from "../../contracts.ts";
import type { Correlation } from "../../sigma/ast.ts";
import { type Counter, type CounterKind, type Group, lowerBound, type Slide, upperBound } from "../group.ts";
import type { Interval } from "../interval.ts";
import { counterKind, createCounter } from "./counter.ts";

/** Smaller groups are counted anew faster than a count is kept. */
const KEPT_FROM = 32;
/** Memory of an entry of a count, beside the text that it shares with a member. */
const ENTRY_BYTES = 64;

/** A window without members. */
export const NOWHERE: Interval = { fromMs: Infinity, toMs: -Infinity };

/** A count of the members from index `from` up to `to`, `to` excluded; null where indexes are count enough. */
export function openSlide(group: Group, rule: Correlation, at: { from: number; to: number }): Counter | null {
  const kind = counterKind(group, rule);
  if (kind === null) return null;
  const kept = group.slides?.judged ?? null;
  // It is on its way: kept again when that ends.
  if (group.slides !== null) group.slides.judged = null;
  return move(group.members, kept, { ...at, kind });
}

/** Keeps the count of a window that was judged. */
export function keepSlide(group: Group, counter: Counter, window: Interval): void {
  if (group.members.length < KEPT_FROM || window.fromMs > window.toMs) return;
  group.slides ??= { judged: null, covered: new Map() };
  group.slides.judged = { counter, window };
}

/** What `rule` counts in all that the alert of a bucket covers; null where `intervals` are several, or nothing is to be counted. */
export function countCovered(
  group: Group,
  rule: Correlation,
  of: { bucket: number; intervals: readonly Interval[] },
): number | null {
  const kind = counterKind(group, rule);
  const [window] = of.intervals;
  if (kind === null || window === undefined || of.intervals.length > 1) return null;
  const at = { from: lowerBound(group.members, window.fromMs), to: upperBound(group.members, window.toMs) };
  const kept = group.slides?.covered.get(of.bucket) ?? null;
  const counter = move(group.members, kept, { ...at, kind });
  if (group.members.length >= KEPT_FROM) {
    group.slides ??= { judged: null, covered: new Map() };
    group.slides.covered.set(of.bucket, { counter, window });
  }
  return counter.value();
}

/** Moves a kept count to the members from `from` to `to`, or makes it anew where that is less work. */
function move(
  members: readonly Member[],
  kept: Slide | null,
  { kind, from, to }: { kind: CounterKind; from: number; to: number },
): Counter {
  let left = kept === null ? 0 : lowerBound(members, kept.window.fromMs);
  let right = kept === null ? 0 : upperBound(members, kept.window.toMs);
  const isNear = Math.abs(left - from) + Math.abs(right - to) <= to - from;
  if (kept === null || kept.counter.kind !== kind || !isNear || left > to || right < from) {
    const counter = createCounter(kind);
    for (let i = from; i < to; i += 1) counter.add(members[i] as Member);
    return counter;
  }
  const { counter } = kept;
  for (; right < to; right += 1) counter.add(members[right] as Member);
  for (; left > from; left -= 1) counter.add(members[left - 1] as Member);
  for (; right > to; right -= 1) counter.remove(members[right - 1] as Member);
  for (; left < from; left += 1) counter.remove(members[left] as Member);
  return counter;
}

/** A member was added to the group. */
export function slideOver({ slides }: Group, member: Member): void {
  if (slides === null) return;
  const add = ({ counter, window }: Slide): void => {
    if (member.timeMs >= window.fromMs && member.timeMs <= window.toMs) counter.add(member);
  };
  if (slides.judged !== null) add(slides.judged);
  for (const slide of slides.covered.values()) add(slide);
}

/** The members before `timeMs` are about to be forgotten. */
export function slidePast(group: Group, timeMs: number): void {
  const { slides, members } = group;
  if (slides === null) return;
  const cut = (slide: Slide): Slide | null => {
    const { counter, window } = slide;
    if (window.fromMs >= timeMs) return slide;
    if (window.toMs < timeMs) return null;
    const at = { from: lowerBound(members, timeMs), to: upperBound(members, window.toMs) };
    const moved = move(members, slide, { ...at, kind: counter.kind });
    return { counter: moved, window: { fromMs: timeMs, toMs: window.toMs } };
  };
  if (slides.judged !== null) slides.judged = cut(slides.judged);
  for (const [bucket, slide] of slides.covered) {
    const left = cut(slide);
    if (left === null) slides.covered.delete(bucket);
    else slides.covered.set(bucket, left);
  }
}

/** Bytes of the counts that a group keeps. */
export function slideBytes({ slides }: Group): number {
  if (slides === null) return 0;
  const kept = [...slides.covered.values(), ...(slides.judged === null ? [] : [slides.judged])];
  return kept.reduce((bytes, { counter }) => bytes + counter.size() * ENTRY_BYTES, 0);
}
