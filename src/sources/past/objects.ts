/**
 * The past of a trail: its objects in S3, listed by account, Region and day, read in the order of their time slots.
 *
 * CloudTrail delivers late, so objects are read whose slot lies up to the source's lateness behind the span. Each object is
 * fetched whole and split as the live source does it. A position a commit, so that a run that was ended goes on inside an
 * object; what is listed later than it was read is read by the next run. An object that is gone, refused or too large is a
 * rejected record; one that cannot be had ends the run, which goes on there when it is started again.
 */
import type { S3Client } from "@aws-sdk/client-s3";
import { openObjectGet } from "../../aws/object-get.ts";
import type { Batch, Source } from "../../contracts.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import { SagewatchError } from "../../model/errors.ts";
import { LOGSOURCES, type Reason } from "../../model/event.ts";
import { joinPiece, toEmptyBatch, toSourceBatch } from "../records/batch.ts";
import { createRecordScanners, type RecordBatch } from "../records/batches.ts";
import { createQueueAws } from "../sqs/settings.ts";
import { BEDROCK_BODY, withOutputs } from "../sqs-s3/bodies.ts";
import { type Fetched, fetchObject, type FetchBy, OBJECT_LIMITS } from "../sqs-s3/fetch.ts";
import { type ListedObject, listTrail, slotMsOf } from "../sqs-s3/listing.ts";
import { createPlaces, formatPlace, type Places, toUri } from "../sqs-s3/places.ts";
import type { ObjectsConfig } from "../sqs-s3/settings.ts";
import { splitObject } from "../sqs-s3/split.ts";
import { createMeter, endPast, type Meter, type Past, type PastDeps, type PastRun, type PastSpan } from "./past.ts";

/** An object and what became of it. */
type Had = Exclude<Fetched, { readonly is: "again" }>;

/** How often an object is tried, each time with the tries of fetchObject, and the wait after the first, ms. */
const AGAIN_TRIES = 3;
const AGAIN_MS = 5_000;
/** A name's time may be the end of what the object holds, or the start: more than the 5 minutes that one covers. */
const SLOT_MS = 15 * 60_000;
const HOUR_MS = 3_600_000;
const REASONS: Readonly<Record<Exclude<Had["is"], "whole">, Reason>> = {
  gone: "object_missing",
  refused: "object_refused",
  large: "too_big",
};

/** The past of an `sqs-s3` or `bedrock-log` source; null without `trails`, since nothing then says where its objects are. */
export function createObjectPast(config: ObjectsConfig, deps: PastDeps): Past | null {
  if (config.trails.length === 0) return null;
  return {
    by: "s3",
    behindMs: config.lateness,
    plan: async (span, limits, signal) => {
      const meter = createMeter(limits);
      const objects = await withClient(config, deps, (by) => list({ config, span, meter }, { ...by, signal }));
      const bytes = objects.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
      const requests = meter.requests() + objects.length;
      return { objects: objects.length, bytes, requests, isLeast: false, leastMs: 0 };
    },
    open: (run): Source => ({
      name: config.name,
      logsources: LOGSOURCES,
      timing: { mode: "historic", latenessMs: config.lateness, idleMs: 0, followMs: null },
      read: (positions, signal) => read({ config, deps, run, positions }, signal),
    }),
  };
}

type By = Pick<FetchBy, "aws" | "signal"> & { readonly client: S3Client };

async function openClient(config: ObjectsConfig, deps: PastDeps): Promise<Omit<By, "signal">> {
  const { S3Client } = await import("@aws-sdk/client-s3");
  const aws = createQueueAws(config, deps.clock);
  const extra = { forcePathStyle: config.endpoint !== undefined, followRegionRedirects: true };
  return { aws, client: aws.open(S3Client, OBJECT_LIMITS, extra) };
}

async function withClient<T>(
  config: ObjectsConfig,
  deps: PastDeps,
  use: (by: Omit<By, "signal">) => Promise<T>,
): Promise<T> {
  const by = await openClient(config, deps);
  try {
    return await use(by);
  } finally {
    by.client.destroy();
  }
}

type ToList = { readonly config: ObjectsConfig; readonly span: PastSpan; readonly meter: Meter };

/** The objects that may hold records of the span, by slot, then by name. */
async function list({ config, span, meter }: ToList, by: By): Promise<readonly ListedObject[]> {
  const { account, region } = span;
  const [fromMs, toMs] = [span.fromMs - SLOT_MS, span.toMs + config.lateness];
  const lengthMs = config.folder === "BedrockModelInvocationLogs" ? HOUR_MS : SLOT_MS;
  const found: ListedObject[] = [];
  for (const trail of config.trails) {
    const listing = { ...by, account, region, folder: config.folder, onRequest: () => meter.request() };
    for await (const object of listTrail(trail, { fromMs, toMs }, listing)) {
      if (BEDROCK_BODY.test(object.key)) continue;
      if (slotMsOf(object) > toMs || slotMsOf(object) < span.fromMs - lengthMs) continue;
      meter.object(object.sizeBytes ?? 0);
      found.push(object);
    }
  }
  return found.toSorted((a, b) => slotMsOf(a) - slotMsOf(b) || (a.key < b.key ? -1 : 1));
}

