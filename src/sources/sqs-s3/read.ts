/**
 * The reading of `sqs-s3`: takes notices, fetches objects ahead, hands out their batches in order.
 *
 * Three things go on side by side: notices become jobs, listings become jobs, and the jobs at the head of the queue are
 * fetched. One after another they are split and handed out, so that memory is bounded: by the object whose turn it is
 * (`objectBytes`), and 16 MiB of those fetched ahead. An
 * object's position moves with each commit, so that a restart goes on inside it; its message is deleted after the commit of
 * its last record. Nothing half-fetched is ever split.
 */
import type { S3Client } from "@aws-sdk/client-s3";
import type { Aws } from "../../aws/clients.ts";
import { type ObjectGet, openObjectGet } from "../../aws/object-get.ts";
import type { SqsConsumer } from "../../aws/sqs-types.ts";
import type { Batch, Position } from "../../contracts.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import type { Reason } from "../../model/event.ts";
import type { IntegrityLog, IntegrityNote } from "../../model/integrity/notes.ts";
import { toDigestPlace } from "../../model/integrity/place.ts";
import { slotOf } from "../file/list.ts";
import { joinPiece, toEmptyBatch, toSourceBatch } from "../records/batch.ts";
import type { RecordBatch } from "../records/batches.ts";
import type { SourceDeps } from "../settings.ts";
import { createQueueAws, queueName } from "../sqs/settings.ts";
import { withOutputs } from "./bodies.ts";
import { checkDigests } from "./digests/check.ts";
import { createKeyRing } from "./digests/keys.ts";
import { createFileHash, toLostFile } from "./digests/seen.ts";
import { fetchAhead, type FetchBy, type Fetched, fetchObject, OBJECT_LIMITS } from "./fetch.ts";
import { takeNotices, toSkipReason } from "./intake.ts";
import { createJobs, type Job, type Jobs, type Note } from "./jobs.ts";
import { slotMsOf } from "./listing.ts";
import { createPlaces, formatPlace, type Places, toUri } from "./places.ts";
import { withMissed } from "./missed.ts";
import type { ObjectsConfig, TrailPlace } from "./settings.ts";
import { splitObject } from "./split.ts";
import { SWEEP, sweepTrails } from "./sweep.ts";

export type NoticeRun = {
  readonly config: ObjectsConfig;
  readonly deps: SourceDeps;
  readonly aws: Aws;
  readonly consumer: SqsConsumer;
  readonly positions: ReadonlyMap<string, string>;
  readonly scanners: Scanners;
  readonly isWanted: (key: string) => boolean;
  /** Told of each object that was asked for: false when it could not be had and comes again. */
  readonly onFetched: (isHad: boolean) => void;
};

type Reading = NoticeRun & {
  readonly jobs: Jobs;
  readonly places: Places;
  readonly client: S3Client;
  readonly get: ObjectGet;
  readonly signal: AbortSignal;
  /** What is known of digest files; null: they are not verified. */
  readonly log: IntegrityLog | null;
  /** Time slot of the oldest object that a listing found and that could not be read. */
  failedMs: number | null;
  /** What ended the taking of notices. */
  error: Error | null;
};

/** Bytes of objects that are fetched ahead of their turn, all together, and of one of which the notice tells no size. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const UNKNOWN_BYTES = 1024 * 1024;
/** Objects that may wait behind those that are fetched. */
const ROOM_FACTOR = 4;
const REASONS: Readonly<Record<Exclude<Fetched["is"], "whole" | "again">, Reason>> = {
  gone: "object_missing",
  refused: "object_refused",
  large: "too_big",
};

/** Batches until the signal. Errors by code: aws_missing (no such queue). */
export async function* readNotices(run: NoticeRun, until: AbortSignal): AsyncGenerator<Batch> {
  if (until.aborted) return;
  const { config, aws } = run;
  const { S3Client } = await import("@aws-sdk/client-s3");
  const stop = new AbortController();
  const signal = AbortSignal.any([until, stop.signal]);
  // An emulator is reached by one name; a bucket may be in another Region than its queue.
  const extra = { forcePathStyle: config.endpoint !== undefined, followRegionRedirects: true };
  const client = aws.open(S3Client, OBJECT_LIMITS, extra);
  const reading: Reading = {
    ...run,
    jobs: withMissed(createJobs(run.consumer), {
      latenessMs: config.lateness,
      trails: config.trails.length,
      nowMs: () => run.deps.clock.nowMs(),
      gap: run.deps.gap,
    }),
    places: createPlaces(run.positions),
    client,
    get: await openObjectGet(client, run.deps.clock),
    signal,
    log: config.digests ? (run.deps.integrity ?? null) : null,
    failedMs: null,
    error: null,
  };
  const release = (): void => {
    run.consumer.release(reading.jobs.unhanded());
    reading.jobs.wake();
  };
  signal.addEventListener("abort", release, { once: true });
  const producing = [startIntake(reading), startSweep(reading), startDigests(reading)];
  try {
    yield* serveAll(reading);
  } finally {
    stop.abort();
    await Promise.all(producing);
    reading.client.destroy();
  }
}

