/**
 * From bodies to batches: each body one envelope or record, perhaps with what SNS wraps around it. A body is what one
 * message of a queue, or one record of a stream, carries.
 *
 * The usual body, one sound object, is looked through once, and the range that is the record (an envelope's `detail`) goes
 * into the chunk of its kind. Whatever else a body may be (a page of records, an array, a broken text, a record that is
 * too large) is split like a file, by itself, so that a broken body spoils no other. Nothing is parsed here.
 */
import type { Batch } from "../../contracts.ts";
import { snsMessage, sortItem } from "../../decode/envelopes.ts";
import { STEP } from "../../lib/split/scan.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import { unescapeText } from "../../lib/split/text.ts";
import type { Item } from "../../lib/split/types.ts";
import type { Kind, Rejected, SkipReason } from "../../model/event.ts";
import { createRecordBatcher, type RecordBatch, type RecordLimits } from "./batches.ts";

/** What one message or record of a stream carries; `path` is where its own pointers lead. */
export type Body = { readonly bytes: Uint8Array; readonly path: string };

/** What a batch of bodies comes to, without what only the source knows. */
export type PackedBatch = Pick<
  Batch,
  "kind" | "chunk" | "offsets" | "flags" | "glances" | "origin" | "rejected" | "skipped"
>;

/** Name of the source, where pointers into a batch of several bodies lead, and the bounds of records. */
export type PackOptions = {
  readonly source: string;
  readonly path: string;
  readonly limits: RecordLimits;
  readonly scanners: Scanners;
};

type Range = {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly index: number;
  readonly repeated: boolean;
};
type Packing = {
  readonly lanes: Map<Kind, Range[]>;
  /** Batches of bodies that were split by themselves. */
  readonly others: PackedBatch[];
  readonly rejected: Rejected[];
  skipped: Partial<Record<SkipReason, number>>;
};

/** Batches of these bodies, at least one, each of one kind; together they count all that was in them. */
export function packBodies(bodies: readonly Body[], options: PackOptions): readonly PackedBatch[] {
  const into: Packing = { lanes: new Map(), others: [], rejected: [], skipped: {} };
  for (const [index, body] of bodies.entries()) packBody(body, index, { into, options });
  const { source, path } = options;
  const batches = [...into.lanes].map(([kind, ranges]) => toBatch(kind, ranges, { source, path }));
  batches.push(...into.others);
  const first = batches[0] ?? toBatch("cloudtrail", [], { source, path });
  const rejected = [...first.rejected, ...into.rejected];
  const whole = { ...first, rejected, skipped: addSkipped(first.skipped, into.skipped) };
  return [whole, ...batches.slice(1)];
}

type By = { readonly into: Packing; readonly options: PackOptions };

function packBody(body: Body, index: number, by: By): void {
  const { into, options } = by;
  const outer = toItem(body.bytes, options.scanners);
  const wrapped = outer === null ? null : snsMessage(outer);
  const bytes = wrapped === null ? body.bytes : unwrap(body.bytes, wrapped);
  // An escape that is broken: the quarantine gets the body as it came.
  if (bytes === null) return split(body, by);
  const item = wrapped === null ? outer : toItem(bytes, options.scanners);
  const sorted = item === null ? null : sortItem(item);
  if (item === null || sorted?.is !== "record" || !isWithin(sorted, options.limits))
    return split({ ...body, bytes }, by);
  const ranges = into.lanes.get(sorted.kind) ?? [];
  into.lanes.set(sorted.kind, ranges);
  ranges.push({ bytes, start: sorted.start, end: sorted.end, index, repeated: item.scan.repeated });
}

function isWithin(
  { start, end, depth }: { readonly start: number; readonly end: number; readonly depth: number },
  limits: RecordLimits,
): boolean {
  return end - start <= limits.recordBytes && depth <= limits.depth;
}

/** The one object that the bytes are, null when they are anything else. */
function toItem(bytes: Uint8Array, { outer }: Scanners): Item | null {
  const start = bytes.findIndex((byte) => byte > 0x20);
  if (bytes[start] !== 0x7b) return null;
  outer.bytes = bytes;
  outer.end = bytes.length;
  outer.lineEnds = false;
  outer.begin(start);
  if (outer.run() !== STEP.end) return null;
  const isAll = bytes.subarray(outer.pos).every((byte) => byte <= 0x20);
  return isAll ? { bytes, start, end: outer.pos, scan: outer } : null;
}

function unwrap(bytes: Uint8Array, range: { readonly start: number; readonly end: number }): Uint8Array | null {
  const out = new Uint8Array(range.end - range.start);
  const length = unescapeText(bytes, range, out);
  return length === -1 ? null : out.subarray(0, length);
}

/** Splits a body like a file. One without any record, not even a broken one, is told as such. */
function split({ bytes, path }: Body, { into, options }: By): void {
  const { source, limits, scanners } = options;
  const batcher = createRecordBatcher({ source, path, limits, sizeHint: bytes.length, skip: 0, scanners });
  const found = [...batcher.push(bytes), ...batcher.end()];
  for (const batch of found) {
    if (batch.indexes.length > 0) into.others.push(toOther(batch, { source, path }));
    else {
      into.rejected.push(...batch.rejected);
      into.skipped = addSkipped(into.skipped, batch.skipped);
    }
  }
  if (found.at(-1)?.upTo !== 0) return;
  const pointer = { source, path, index: 0 };
  const detail = "it holds no record";
  into.rejected.push({ reason: "unknown_kind", pointer, detail, bytes, sizeBytes: bytes.length, kind: "" });
}

function toOther(batch: RecordBatch, at: { readonly source: string; readonly path: string }): PackedBatch {
  const { kind, chunk, offsets, flags, glances, indexes, rejected, skipped } = batch;
  return { kind, chunk, offsets, flags, glances, origin: { ...at, indexes }, rejected, skipped };
}

function toBatch(
  kind: Kind,
  ranges: readonly Range[],
  at: { readonly source: string; readonly path: string },
): PackedBatch {
  const chunk = new Uint8Array(ranges.reduce((sum, { start, end }) => sum + end - start, 0));
  const offsets = new Int32Array(2 * ranges.length);
  let filled = 0;
  for (const [row, { bytes, start, end }] of ranges.entries()) {
    chunk.set(bytes.subarray(start, end), filled);
    offsets[2 * row] = filled;
    filled += end - start;
    offsets[2 * row + 1] = filled;
  }
  const flags = ranges.some(({ repeated }) => repeated)
    ? Uint8Array.from(ranges, ({ repeated }) => (repeated ? 1 : 0))
    : null;
  const indexes = Int32Array.from(ranges, ({ index }) => index);
  return { kind, chunk, offsets, flags, origin: { ...at, indexes }, rejected: [], skipped: {} };
}

type Skipped = Readonly<Partial<Record<SkipReason, number>>>;

function addSkipped(one: Skipped, other: Skipped): Skipped {
  const sum: Partial<Record<SkipReason, number>> = { ...one };
  for (const [reason, count] of Object.entries(other) as [SkipReason, number][])
    sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}
