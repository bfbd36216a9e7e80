/**
 * What is gathered between two commits: counts by source, positions, rejected records, and the batches to settle.
 *
 * It keeps sums and references only. The identity read = evaluated + quarantined + skipped (C1) holds for each batch that
 * is added, hence for every unit.
 */
import type { Batch, CountDelta, MatchResult, Position } from "../contracts.ts";
import type { Rejected, SkipReason } from "../model/event.ts";
import type { IntegrityNote } from "../model/integrity/notes.ts";
import type { Seen } from "./lateness.ts";

/** When a unit is committed: whichever comes first. */
export type CommitLimits = {
  readonly intervalMs: number;
  readonly records: number;
  readonly bytes: number;
  /** Counts once MATCHING_MIN records are gathered: where each record matches several rules, waits for the disk are no more. */
  readonly matches: number;
};
const MATCHING_MIN = 2000;

type Counts = {
  source: string;
  read: number;
  evaluated: number;
  quarantined: number;
  skipped: Partial<Record<SkipReason, number>>;
  late: number;
  repeated: number;
};

/** The gathering of one unit. */
export type Gathered = {
  readonly batches: Batch[];
  readonly rejected: Rejected[];
  /** As they came: of two with one key the later counts. */
  readonly positions: Position[];
  readonly integrity: IntegrityNote[];
  readonly counts: Map<string, Counts>;
  /** Event times of live sources. */
  readonly seen: Seen[];
  records: number;
  bytes: number;
  matches: number;
};

export function createGathered(): Gathered {
  return {
    batches: [],
    rejected: [],
    positions: [],
    integrity: [],
    counts: new Map(),
    seen: [],
    records: 0,
    bytes: 0,
    matches: 0,
  };
}

/** Adds a batch and what was made of it. `repeated` from the detector. */
export function gather(into: Gathered, batch: Batch, result: MatchResult & { readonly repeated: number }): void {
  const source = batch.origin.source;
  const counts = into.counts.get(source) ?? {
    source,
    read: 0,
    evaluated: 0,
    quarantined: 0,
    skipped: {},
    late: 0,
    repeated: 0,
  };
  into.counts.set(source, counts);
  counts.read += result.read;
  counts.evaluated += result.evaluated;
  counts.quarantined += result.rejected.length;
  counts.late += result.late;
  counts.repeated += result.repeated;
  for (const [reason, count] of Object.entries(result.skipped) as [SkipReason, number][])
    counts.skipped[reason] = (counts.skipped[reason] ?? 0) + count;
  into.batches.push(batch);
  into.rejected.push(...result.rejected);
  into.integrity.push(...(batch.integrity ?? []));
  into.positions.push(...batch.positions);
  if (result.times !== undefined) into.seen.push({ source, times: result.times });
  into.records += result.read;
  into.bytes += batch.chunk.byteLength;
  into.matches += result.matches.length;
}

/** True when it should be committed, however young it is. */
export function isBig({ records, bytes, matches }: Gathered, limits: CommitLimits): boolean {
  const isFullOfMatches = matches >= limits.matches && records >= MATCHING_MIN;
  return isFullOfMatches || records >= limits.records || bytes >= limits.bytes;
}

/** The counts as the unit carries them. */
export function toCountDeltas(from: Gathered): CountDelta[] {
  return [...from.counts.values()];
}