function startIntake(reading: Reading): Promise<void> {
  const { config, consumer, jobs, places, isWanted, signal } = reading;
  const verifies = reading.log !== null;
  const room = ROOM_FACTOR * config.concurrency;
  const names = { source: config.name, queue: queueName(config.queue) };
  return takeNotices({ ...names, consumer, jobs, places, isWanted, verifies, room, signal }).catch((error: unknown) => {
    reading.error = error instanceof Error ? error : new Error(String(error));
    jobs.wake();
  });
}

function startSweep(reading: Reading): Promise<void> {
  const { config, deps, aws, client, jobs, positions, signal } = reading;
  const keyOf = ({ bucket, prefix }: TrailPlace): string => `${SWEEP}${bucket}|${prefix}`;
  return sweepTrails({
    aws,
    client,
    clock: deps.clock,
    trails: config.trails,
    everyMs: config.sweepEvery,
    overlapMs: config.sweepOverlap,
    warn: deps.warn,
    signal,
    sweptMs: (trail) => {
      const saved = positions.get(keyOf(trail));
      return saved === undefined ? null : Number(saved);
    },
    folder: config.folder,
    withDigests: reading.log !== null,
    found: ({ storedMs, ...object }) => {
      const reason = toSkipReason(object, reading);
      if (reason === "digest_file") return noteDigest(object, reading);
      return reason === null && jobs.add(object, { message: null, sweptMs: storedMs });
    },
    swept: (trail, untilMs) => {
      const position = { source: config.name, key: keyOf(trail), value: String(untilMs) };
      jobs.note({ rejected: [], skipped: {}, positions: [position], message: null });
      deps.forget?.(config.name, (key) => key.startsWith("s3://"));
    },
    takeFailedMs: () => {
      const { failedMs } = reading;
      reading.failedMs = null;
      return failedMs;
    },
  });
}

/** A digest file that was found by listing; true when nobody had told of it. */
function noteDigest(
  object: { readonly bucket: string; readonly key: string },
  { config, jobs, log }: Reading,
): boolean {
  const [uri, place] = [toUri(object), toDigestPlace(object)];
  if (log === null || place === null || log.digest(uri) !== null) return false;
  const integrity: IntegrityNote[] = [{ is: "digest", source: config.name, uri, place }];
  jobs.note({ rejected: [], skipped: {}, positions: [], integrity, message: null });
  return true;
}

async function startDigests(reading: Reading): Promise<void> {
  const { config, deps, aws, get, jobs, log, isWanted, signal } = reading;
  if (log === null) return;
  const { clock, warn } = deps;
  const keys = createKeyRing((region) => createQueueAws({ ...config, region }, clock));
  const by = { source: config.name, log, aws, get, keys, clock, jobs, isWanted, waitMs: config.digestWait, warn };
  await checkDigests({ ...by, tellsUnlisted: config.unlisted, signal });
  keys.close();
}

async function* serveAll(reading: Reading): AsyncGenerator<Batch> {
  const { jobs, signal } = reading;
  for (;;) {
    if (reading.error !== null) throw reading.error;
    if (signal.aborted) return;
    const part = jobs.next();
    if (part === undefined) {
      await jobs.changed();
      startAhead(reading);
      continue;
    }
    if (part.is === "object") part.fetched ??= fetchObject(part.object, toFetchBy(reading));
    startAhead(reading);
    if (part.is === "note") yield toNoteBatch(part, reading);
    else yield* serveObject(part, reading);
  }
}

/** The jobs that come next are fetched while others are split and committed, as many as memory is kept for. */
function startAhead(reading: Reading): void {
  const by = toFetchBy(reading);
  let bytes = 0;
  for (const part of reading.jobs.ahead().slice(0, reading.config.concurrency - 1)) {
    if (part.is !== "object") continue;
    const mostBytes = part.object.sizeBytes ?? UNKNOWN_BYTES;
    bytes += mostBytes;
    if (bytes > AHEAD_BYTES) return;
    part.fetched ??= fetchAhead(part.object, by, mostBytes);
  }
}

function toFetchBy({ aws, get, config, deps, signal }: Reading): FetchBy {
  const by = { aws, get, clock: deps.clock, maxBytes: config.objectBytes, signal };
  return config.outputs ? withOutputs(by, deps.warn) : by;
}

async function* serveObject(job: Job, reading: Reading): AsyncGenerator<Batch> {
  const { config, jobs, deps, signal } = reading;
  const fetched = (await job.fetched) ?? (await fetchObject(job.object, toFetchBy(reading)));
  if (signal.aborted) return;
  reading.onFetched(fetched.is !== "again");
  if (fetched.is === "whole") {
    yield* serveRecords(job, fetched, reading);
    return;
  }
  deps.warn(`${job.uri} is not read: ${fetched.detail}`, fetched.code);
  if (fetched.is === "again") {
    if (job.sweptMs !== null) {
      const slotMs = slotMsOf({ key: job.object.key, storedMs: job.sweptMs });
      reading.failedMs = Math.min(reading.failedMs ?? Infinity, slotMs);
    }
    jobs.handed(job);
    jobs.decided(job, false);
    return;
  }
  const lost = reading.log === null ? null : toLostFile(config.name, job.object, fetched.is);
  const batch = toLostBatch(job, { reason: REASONS[fetched.is], detail: fetched.detail }, reading);
  yield lost === null ? batch : { ...batch, integrity: [lost] };
}

