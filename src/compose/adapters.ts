/**
 * The adapters that the configuration names: sources and sinks made, routing, the quarantine and its command.
 */
import { join } from "node:path";
import type { AdapterConfig } from "../config/adapters.ts";
import { loadEngineVersion } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Matcher, Redriven, Sink, Source, Store, WatermarkEntry } from "../contracts.ts";
import { systemClock } from "../lib/clock.ts";
import { SEVERITIES, type Severity } from "../model/alert.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import {
  type Control,
  CONTROL_SOCKET,
  QUARANTINE_REPLAY,
  REDRIVE,
  RULES_RELOAD,
  startControl,
} from "../ops/control.ts";
import type { Unread } from "../ops/summary.ts";
import type { DeliverOptions } from "../pipeline/deliver.ts";
import { createSink, type SinkConfig } from "../sinks/registry.ts";
import { createQuarantineSource, type QuarantineOutcome, type QuarantineSource } from "../sources/quarantine.ts";
import { createSource, type SourceConfig } from "../sources/registry.ts";
import type { Reload } from "./reload.ts";

/** Replaces parts by wrappers of themselves: tests break a part on purpose, the demo keeps its progress line and its alerts apart. */
export type Wraps = {
  readonly source?: (source: Source) => Source;
  readonly store?: (store: Store) => Store;
  readonly sink?: (sink: Sink) => Sink;
};

/** A source, when its first scan is committed (live sources), and how far it has come in bytes as they lie on disk. */
export type OpenSource = {
  readonly source: Source;
  readonly scanned: Promise<void>;
  readonly progress: () => { doneBytes: number; totalBytes: number };
  readonly unread: () => Unread;
};

/** So many unread files are named at the end; who has more looks into the log. */
const NAMED = 5;

type SourceNeeds = { readonly config: Config; readonly emit: Emit; readonly wraps?: Wraps; readonly store: Store };

/** The configured sources. Opens nothing yet. */
export function openSources({ config, emit, wraps, store }: SourceNeeds): OpenSource[] {
  return config.sources.map((settings): OpenSource => {
    const { promise: scanned, resolve } = Promise.withResolvers<void>();
    let progress = { doneBytes: 0, totalBytes: 0 };
    let unread: Unread = { files: 0, first: [] };
    const source = createSource(settings as SourceConfig & AdapterConfig, {
      clock: systemClock,
      limits: config.limits,
      warn: (detail) => emit({ type: "source_warning", source: settings.name, code: "odd_input", detail }),
      onUnread: (path, why) => {
        const detail = `${path}: ${why}`;
        unread = { files: unread.files + 1, first: [...unread.first, detail].slice(0, NAMED) };
        emit({ type: "file_unread", source: settings.name, detail });
      },
      onScanned: resolve,
      onProgress: (now) => void (progress = now),
      forget: (name, isGone) => void store.forgetPositions(name, isGone, systemClock.nowMs()),
    });
    return { source: wraps?.source?.(source) ?? source, scanned, progress: () => progress, unread: () => unread };
  });
}

/** Without sources nothing moves on: each watermark stays held where the last run left it. */
export function toStanding(saved: readonly WatermarkEntry[]): Pick<Source, "name" | "logsources" | "timing">[] {
  return saved.map(({ source, logsource }) => ({
    name: source,
    logsources: [logsource],
    timing: { mode: "live", latenessMs: 0, idleMs: 0, followMs: null },
  }));
}

/** The configured sinks. Opens nothing yet. */
export function openSinks(config: Config): Sink[] {
  return config.sinks.map((settings) =>
    createSink(settings as SinkConfig & AdapterConfig, { version: loadEngineVersion(), stdout: process.stdout }),
  );
}

/** What may wait for a sink, and what happens then. */
export function toCap(config: Config, sink: string): DeliverOptions["cap"] {
  const settings = config.sinks.find(({ name }) => name === sink) as unknown as SinkConfig | undefined;
  return { delivery: settings?.delivery ?? "required", bytes: settings?.outboxMax ?? Infinity };
}

/** Which sinks want an alert: those whose least severity it reaches. Pure. */
export function createRoute(sinks: Config["sinks"]): (alert: { readonly severity: Severity }) => readonly string[] {
  const wanted = SEVERITIES.map((_, level) =>
    sinks
      .filter((sink) => SEVERITIES.indexOf((sink as unknown as SinkConfig).minSeverity) <= level)
      .map((sink) => sink.name),
  );
  return (alert) => wanted[SEVERITIES.indexOf(alert.severity)] ?? [];
}

/** The quarantine of a store as a source; `matcher` decides what can be evaluated now. */
export function openQuarantine(store: Store, config: Config, matcher: Matcher): QuarantineSource {
  const resolve = (done: readonly number[], failed: readonly number[]): void => store.resolveQuarantine(done, failed);
  return createQuarantineSource({
    views: store.views,
    resolve,
    matcher,
    limits: config.limits,
    nowMs: () => systemClock.nowMs(),
  });
}

/** The socket for commands that change something. Errors: store_locked, config_invalid (a path too long for a socket). */
export function openControl(
  { quarantine, reload, store }: { quarantine: QuarantineSource; reload: Pick<Reload, "request">; store: Store },
  { config, emit }: { config: Config; emit: Emit },
): Promise<Control> {
  const replay = (args: Readonly<Record<string, unknown>>): Promise<QuarantineOutcome> => {
    const ids = args["ids"];
    if (ids === "all") return quarantine.replay("all");
    if (Array.isArray(ids) && ids.every((id) => typeof id === "number")) return quarantine.replay(ids);
    throw new SagewatchError("usage", `${QUARANTINE_REPLAY}: \`ids\` must be "all" or a list of numbers`);
  };
  const redrive = async ({ sink, alertId }: Readonly<Record<string, unknown>>): Promise<Redriven> => {
    if (!isTextOrNull(sink) || !isTextOrNull(alertId))
      throw new SagewatchError("usage", `${REDRIVE}: \`sink\` and \`alertId\` must be texts or null`);
    return store.redrive({ sink, alertId }, systemClock.nowMs());
  };
  return startControl(
    join(config.state.dir, CONTROL_SOCKET),
    { [QUARANTINE_REPLAY]: replay, [RULES_RELOAD]: () => reload.request("command"), [REDRIVE]: redrive },
    { emit, clock: systemClock },
  );
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
