/**
 * The pipeline over a store: windows restored first, then the loop until the sources end.
 *
 * `run`, `replay` and the quarantine's replay all go through here, so that they cannot differ in what they detect.
 */
import type { Config } from "../config/schema.ts";
import type { Sink, Store, Watermarks } from "../contracts.ts";
import { createWatermarks } from "../detect/watermark.ts";
import { systemClock } from "../lib/clock.ts";
import type { Emit } from "../model/signal.ts";
import type { Unread } from "../ops/summary.ts";
import { createTally, type Sums } from "../ops/tally.ts";
import { startDeliver } from "../pipeline/deliver.ts";
import { type PipelineOptions, runPipeline, type Running } from "../pipeline/run.ts";
import type { QuarantineSource } from "../sources/quarantine.ts";
import { createRoute, type OpenSource, toCap, toStanding } from "./adapters.ts";
import type { Engine } from "./engine.ts";
import { dearest, type RuleCost, toTitles } from "./rules.ts";

/** How far a run has come. Bytes are those of the files as they lie on disk. */
export type Progress = {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly records: number;
  readonly alerts: number;
};
export type RunSummary = Sums & {
  readonly unread: Unread;
  readonly elapsedMs: number;
  /** Time by stage, ms: match (decoding included), detect, commit; the rest of the time is reading. */
  readonly stageMs: Readonly<Record<string, number>>;
  /** Rule id → title. */
  readonly titles: ReadonlyMap<string, string>;
  /** The five dearest rules, from a sample of the records. */
  readonly dearestRules: readonly RuleCost[];
};
/** What runs. */
export type Parts = {
  readonly engine: Engine;
  readonly store: Store;
  readonly sinks: readonly Sink[];
  readonly sources: readonly OpenSource[];
  readonly quarantine: QuarantineSource | null;
  /** Called when the windows are restored and the loop runs. */
  readonly onRunning?: (running: Running, watermarks: Watermarks) => void;
};

type Options = {
  readonly config: Config;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
};

/** Runs until the sources end or `signal` aborts. Errors: store_*, and whatever a source throws. */
export async function runStore(options: Options, parts: Parts): Promise<RunSummary> {
  const { config } = options;
  const { engine, store } = parts;
  const { detector } = engine;
  const begunMs = systemClock.monotonicMs();
  const tally = createTally(options.emit, (sums) => options.onProgress?.(toProgress(parts.sources, sums)));
  const sources = parts.sources.map((opened) => opened.source);
  const loaded = store.load();
  const watermarks = createWatermarks(sources.length > 0 ? sources : toStanding(loaded.watermarks), loaded.watermarks);
  engine.start(loaded.state, (logsource) => watermarks.value(logsource));
  options.emit({
    type: "store_opened",
    path: config.state.dir,
    epoch: loaded.epoch,
    members: detector.size().members,
    elapsedMs: systemClock.monotonicMs() - begunMs,
  });
  for (const { source, scanned } of parts.sources) void scanned.then(() => watermarks.release(source.name));
  const stageMs = { match: 0, detect: 0, commit: 0 };
  const { emit } = tally;
  const workers = parts.sinks.map((sink) =>
    startDeliver({ sink, outbox: store.outbox(sink.name), clock: systemClock, emit, cap: toCap(config, sink.name) }),
  );
  const route = createRoute(config.sinks);
  const pipeline: PipelineOptions = {
    sources,
    matcher: engine.matcher,
    detector,
    watermarks,
    store,
    positions: loaded.positions,
    route,
    quarantine: parts.quarantine?.source ?? null,
    operational: parts.quarantine !== null,
    workers,
    clock: systemClock,
    emit,
    commit: config.commit,
    stageMs,
    onRunning: (running) => parts.onRunning?.(running, watermarks),
  };
  await runPipeline(pipeline, options.signal);
  return {
    ...tally.sums(),
    unread: toUnread(parts.sources),
    elapsedMs: systemClock.monotonicMs() - begunMs,
    stageMs,
    titles: toTitles(engine.rules().ruleSet),
    dearestRules: dearest(engine.rules(), tally.sums().evaluated),
  };
}

function toUnread(sources: readonly OpenSource[]): Unread {
  const all = sources.map(({ unread }) => unread());
  return {
    files: all.reduce((sum, { files }) => sum + files, 0),
    first: all.flatMap(({ first }) => first),
  };
}

function toProgress(sources: readonly OpenSource[], sums: Sums): Progress {
  const alerts = Object.values(sums.alertsByRule).reduce((sum, count) => sum + count, 0);
  const bytes = sources.map(({ progress }) => progress());
  return {
    doneBytes: bytes.reduce((sum, { doneBytes }) => sum + doneBytes, 0),
    totalBytes: bytes.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    records: sums.read,
    alerts,
  };
}
