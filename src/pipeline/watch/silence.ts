/**
 * Tells of sources and accounts that fall silent, and of their end.
 *
 * Records of CloudTrail never rest in an account that is used, so an account that spoke by a source and says nothing any
 * more is either cut off or was switched off by somebody. One operational alert an outage (outages.ts), over restarts: when
 * each account was heard last is committed with the records, at most once a minute. Silence is counted by the monotonic
 * clock, while this process reads: neither a stop of the daemon, nor a clock that jumps, nor an input that waits for room is
 * silence. Where a source of several accounts falls silent as a whole, one alert speaks for all of them.
 *
 * Held are the times of at most LINES_MAX accounts and sources; whoever writes records cannot make it grow.
 */
import type { Position, Source, Views } from "../../contracts.ts";
import { type Clock, toUtcText } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { SeenTimes } from "../../model/ages.ts";
import type { Kind } from "../../model/event.ts";
import type { Emit } from "../../model/signal.ts";
import { createOutages, type Outages, type Tell } from "./outages.ts";

/** Name under which the positions stand; no source can have it. */
const STORED_AS = "sagewatch:heard";
/** What is stored of a line is at most so old, ms. */
const SAVE_MS = 60_000;
/** Accounts not heard for so long by an earlier process are forgotten: closed, or moved to another source. */
const FORGET_MS = 14 * 86_400_000;
const LINES_MAX = 10_000;
/** Accounts of a source, the quietest, whose quiet is told with each look: metrics have a label for a hundred. */
const TOLD_MAX = 200;

export type Silence = {
  /** Records of a live source were taken in. */
  heard(source: string, kind: Kind, times: readonly SeenTimes[]): void;
  /** `source` is not read at the moment: its silence says nothing. */
  stall(source: string): void;
  /** Looks at all. Call every few seconds. */
  look(): void;
  /** What has changed and is to be committed. */
  positions(): readonly Position[];
};

export type SilenceOptions = {
  readonly sources: readonly Pick<Source, "name" | "timing">[];
  /** ms, by source; null: not watched. `isNamed`: all kinds of records count, else those of CloudTrail only. */
  readonly limitOf: (source: string) => { readonly afterMs: number | null; readonly isNamed: boolean };
  readonly positions: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly alerts: Views["alerts"];
  readonly clock: Clock;
  readonly emit: Emit;
  readonly tell: Tell;
};

/** One account of one source. Times of the wall clock end in AtMs; `heardMs` is of the monotonic clock. */
type Line = { heardMs: number; heardAtMs: number; newestAtMs: number; savedAtMs: number };
type Watched = {
  readonly name: string;
  readonly afterMs: number;
  readonly isNamed: boolean;
  /** Of any account, or of none. */
  readonly whole: Line;
  /** No silence is counted from before, monotonic ms. */
  fromMs: number;
  readonly accounts: Map<string, Line>;
};

/** Begins with what earlier processes heard and told. */
export function createSilence(options: SilenceOptions): Silence {
  const { clock, alerts, tell } = options;
  const keyOf = ({ source = "", account = "" }: Readonly<Record<string, string>>): string => `${source} ${account}`;
  const states = { open: "silent", over: "heard" };
  const outages = createOutages({ name: "source_silent", states, keyOf, alerts, tell });
  const watched = readWatched(options);
  let lines = [...watched.values()].reduce((sum, { accounts }) => sum + accounts.size, 0);
  return {
    heard: (source, kind, times) => {
      const at = watched.get(source);
      const spoke = times.filter(({ timesMs }) => timesMs.length > 0);
      if (at === undefined || spoke.length === 0) return;
      for (const { timesMs } of spoke) hear(at.whole, timesMs, clock);
      tellAllHeard(at, outages, clock);
      for (const { accountId, timesMs } of spoke) {
        if (!/^\d{12}$/.test(accountId)) continue;
        let line = at.accounts.get(accountId);
        if (line === undefined) {
          if (lines === LINES_MAX || !(at.isNamed || kind === "cloudtrail")) continue;
          lines += 1;
          line = newLine(clock);
          at.accounts.set(accountId, line);
        }
        hear(line, timesMs, clock);
        tellHeard(at, accountId, { outages, clock });
      }
    },
    stall: (source) => {
      const at = watched.get(source);
      if (at !== undefined) at.fromMs = clock.monotonicMs();
    },
    look: () => {
      for (const at of watched.values()) lookAt(at, outages, options);
    },
    positions: () => [...watched.values()].flatMap((at) => toPositions(at)),
  };
}

function newLine(clock: Clock): Line {
  return { heardMs: clock.monotonicMs(), heardAtMs: clock.nowMs(), newestAtMs: -Infinity, savedAtMs: -Infinity };
}

function hear(line: Line, timesMs: readonly number[], clock: Clock): void {
  line.heardMs = clock.monotonicMs();
  line.heardAtMs = clock.nowMs();
  for (const timeMs of timesMs) if (timeMs > line.newestAtMs) line.newestAtMs = timeMs;
}

