/**
 * From the records of one answer to batches.
 *
 * A stream's record carries one body, or several where a producer packed them (aggregate.ts), each plain or gzip. Small
 * bodies are gathered into batches; a record with a large one is handed out by itself, piece by piece, and a restart goes on
 * inside it. The position moves with each batch. A record that came before (an answer given twice) is passed over.
 */
import type { Batch, Position } from "../../contracts.ts";
import { isGzip } from "../../lib/gzip-frame.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import type { Rejected } from "../../model/event.ts";
import { joinPiece, toEmptyBatch } from "../records/batch.ts";
import { type Body, packBodies, type PackedBatch } from "../records/bodies.ts";
import { type FileLimits, isSmall, unpackWhole } from "../file/read.ts";
import type { RecordBatch } from "../records/batches.ts";
import { splitObject } from "../sqs-s3/split.ts";
import { isAggregate, readAggregate } from "./aggregate.ts";
import type { Answer } from "./ask.ts";
import type { StreamRecord } from "./client.ts";
import { formatPlace, isBehind, type Place } from "./place.ts";
import type { Shard } from "./shards.ts";

export type ServeBy = {
  readonly source: string;
  /** Begins the pointers of records: "kinesis://STREAM". */
  readonly path: string;
  /** The key of a shard's position. */
  readonly keyOf: (shard: Shard) => string;
  readonly limits: FileLimits;
  readonly scanners: Scanners;
  readonly floorMs: () => number;
  readonly monotonicMs: () => number;
  readonly signal: AbortSignal;
};

/** Bodies of one batch, and their bytes (contracts.ts). */
const GROUP_BODIES = 1_000;
const GROUP_BYTES = 4 * 1024 * 1024;

type Group = { readonly bodies: Body[]; readonly rejected: Rejected[]; bytes: number; first: string; last: Place };

/** The batches of an answer, the last with the shard's end where it ends. */
export async function* serveAnswer(answer: Answer, by: ServeBy): AsyncGenerator<Batch> {
  const { shard, records, isEnd } = answer;
  const path = `${by.path}/${shard.id}`;
  let group: Group | null = null;
  const fresh = records.filter(({ SequenceNumber = "" }) => isNew(SequenceNumber, shard.place));
  for (const record of fresh) {
    const place = toPlace(record, shard);
    const unpacked = toBodies(record, `${path}/${place.sequence}`, by);
    const bytes = unpacked.bodies.reduce((sum, body) => sum + body.bytes.length, 0);
    const count = unpacked.bodies.length + unpacked.rejected.length;
    const isAlone = unpacked.hasLarge || count > GROUP_BODIES || shard.place?.sequence === place.sequence;
    const hasRoom =
      group !== null &&
      group.bodies.length + group.rejected.length + count <= GROUP_BODIES &&
      group.bytes + bytes <= GROUP_BYTES;
    if (group !== null && (isAlone || !hasRoom)) {
      yield giveGroup(group, shard, by);
      group = null;
      if (by.signal.aborted) return;
    }
    if (isAlone) {
      yield* serveAlone(unpacked.bodies, { shard, place }, by);
      if (by.signal.aborted) return;
      continue;
    }
    group ??= { bodies: [], rejected: [], bytes: 0, first: place.sequence, last: place };
    group.bodies.push(...unpacked.bodies);
    group.rejected.push(...unpacked.rejected);
    group.bytes += bytes;
    group.last = place;
  }
  if (group !== null && isEnd) group.last = toEnd(shard, group.last);
  if (group !== null) yield giveGroup(group, shard, by);
  else if (isEnd) yield givePlace(shard, toEnd(shard, shard.place), by);
}

/** A batch without records, of a shard or (null) of the stream. */
export function giveEmpty(shard: Shard | null, by: ServeBy): Batch {
  const path = shard === null ? by.path : `${by.path}/${shard.id}`;
  return toEmptyBatch("cloudtrail", { source: by.source, path, positions: [], floorMs: by.floorMs(), settle });
}

/** A batch without records that says where a shard stands. */
export function givePlace(shard: Shard, place: Place, by: ServeBy): Batch {
  const position = move(shard, place, by);
  return { ...giveEmpty(shard, by), positions: [position] };
}

function isNew(sequence: string, place: Place | null): boolean {
  if (place === null || place.is === "time") return true;
  return isBehind(sequence, place.sequence) || (place.is === "inside" && sequence === place.sequence);
}

function toPlace(
  { SequenceNumber: sequence = "", ApproximateArrivalTimestamp: arrival }: StreamRecord,
  shard: Shard,
): Place {
  return { is: "after", sequence, upTo: 0, completeMs: Math.max(arrival?.getTime() ?? 0, shard.completeMs) };
}

