/**
 * From the pieces of one input to batches of records: split, sorted by kind, counted.
 *
 * Every source that reads whole documents feeds its bytes in here. It promises what contracts.ts says of a batch (a chunk
 * of its own, one kind, at most 1,000 records) and that each item ends in exactly one of: a record, rejected, skipped.
 * Records whose bytes do not stand in the chunk as they are (LookupEvents rows, a second kind) go into a chunk of their
 * own. It never parses a record, and does no I/O.
 */
import {
  isControlText,
  isDigest,
  PLAIN_KEYS,
  RECORD_KEYS,
  sortItem,
  toKind,
  type Sorted,
} from "../../decode/envelopes.ts";
import { type ObjectScanner, STEP } from "../../lib/split/scan.ts";
import { createScanners, type Scanners } from "../../lib/split/scanners.ts";
import { JsonSplitter } from "../../lib/split/split.ts";
import type { Broken, Item, SplitLimits } from "../../lib/split/types.ts";
import { unescapeText } from "../../lib/split/text.ts";
import type { Kind, Reason, Rejected, SkipReason } from "../../model/event.ts";
import { addGlance, createGlanceRows, takeGlances } from "./glances.ts";

/** Bounds of a record, as a source's `limits` in the configuration. */
export type RecordLimits = {
  /** Largest record in bytes. */
  readonly recordBytes: number;
  /** Deepest nesting of a record. */
  readonly depth: number;
};

/**
 * The part of a Batch that the bytes decide, with `upTo`: how many records of the input are behind it. A piece of input
 * that holds several kinds gives one for each; only with the last of them all records up to `upTo` are given.
 */
