/**
 * The adapters that the configuration names: sources and sinks made, routing, the quarantine and its command.
 */
import { join } from "node:path";
import type { AdapterConfig } from "../config/adapters.ts";
import { loadEngineVersion } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Matcher, Redriven, Sink, Source, Store, WatermarkEntry } from "../contracts.ts";
import { isClosing } from "../detect/watermark.ts";
import { systemClock } from "../lib/clock.ts";
import { SagewatchError } from "../model/errors.ts";
import type { FoundGap } from "../model/past/gap.ts";
import type { Emit } from "../model/signal.ts";
import type { CanaryOutcome } from "../model/watch/canary.ts";
import {
  BACKFILL,
  type Control,
  CONTROL_SOCKET,
  type ControlHandler,
  QUARANTINE_REPLAY,
  REDRIVE,
  RULES_RELOAD,
  startControl,
} from "../ops/control.ts";
import type { Answering } from "../ops/http/health.ts";
import type { Unread } from "../ops/summary.ts";
import type { DeliverOptions } from "../pipeline/deliver.ts";
import type { RoutedSink } from "../pipeline/route.ts";
import { createSink, type SinkConfig } from "../sinks/registry.ts";
import { createQuarantineSource, type QuarantineOutcome, type QuarantineSource } from "../sources/quarantine.ts";
import { createPaces, type Paces } from "../sources/poll/pace.ts";
import { createSource, type SourceConfig } from "../sources/registry.ts";
import type { SourceDeps } from "../sources/settings.ts";
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
  /** Live sources: when what it reads from last answered. Null: it reads to an end. */
  readonly answering: Answering | null;
  /** Who is told from now on what becomes of the source's canaries. */
  readonly onCanary?: (to: (outcome: CanaryOutcome) => void) => void;
};

/** So many unread files are named at the end; who has more looks into the log. */
const NAMED = 5;

type SourceNeeds = {
  readonly config: Config;
  readonly emit: Emit;
  readonly wraps?: Wraps;
  readonly store: Store;
  readonly paces?: Paces;
  readonly aliveMs?: number | null;
  /** Is told of gaps. */
  readonly gap?: (source: string, found: FoundGap) => void;
  /** Raises an operational alert. */
  readonly alert?: NonNullable<SourceDeps["alert"]>;
};

/** The configured sources. Opens nothing yet. */
export function openSources(needs: SourceNeeds): OpenSource[] {
  const { config, emit, wraps, store, gap, aliveMs = null, alert, paces = createPaces(systemClock) } = needs;
  return config.sources.map((settings): OpenSource => {
    const { promise: scanned, resolve } = Promise.withResolvers<void>();
    let progress = { doneBytes: 0, totalBytes: 0 };
    let unread: Unread = { files: 0, first: [] };
    let canary = (_outcome: CanaryOutcome): void => undefined;
    let answeredMs: number | null = null;
    const source = createSource(settings as SourceConfig & AdapterConfig, {
      clock: systemClock,
      limits: config.limits,
      warn: (detail, code) =>
        emit({ type: "source_warning", source: settings.name, code: code ?? "odd_input", detail }),
      onUnread: (path, why) => {
        const detail = `${path}: ${why}`;
        unread = { files: unread.files + 1, first: [...unread.first, detail].slice(0, NAMED) };
        emit({ type: "file_unread", source: settings.name, detail });
      },
      onScanned: resolve,
      onAnswered: () => void (answeredMs = systemClock.monotonicMs()),
      onProgress: (now) => void (progress = now),
      alert: (name, { key, why }) => {
        emit({ type: "source_warning", source: settings.name, code: name, detail: why });
        alert?.(name, { key: `${settings.name} ${key}`, why: `Source ${settings.name}: ${why}` });
      },
      stale: (accountId, isStale) =>
        emit({ type: "source_age", source: settings.name, accountId: accountId ?? "", stale: isStale ? 1 : 0 }),
      paces,
      ...(gap === undefined ? {} : { gap: (found) => gap(settings.name, found) }),
      aliveMs,
      canary: (outcome) => canary(outcome),
      integrity: store.integrity,
      forget: (name, isGone) => void store.forgetPositions(name, isGone, systemClock.nowMs()),
    });
    return {
      source: wraps?.source?.(source) ?? source,
      scanned,
      progress: () => progress,
      unread: () => unread,
      answering:
        source.timing.mode === "live"
          ? { source: source.name, asksMs: source.timing.asksMs ?? 0, answeredMs: () => answeredMs }
          : null,
      onCanary: (to) => void (canary = to),
    };
  });
}

/** Without sources nothing moves on: each watermark stays held where the last run left it. */
export function toStanding(saved: readonly WatermarkEntry[]): Pick<Source, "name" | "logsources" | "timing">[] {
  const ofSources = saved.filter((entry) => !isClosing(entry));
  return ofSources.map(({ source, logsource }) => ({
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

/** What routing needs of the configured sinks. */
export function toRoutedSinks(sinks: Config["sinks"]): readonly RoutedSink[] {
  return sinks.map((sink) => {
    const { name, minSeverity, when } = sink as unknown as SinkConfig;
    return { name, minSeverity, when };
  });
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

type Controlled = {
  readonly quarantine: QuarantineSource;
  readonly reload: Pick<Reload, "request">;
  readonly store: Store;
  readonly past: { readonly handler: ControlHandler };
};

/** The socket for commands that change something. Errors: store_locked, config_invalid (a path too long for a socket). */
export function openControl(
  { quarantine, reload, store, past }: Controlled,
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
    {
      [QUARANTINE_REPLAY]: replay,
      [RULES_RELOAD]: () => reload.request("command"),
      [REDRIVE]: redrive,
      [BACKFILL]: past.handler,
    },
    { emit, clock: systemClock },
  );
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
