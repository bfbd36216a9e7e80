/**
 * Lists the folders of trails for objects of which no notice came.
 *
 * A listing begins an hour back. What is younger than ten minutes is left to its notice. Objects that could not be read
 * hold the place back, so that the next listing meets them again: also where that one fails, and after a restart.
 */
import type { Clock } from "../../lib/clock.ts";
import { toErrorCode, toMessage, type Warn } from "../../model/errors.ts";
import { type ListBy, type ListedObject, listTrail } from "./listing.ts";
import type { TrailPlace } from "./settings.ts";

export type SweepBy = Pick<ListBy, "aws" | "client" | "signal" | "folder" | "withDigests"> & {
  readonly clock: Clock;
  readonly trails: readonly TrailPlace[];
  readonly everyMs: number;
  readonly overlapMs: number;
  readonly warn: Warn;
  /** Up to when a trail was listed by the last commit, epoch ms; null: never. */
  readonly sweptMs: (trail: TrailPlace) => number | null;
  /** An object no notice may have come of; true when it was none that is known. */
  readonly found: (object: ListedObject) => boolean;
  /** A trail was listed up to now, but for what is older than that and could not be read. */
  readonly swept: (trail: TrailPlace, untilMs: number) => void;
  /** Time slot of the oldest object that a listing found and that could not be read; null: none. Forgets it. */
  readonly takeFailedMs: () => number | null;
};

/** Begins the key of a position that says how far a trail was listed. */
export const SWEEP = "sweep|";

/** A notice comes within seconds; so long it is waited for, ms. */
const GRACE_MS = 10 * 60_000;

/** Lists all trails now and then, until the signal. Never throws. */
export async function sweepTrails(by: SweepBy): Promise<void> {
  const reached = new Map<TrailPlace, number>();
  let failedMs = Infinity;
  while (!by.signal.aborted && by.trails.length > 0) {
    failedMs = Math.min(failedMs, by.takeFailedMs() ?? Infinity);
    let isWhole = true;
    for (const trail of by.trails) {
      const nowMs = by.clock.nowMs();
      const before = Math.min(reached.get(trail) ?? by.sweptMs(trail) ?? nowMs, failedMs);
      try {
        const missed = await sweepTrail(trail, { fromMs: before - by.overlapMs, nowMs }, by);
        reached.set(trail, nowMs);
        by.swept(trail, Math.min(nowMs, failedMs));
        if (missed > 0)
          by.warn(
            `${missed} objects of s3://${trail.bucket}/${trail.prefix} were found by listing: no notice had come of them.`,
          );
      } catch (error) {
        isWhole = false;
        if (!by.signal.aborted)
          by.warn(
            `Objects without a notice are not looked for in s3://${trail.bucket}/${trail.prefix}: ${toMessage(error)}`,
            toErrorCode(error),
          );
      }
    }
    if (isWhole) failedMs = Infinity;
    await by.clock.sleep(by.everyMs, by.signal);
  }
}

type Span = { readonly fromMs: number; readonly nowMs: number };

/** Objects of which no notice came; each is told to `found`. */
async function sweepTrail(trail: TrailPlace, { fromMs, nowMs }: Span, by: SweepBy): Promise<number> {
  let missed = 0;
  for await (const object of listTrail(trail, { fromMs, toMs: nowMs }, by))
    if (object.storedMs <= nowMs - GRACE_MS && by.found(object)) missed += 1;
  return missed;
}