export type RecordBatch = {
  readonly kind: Kind;
  readonly chunk: Uint8Array;
  readonly offsets: Int32Array;
  readonly flags: Uint8Array | null;
  readonly glances: Int32Array | null;
  readonly indexes: Int32Array;
  readonly rejected: readonly Rejected[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly upTo: number;
  /** No other batch of the same piece follows. */
  readonly endsPiece: boolean;
  /** Nothing of this input comes after it. */
  readonly isLast: boolean;
};

/** Turns the pieces of one input into batches. */
export type RecordBatcher = {
  /** Takes the next bytes; returns the batches that became full. */
  push(bytes: Uint8Array): readonly RecordBatch[];
  /**
   * Takes all bytes of the input at once, and for its own: their buffer becomes the chunk of a batch. Saves a small file a
   * buffer and a copy. The input begins at `from` (0 where left out); other inputs may stand before and behind it, and who
   * reads them so reads each by itself where this gives more than one batch.
   */
  take(bytes: Uint8Array<ArrayBuffer>, from?: number): readonly RecordBatch[];
  /** The input ended; `cut` says why when too early. Returns the rest, at least one batch, the last one marked so. */
  end(cut?: { readonly reason: Reason; readonly detail: string }): readonly RecordBatch[];
};

/** Options of a batcher: the input's name for pointers, its size if known (only sizes buffers), records to pass over. */
export type BatcherOptions = {
  readonly source: string;
  readonly path: string;
  readonly limits: RecordLimits;
  readonly sizeHint: number;
  readonly skip: number;
  /** Lent by whoever reads many inputs one after another; made anew where left out. */
  readonly scanners?: Scanners;
};

/** Scanners for records within `limits`. The envelope around a record is one level more. */
export function createRecordScanners(limits: RecordLimits): Scanners {
  return createScanners({ scan: RECORD_KEYS, plain: PLAIN_KEYS }, limits.depth + 1);
}

/** Records in a batch, from contracts.ts. */
export const BATCH_RECORDS = 1000;
/** A chunk holds 800 usual records (1.3 KB); it grows for large ones. Small, so that little waits for the collector. */
const CHUNK_BYTES = 1 * 1024 * 1024;
const CHUNK_MAX_BYTES = 4 * 1024 * 1024;
const CHUNK_MIN_BYTES = 16 * 1024;
/** Envelopes and escapes may make an item larger than its record: twice, and some room for the envelope. */
const ENVELOPE_BYTES = 64 * 1024;

/** Ranges of one kind in one chunk. */
type Lane = {
  readonly kind: Kind;
  readonly offsets: number[];
  readonly flags: number[];
  readonly indexes: number[];
};
/** A lane whose records were copied. */
type Copies = Lane & { bytes: Uint8Array; filled: number };

function createLane(kind: Kind): Lane {
  return { kind, offsets: [], flags: [], indexes: [] };
}

function addRange(
  lane: Lane,
  range: { readonly start: number; readonly end: number },
  record: { index: number; repeated: boolean },
): void {
  lane.offsets.push(range.start, range.end);
  lane.flags.push(record.repeated ? 1 : 0);
  lane.indexes.push(record.index);
}

/** Room for `count` more bytes in a copy's buffer. */
function reserve(copies: Copies, count: number): void {
  if (copies.filled + count <= copies.bytes.length) return;
  const next = new Uint8Array(Math.max(copies.bytes.length * 2, copies.filled + count));
  next.set(copies.bytes.subarray(0, copies.filled));
  copies.bytes = next;
}

/** Makes a batcher for one input. */
export function createRecordBatcher(options: BatcherOptions): RecordBatcher {
  const { source, path, limits, skip } = options;
  const scanners = options.scanners ?? createRecordScanners(limits);
  let done: RecordBatch[] = [];
  let main: Lane | null = null;
  const glances = createGlanceRows();
  let copies = new Map<Kind, Copies>();
  let rejected: Rejected[] = [];
  let skipped: Partial<Record<SkipReason, number>> = {};
  let count = 0;
  let index = 0;
  let cutReason: Reason = "truncated";
  let isEnding = false;

  const reject = (
    reason: Reason,
    detail: string,
    piece: { bytes: Uint8Array | null; sizeBytes: number; kind: Kind | "" },
  ): void => {
    const kept = piece.bytes !== null && piece.sizeBytes <= limits.recordBytes;
    const bytes = kept ? Uint8Array.from(piece.bytes as Uint8Array) : null;
    rejected.push({
      reason,
      pointer: { source, path, index },
      detail,
      bytes,
      sizeBytes: piece.sizeBytes,
      kind: piece.kind,
    });
  };

  const copyOf = (kind: Kind, room: number): Copies => {
    const lane = copies.get(kind) ?? {
      ...createLane(kind),
      bytes: new Uint8Array(Math.max(room, CHUNK_MIN_BYTES)),
      filled: 0,
    };
    copies.set(kind, lane);
    reserve(lane, room);
    return lane;
  };

  const tooBig = (size: number): string => `${size} bytes, limit ${limits.recordBytes}`;

  const addCopy = (bytes: Uint8Array, { kind, repeated }: { kind: Kind; repeated: boolean }): void => {
    const lane = copyOf(kind, bytes.length);
    lane.bytes.set(bytes, lane.filled);
    addRange(lane, { start: lane.filled, end: lane.filled + bytes.length }, { index, repeated });
    lane.filled += bytes.length;
  };

  const addRecord = (item: Item, sorted: Extract<Sorted, { is: "record" }>): void => {
    const { kind, start, end } = sorted;
    const toPiece = (): { bytes: Uint8Array; sizeBytes: number; kind: Kind } => ({
      bytes: item.bytes.subarray(start, end),
      sizeBytes: end - start,
      kind,
    });
    if (end - start > limits.recordBytes) return reject("too_big", tooBig(end - start), toPiece());
    if (sorted.depth > limits.depth)
      return reject("too_deep", `nested ${sorted.depth} deep, limit ${limits.depth}`, toPiece());
    main ??= createLane(kind);
    const { repeated } = item.scan;
    if (main.kind !== kind) return addCopy(toPiece().bytes, { kind, repeated });
    if (kind === "cloudtrail") addGlance(glances, main.indexes.length, item);
    addRange(main, sorted, { index, repeated });
  };

  const addEscaped = (item: Item, { kind, start, end }: Extract<Sorted, { is: "escaped" }>): void => {
    const lane = copyOf(kind, end - start);
    const out = lane.bytes.subarray(lane.filled, lane.filled + end - start);
    const length = unescapeText(item.bytes, { start, end }, out);
    const row = { bytes: item.bytes.subarray(start, end), sizeBytes: end - start, kind };
    if (length === -1) return reject("bad_json", "the escaped record has a broken escape", row);
    const record = { bytes: out.subarray(0, length), sizeBytes: length, kind };
    if (length > limits.recordBytes) return reject("too_big", tooBig(length), record);
    const { probe } = scanners;
    const fault = probeRecord(probe, record.bytes);
    if (fault !== null) return reject(fault.reason, fault.detail, record);
    addRange(lane, { start: lane.filled, end: lane.filled + length }, { index, repeated: probe.repeated });
    lane.filled += length;
  };

  const addLogged = (item: Item, range: Extract<Sorted, { is: "logged" }>): void => {
    const { bytes, sorted } = unwrapLogged(item, range, scanners.probe);
    if (sorted.is !== "record") return addOther(sorted, bytes);
    const record = bytes.subarray(sorted.start, sorted.end);
    const piece = { bytes: record, sizeBytes: record.length, kind: sorted.kind };
    if (record.length > limits.recordBytes) return reject("too_big", tooBig(record.length), piece);
    addCopy(record, { kind: sorted.kind, repeated: scanners.probe.repeated });
  };

  const addOther = (sorted: Extract<Sorted, { is: "skipped" | "rejected" }>, bytes: Uint8Array): void => {
    if (sorted.is === "skipped") skipped[sorted.reason] = (skipped[sorted.reason] ?? 0) + 1;
    else reject(sorted.reason, sorted.detail, { bytes, sizeBytes: bytes.length, kind: sorted.kind });
  };

  /** One outcome more; true when the chunk has its fill. */
  const next = (): boolean => {
    index += 1;
    count += 1;
    return count >= BATCH_RECORDS;
  };

  const handOver = (chunk: Uint8Array): boolean => {
    const lanes = [...copies.values()].map((lane) => ({ lane: lane as Lane, chunk: lane.bytes }));
    if (main !== null) lanes.unshift({ lane: main, chunk });
    const batches = lanes.filter(({ lane }) => lane.indexes.length > 0);
    if (batches.length === 0 && (count > 0 || isEnding))
      batches.push({ lane: createLane("cloudtrail"), chunk: new Uint8Array(0) });
    for (const [at, { lane, chunk }] of batches.entries()) {
      const isLast = at === batches.length - 1;
      done.push({
        kind: lane.kind,
        chunk,
        offsets: new Int32Array(lane.offsets),
        glances: lane === main ? takeGlances(glances, chunk, lane.offsets) : null,
        flags: lane.flags.includes(1) ? Uint8Array.from(lane.flags) : null,
        indexes: new Int32Array(lane.indexes),
        rejected: isLast ? rejected : [],
        skipped: isLast ? skipped : {},
        upTo: isLast ? index : index - count,
        endsPiece: isLast,
        isLast: isLast && isEnding,
      });
    }
    const taken = main !== null;
    main = null;
    copies = new Map();
    rejected = [];
    skipped = {};
    count = 0;
    return taken;
  };

  const splitter = new JsonSplitter(scanners, toSplitLimits(limits, options.sizeHint), {
    item(item) {
      if (index < skip) return passOver();
      const sorted = sortItem(item);
      if (sorted.is === "record") addRecord(item, sorted);
      else if (sorted.is === "escaped") addEscaped(item, sorted);
      else if (sorted.is === "logged") addLogged(item, sorted);
      else addOther(sorted, item.bytes.subarray(item.start, item.end));
      return next();
    },
    fault(broken) {
      if (index < skip) return passOver();
      if (broken.scan !== null && isDigest(broken.scan.seen)) skipped.digest_file = (skipped.digest_file ?? 0) + 1;
      else
        reject(broken.fault === "cut" ? cutReason : broken.fault, broken.detail, { ...broken, kind: kindOf(broken) });
      return next();
    },
    handOver,
  });

  const passOver = (): boolean => {
    index += 1;
    return false;
  };

  const drain = (): readonly RecordBatch[] => {
    const batches = done;
    done = [];
    return batches;
  };

  return {
    push(bytes) {
      splitter.push(bytes);
      return drain();
    },
    take(bytes, from = 0) {
      splitter.take(bytes, from);
      return drain();
    },
    end(cut) {
      cutReason = cut?.reason ?? "truncated";
      splitter.finish(cut?.detail);
      isEnding = true;
      handOver(splitter.chunk);
      return drain();
    },
  };
}

function kindOf(broken: Broken): Kind | "" {
  return broken.scan === null ? "" : toKind(broken.scan.seen);
}

function toSplitLimits(limits: RecordLimits, sizeHint: number): SplitLimits {
  const itemBytes = 2 * limits.recordBytes + ENVELOPE_BYTES;
  return {
    itemBytes,
    chunkBytes: Math.min(CHUNK_BYTES, Math.max(CHUNK_MIN_BYTES, sizeHint)),
    chunkUsualBytes: CHUNK_BYTES,
    chunkMaxBytes: Math.max(CHUNK_MAX_BYTES, 2 * itemBytes),
  };
}

type Unwrapped = Exclude<Sorted, { is: "escaped" | "logged" }>;

/** What stands in the message of a log event, in a buffer of its own: an item like any other, but no page of items. */
function unwrapLogged(
  item: Item,
  range: { readonly start: number; readonly end: number },
  probe: ObjectScanner,
): { readonly bytes: Uint8Array; readonly sorted: Unwrapped } {
  const rejected = (reason: Reason, detail: string): Unwrapped => ({ is: "rejected", reason, detail, kind: "" });
  const raw = item.bytes.subarray(range.start, range.end);
  const out = new Uint8Array(raw.length);
  const length = unescapeText(item.bytes, range, out);
  if (length === -1)
    return { bytes: raw, sorted: rejected("bad_json", "the message of a log event has a broken escape") };
  const bytes = out.subarray(0, length);
  if (isControlText(bytes)) return { bytes, sorted: { is: "skipped", reason: "control_message" } };
  const fault = probeRecord(probe, bytes);
  if (fault !== null) return { bytes, sorted: rejected(fault.reason, fault.detail) };
  const sorted = sortItem({ bytes, start: 0, end: length, scan: probe });
  const isPage = sorted.is === "escaped" || sorted.is === "logged";
  return { bytes, sorted: isPage ? rejected("unknown_kind", "the message of a log event is no record") : sorted };
}

/** Looks through one unescaped record: whole, not too deep, nothing behind it. Null when all is well. */
function probeRecord(probe: ObjectScanner, bytes: Uint8Array): { reason: Reason; detail: string } | null {
  const bad = { reason: "bad_json", detail: "the escaped record is no JSON object" } as const;
  if (bytes[0] !== 0x7b) return bad;
  probe.bytes = bytes;
  probe.end = bytes.length;
  probe.begin(0);
  const step = probe.run();
  if (step === STEP.broken && probe.isTooDeep)
    return { reason: "too_deep", detail: "the escaped record is nested too deep" };
  return step === STEP.end && probe.pos === bytes.length ? null : bad;
}
