/**
 * The reading of `kinesis`: shards are asked side by side, and their answers handed out one after another.
 *
 * A shard is asked again when its answer was taken in, so that memory is bounded by the shards asked at a time, and a reader
 * that pulls slowly asks slowly. The shards are listed at the start, every minute, and when one ends. Faults are told and
 * tried again with pauses; meanwhile an empty batch says now and then that the source is not idle. Only a stream that does
 * not exist at the start is an error.
 */
import type { Batch } from "../../contracts.ts";
import type { Aws } from "../../aws/clients.ts";
import { toUtcText } from "../../lib/clock.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import { SagewatchError, toErrorCode, toMessage } from "../../model/errors.ts";
import type { SourceDeps } from "../settings.ts";
import { type Answer, askShard } from "./ask.ts";
import { type ListedShard, openStream, type StreamCalls, type StreamSummary } from "./client.ts";
import { type Lost, takeLost, tellLost } from "./lost.ts";
import type { Place } from "./place.ts";
import { giveEmpty, givePlace, serveAnswer, type ServeBy } from "./serve.ts";
import { type KinesisConfig, parseStream } from "./settings.ts";
import { completeOf, createShards, HOLDS_MS, type Shard, type Shards } from "./shards.ts";

export type StreamRun = {
  readonly config: KinesisConfig;
  readonly deps: SourceDeps;
  readonly aws: Aws;
  readonly positions: ReadonlyMap<string, string>;
  readonly scanners: Scanners;
};

/** Ms between two listings, and between two times that positions of shards that are gone are forgotten. */
const LIST_MS = 60_000;
const FORGET_MS = 3_600_000;
/** Kinesis allows 5 calls a second and 2 MiB a second, a shard; after a large answer it refuses until the time is over. */
const CALL_MS = 200;
const BYTES_PER_MS = (2 * 1024 * 1024) / 1000;
/** A shard at its tip gives its position so often, ms: how long ago its last record came says nothing. */
const PLACE_MS = 10 * 60_000;
/** Wait after a failure, ms: doubled each time. */
const RETRY_MS = { least: 500, most: 30_000 } as const;
/** How often a shard that is behind is told of, ms. */
const TELL_MS = 10 * 60_000;

type Reading = StreamRun & {
  readonly calls: StreamCalls;
  readonly shards: Shards;
  readonly by: ServeBy;
  readonly keyOf: (id: string) => string;
  readonly startedMs: number;
  readonly signal: AbortSignal;
  summary: StreamSummary;
  listDueMs: number;
  listFailures: number;
  forgetDueMs: number;
  isScanned: boolean;
};

type Done = { readonly is: "answer"; readonly answer: Answer } | { readonly is: "listed"; readonly listed: Listed };
type Listed =
  | { readonly shards: readonly ListedShard[]; readonly summary: StreamSummary }
  | { readonly failure: unknown };

/** Batches until the signal. Errors by code: aws_missing (no such stream), at the start. */
export async function* readStream(run: StreamRun, until: AbortSignal): AsyncGenerator<Batch> {
  if (until.aborted) return;
  const stop = new AbortController();
  const signal = AbortSignal.any([until, stop.signal]);
  const calls = await openStream(run.config, run.aws);
  const tasks = new Map<string, Promise<Done>>();
  try {
    const first = await listFirst(run, calls, signal);
    if (first === null) return;
    const reading = createReading(run, { calls, signal, summary: first.summary });
    yield* takeLost(first.shards, reading);
    reading.shards.update(first.shards);
    yield* giveStarts(reading);
    yield* serveTasks(reading, tasks);
  } finally {
    stop.abort();
    await Promise.all(tasks.values());
    calls.close();
  }
}

/** The stream and its shards; asked until there is an answer, null when aborted. */
async function listFirst(
  { deps, config }: StreamRun,
  calls: StreamCalls,
  signal: AbortSignal,
): Promise<Extract<Listed, { shards: unknown }> | null> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      return { summary: await calls.describe(signal), shards: await calls.list(signal) };
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof SagewatchError && error.code === "aws_missing") throw error;
      deps.warn(`Stream ${config.stream} is not read: ${toMessage(error)}`, toErrorCode(error));
      await deps.clock.sleep(toPause(failures, deps), signal);
    }
  }
  return null;
}

function toPause(failures: number, { clock }: SourceDeps): number {
  return Math.min(RETRY_MS.least * 2 ** failures, RETRY_MS.most) * (0.5 + clock.random() / 2);
}

type Opened = { readonly calls: StreamCalls; readonly signal: AbortSignal; readonly summary: StreamSummary };

