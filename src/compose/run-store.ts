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
import { type DeliverWorker, startDeliver } from "../pipeline/deliver.ts";
import type { EnrichWorker } from "../pipeline/enrich.ts";
import { createRoute, findUnmatched } from "../pipeline/route.ts";
import { type PipelineOptions, runPipeline, type Running } from "../pipeline/run.ts";
import type { QuarantineSource } from "../sources/quarantine.ts";
import { type OpenSource, toCap, toRoutedSinks, toStanding } from "./adapters.ts";
import { openEnrich } from "./enrich.ts";
import type { Engine } from "./engine.ts";
import { createHandOver, type HandOver } from "./past/hand-over.ts";
import { dearest, type RuleCost, rulesById, toTitles } from "./rules.ts";

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
  readonly onRunning?: (running: Running, watermarks: Watermarks, handOver: HandOver) => void;
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
  engine.start(loaded.state, watermarks);
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
  const { workers, enrich } = startOutput(config, { ...parts, emit });
  const routed = toRoutedSinks(config.sinks);
  const route = createRoute(routed, (id) => rulesById(engine.rules().ruleSet).get(id));
  for (const { sink, key, pattern } of findUnmatched(routed, rulesById(engine.rules().ruleSet)))
    emit({ type: "route_unmatched", sink, key, pattern });
  const pipeline: PipelineOptions = {
    sources,
    matcher: engine.matcher,
    detector,
    watermarks,
    store,
    positions: loaded.positions,
    sightings: loaded.sightings,
    route,
    quarantine: parts.quarantine?.source ?? null,
    operational: parts.quarantine !== null,
    silence: { limitOf: (source) => toSilenceLimit(config, source), positions: loaded.positions },
    heartbeat: toHeartbeat(config),
    onCanary: (to) => {
      for (const { source, onCanary } of parts.sources) onCanary?.((outcome) => to(source.name, outcome));
    },
    workers,
    enrich,
    clock: systemClock,
    emit,
    commit: config.commit,
    stageMs,
    onRunning: (running) => parts.onRunning?.(running, watermarks, createHandOver({ ...pipeline, running })),
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

type Silence = NonNullable<PipelineOptions["silence"]>;

function toSilenceLimit({ selfWatch }: Config, source: string): ReturnType<Silence["limitOf"]> {
  const { silence, silences } = selfWatch;
  const named = Object.hasOwn(silences, source) ? silences[source] : undefined;
  return named === undefined ? { afterMs: silence, isNamed: false } : { afterMs: named, isNamed: true };
}

function toHeartbeat({ selfWatch: { heartbeat, name } }: Config): NonNullable<PipelineOptions["heartbeat"]> | null {
  return heartbeat === null ? null : { name, everyMs: heartbeat };
}

/** One deliverer a sink, and what enriches before them. */
function startOutput(
  config: Config,
  { store, sinks, emit }: Pick<Parts, "store" | "sinks"> & { readonly emit: Emit },
): { readonly workers: readonly DeliverWorker[]; readonly enrich: EnrichWorker | null } {
  // Before the workers: what an earlier process left without additions waits for them.
  const wake = (): void => workers.forEach((worker) => worker.wake());
  const enrich = sinks.length === 0 ? null : openEnrich(config, { store, emit, wake });
  const workers = sinks.map((sink) => {
    const [outbox, cap] = [store.outbox(sink.name), toCap(config, sink.name)];
    return startDeliver({ sink, outbox, clock: systemClock, emit, cap, isEnriched: enrich !== null });
  });
  return { workers, enrich };
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