type Reading = {
  readonly config: ObjectsConfig;
  readonly deps: PastDeps;
  readonly run: PastRun;
  readonly positions: ReadonlyMap<string, string>;
};

async function* read(reading: Reading, signal: AbortSignal): AsyncGenerator<Batch> {
  const { config, deps, run, positions } = reading;
  const { aws, client } = await openClient(config, deps);
  const get = await openObjectGet(client, deps.clock);
  const plain: FetchBy = { aws, get, signal, clock: deps.clock, maxBytes: config.objectBytes };
  const by = config.outputs ? withOutputs(plain, deps.warn ?? ((): void => undefined)) : plain;
  try {
    const meter = createMeter(run.limits);
    const listed = await list({ config, span: run.span, meter }, { aws, client, signal });
    const places = createPlaces(positions);
    const open = listed.filter((object) => !places.isDone(object));
    const tell = (left: number): void =>
      run.onProgress({ done: listed.length - left, total: listed.length, requests: meter.requests() });
    const ahead = createAhead(open, by, config.concurrency);
    const scanners = createRecordScanners(deps.limits);
    for (const [at, object] of open.entries()) {
      tell(open.length - at);
      const fetched = await ahead(at);
      if (signal.aborted) return;
      yield* readObject({ object, fetched, floorMs: slotMsOf(object) }, { ...reading, places, scanners }, signal);
      if (signal.aborted) return;
    }
    tell(0);
    yield toEndBatch(reading);
  } finally {
    client.destroy();
  }
  await endPast(run, signal);
}

/** All that CloudTrail delivered by now is read: records up to there, less the lateness, are complete. */
function toEndBatch({ config, deps, run }: Reading): Batch {
  const floorMs = Math.min(run.span.toMs + config.lateness, deps.clock.nowMs());
  const around = { source: config.name, path: "s3://", positions: [], floorMs, settle: () => undefined };
  return toEmptyBatch("cloudtrail", around);
}

/** The objects that come next are fetched while one is read. Gives the object at an index; each is asked for once. */
function createAhead(objects: readonly ListedObject[], by: FetchBy, most: number): (at: number) => Promise<Had> {
  const fetching = new Map<number, Promise<Had>>();
  let begun = 0;
  return (at) => {
    for (; begun < Math.min(at + most, objects.length); begun += 1) {
      const had = fetchSurely(objects[begun] as ListedObject, by);
      // Whoever waits for it is told; one that is never waited for was given up with the run.
      had.catch(() => undefined);
      fetching.set(begun, had);
    }
    const had = fetching.get(at) as Promise<Had>;
    fetching.delete(at);
    return had;
  };
}

async function fetchSurely(object: ListedObject, by: FetchBy): Promise<Had> {
  for (let tries = 1; ; tries += 1) {
    const fetched = await fetchObject(object, by);
    if (fetched.is !== "again") return fetched;
    by.signal.throwIfAborted();
    if (tries === AGAIN_TRIES) throw toUnread(object, fetched.detail);
    await by.clock.sleep(AGAIN_MS * tries, by.signal);
  }
}

function toUnread(object: ListedObject, detail: string): SagewatchError {
  const message = `${toUri(object)} is not read: ${detail}; what was read is kept, and the same command goes on from there`;
  return new SagewatchError("aws_unreachable", message, { retryable: true });
}

type ToRead = { readonly object: ListedObject; readonly fetched: Had; readonly floorMs: number };
type With = Reading & { readonly places: Places; readonly scanners: Scanners };

async function* readObject({ object, fetched, floorMs }: ToRead, by: With, signal: AbortSignal): AsyncGenerator<Batch> {
  const { config, deps, places, scanners } = by;
  const [source, path] = [config.name, toUri(object)];
  const around = { source, path, floorMs, settle: () => undefined };
  const { sequencer } = object;
  if (fetched.is !== "whole") {
    const reason = REASONS[fetched.is];
    const pointer = { source, path, index: 0 };
    const { detail } = fetched;
    const rejected = { reason, pointer, detail, bytes: null, sizeBytes: object.sizeBytes ?? 0, kind: "" } as const;
    const value = formatPlace({ upTo: null, etag: object.etag, sequencer });
    const batch = toEmptyBatch("cloudtrail", { ...around, positions: [{ source, key: path, value }] });
    yield { ...batch, rejected: [rejected] };
    return;
  }
  const { bytes, etag } = fetched;
  const options = { source, path, limits: deps.limits, skip: places.skip(object, etag), scanners };
  let piece: RecordBatch[] = [];
  for await (const batch of splitObject(bytes, options, signal)) {
    piece.push(batch);
    if (!batch.endsPiece) continue;
    yield joinPiece(
      piece.map((one) => {
        const value = formatPlace({ upTo: one.isLast ? null : one.upTo, etag, sequencer });
        const positions = one.endsPiece ? [{ source, key: path, value }] : [];
        return toSourceBatch(one, { ...around, positions });
      }),
    );
    piece = [];
    if (signal.aborted) return;
  }
}
