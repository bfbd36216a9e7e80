/**
 * Which groups go when a cap is passed: those of the lowest progress, of equal ones those that began first.
 *
 * Not the longest silent ones: that would reward whoever attacks slowly. The columns are gone through three times, whatever
 * the number of victims, so that a batch of them costs a few milliseconds with a million groups.
 */
import { type Columns, NO_RULE } from "./columns.ts";
import { PROGRESS_FULL } from "./progress.ts";
import type { Excess } from "./usage.ts";

/** Numbers of groups that free at least the bytes in excess, if there are so many. */
export function findVictims(columns: Columns, excess: Excess): number[] {
  const bySteps = new Float64Array(PROGRESS_FULL + 1);
  eachOf(columns, excess, (id) => {
    const progress = columns.progress[id] as number;
    bySteps[progress] = (bySteps[progress] as number) + (columns.bytes[id] as number);
  });
  let left = excess.bytes;
  let last = 0;
  while (last < PROGRESS_FULL && (bySteps[last] as number) < left) {
    left -= bySteps[last] as number;
    last += 1;
  }
  const bySlices = new Map<number, number>();
  eachOf(columns, excess, (id) => {
    if (columns.progress[id] !== last) return;
    const slice = columns.slice[id] as number;
    bySlices.set(slice, (bySlices.get(slice) ?? 0) + (columns.bytes[id] as number));
  });
  let lastSlice = Infinity;
  for (const [slice, bytes] of [...bySlices].toSorted(([a], [b]) => a - b)) {
    lastSlice = slice;
    if (bytes >= left) break;
    left -= bytes;
  }
  const victims: number[] = [];
  eachOf(columns, excess, (id) => {
    const progress = columns.progress[id] as number;
    const slice = columns.slice[id] as number;
    if (progress > last || (progress === last && slice > lastSlice)) return;
    if (progress === last && slice === lastSlice) {
      if (left <= 0) return;
      left -= columns.bytes[id] as number;
    }
    victims.push(id);
  });
  return victims;
}

function eachOf(columns: Columns, { scope, index }: Excess, use: (id: number) => void): void {
  for (let id = 0; id < columns.end; id += 1) {
    const rule = columns.rule[id];
    if (rule === NO_RULE) continue;
    if (scope === "rule" ? rule === index : scope === "whole" || columns.account[id] === index) use(id);
  }
}
