/**
 * Reads one file from its start to batches: plain or gzip, told by its first bytes, never by its name.
 *
 * Holds one piece of the file at a time, so that a file of any size, in one line too, takes bounded memory. A small file
 * (nearly all that AWS delivers) is read and unpacked in one go instead: waiting for each open, read and close costs many
 * times the work itself. Damage is a rejected record in the last batch, never an exception; only a file system that refuses
 * is (the caller warns and goes on).
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { nextTurn } from "../../lib/clock.ts";
import { createUnpacker, type GunzipFault, type Unpacker } from "../../lib/gunzip.ts";
import { isGzip } from "../../lib/gzip-frame.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import type { Reason } from "../../model/event.ts";
import { type BatcherOptions, createRecordBatcher, type RecordBatch, type RecordBatcher } from "../records/batches.ts";

/** Bounds of a file, beside those of its records. */
export type FileLimits = BatcherOptions["limits"] & {
  /** Unpacked bytes for each packed one, looked at after the first MiB. */
  readonly gzipRatio: number;
};

/** Bytes read at a time: a plain file gains from large reads, a packed one must not unpack too much at once. */
const PLAIN_BYTES = 256 * 1024;
const PACKED_BYTES = 64 * 1024;
/** Files up to this are read in one go, and unpacked so if they come to no more than WHOLE_BYTES: few milliseconds at most. */
const SMALL_BYTES = 128 * 1024;
/** Below the size from which the ratio of a gzip stream is looked at. */
const WHOLE_BYTES = 1024 * 1024;
const CHUNK_MIN_BYTES = 1024;

/** Reasons of what is wrong with a gzip stream. */
export const GZIP_REASONS: Readonly<Record<GunzipFault["fault"], Reason>> = {
  bad: "gzip_bad",
  truncated: "truncated",
  ratio: "gzip_ratio",
};

/** What to read: the file, its name for pointers, how many of its records are taken in already. */
export type ReadOptions = {
  readonly source: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly skip: number;
  readonly limits: FileLimits;
  /** Of the run: its files are read one after another. */
  readonly scanners?: Scanners;
  /** Told of each piece read, in bytes as they lie on disk. */
  readonly onRead: (bytes: number) => void;
};

/** Batches of a file. Ends early, without its last batch, when `signal` aborts. Throws what the file system throws. */
export async function* readFileBatches(options: ReadOptions, signal: AbortSignal): AsyncGenerator<RecordBatch> {
  const whole = readWhole(options);
  if (whole === null) {
    yield* readPieces(options, signal);
    return;
  }
  const batcher = createRecordBatcher({ ...options, sizeHint: whole.length });
  yield* batcher.take(whole);
  if (signal.aborted) return;
  yield* batcher.end();
  await nextTurn();
}

/** Whether a file is read in one go. */
export function isSmall({ sizeBytes }: { readonly sizeBytes: number }): boolean {
  return sizeBytes <= SMALL_BYTES;
}

/** What small files are read into, one after another: a buffer for each is a collection of garbage for every few hundred. */
const packed = new Uint8Array(SMALL_BYTES + 1);

/**
 * The unpacked bytes of a small, sound file, in a buffer of their own; null for any other: it is read in pieces, which know
 * what to do with it. Throws what the file system throws.
 */
export function readWhole({
  path,
  sizeBytes,
  onRead,
}: Pick<ReadOptions, "path" | "sizeBytes" | "onRead">): Uint8Array<ArrayBuffer> | null {
  if (!isSmall({ sizeBytes })) return null;
  const length = readInto(packed.subarray(0, sizeBytes + 1), path);
  // It has grown since it was listed.
  if (length > sizeBytes) return null;
  const bytes = packed.subarray(0, length);
  const whole = isGzip(bytes) ? unpackWhole(bytes) : bytes.slice();
  if (whole !== null) onRead(length);
  return whole;
}

/** Fills `buffer` from the start of a file; how many bytes there were. Throws what the file system throws. */
function readInto(buffer: Uint8Array, path: string): number {
  const descriptor = openSync(path, "r");
  let length = 0;
  try {
    for (let read = -1; read !== 0; length += read)
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
  } finally {
    closeSync(descriptor);
  }
  return length;
}

/**
 * The packed bytes of several gzip files one behind the other, and where each ends; null where one is no gzip file or of
 * another size than listed, or all are too much. The bytes are there until the next read. Throws what the file system throws.
 */
