/**
 * The run: reads all sources side by side into the loop, lets time pass, and ends in order.
 *
 * It ends when every source ended (historic) or the signal aborts: last commit, then the outbox is flushed within a
 * deadline. The first error of any part ends it too: reading stops, nothing is settled that is not stored, and the error is
 * thrown for the process to end with (crash-only).
 */
import type { Loaded, Source } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import { SagewatchError } from "../model/errors.ts";
import type { DeliverWorker } from "./deliver.ts";
import type { EnrichWorker } from "./enrich.ts";
import { createLoop, type Loop, type LoopOptions } from "./loop.ts";
import type { OperationalName } from "./operational.ts";
import { type CanaryWatch, createCanaryWatch } from "./watch/canary-watch.ts";
import { createHeartbeat, type Heartbeat, type HeartbeatOptions } from "./watch/heartbeat.ts";
import { createSinkWatch } from "./watch/sink-watch.ts";

/** What may be asked of a run from outside while it lasts. */
export type Running = {
  /**
   * Commits what is gathered, calls `exchange`, and commits what came of that: in between memory holds nothing that the
   * store does not, and no record is taken in. False, and nothing done, once the run ends. What it throws ends the run.
   */
  atBoundary(exchange: () => void): boolean;
  /** Raises an operational alert with the next commit; nothing once the run ends. */
  tell(name: OperationalName, about: { readonly key: string; readonly why: string }): void;
};

export type PipelineOptions = Omit<LoopOptions, "wake" | "fullSink" | "enrich"> & {
  /** Null: alerts are not enriched. */
  readonly enrich?: EnrichWorker | null;
  /** Committed positions by source name, then key. */
  readonly positions: Loaded["positions"];
  /** By which sources the evidence of the newest alerts came. */
  readonly sightings?: Loaded["sightings"];
  /** Every so often all sinks are told that this daemon, by its name, is alive. Null, or no live source: they are not. */
  readonly heartbeat?: { readonly name: string; readonly everyMs: number } | null;
  /** Called once: who is to be told what becomes of canaries. */
  readonly onCanary?: (to: CanaryWatch) => void;
  readonly workers: readonly DeliverWorker[];
  /** The quarantine, which makes room and so is never blocked by it: read while the sources last; to its end where there are none. */
  readonly quarantine: Source | null;
  /** Called when the run begins. */
  readonly onRunning?: (running: Running) => void;
};

/** How long the end may take to flush the outbox, ms: with the last commit well below the 25 s after which a stop is hard. */
const FLUSH_MS = 15_000;
/** How often a source that waits for room in the quarantine looks again, ms. */
const BLOCKED_MS = 1_000;
/** How often watermarks, memory and outboxes are told of, and sinks looked at, ms: finer than the 15 s at which metrics are usually read. */
const REPORT_MS = 10_000;

/** Throws SagewatchError store_full, store_fenced, store_failed, or whatever a source threw. */
export async function runPipeline(options: PipelineOptions, signal: AbortSignal): Promise<void> {
  const { clock, emit, workers } = options;
  const loop = createLoop({
    ...options,
    wake: () => workers.forEach((worker) => worker.wake()),
    fullSink: () => workers.find((worker) => worker.isFull())?.sink ?? null,
  });
  const stop = new AbortController();
  const errors: unknown[] = [];
  const fail = (error: unknown): void => {
    errors.push(error);
    stop.abort();
  };
  for (const worker of workers) void worker.failed.then(fail);
  const enrich = options.enrich ?? null;
  void enrich?.failed.then(fail);
  const reading = AbortSignal.any([signal, stop.signal]);
  const ticking = new AbortController();
  loop.tick();
  const ticker = tick(loop, options, ticking.signal).catch(fail);
  options.onRunning?.(toRunning(loop, ticking.signal, fail));
  try {
    await readAll(options, { loop, signal: reading, fail });
    ticking.abort();
    await ticker;
    if (errors.length === 0) {
      emit({ type: "draining", reason: signal.aborted ? "signal" : "ended" });
      loop.commit();
    }
  } catch (error) {
    errors.push(error);
  }
  if (errors.length > 0) loop.giveUp(errors[0]);
  const endedMs = clock.monotonicMs();
  // With a full disk the alert that says so must still get out; any other error ends at once.
  if (errors.length === 0 || isFull(errors[0])) await flush(workers, enrich, clock).catch(fail);
  const undelivered = workers.reduce((rows, worker) => rows + worker.waiting(), 0);
  await enrich?.close();
  await Promise.all(workers.map((worker) => worker.close().catch(fail)));
  if (errors.length > 0) throw errors[0];
  if (undelivered > 0) emit({ type: "undelivered", alerts: undelivered });
  emit({ type: "drained", elapsedMs: clock.monotonicMs() - endedMs, undelivered });
}