function createReading(run: StreamRun, { calls, signal, summary }: Opened): Reading {
  const { config, deps, positions, scanners } = run;
  const { clock, limits } = deps;
  const { name } = parseStream(config.stream);
  const prefix = `${name}@${summary.createdMs}/`;
  const keyOf = (id: string): string => `${prefix}${id}`;
  const startedMs = clock.nowMs();
  const isFirst = ![...positions.keys()].some((key) => key.startsWith(`${name}@`));
  const isLatest = isFirst && config.start === "latest";
  let isListed = false;
  const shards = createShards({
    placeOf: (id) => positions.get(keyOf(id)),
    // What is split off later belongs to what comes from then on.
    startOf: () => (isLatest && !isListed ? { is: "time", sequence: "", upTo: 0, completeMs: startedMs } : null),
    horizonMs: () => Math.max(summary.createdMs, clock.nowMs() - reading.summary.retentionMs),
    monotonicMs: () => clock.monotonicMs(),
  });
  const by: ServeBy = {
    source: config.name,
    path: `kinesis://${name}`,
    keyOf: ({ id }) => keyOf(id),
    limits,
    scanners,
    floorMs: () => shards.floorMs(),
    monotonicMs: () => clock.monotonicMs(),
    signal,
  };
  const update: Shards["update"] = (listed) => {
    const isNew = shards.update(listed);
    isListed = true;
    return isNew;
  };
  const nowMs = clock.monotonicMs();
  const reading: Reading = {
    ...run,
    calls,
    shards: { ...shards, update },
    by,
    keyOf,
    startedMs,
    signal,
    summary,
    listDueMs: nowMs + LIST_MS,
    listFailures: 0,
    forgetDueMs: nowMs,
    isScanned: false,
  };
  return reading;
}

/** Where the shards begin that are read from a time on: a crash before their first record must not move it. */
function* giveStarts({ shards, by }: Reading): Generator<Batch> {
  for (const shard of shards.all())
    if (shard.place?.is === "time" && shard.placedMs === -Infinity) yield givePlace(shard, shard.place, by);
}

async function* serveTasks(reading: Reading, tasks: Map<string, Promise<Done>>): AsyncGenerator<Batch> {
  const { deps, signal } = reading;
  const { clock } = deps;
  while (!signal.aborted) {
    const nextMs = startTasks(reading, tasks);
    const waiting = new AbortController();
    const waited = clock.sleep(nextMs, AbortSignal.any([signal, waiting.signal])).then(() => null);
    const done = await Promise.race([...tasks.values(), waited]);
    waiting.abort();
    if (signal.aborted) return;
    if (done === null) continue;
    if (done.is === "listed") {
      tasks.delete(LISTING);
      takeListed(done.listed, reading);
      continue;
    }
    const { answer } = done;
    tasks.delete(answer.shard.id);
    answer.shard.isAsked = false;
    yield* takeAnswer(answer, reading);
    tellScanned(reading);
  }
}

const LISTING = "listing";

/** Starts what is due; ms until something else is. */
function startTasks(reading: Reading, tasks: Map<string, Promise<Done>>): number {
  const { calls, config, deps, shards, signal } = reading;
  const nowMs = deps.clock.monotonicMs();
  if (nowMs >= reading.listDueMs && !tasks.has(LISTING)) tasks.set(LISTING, list(reading));
  let waitMs = tasks.has(LISTING) ? LIST_MS : reading.listDueMs - nowMs;
  const by = {
    calls,
    summary: () => reading.summary,
    nowMs: () => deps.clock.nowMs(),
    gap: (shard: Shard, span: Pick<Lost, "why" | "fromMs" | "untilMs">) =>
      tellLost({ ...span, key: reading.keyOf(shard.id) }, reading),
    signal,
  };
  for (const shard of shards.ready()) {
    if (shard.dueMs > nowMs) {
      waitMs = Math.min(waitMs, shard.dueMs - nowMs);
      break;
    }
    if (tasks.size >= config.concurrency) break;
    shard.isAsked = true;
    tasks.set(
      shard.id,
      askShard(shard, by).then((answer) => ({ is: "answer", answer })),
    );
  }
  return Math.max(0, waitMs);
}

async function list({ calls, signal }: Reading): Promise<Done> {
  try {
    const listed = { summary: await calls.describe(signal), shards: await calls.list(signal) };
    return { is: "listed", listed };
  } catch (error) {
    return { is: "listed", listed: { failure: error } };
  }
}