function toEnd({ completeMs }: Shard, last: Place | null): Place {
  return { is: "end", sequence: last?.sequence ?? "", upTo: 0, completeMs: last?.completeMs ?? completeMs };
}

type Unpacked = {
  readonly bodies: readonly Body[];
  readonly rejected: readonly Rejected[];
  readonly hasLarge: boolean;
};

/** The bodies of a record, those that are small unpacked. */
function toBodies({ Data = new Uint8Array(0) }: StreamRecord, path: string, { source, limits }: ServeBy): Unpacked {
  const packed = isAggregate(Data) ? readAggregate(Data) : [Data];
  if (typeof packed === "string") {
    const pointer = { source, path, index: 0 };
    const detail = `an aggregate of the Kinesis Producer Library that cannot be taken apart: ${packed}`;
    const rejected: Rejected = {
      reason: "aggregate_bad",
      pointer,
      detail,
      bytes: Data,
      sizeBytes: Data.length,
      kind: "",
    };
    return { bodies: [], rejected: [rejected], hasLarge: false };
  }
  let hasLarge = false;
  let total = 0;
  const bodies = packed.map((bytes, at): Body => {
    // Of many that are small by themselves no more is unpacked than a batch holds.
    const isShort = !hasLarge && isGzip(bytes) && isSmall({ sizeBytes: bytes.length });
    const plain = isShort ? unpackWhole(bytes) : null;
    total += plain?.length ?? bytes.length;
    hasLarge ||= plain === null && (isGzip(bytes) || bytes.length > limits.recordBytes);
    hasLarge ||= total > GROUP_BYTES;
    return { bytes: plain ?? bytes, path: packed.length === 1 ? path : `${path}/${at}` };
  });
  return { bodies, rejected: [], hasLarge };
}

/** The batches of a record by itself, from behind what was committed of it. */
async function* serveAlone(
  bodies: readonly Body[],
  { shard, place }: { readonly shard: Shard; readonly place: Place },
  by: ServeBy,
): AsyncGenerator<Batch> {
  const skip = shard.place?.is === "inside" && shard.place.sequence === place.sequence ? shard.place.upTo : 0;
  let before = 0;
  for (const [at, { bytes, path }] of bodies.entries()) {
    const { source, limits, scanners } = by;
    const options = { source, path, limits, scanners, skip: Math.max(0, skip - before) };
    let piece: RecordBatch[] = [];
    for await (const batch of splitObject(bytes, options, by.signal)) {
      piece.push(batch);
      if (!batch.endsPiece) continue;
      const upTo = before + batch.upTo;
      const isLast = batch.isLast && at === bodies.length - 1;
      // What a restart passed over already gives nothing, unless it is the end.
      const isOver = upTo <= skip && !isLast;
      const reached: Place = isLast ? place : { ...place, is: "inside", upTo, completeMs: shard.completeMs };
      if (!isOver)
        yield give(
          piece.map((one) => toPacked(one, { source, path })),
          move(shard, reached, by),
          by,
        );
      if (by.signal.aborted) return;
      if (batch.isLast) before += batch.upTo;
      piece = [];
    }
  }
}

function toPacked(batch: RecordBatch, at: { readonly source: string; readonly path: string }): PackedBatch {
  const { kind, chunk, offsets, flags, glances, indexes, rejected, skipped } = batch;
  return { kind, chunk, offsets, flags, glances, origin: { ...at, indexes }, rejected, skipped };
}

function giveGroup({ bodies, rejected, first, last }: Group, shard: Shard, by: ServeBy): Batch {
  const { source, limits, scanners } = by;
  const span = first === last.sequence ? first : `${first}-${last.sequence}`;
  const packed = packBodies(bodies, { source, path: `${by.path}/${shard.id}/${span}`, limits, scanners });
  const [one, ...others] = packed as [PackedBatch, ...PackedBatch[]];
  const whole = [{ ...one, rejected: [...one.rejected, ...rejected] }, ...others];
  return give(whole, move(shard, last, by), by);
}

/** The shard stands there once the batch is handed out. */
function move(shard: Shard, place: Place, { source, keyOf, monotonicMs }: ServeBy): Position {
  shard.place = place;
  shard.completeMs = Math.max(shard.completeMs, place.completeMs);
  shard.placedMs = monotonicMs();
  return { source, key: keyOf(shard), value: formatPlace(place) };
}

/** Several kinds are committed together; the last of them has the position. */
function give(packed: readonly PackedBatch[], position: Position, by: ServeBy): Batch {
  const floorMs = by.floorMs();
  const last = packed.length - 1;
  return joinPiece(
    packed.map((batch, at) => ({ ...batch, positions: at === last ? [position] : [], floorMs, settle })),
  );
}

/** The position says all: Kinesis is told nothing. */
function settle(): void {}
