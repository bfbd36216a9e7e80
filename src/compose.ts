/**
 * Configuration to running parts, in reading order. With compose/ the only place that sees every layer.
 *
 * Each compose function opens what it needs, runs it and closes it again. Whatever is opened first is closed last, also
 * when something fails half-way. Nothing here decides: it hands each part what that part's contract asks for.
 */
import { openControl, openQuarantine, openSinks, openSources, type Wraps } from "./compose/adapters.ts";
import { createEngine } from "./compose/engine.ts";
import { openStartRules, type StartRules, startRequests, tellStart } from "./compose/live-rules.ts";
import { openLivePast } from "./compose/past/live.ts";
import { createReload } from "./compose/reload.ts";
import { createReadings, type Observe } from "./compose/readings.ts";
import { openRules } from "./compose/rules.ts";
import { type Progress, type RunSummary, runStore } from "./compose/run-store.ts";
import { adoptUse } from "./compose/store-use.ts";
import type { AdapterConfig } from "./config/adapters.ts";
import { loadEngineVersion } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { systemClock } from "./lib/clock.ts";
import { formatDuration } from "./lib/duration.ts";
import type { Alert } from "./model/alert.ts";
import type { Pointer } from "./model/event.ts";
import type { Emit } from "./model/signal.ts";
import type { Running } from "./pipeline/run.ts";
import type { QuarantineOutcome } from "./sources/quarantine.ts";
import { sourceRegistry } from "./sources/registry.ts";
import { openStore } from "./store/store.ts";

export type { Wraps } from "./compose/adapters.ts";
export type { Progress, RunSummary } from "./compose/run-store.ts";

export type RunOptions = {
  readonly config: Config;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly wraps?: Wraps;
  /** Reads the configuration anew for a reload; throws what loadConfig throws. Without it a reload keeps the configuration. */
  readonly reread?: () => Config;
  /** Is told what can be read of the daemon while its state is open, and when the loop runs. */
  readonly observe?: Observe;
  /** Calls back whenever a reload is asked for from outside (SIGHUP); returns how to stop. */
  readonly onHangup?: (reload: () => void) => () => void;
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
/** `alerts`: the final revision of each, by lastEventTime, then id; `pointers`: where their records were read, by id. */
export type ReplayResult = {
  readonly alerts: readonly Alert[];
  readonly pointers: ReadonlyMap<string, readonly Pointer[]>;
  readonly summary: RunSummary;
};

/**
 * Runs the configured sources until they end (historic) or `signal` aborts. Errors by code: store_*; and rules_rejected,
 * not_found, input_unreadable where rules do not load and the state folder holds no last good set.
 */
export async function composeRun(options: RunOptions): Promise<RunSummary> {
  const { config, emit, wraps = {} } = options;
  let start: StartRules | null = await openStartRules(options);
  const engine = createEngine(start.rules, config.state);
  const opened = openStore({
    dir: config.state.dir,
    clock: systemClock,
    engine: loadEngineVersion(),
    updateEveryMs: config.updateEvery,
    onNoReserve: (path) => emit({ type: "reserve_missing", path }),
  });
  const store = wraps.store?.(opened) ?? opened;
  const unread = options.observe?.add(createReadings({ store, engine, config }));
  try {
    adoptUse(store, start.rules, { sinks: config.sinks, emit });
    const quarantine = openQuarantine(store, config, engine.matcher);
    const reload = createReload({ config, engine, store, reread: options.reread ?? null, emit });
    const past = openLivePast({ config, emit, store, engine });
    const control = await openControl({ quarantine, reload, store, past }, options);
    const requests = startRequests(reload, start, options);
    try {
      const sinks = openSinks(config).map((sink) => wraps.sink?.(sink) ?? sink);
      let running: Running | null = null;
      const sources = openSources({ ...options, ...past, store, alert: (name, about) => running?.tell(name, about) });
      return await runStore(options, {
        engine,
        store,
        sinks,
        sources,
        quarantine,
        onRunning: (now, watermarks, handOver) => {
          running = now;
          past.begin(now, handOver);
          if (start !== null) tellStart(start, now, options);
          // Held on to, the first set would stay in memory beside the one that a reload puts in its place.
          start = null;
          reload.begin({ running: now, watermarks });
          options.observe?.running(sources.flatMap(({ answering }) => answering ?? []));
        },
      });
    } finally {
      await past.end();
      reload.end();
      await requests.end();
      await control.close();
    }
  } finally {
    unread?.();
    store.close();
  }
}

/** Runs rules over files in a temporary store; touches no state folder. Errors by code as composeRun. */
export async function composeReplay(options: ReplayOptions): Promise<ReplayResult> {
  const { config } = options;
  const engine = createEngine(openRules(config, options.rulePaths, options.emit), config.state);
  const store = openStore({ dir: null, clock: systemClock, engine: loadEngineVersion() });
  const source = sourceRegistry.file.schema.parse({
    type: "file",
    name: "replay",
    paths: options.paths,
    mode: "once",
    ...(options.latenessMs === null ? {} : { follow: formatDuration(options.latenessMs) }),
  }) as AdapterConfig;
  try {
    const sources = openSources({ ...options, store, config: { ...config, sources: [source] } });
    const summary = await runStore(options, { engine, store, sinks: [], sources, quarantine: null });
    const alerts = store.views
      .alerts({ limit: Number.MAX_SAFE_INTEGER })
      .toSorted((a, b) => compare(a.lastEventTime, b.lastEventTime) || compare(a.id, b.id));
    return { alerts, pointers: store.views.pointers(alerts.map(({ id }) => id)), summary };
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
  const engine = createEngine(openRules(config, null, options.emit), config.state);
  const store = openStore({
    dir: config.state.dir,
    clock: systemClock,
    engine: loadEngineVersion(),
    updateEveryMs: config.updateEvery,
  });
  try {
    const requests = openQuarantine(store, config, engine.matcher);
    const outcome = requests.replay(options.ids);
    // When the run fails it says why; the outcome then fails as well, and nobody waits for it.
    outcome.catch(() => undefined);
    requests.close();
    const summary = await runStore(options, {
      engine,
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