function takeListed(listed: Listed, reading: Reading): void {
  const { config, deps, shards, keyOf } = reading;
  const nowMs = deps.clock.monotonicMs();
  if ("failure" in listed) {
    deps.warn(
      `The shards of ${config.stream} are not listed: ${toMessage(listed.failure)}`,
      toErrorCode(listed.failure),
    );
    reading.listDueMs = nowMs + toPause(reading.listFailures, deps);
    reading.listFailures += 1;
    return;
  }
  reading.summary = listed.summary;
  reading.listFailures = 0;
  reading.listDueMs = nowMs + LIST_MS;
  shards.update(listed.shards);
  const there = new Set(listed.shards.map(({ ShardId = "" }) => ShardId));
  for (const shard of shards.all()) if (!there.has(shard.id) && !shard.isDone) loseShard(shard, reading);
  if (nowMs < reading.forgetDueMs) return;
  reading.forgetDueMs = nowMs + FORGET_MS;
  const keys = new Set([...there].map(keyOf));
  deps.forget?.(config.name, (key) => !keys.has(key));
}

/** A shard that was not read to its end has expired. */
function loseShard(shard: Shard, reading: Reading): void {
  shard.isDone = true;
  shard.isScanned = true;
  const fromMs = completeOf(shard);
  const why = `shard ${shard.id} has expired; records in it that arrived after ${toUtcText(fromMs)} were not read and are gone.`;
  tellLost({ key: reading.keyOf(shard.id), why, fromMs, untilMs: reading.deps.clock.nowMs() }, reading);
}

async function* takeAnswer(answer: Answer, reading: Reading): AsyncGenerator<Batch> {
  const { shard, records, failure } = answer;
  const { by, deps } = reading;
  if (failure !== null) {
    yield* takeFailure(shard, failure, reading);
    return;
  }
  const bytes = records.reduce((sum, { Data }) => sum + (Data?.length ?? 0), 0);
  shard.failures = 0;
  shard.readMs = deps.clock.monotonicMs();
  if (reading.shards.all().every(({ failures }) => failures === 0)) deps.onAnswered?.();
  yield* serveAnswer(answer, by);
  if (by.signal.aborted) return;
  const nowMs = deps.clock.monotonicMs();
  if (answer.isEnd) {
    shard.isDone = true;
    reading.listDueMs = Math.min(reading.listDueMs, nowMs);
  }
  const isTip = answer.behindMs === 0;
  shard.completeMs = Math.max(shard.completeMs, answer.askedMs - answer.behindMs);
  shard.isScanned ||= answer.isEnd || isTip || shard.completeMs >= reading.startedMs;
  shard.dueMs = shard.readMs + Math.max(isTip ? reading.config.every : CALL_MS, bytes / BYTES_PER_MS);
  tellLag(answer, reading);
  if (isTip && !answer.isEnd && nowMs - shard.placedMs >= PLACE_MS) yield givePlace(shard, toTip(shard), by);
}

/** The place of a shard that was read to its tip. */
function toTip({ place, completeMs }: Shard): Place {
  if (place === null || place.is === "time") return { is: "time", sequence: "", upTo: 0, completeMs };
  return { ...place, completeMs };
}

function* takeFailure(shard: Shard, failure: NonNullable<Answer["failure"]>, reading: Reading): Generator<Batch> {
  const { by, config, deps } = reading;
  deps.warn(`Shard ${shard.id} of ${config.stream} is not read, and asked again: ${failure.text}`, failure.code);
  const nowMs = deps.clock.monotonicMs();
  // It may have expired: the listing knows.
  if (failure.isMissing) reading.listDueMs = Math.min(reading.listDueMs, nowMs);
  shard.dueMs = nowMs + toPause(shard.failures, deps);
  shard.failures += 1;
  // What cannot be read may still come: the source is not idle.
  if (nowMs - shard.readMs < HOLDS_MS) yield giveEmpty(shard, by);
}

function tellLag({ shard, behindMs }: Answer, reading: Reading): void {
  const { deps, keyOf, summary } = reading;
  const nowMs = deps.clock.monotonicMs();
  if (behindMs * 2 <= summary.retentionMs || nowMs - shard.toldMs < TELL_MS) return;
  shard.toldMs = nowMs;
  const [behind, kept] = [behindMs, summary.retentionMs].map((ms) => (ms / 3_600_000).toFixed(1));
  const why = `shard ${shard.id} is read ${behind} h behind, and the stream keeps ${kept} h: records may be gone before they are read.`;
  deps.alert?.("source_lag", { key: keyOf(shard.id), why });
}

/** Once all that was there at the start is taken in. */
function tellScanned(reading: Reading): void {
  if (reading.isScanned || !reading.shards.all().every(({ isScanned }) => isScanned)) return;
  reading.isScanned = true;
  reading.deps.onScanned?.();
}
