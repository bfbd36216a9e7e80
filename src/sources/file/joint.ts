/**
 * Several small files in one batch: their records stand in one buffer, unpacked in one go.
 *
 * A delivery file holds a dozen records. Unpacking one costs its thread a third more than its bytes do, and a batch costs the
 * main thread what ten records cost: a message, a look at the watermark, signals, counts. Only files whose records are all
 * alike are put together (gzip, one batch of CloudTrail records, nothing rejected, skipped or flagged), so that a joint batch
 * says of each record what its own would. Where anything is unusual each file is read by itself, as if nothing had been tried.
 */
import type { Scanners } from "../../lib/split/scanners.ts";
import { BATCH_RECORDS, createRecordBatcher, type RecordBatch, type RecordLimits } from "../records/batches.ts";
import { readPacked, toToldLength, unpackWhole } from "./read.ts";

/** What was read of a file; or of several in one batch, with the row at which each behind the first begins. */
export type JointResult = {
  readonly batches: readonly RecordBatch[];
  readonly readBytes: number;
  readonly starts: readonly number[];
};

/** What is read, by whom, and with what. */
export type JointReading = { readonly source: string; readonly limits: RecordLimits; readonly scanners: Scanners };

type PackedFile = { readonly path: string; readonly sizeBytes: number };

/** Some 250 usual records: small against a commit, and 2 ms of matching. */
const JOINT_FILES = 20;
const JOINT_BYTES = 64 * 1024;

/** How many files, from the one at `from` on, are to be tried together: at least one. */
export function countJoint(files: readonly (PackedFile & { readonly follows: boolean })[], from: number): number {
  let [end, bytes] = [from + 1, files[from]?.sizeBytes ?? 0];
  for (; end < files.length && end - from < JOINT_FILES; end += 1) {
    const { sizeBytes, follows } = files[end] as PackedFile & { readonly follows: boolean };
    bytes += sizeBytes;
    if (!follows || bytes > JOINT_BYTES) break;
  }
  return end - from;
}

/** One batch of all these files; null: each is to be read by itself. Throws what the file system throws. */
export function readJoint(files: readonly PackedFile[], reading: JointReading): JointResult | null {
  const packed = readPacked(files);
  if (packed === null) return null;
  // A file of several streams tells the length of its last only: the sum is wrong then, and so nothing is put together.
  const lengths = packed.ends.map((end) => toToldLength(packed.bytes.subarray(0, end)));
  const told = lengths.reduce((sum, length) => sum + length, 0);
  const whole = unpackWhole(packed.bytes, told);
  if (whole?.length !== told) return null;
  const parts: RecordBatch[] = [];
  let end = 0;
  for (const [at, { path }] of files.entries()) {
    const start = end;
    end += lengths[at] ?? 0;
    const batcher = createRecordBatcher({ ...reading, path, sizeHint: end - start, skip: 0 });
    const batches = [...batcher.take(whole.subarray(0, end), start), ...batcher.end()];
    const [batch] = batches;
    if (batch === undefined || batches.length > 1 || !isUsual(batch)) return null;
    parts.push(batch);
  }
  return joinParts(parts, packed.bytes.length);
}

function isUsual({ kind, flags, glances, rejected, skipped, indexes }: RecordBatch): boolean {
  const isWhole = rejected.length === 0 && Object.keys(skipped).length === 0 && indexes.length > 0;
  return isWhole && kind === "cloudtrail" && flags === null && glances !== null;
}

/** The numbers of all parts one behind the other: their places are in one buffer already. */
function joinParts(parts: readonly RecordBatch[], readBytes: number): JointResult | null {
  const [first] = parts as readonly [RecordBatch, ...RecordBatch[]];
  const rows = parts.reduce((sum, { indexes }) => sum + indexes.length, 0);
  if (rows > BATCH_RECORDS) return null;
  const starts: number[] = [];
  let row = 0;
  for (const { indexes } of parts) {
    if (row > 0) starts.push(row);
    row += indexes.length;
  }
  const batch = {
    ...first,
    offsets: concat(parts.map(({ offsets }) => offsets)),
    indexes: concat(parts.map(({ indexes }) => indexes)),
    glances: concat(parts.map(({ glances }) => glances ?? new Int32Array(0))),
  };
  return { batches: [batch], readBytes, starts };
}

function concat(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}
