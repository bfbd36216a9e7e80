/**
 * The rounds of a source that asks AWS: every place is asked again and again, and what it gave is handed on in batches.
 *
 * A place gives pages. A page's position is committed with its last batch, so that a crash asks again from there. How far
 * each place is complete is the floor of all: a Region that is behind after an outage makes nothing of another late. One
 * that could not be read for an hour no longer holds the others back. Faults are told and tried again in the next round;
 * nothing but an abort ends the source. A round without records gives no batch, so that the source counts as idle and
 * follows the clock; one that failed gives an empty batch, so that it does not: what it could not read may still come.
 */
import type { Batch, Position } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import { toErrorCode, toMessage, type Warn } from "../../model/errors.ts";
import type { Kind } from "../../model/event.ts";
import { type BatchPlace, toEmptyBatch, toSourceBatch } from "../records/batch.ts";
import { createRecordBatcher, createRecordScanners, type RecordBatch, type RecordLimits } from "../records/batches.ts";
import { merge } from "./merge.ts";
import type { Place } from "./places.ts";

/**
 * One answer of AWS with records in it; `body` null: no records, but something to commit. `position`: where a later look
 * begins once this is committed. `others` are committed with it. `settle` is called once it is, or with an error.
 */
export type Page = {
  readonly body: Uint8Array | null;
  readonly path: string;
  readonly position: string | null;
  readonly others?: readonly Omit<Position, "source">[];
  readonly settle?: Batch["settle"];
};

export type Rounds = {
  readonly source: string;
  readonly kind: Kind;
  readonly places: readonly Place[];
  readonly everyMs: number;
  readonly limits: RecordLimits;
  readonly clock: Clock;
  readonly warn: Warn;
  readonly onScanned?: (() => void) | undefined;
  /** Told after each round in which every place answered. */
  readonly onAnswered?: (() => void) | undefined;
  /** Told of event times (epoch ms) of a place that could not be read for so long that nothing waited for it. */
  readonly onUnread?: (place: Place, times: { readonly fromMs: number; readonly toMs: number }) => void;
  /** Event time, epoch ms, up to which a place is complete at the start, out of its committed position if there is one. */
  readonly startMs: (place: Place, position: string | undefined) => number;
  /** Looks once. Gives pages, then returns how far the place is complete now, and the position to begin from; null: as before. */
  readonly look: (place: Place, position: string | undefined, signal: AbortSignal) => AsyncGenerator<Page, Complete>;
};
export type Complete = { readonly completeMs: number; readonly position: string | null };

/** Places that are asked at a time: a few sockets, and an organisation's Regions in a minute. */
const AT_ONCE = 8;
/** A place that could not be read for so long holds nothing back, ms. */
const HOLDS_MS = 3_600_000;

type Standing = { position: string | undefined; completeMs: number; readMs: number };

/** Asks until `signal` aborts. */
export async function* readRounds(
  rounds: Rounds,
  positions: ReadonlyMap<string, string>,
  signal: AbortSignal,
): AsyncGenerator<Batch> {
  const { clock, places, everyMs, onScanned, onAnswered } = rounds;
  const standings = new Map<string, Standing>();
  for (const place of places) {
    const position = positions.get(place.key);
    standings.set(place.key, { position, completeMs: rounds.startMs(place, position), readMs: clock.monotonicMs() });
  }
  const work: Work = { rounds, standings, signal };
  for (let round = 0; !signal.aborted; round += 1) {
    const begunMs = clock.monotonicMs();
    yield* merge(
      places.map((place) => () => readPlace(place, work)),
      AT_ONCE,
    );
    if (round === 0 && !signal.aborted) onScanned?.();
    if ([...standings.values()].every(({ readMs }) => readMs >= begunMs)) onAnswered?.();
    await clock.sleep(Math.max(0, begunMs + everyMs - clock.monotonicMs()), signal);
  }
}

type Work = {
  readonly rounds: Rounds;
  readonly standings: ReadonlyMap<string, Standing>;
  readonly signal: AbortSignal;
};

async function* readPlace(place: Place, work: Work): AsyncGenerator<Batch, void> {
  const { rounds, standings, signal } = work;
  const { clock, source, warn } = rounds;
  const standing = standings.get(place.key) as Standing;
  const looking = rounds.look(place, standing.position, signal);
  const empty = (position: string | null): Batch => toBatch(null, { key: place.key, path: place.key, position }, work);
  try {
    for (let hasRecords = false; ; hasRecords = true) {
      const { done, value } = await looking.next();
      if (signal.aborted) return;
      if (done === true) {
        if (clock.monotonicMs() - standing.readMs >= HOLDS_MS)
          rounds.onUnread?.(place, { fromMs: standing.completeMs, toMs: value.completeMs });
        standing.completeMs = Math.max(standing.completeMs, value.completeMs);
        standing.position = value.position ?? standing.position;
        standing.readMs = clock.monotonicMs();
        if (hasRecords) yield empty(value.position);
        return;
      }
      const { body, ...rest } = value;
      for (const batch of body === null ? [null] : splitPage({ body, path: value.path }, rounds)) {
        const isLast = batch === null || batch.isLast;
        yield toBatch(batch, { key: place.key, ...rest, ...(isLast ? {} : UNDECIDED) }, work);
        if (isLast && value.position !== null) standing.position = value.position;
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    warn(`Source ${source} cannot read ${place.key}, and tries again: ${toMessage(error)}`, toErrorCode(error));
    if (clock.monotonicMs() - standing.readMs < HOLDS_MS) yield empty(null);
  } finally {
    await looking.return({ completeMs: -Infinity, position: null });
  }
}

/** What a batch of a page does not carry while others of it follow. */
const UNDECIDED: Pick<Page, "position" | "others" | "settle"> = {
  position: null,
  others: [],
  settle: () => undefined,
};

/** The records of a page. */
export function splitPage(
  { body, path }: { readonly body: Uint8Array; readonly path: string },
  { source, limits }: Pick<Rounds, "source" | "limits">,
): readonly RecordBatch[] {
  const scanners = createRecordScanners(limits);
  const batcher = createRecordBatcher({ source, path, limits, sizeHint: body.length, skip: 0, scanners });
  return [...batcher.push(body), ...batcher.end()];
}

function toBatch(
  batch: RecordBatch | null,
  { key, path, position, others = [], settle = () => undefined }: Omit<Page, "body"> & { readonly key: string },
  { rounds, standings }: Work,
): Batch {
  const { source, clock, kind } = rounds;
  const own = position === null ? [] : [{ key, value: position }];
  const positions = [...own, ...others].map((one): Position => ({ source, ...one }));
  const floorMs = toFloor(standings, clock.monotonicMs());
  const around: BatchPlace = { source, path, positions, floorMs, settle };
  return batch === null ? toEmptyBatch(kind, around) : toSourceBatch(batch, around);
}

/** Up to where all places are complete that were read within the hour. */
function toFloor(standings: ReadonlyMap<string, Standing>, nowMs: number): number {
  let floorMs = Infinity;
  for (const { completeMs, readMs } of standings.values())
    if (nowMs - readMs < HOLDS_MS) floorMs = Math.min(floorMs, completeMs);
  return floorMs;
}
