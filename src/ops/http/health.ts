/**
 * What the daemon's health is, from the signals that pass by.
 *
 * Alive: the loop told of itself within a minute, and what was read is committed within a minute. An orchestrator restarts
 * what is not alive, so nothing that a restart cannot mend counts here. Ready: rules are loaded, the state can be written
 * and the sources are read; each reason why not has a code. It asks nobody and reads no clock but the given one.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Signal } from "../../model/signal.ts";
import type { Reading } from "../telemetry/readings.ts";

/** Why a daemon is not ready. docs/runbook.md says what to do about each. */
export const NOT_READY = {
  starting: "The state is being loaded, or the sources are not opened yet.",
  rules_not_loaded: "No rule set is in use yet.",
  store_full: "The disk of the state folder is full.",
  store_failed: "The state cannot be written.",
  store_fenced: "Another process took over the state folder.",
  quarantine_full: "The quarantine is at its cap, so nothing is read.",
  outbox_full: "As many alerts as may wait for a sink, so nothing is read.",
  source_unread: "What this source reads from has not answered yet, or not for minutes.",
  draining: "It was asked to stop, or its sources ended.",
} as const;
export type NotReady = keyof typeof NOT_READY;
/** Why a daemon is not alive. */
export const NOT_ALIVE = {
  loop_stalled: "The loop has not told of itself for a minute; it does so every 10 s.",
  commit_stalled: "Records were read a minute ago and are still not committed.",
} as const;

/** An answer as JSON. `key`: which sink, for outbox_full, or which source, for source_unread. */
type Reason<Code> = { readonly code: Code; readonly what: string; readonly key?: string };
export type Health = {
  readonly status: "ok" | "failing";
  readonly reasons: readonly Reason<keyof typeof NOT_ALIVE>[];
  /** Seconds; null before the first. */
  readonly lastCommitAgeS: number | null;
  readonly lastReportAgeS: number | null;
  readonly uptimeS: number;
};
export type Readiness = { readonly ready: boolean; readonly reasons: readonly Reason<NotReady>[] };

/** A live source, and when what it reads from last answered (monotonic ms; null: not yet). `asksMs` as in its timing. */
export type Answering = {
  readonly source: string;
  readonly asksMs: number;
  readonly answeredMs: () => number | null;
};

export type HealthWatch = {
  listen(signal: Signal): void;
  /** The windows are restored, and these live sources are being read, beside others that end. */
  running(sources: readonly Answering[]): void;
  health(): Health;
  readiness(): Readiness;
  readings(): readonly Reading[];
};

/** A source that asks often may be without an answer for so long: a broker's restart, a throttled queue. */
const UNREAD_MS = 120_000;
/** Six reports, or two hundred commits, that did not come: no load does that. */
const STALL_MS = 60_000;

type Times = { report: number | null; commit: number | null; unit: number | null };

export function createHealthWatch(clock: Clock): HealthWatch {
  const startedMs = clock.monotonicMs();
  let answering: readonly Answering[] = [];
  const unread = (): readonly string[] => answering.filter((one) => isUnread(one, clock)).map(({ source }) => source);
  // What is said of the sources while they are not read on purpose would be no news.
  const toReasons = (): readonly (readonly [NotReady, string | undefined])[] =>
    reasons.size > 0 ? [...reasons] : unread().map((source) => ["source_unread", source] as const);
  const times: Times = { report: null, commit: null, unit: null };
  const reasons = new Map<NotReady, string | undefined>([
    ["starting", undefined],
    ["rules_not_loaded", undefined],
  ]);
  const ageS = (sinceMs: number | null): number | null =>
    sinceMs === null ? null : Math.round(clock.monotonicMs() - sinceMs) / 1000;
  const isOld = (sinceMs: number | null): boolean => sinceMs !== null && clock.monotonicMs() - sinceMs > STALL_MS;
  const toAlive = (): Health["reasons"] => {
    // The loop is over: it ends within a bounded time, or waits for what no restart brings.
    if (reasons.has("draining") || reasons.has("store_full")) return [];
    const codes = [
      ...(isOld(times.report) ? ["loop_stalled" as const] : []),
      ...(isOld(times.unit) ? ["commit_stalled" as const] : []),
    ];
    return codes.map((code) => ({ code, what: NOT_ALIVE[code] }));
  };
  return {
    listen: (signal) => {
      noteTime(signal, times, clock.monotonicMs());
      noteReason(signal, reasons);
    },
    running: (sources) => {
      answering = sources;
      reasons.delete("starting");
      times.report = clock.monotonicMs();
    },
    health: () => {
      const found = toAlive();
      return {
        status: found.length === 0 ? "ok" : "failing",
        reasons: found,
        lastCommitAgeS: ageS(times.commit),
        lastReportAgeS: ageS(times.report),
        uptimeS: ageS(startedMs) ?? 0,
      };
    },
    readiness: () => {
      const found = toReasons();
      return {
        ready: found.length === 0,
        reasons: found.map(([code, key]) => ({ code, what: NOT_READY[code], ...(key === undefined ? {} : { key }) })),
      };
    },
    readings: () => {
      const found = new Set(toReasons().map(([code]) => code));
      return [
        { name: "sagewatch_up", value: found.size === 0 ? 1 : 0 },
        ...Object.keys(NOT_READY).map((reason) => ({
          name: "sagewatch_not_ready" as const,
          labels: { reason },
          value: found.has(reason as NotReady) ? 1 : 0,
        })),
        ...toAgeReading("sagewatch_last_commit_age_seconds", ageS(times.commit)),
        ...toAgeReading("sagewatch_last_report_age_seconds", ageS(times.report)),
      ];
    },
  };
}

function isUnread({ answeredMs, asksMs }: Answering, clock: Clock): boolean {
  const sinceMs = answeredMs();
  return sinceMs === null || clock.monotonicMs() - sinceMs > Math.max(UNREAD_MS, asksMs);
}

function toAgeReading(name: Reading["name"], value: number | null): Reading[] {
  return value === null ? [] : [{ name, value }];
}

function noteTime({ type }: Signal, times: Times, nowMs: number): void {
  if (type === "state") times.report = nowMs;
  else if (type === "batch") times.unit ??= nowMs;
  else if (type === "committed") {
    times.commit = nowMs;
    times.unit = null;
  }
}

function noteReason(signal: Signal, reasons: Map<NotReady, string | undefined>): void {
  switch (signal.type) {
    case "rules_loaded":
      return void reasons.delete("rules_not_loaded");
    case "store_full":
      return void reasons.set("store_full", undefined);
    case "store_failed":
      return void reasons.set("store_failed", undefined);
    case "fenced":
      return void reasons.set("store_fenced", undefined);
    case "draining":
      return void reasons.set("draining", undefined);
    case "failed":
      return void reasons.set("draining", undefined);
    case "input_blocked":
      reasons.delete("quarantine_full");
      reasons.delete("outbox_full");
      return void reasons.set(signal.cause, signal.cause === "outbox_full" ? signal.key : undefined);
    case "input_unblocked":
      reasons.delete("quarantine_full");
      return void reasons.delete("outbox_full");
    default:
  }
}