export function readPacked(
  files: readonly { readonly path: string; readonly sizeBytes: number }[],
): { readonly bytes: Uint8Array; readonly ends: readonly number[] } | null {
  const ends: number[] = [];
  let end = 0;
  for (const { path, sizeBytes } of files) {
    if (end + sizeBytes + 1 > packed.length) return null;
    const length = readInto(packed.subarray(end, end + sizeBytes + 1), path);
    if (length !== sizeBytes || !isGzip(packed.subarray(end, end + length))) return null;
    end += length;
    ends.push(end);
  }
  return { bytes: packed.subarray(0, end), ends };
}

/**
 * The unpacked bytes of a small, sound gzip stream, in a buffer of their own; null for any other. Not in the thread pool: the
 * way there and back costs more than a small one itself, also where many are unpacked (docs/bench.md). `told`: the length that
 * there is room for at first, so that it unpacks into one piece; only a hint.
 */
export function unpackWhole(bytes: Uint8Array, told: number = toToldLength(bytes)): Uint8Array<ArrayBuffer> | null {
  // With `info` the engine tells how much it used: what it left behind the stream would otherwise be passed over silently.
  const options = {
    maxOutputLength: WHOLE_BYTES,
    chunkSize: Math.min(Math.max(told + 1, CHUNK_MIN_BYTES), WHOLE_BYTES),
    info: true,
  };
  try {
    const unpacked: unknown = gunzipSync(bytes, options);
    const { buffer, engine } = unpacked as { buffer: Uint8Array<ArrayBuffer>; engine: { bytesWritten: number } };
    return engine.bytesWritten === bytes.length ? toOwn(buffer) : null;
  } catch {
    return null;
  }
}

/** The bytes in a buffer of their own, with room behind them or without; small ones stand in one that Node shares out. */
function toOwn(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  const isAlone = byteOffset === 0 && buffer.byteLength - length <= CHUNK_MIN_BYTES;
  return isAlone ? new Uint8Array(buffer, 0, length) : Uint8Array.from(bytes);
}

/** What the trailer of a gzip stream says of its unpacked length (RFC 1952); it may say anything. */
export function toToldLength(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true);
}

async function* readPieces(options: ReadOptions, signal: AbortSignal): AsyncGenerator<RecordBatch> {
  const handle = await open(options.path, "r");
  try {
    const buffer = new Uint8Array(Math.max(1, Math.min(PLAIN_BYTES, options.sizeBytes)));
    const first = await readPiece(handle, buffer);
    options.onRead(first.length);
    const packed = isGzip(first);
    const batcher = createRecordBatcher({ ...options, sizeHint: packed ? options.sizeBytes * 16 : options.sizeBytes });
    yield* packed
      ? readPackedPieces({ handle, buffer, first, batcher, options }, signal)
      : readPlainPieces({ handle, buffer, first, batcher, options }, signal);
  } finally {
    await handle.close();
  }
}

type Reading = {
  readonly handle: FileHandle;
  readonly buffer: Uint8Array;
  readonly first: Uint8Array;
  readonly batcher: RecordBatcher;
  readonly options: ReadOptions;
};

async function readPiece(handle: FileHandle, buffer: Uint8Array): Promise<Uint8Array> {
  const { bytesRead } = await handle.read(buffer, 0, buffer.length);
  return buffer.subarray(0, bytesRead);
}

async function* readPlainPieces(
  { handle, buffer, first, batcher, options }: Reading,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  for (let piece = first; piece.length > 0; piece = await readPiece(handle, buffer)) {
    if (piece !== first) options.onRead(piece.length);
    yield* batcher.push(piece);
    if (signal.aborted) return;
  }
  yield* batcher.end();
}

async function* readPackedPieces(reading: Reading, signal: AbortSignal): AsyncGenerator<RecordBatch> {
  const unpacker = createUnpacker(reading.options.limits.gzipRatio);
  try {
    yield* unpack(reading, unpacker, signal);
    if (signal.aborted) return;
    const fault = unpacker.end();
    yield* reading.batcher.end(
      fault === null ? undefined : { reason: GZIP_REASONS[fault.fault], detail: fault.detail },
    );
  } finally {
    unpacker.close();
  }
}

async function* unpack(
  { handle, buffer, first, batcher, options }: Reading,
  ...[unpacker, signal]: [Unpacker, AbortSignal]
): AsyncGenerator<RecordBatch> {
  for (let piece = first; piece.length > 0; piece = await readPiece(handle, buffer)) {
    if (piece !== first) options.onRead(piece.length);
    for (let at = 0; at < piece.length; at += PACKED_BYTES) {
      for (const bytes of await unpacker.push(piece.subarray(at, at + PACKED_BYTES))) yield* batcher.push(bytes);
      if (signal.aborted || unpacker.fault() !== null) return;
    }
  }
}