function toRunning(loop: Loop, over: AbortSignal, fail: (error: unknown) => void): Running {
  return {
    atBoundary: (exchange) => {
      if (over.aborted) return false;
      try {
        loop.commit();
        exchange();
        loop.commit();
        return true;
      } catch (error) {
        fail(error);
        throw error;
      }
    },
    tell: (name, about) => {
      if (!over.aborted) loop.tell(name, about);
    },
  };
}

function isFull(error: unknown): boolean {
  return error instanceof SagewatchError && error.code === "store_full";
}

type Reading = { readonly loop: Loop; readonly signal: AbortSignal };

async function readAll(options: PipelineOptions, run: Reading & { fail: (error: unknown) => void }): Promise<void> {
  const { sources, quarantine } = options;
  const over = new AbortController();
  const aside =
    quarantine === null
      ? null
      : readQuarantine(quarantine, { ...run, signal: AbortSignal.any([run.signal, over.signal]) });
  const attending = aside?.catch(run.fail);
  await Promise.all(sources.map((source) => readSource(source, options, run).catch(run.fail)));
  if (sources.length > 0) over.abort();
  await attending;
}

async function readSource(source: Source, options: PipelineOptions, run: Reading): Promise<void> {
  const { clock, emit, positions } = options;
  const begunMs = clock.monotonicMs();
  for await (const batch of source.read(positions.get(source.name) ?? new Map(), run.signal)) {
    run.loop.intake(batch, source.timing.mode);
    if (run.loop.due()) run.loop.commit();
    while (!run.signal.aborted && run.loop.blocked(source.name)) await clock.sleep(BLOCKED_MS, run.signal);
    if (run.signal.aborted) break;
  }
  if (run.signal.aborted) return;
  if (source.timing.mode === "historic") run.loop.finish(source.name);
  emit({ type: "source_finished", source: source.name, elapsedMs: clock.monotonicMs() - begunMs });
}

async function readQuarantine(quarantine: Source, run: Reading): Promise<void> {
  for await (const batch of quarantine.read(new Map(), run.signal)) {
    run.loop.intake(batch, quarantine.timing.mode);
    if (run.loop.due()) run.loop.commit();
  }
}

/** Moves live watermarks with the wall clock and commits what became old enough, also while no source has anything. */
async function tick(loop: Loop, options: PipelineOptions, signal: AbortSignal): Promise<void> {
  const { clock, commit, workers, emit, store } = options;
  const watching: Watching = {
    clock,
    alerts: (filter) => store.views.alerts(filter),
    tell: (name, about) => loop.tell(name, about),
  };
  const sinks = createSinkWatch(watching);
  options.onCanary?.(createCanaryWatch({ ...watching, emit }));
  const heartbeat = toHeartbeat(options, watching);
  let reportedMs = clock.monotonicMs();
  while (!signal.aborted) {
    await clock.sleep(commit.intervalMs, signal);
    if (signal.aborted) return;
    loop.tick();
    heartbeat?.look(loop.read());
    if (loop.due()) loop.commit();
    if (clock.monotonicMs() - reportedMs < REPORT_MS) continue;
    reportedMs = clock.monotonicMs();
    loop.report();
    sinks.look(workers);
    for (const worker of workers) emit({ type: "outbox", sink: worker.sink, rows: worker.waiting() });
  }
}

type Watching = Pick<HeartbeatOptions, "clock" | "alerts" | "tell">;

/** A run that ends with its sources has no rhythm. */
function toHeartbeat({ heartbeat, operational, sources }: PipelineOptions, watching: Watching): Heartbeat | null {
  const isLive = sources.some(({ timing }) => timing.mode === "live");
  return isLive && operational && heartbeat ? createHeartbeat({ ...heartbeat, ...watching }) : null;
}

async function flush(workers: readonly DeliverWorker[], enrich: EnrichWorker | null, clock: Clock): Promise<void> {
  const deadline = new AbortController();
  // What waits for additions is not due yet: it would be left behind.
  const enriched = enrich?.drained(deadline.signal) ?? Promise.resolve();
  const drained = enriched
    .then(() => Promise.all(workers.map((worker) => worker.drained(deadline.signal))))
    .then(() => deadline.abort());
  await clock.sleep(FLUSH_MS, deadline.signal);
  deadline.abort();
  await drained;
}
