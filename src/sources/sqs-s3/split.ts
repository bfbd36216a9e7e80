/**
 * From the bytes of a whole object to batches of records: plain or gzip, told by its first bytes.
 *
 * A small, sound one (nearly all that AWS delivers) is unpacked in one go; any other in pieces, so that a bomb is stopped
 * and what stands before damage is read. What is wrong with it is a rejected record in its last batch.
 */
import { createUnpacker } from "../../lib/gunzip.ts";
import { isGzip } from "../../lib/gzip-frame.ts";
import type { Rejected } from "../../model/event.ts";
import { type FileLimits, GZIP_REASONS, isSmall, unpackWhole } from "../file/read.ts";
import { type BatcherOptions, createRecordBatcher, type RecordBatch, type RecordBatcher } from "../records/batches.ts";

/** Bytes taken at a time, packed and plain. */
const PACKED_BYTES = 64 * 1024;
const PLAIN_BYTES = 256 * 1024;
/** Records of one object, of any outcome: some 130 MiB of usual ones. What stands behind them is one rejected piece. */
const RECORDS_MAX = 100_000;
/** Unpacked bytes of one object: the threat of one that is all zeros ends here, whatever its ratio. */
export const UNPACKED_MAX_BYTES: number = 256 * 1024 * 1024;

export type SplitOptions = Omit<BatcherOptions, "sizeHint" | "limits"> & {
  readonly limits: FileLimits;
  /** Told of all bytes as unpacked, in order, before the batches that they end in. */
  readonly onPlain?: (bytes: Uint8Array) => void;
};

/** Batches of an object. Ends early, without its last batch, when `signal` aborts. */
export async function* splitObject(
  bytes: Uint8Array,
  options: SplitOptions,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  const isPacked = isGzip(bytes);
  const whole = isPacked && isSmall({ sizeBytes: bytes.length }) ? unpackWhole(bytes) : null;
  if (isPacked && whole === null) {
    yield* splitPacked(bytes, options, signal);
    return;
  }
  const plain = whole ?? bytes;
  options.onPlain?.(plain);
  const batcher = createRecordBatcher({ ...options, sizeHint: plain.length });
  for (const batches of whole === null ? pushPieces(plain, batcher) : [batcher.take(whole)]) {
    const last = yield* giveUpToMost(batches, options);
    if (last !== null) {
      yield last;
      return;
    }
    if (signal.aborted) return;
  }
  yield* giveEnd(batcher.end(), options);
}

function* pushPieces(plain: Uint8Array, batcher: RecordBatcher): Generator<readonly RecordBatch[], void> {
  for (let at = 0; at < plain.length; at += PLAIN_BYTES) yield batcher.push(plain.subarray(at, at + PLAIN_BYTES));
}

/** Gives batches as far as one object may have records; where there are more, the last one, which says so, is not given yet. */
function* giveUpToMost(
  batches: readonly RecordBatch[],
  { source, path }: Pick<SplitOptions, "source" | "path">,
): Generator<RecordBatch, RecordBatch | null> {
  for (const batch of batches) {
    const kept = upToMost(batch);
    if (batch.upTo > RECORDS_MAX) {
      const pointer = { source, path, index: RECORDS_MAX };
      const detail = `holds more than ${RECORDS_MAX} records; these were read, the rest was not`;
      const rest: Rejected = { reason: "too_big", pointer, detail, bytes: null, sizeBytes: 0, kind: "" };
      return { ...kept, rejected: [...kept.rejected, rest], isLast: true };
    }
    yield kept;
  }
  return null;
}

function* giveEnd(batches: readonly RecordBatch[], options: SplitOptions): Generator<RecordBatch, void> {
  const last = yield* giveUpToMost(batches, options);
  if (last !== null) yield last;
}

/** A batch without what stands behind the most records of an object, wherever its batches begin. */
function upToMost(batch: RecordBatch): RecordBatch {
  const { indexes, offsets, flags, glances, rejected, upTo } = batch;
  const over = indexes.findIndex((index) => index >= RECORDS_MAX);
  if (upTo <= RECORDS_MAX && over === -1) return batch;
  const count = over === -1 ? indexes.length : over;
  const width = glances === null ? 0 : glances.length / indexes.length;
  return {
    ...batch,
    indexes: indexes.slice(0, count),
    offsets: offsets.slice(0, 2 * count),
    flags: flags?.slice(0, count) ?? null,
    glances: glances?.slice(0, count * width) ?? null,
    rejected: rejected.filter(({ pointer }) => pointer.index < RECORDS_MAX),
    upTo: Math.min(upTo, RECORDS_MAX),
  };
}

async function* splitPacked(
  bytes: Uint8Array,
  options: SplitOptions,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  const batcher = createRecordBatcher({ ...options, sizeHint: bytes.length * 16 });
  const unpacker = createUnpacker(options.limits.gzipRatio);
  let unpacked = 0;
  let over: RecordBatch | null = null;
  try {
    for (let at = 0; at < bytes.length && unpacker.fault() === null; at += PACKED_BYTES) {
      for (const piece of await unpacker.push(bytes.subarray(at, at + PACKED_BYTES))) {
        unpacked += piece.length;
        options.onPlain?.(piece);
        if (over === null) over = yield* giveUpToMost(batcher.push(piece), options);
        // What is only hashed goes on to its end.
        if (over !== null && options.onPlain === undefined) {
          yield over;
          return;
        }
      }
      if (signal.aborted) return;
      if (unpacked <= UNPACKED_MAX_BYTES) continue;
      if (over !== null) {
        yield over;
        return;
      }
      yield* giveEnd(
        batcher.end({ reason: "too_big", detail: `unpacks to more than ${UNPACKED_MAX_BYTES} bytes` }),
        options,
      );
      return;
    }
    if (over !== null) {
      yield over;
      return;
    }
    const fault = unpacker.end();
    const cut = fault === null ? undefined : { reason: GZIP_REASONS[fault.fault], detail: fault.detail };
    yield* giveEnd(batcher.end(cut), options);
  } finally {
    unpacker.close();
  }
}
