/**
 * Configuration to running parts, in reading order. With compose/ the only place that sees every layer.
 *
 * Each compose function opens what it needs, runs it and closes it again. Whatever is opened first is closed last, also
 * when something fails half-way. Nothing here decides: it hands each part what that part's contract asks for.
 */
import {
  createRoute,
  openControl,
  openQuarantine,
  openSinks,
  type OpenSource,
  openSources,
  toStanding,
  type Wraps,
} from "./compose/adapters.ts";
import { dearest, openRules, type RuleCost, type Rules, toTitles } from "./compose/rules.ts";
import type { AdapterConfig } from "./config/adapters.ts";
import { loadEngineVersion } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import type { Sink, Store } from "./contracts.ts";
import { decoders } from "./decode/registry.ts";
import { createDetector } from "./detect/detector.ts";
import { createWatermarks } from "./detect/watermark.ts";
import { systemClock } from "./lib/clock.ts";
import { formatDuration } from "./lib/duration.ts";
import { createMatcher } from "./match/matcher.ts";
import type { Alert } from "./model/alert.ts";
import type { Logsource } from "./model/event.ts";
import type { Emit } from "./model/signal.ts";
import { createTally, type Sums } from "./ops/tally.ts";
import { startDeliver } from "./pipeline/deliver.ts";
import { type PipelineOptions, runPipeline } from "./pipeline/run.ts";
import type { QuarantineOutcome, QuarantineSource } from "./sources/quarantine.ts";
import { sourceRegistry } from "./sources/registry.ts";
import { openStore } from "./store/store.ts";

export type { Wraps } from "./compose/adapters.ts";

const LOGSOURCES: readonly Logsource[] = ["aws/cloudtrail", "aws/guardduty"];

export type RunOptions = {
  readonly config: Config;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly wraps?: Wraps;
};
export type ReplayOptions = {
  readonly config: Config;
  readonly paths: readonly string[];
  /** Rules that take the place of the configured ones. Null: the configured ones. */
  readonly rulePaths: readonly string[] | null;
  /** Follow the newest event time − this (ms) where files carry no time slot. */
  readonly latenessMs: number | null;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
};
/** How far a run has come. Bytes are those of the files as they lie on disk. */
export type Progress = {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly records: number;
  readonly alerts: number;
};
export type RunSummary = Sums & {
  readonly elapsedMs: number;
  /** Time by stage, ms: match (decoding included), detect, commit; the rest of the time is reading. */
  readonly stageMs: Readonly<Record<string, number>>;
  /** Rule id → title. */
  readonly titles: ReadonlyMap<string, string>;
  /** The five dearest rules, from a sample of the records. */
  readonly dearestRules: readonly RuleCost[];
};
/** `alerts`: the final revision of each, by lastEventTime, then id. */
export type ReplayResult = { readonly alerts: readonly Alert[]; readonly summary: RunSummary };

/** Runs the configured sources until they end (historic) or `signal` aborts. Errors by code: rules_rejected, store_*, not_found, input_unreadable. */
export async function composeRun(options: RunOptions): Promise<RunSummary> {
  const { config, wraps = {} } = options;
  const rules = openRules(config, null, options.emit);
  const opened = openStore({
    dir: config.state.dir,
    clock: systemClock,
    engine: loadEngineVersion(),
    updateEveryMs: config.updateEvery,
  });
  const store = wraps.store?.(opened) ?? opened;
  try {
    const requests = openQuarantine(store, config, rules);
    const control = await openControl(requests, options);
    try {
      const sinks = openSinks(config).map((sink) => wraps.sink?.(sink) ?? sink);
      return await runStore(options, { rules, store, sinks, sources: openSources(options), quarantine: requests });
    } finally {
      await control.close();
    }
  } finally {
    store.close();
  }
}

