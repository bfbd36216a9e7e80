/**
 * From what the bytes decide (RecordBatch) to a whole batch: where it was read, what is committed with it, who waits for it.
 *
 * Shared by the sources that read pieces of something. Nothing is decided here.
 */
import type { Batch, Position } from "../../contracts.ts";
import type { Kind } from "../../model/event.ts";
import type { RecordBatch } from "./batches.ts";

/** What stands around the records of a batch. `path`: where they were read. */
export type BatchPlace = Pick<Batch, "floorMs" | "settle"> & {
  readonly source: string;
  readonly path: string;
  readonly positions: readonly Position[];
};

/** The batch of these records. */
export function toSourceBatch(batch: RecordBatch, { source, path, positions, floorMs, settle }: BatchPlace): Batch {
  const { kind, chunk, offsets, flags, glances, indexes, rejected, skipped } = batch;
  const origin = { source, path, indexes };
  return { kind, chunk, offsets, flags, glances, origin, rejected, skipped, positions, floorMs, settle };
}

/** A batch without records. */
export function toEmptyBatch(kind: Kind, { source, path, positions, floorMs, settle }: BatchPlace): Batch {
  const none = new Int32Array(0);
  return {
    kind,
    chunk: new Uint8Array(0),
    offsets: none,
    flags: null,
    origin: { source, path, indexes: none },
    rejected: [],
    skipped: {},
    positions,
    floorMs,
    settle,
  };
}

/** The first of a piece's batches, with the others in it. */
export function joinPiece(piece: readonly Batch[]): Batch {
  const [first, ...also] = piece as readonly [Batch, ...Batch[]];
  return also.length === 0 ? first : { ...first, also };
}
