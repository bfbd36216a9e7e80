/**
 * Remembers for a while by which sources each matched event came, and hands on what belongs to an alert's evidence.
 *
 * The first way is told with the alert that the event gets into; a further way once it is seen, whenever that is. An event
 * of which nobody remembers anything any more counts as new, so that a way of it may be left out, never a wrong one told.
 * Pure: the loop gives the time.
 */
import type { AlertDraft, Match } from "../../contracts.ts";
import type { Sighting } from "../../model/watch/sighting.ts";

/** Events remembered, the newest: an hour of 30 matches a second, some 20 MB. What S3 brings is mostly 5 to 15 min old. */
const EVENTS_MAX = 100_000;

export type Sightings = {
  /** Matches of a batch were taken in at `nowMs`; null: wall time says nothing of them. */
  note(source: string, matches: readonly Match[], nowMs: number | null): void;
  /** What the store shall keep with this commit: of the evidence of its alerts, and of what came by a further way. */
  drain(drafts: readonly AlertDraft[]): readonly Sighting[];
};

/** `before`: what was kept before a restart. */
export function createSightings(before: Iterable<Sighting>): Sightings {
  const seen = new Map<string, Sighting[]>();
  let further: Sighting[] = [];
  const add = (sighting: Sighting): boolean => {
    const ways = seen.get(sighting.key);
    if (ways === undefined) {
      if (seen.size >= EVENTS_MAX) seen.delete(seen.keys().next().value as string);
      seen.set(sighting.key, [sighting]);
      return false;
    }
    if (ways.some(({ source }) => source === sighting.source)) return false;
    ways.push(sighting);
    return true;
  };
  for (const sighting of before) add(sighting);
  return {
    note: (source, matches, nowMs) => {
      let lastKey: string | null = null;
      for (const { key, timeMs } of matches) {
        // One event's matches stand side by side.
        if (key === lastKey) continue;
        lastKey = key;
        const sighting = { key, source, delayMs: nowMs === null ? null : Math.max(0, nowMs - timeMs) };
        if (add(sighting)) further.push(sighting);
      }
    },
    drain: (drafts) => {
      const ofDrafts = drafts.flatMap(({ records }) => records.flatMap(({ key }) => seen.get(key) ?? []));
      const drained = new Set([...further, ...ofDrafts]);
      further = [];
      return [...drained];
    },
  };
}