/** Runs rules over files in a temporary store; touches no state folder. Errors by code as composeRun. */
export async function composeReplay(options: ReplayOptions): Promise<ReplayResult> {
  const { config } = options;
  const rules = openRules(config, options.rulePaths, options.emit);
  const store = openStore({ dir: null, clock: systemClock, engine: loadEngineVersion() });
  const source = sourceRegistry.file.schema.parse({
    type: "file",
    name: "replay",
    paths: options.paths,
    mode: "once",
    ...(options.latenessMs === null ? {} : { follow: formatDuration(options.latenessMs) }),
  }) as AdapterConfig;
  try {
    const sources = openSources({ ...options, config: { ...config, sources: [source] } });
    const summary = await runStore(options, { rules, store, sinks: [], sources, quarantine: null });
    const alerts = store.views
      .alerts({ limit: Number.MAX_SAFE_INTEGER })
      .toSorted((a, b) => compare(a.lastEventTime, b.lastEventTime) || compare(a.id, b.id));
    return { alerts, summary };
  } finally {
    store.close();
  }
}

/** Evaluates quarantined records again, where no daemon holds the state folder. `ids`: rows of the quarantine. */
export async function composeQuarantineReplay(options: {
  config: Config;
  ids: readonly number[] | "all";
  emit: Emit;
  signal: AbortSignal;
}): Promise<QuarantineOutcome & { readonly alerts: number }> {
  const { config } = options;
  const rules = openRules(config, null, options.emit);
  const store = openStore({
    dir: config.state.dir,
    clock: systemClock,
    engine: loadEngineVersion(),
    updateEveryMs: config.updateEvery,
  });
  try {
    const requests = openQuarantine(store, config, rules);
    const outcome = requests.replay(options.ids);
    // When the run fails it says why; the outcome then fails as well, and nobody waits for it.
    outcome.catch(() => undefined);
    requests.close();
    const summary = await runStore(options, {
      rules,
      store,
      sinks: openSinks(config),
      sources: [],
      quarantine: requests,
    });
    const alerts = Object.values(summary.alertsByRule).reduce((sum, count) => sum + count, 0);
    return { ...(await outcome), alerts };
  } finally {
    store.close();
  }
}

type Parts = {
  readonly rules: Rules;
  readonly store: Store;
  readonly sinks: readonly Sink[];
  readonly sources: readonly OpenSource[];
  readonly quarantine: QuarantineSource | null;
};

/** The pipeline over a store: windows restored first, then the loop until the sources end. */
async function runStore(
  options: Pick<RunOptions, "config" | "emit" | "signal" | "onProgress">,
  parts: Parts,
): Promise<RunSummary> {
  const { config } = options;
  const { rules, store } = parts;
  const begunMs = systemClock.monotonicMs();
  const tally = createTally(options.emit, (sums) => options.onProgress?.(toProgress(parts.sources, sums)));
  const sources = parts.sources.map((opened) => opened.source);
  const loaded = store.load();
  const watermarks = createWatermarks(sources.length > 0 ? sources : toStanding(loaded.watermarks), loaded.watermarks);
  const detector = createDetector(rules.ruleSet, {
    names: new Map(Object.entries(config.accounts).map(([id, account]) => [id, account.name])),
  });
  for (const logsource of LOGSOURCES) detector.advance(logsource, watermarks.value(logsource));
  detector.restore(loaded.state);
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
    startDeliver({ sink, outbox: store.outbox(sink.name), clock: systemClock, emit }),
  );
  const matcher = createMatcher({ rules: rules.compiled, ruleSet: rules.ruleSet, decoders });
  const route = createRoute(config.sinks);
  const pipeline: PipelineOptions = {
    sources,
    matcher,
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
  };
  await runPipeline(pipeline, options.signal);
  return {
    ...tally.sums(),
    elapsedMs: systemClock.monotonicMs() - begunMs,
    stageMs,
    titles: toTitles(rules.ruleSet),
    dearestRules: dearest(rules, tally.sums().evaluated),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