async function* serveRecords(
  job: Job,
  { bytes, etag }: Extract<Fetched, { is: "whole" }>,
  reading: Reading,
): AsyncGenerator<Batch> {
  const { config, deps, places, scanners, signal } = reading;
  const skip = places.skip(job.object, etag);
  const hash = reading.log === null ? null : createFileHash(config.name, job.object);
  const onPlain = (plain: Uint8Array): void => hash?.add(plain);
  const options = { source: config.name, path: job.uri, limits: deps.limits, skip, scanners, onPlain };
  const settle = createSettle(job, etag, reading);
  let piece: RecordBatch[] = [];
  for await (const batch of splitObject(bytes, options, signal)) {
    piece.push(batch);
    if (!batch.endsPiece) continue;
    if (batch.isLast) reading.jobs.handed(job);
    const whole = toBatch(piece, { job, etag, settle }, reading);
    yield batch.isLast && hash !== null ? { ...whole, integrity: [hash.end(batch.rejected)] } : whole;
    piece = [];
    if (signal.aborted) return;
  }
}

/** What an object's batches call: with the last of them the object is decided. */
function createSettle(job: Job, etag: string, { jobs, places }: Reading): (batch: RecordBatch, error: unknown) => void {
  let isGivenUp = false;
  return (batch, error) => {
    isGivenUp ||= error !== undefined;
    if (!batch.isLast) return;
    if (!isGivenUp) places.note(job.uri, { upTo: null, etag, sequencer: job.object.sequencer });
    jobs.decided(job, !isGivenUp);
  };
}

type BatchOf = {
  readonly job: Job;
  readonly etag: string;
  readonly settle: (batch: RecordBatch, error: unknown) => void;
};

function toBatch(piece: readonly RecordBatch[], { job, etag, settle }: BatchOf, reading: Reading): Batch {
  const source = reading.config.name;
  const floorMs = floorOf(reading);
  const batches = piece.map((batch): Batch => {
    const place = { upTo: batch.isLast ? null : batch.upTo, etag, sequencer: job.object.sequencer };
    const positions: readonly Position[] = batch.endsPiece ? [{ source, key: job.uri, value: formatPlace(place) }] : [];
    const around = { source, path: job.uri, positions, floorMs };
    return toSourceBatch(batch, { ...around, settle: (error) => settle(batch, error) });
  });
  return joinPiece(batches);
}

/** A batch without records: an object that will never be read. */
function toLostBatch(
  job: Job,
  { reason, detail }: { readonly reason: Reason; readonly detail: string },
  reading: Reading,
): Batch {
  const { config, jobs, places } = reading;
  const { etag, sequencer, sizeBytes } = job.object;
  const place = { upTo: null, etag, sequencer };
  const source = config.name;
  const pointer = { source, path: job.uri, index: 0 };
  const rejected = { reason, pointer, detail, bytes: null, sizeBytes: sizeBytes ?? 0, kind: "" } as const;
  jobs.handed(job);
  return {
    ...toEmpty(reading),
    origin: { source, path: job.uri, indexes: new Int32Array(0) },
    rejected: [rejected],
    positions: [{ source, key: job.uri, value: formatPlace(place) }],
    settle: (error) => {
      if (error === undefined) places.note(job.uri, place);
      jobs.decided(job, error === undefined);
    },
  };
}

function toNoteBatch(note: Note, reading: Reading): Batch {
  const { jobs } = reading;
  jobs.handed(note);
  const { rejected, skipped, integrity = [] } = note;
  return {
    ...toEmpty(reading),
    rejected,
    skipped,
    positions: note.positions.map((position) => holdBack(position, reading)),
    integrity,
    settle: (error) => jobs.decided(note, error === undefined),
  };
}

/** How far a trail was listed, but for what that listing found and could not be read: its turn was before. */
function holdBack(position: Position, { failedMs }: Reading): Position {
  const isHeld = failedMs !== null && position.key.startsWith(SWEEP);
  return isHeld ? { ...position, value: String(Math.min(Number(position.value), failedMs)) } : position;
}

function toEmpty(reading: Reading): Batch {
  const { name: source, queue } = reading.config;
  const path = `sqs://${queueName(queue)}`;
  const around = { source, path, positions: [], floorMs: floorOf(reading), settle: () => undefined };
  return toEmptyBatch("cloudtrail", around);
}

/** What the queue holds back, and the slots of objects that a listing found and that are not read yet. */
function floorOf({ consumer, jobs }: Reading): number {
  let floorMs = consumer.floorMs();
  for (const { sweptMs, object } of jobs.open())
    if (sweptMs !== null) floorMs = Math.min(floorMs, slotOf(object.key) ?? sweptMs);
  return floorMs;
}