function readWatched({ sources, limitOf, positions, clock }: SilenceOptions): Map<string, Watched> {
  const watched = new Map<string, Watched>();
  for (const { name, timing } of sources) {
    const { afterMs, isNamed } = limitOf(name);
    if (timing.mode !== "live" || afterMs === null) continue;
    const whole = newLine(clock);
    watched.set(name, { name, afterMs, isNamed, whole, fromMs: whole.heardMs, accounts: new Map() });
  }
  for (const [key, value] of positions.get(STORED_AS) ?? []) {
    const [source = "", account = ""] = key.split(" ");
    const heardAtMs = Number(value);
    const at = watched.get(source);
    if (at === undefined || account === "" || !(heardAtMs > clock.nowMs() - FORGET_MS)) continue;
    at.accounts.set(account, { ...newLine(clock), heardAtMs, savedAtMs: heardAtMs });
    at.whole.heardAtMs = Math.max(...[...at.accounts.values()].map((line) => line.heardAtMs));
  }
  return watched;
}

function lookAt(at: Watched, outages: Outages, { clock, emit }: SilenceOptions): void {
  const nowMs = clock.monotonicMs();
  const quietMs = ({ heardMs }: Line): number => nowMs - heardMs;
  const silentMs = ({ heardMs }: Line): number => nowMs - Math.max(heardMs, at.fromMs);
  // The quietest comes last, since the metrics of accounts without a label of their own keep the last one.
  const byQuiet = [...at.accounts].toSorted(([, a], [, b]) => quietMs(a) - quietMs(b));
  for (const [accountId, line] of byQuiet.slice(-TOLD_MAX)) {
    const lagMs = Number.isFinite(line.newestAtMs) ? Math.max(0, clock.nowMs() - line.newestAtMs) : null;
    emit({ type: "source_quiet", source: at.name, accountId, quietMs: quietMs(line), lagMs });
  }
  if (outages.sinceMs(`${at.name} `) !== undefined) return;
  const untold = [...at.accounts].filter(([account]) => outages.sinceMs(`${at.name} ${account}`) === undefined);
  if (untold.length > 1 && silentMs(at.whole) >= at.afterMs) {
    outages.begin({ ...toAllSilent(at, untold.length), sinceMs: at.whole.heardAtMs });
    return;
  }
  // A source that has fallen silent itself is waited for, since all its accounts go with it.
  if (untold.length > 1 && silentMs(at.whole) >= at.afterMs / 2) return;
  for (const [account, line] of untold)
    if (silentMs(line) >= at.afterMs)
      outages.begin({ ...toSilent(at, account, line), accountId: account, sinceMs: line.heardAtMs });
}

/** Tells that a source which had fallen silent as a whole speaks again. */
function tellAllHeard(at: Watched, outages: Outages, clock: Clock): void {
  const sinceMs = outages.sinceMs(`${at.name} `);
  if (sinceMs === undefined) return;
  const why = `Records come by the source ${at.name} again, after ${toMinutes(clock.nowMs() - sinceMs)} min. Accounts that stay silent are told of apart. ${toReadAgain(sinceMs, clock)}`;
  outages.end({ why, group: { source: at.name, account: "" } });
  // What was quiet with the source is given the whole time anew.
  at.fromMs = clock.monotonicMs();
}

function tellHeard(at: Watched, account: string, { outages, clock }: { outages: Outages; clock: Clock }): void {
  const sinceMs = outages.sinceMs(`${at.name} ${account}`);
  if (sinceMs === undefined) return;
  const why = `Records of account ${account} come by the source ${at.name} again, after ${toMinutes(clock.nowMs() - sinceMs)} min. ${toReadAgain(sinceMs, clock, account)}`;
  outages.end({ why, accountId: account, group: { source: at.name, account } });
}

/** What was not brought meanwhile may be gone: EventBridge keeps nothing for a rule that is off. */
function toReadAgain(sinceMs: number, clock: Clock, account?: string): string {
  const place = account === undefined ? "" : ` --account ${account}`;
  return `Events of that time that did not come are read by: sagewatch backfill --from ${toTime(sinceMs)} --to ${toTime(clock.nowMs())}${place}`;
}

function toMinutes(ms: number): number {
  return Math.max(1, Math.round(ms / 60_000));
}

type Told = { readonly why: string; readonly group: { readonly source: string; readonly account: string } };

function toSilent(at: Watched, account: string, { heardAtMs }: Line): Told {
  const why = `No record of account ${account} has come by the source ${at.name} for ${formatDuration(at.afterMs)}; the last came at ${toTime(heardAtMs)}. Its trail, rule or queue may be cut: see docs/runbook.md.`;
  return { why, group: { source: at.name, account } };
}

function toAllSilent(at: Watched, accounts: number): Told {
  const why = `No record has come by the source ${at.name} for ${formatDuration(at.afterMs)}, which carried ${accounts} accounts; the last came at ${toTime(at.whole.heardAtMs)}. Its trail, rule or queue may be cut: see docs/runbook.md.`;
  return { why, group: { source: at.name, account: "" } };
}

function toTime(ms: number): string {
  return toUtcText(Math.floor(ms / 1000) * 1000);
}

function toPositions({ name, accounts }: Watched): readonly Position[] {
  const due = [...accounts].filter(([, line]) => line.heardAtMs - line.savedAtMs >= SAVE_MS);
  return due.map(([account, line]) => {
    line.savedAtMs = line.heardAtMs;
    return { source: STORED_AS, key: `${name} ${account}`, value: line.heardAtMs.toFixed(0) };
  });
}
