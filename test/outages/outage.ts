/**
 * An outage of one thing or several, under a daemon that has one more source and one more sink, which stay well.
 *
 * Marked calls come all the time, twice a second, by every source; each must become an alert in every sink. The targets go
 * away in the ways named, one after the other, and come back; then everything must arrive, by the same process.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Alert } from "../../src/model/alert.ts";
import { type LiveDaemon, type LogLine, startLive } from "../live/daemon.ts";
import { type AlertFile, followAlerts } from "../live/lines.ts";
import { toMark } from "../live/records.ts";
import { writeLiveRules } from "../live/rules.ts";
import { openQueue } from "./sources.ts";
import type { Head, Mode, Target, TargetOptions } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Names that the daemon knows the well ones by. */
export const WELL_SOURCE = "well-queue";
const WELL_SINK = "well-file";

/** A part of an outage; `flap`: up and gone in turn. */
export type Phase = { readonly mode: Exclude<Mode, "up"> | "flap"; readonly ms: number };

export type OutageOptions = {
  readonly targets: readonly string[];
  readonly phases: readonly Phase[];
  /** Longest wait for the rest to arrive. */
  readonly recoverMs: number;
  readonly timeout: string;
  /** Each phase goes on until the log tells of these targets, half a minute at most: a busy machine needs more than seconds. */
  readonly untilTold?: readonly string[];
};

/** A mark: its event, when it was sent and by which source. */
export type Mark = { readonly id: string; readonly source: string; readonly atMs: number };

export type Outage = {
  readonly targets: readonly Target[];
  readonly marks: readonly Mark[];
  readonly alerts: AlertFile;
  /** Operational alerts in the sink that stayed well. */
  readonly told: readonly Alert[];
  readonly received: ReadonlyMap<string, readonly Head[]>;
  readonly lines: readonly LogLine[];
  readonly strays: readonly string[];
  /** Reasons not to be ready, while it lasted and at the end. */
  readonly reasons: ReadonlySet<string>;
  readonly reasonsAfter: readonly string[];
  readonly peakRss: number;
  /** From the return of the targets until everything had arrived; null: it never did. */
  readonly catchUpMs: number | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly exit: number | string;
};

const same = (id: string): string => id;
const BEAT_MS = 500;
/** Marks before the outage, so that positions and connections are those of a daemon at work. */
const BEATS_BEFORE = 3;
const TOLD_MS = 30_000;
/** How long it is up or gone in turn. */
const FLAP_MS = 2000;

/** Makes one and sees it through. */
export async function makeOutage(options: OutageOptions): Promise<Outage> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-outage-"));
  const given: TargetOptions = { folder, timeout: options.timeout };
  mkdirSync(join(folder, "well"));
  const well = await openQueue(WELL_SOURCE);
  const targets = await Promise.all(options.targets.map((name) => openTarget(name, given)));
  const of = (kind: Target["of"]): object[] => targets.filter((one) => one.of === kind).map(({ config }) => config);
  const path = join(folder, "well", "alerts.ndjson");
  const rules = [writeLiveRules(join(folder, "rules", "live.yml"))];
  for (const { name, rule } of targets) {
    if (rule === undefined) continue;
    rules.push(join(folder, "rules", `${name}.yml`));
    writeFileSync(rules.at(-1) ?? "", rule);
  }
  const config = {
    state: { dir: join(folder, "state") },
    sources: [well.config, ...of("source")],
    sinks: [{ type: "file", name: WELL_SINK, path, maxBytes: 1e12 }, ...of("sink")],
    rules: { paths: rules },
    commit: { intervalMs: 50 },
  };
  const env = Object.assign({}, ...targets.map((target) => target.env ?? {})) as Record<string, string>;
  const flags = targets.flatMap((target) => target.flags ?? []);
  const daemon = startLive({ folder, config, env, flags });
  try {
    await daemon.opened;
    return await seeThrough({ daemon, targets, well, alerts: followAlerts(path) }, options);
  } finally {
    daemon.process.kill("SIGKILL");
    await Promise.all([well, ...targets].map((target) => target.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openTarget(name: string, options: TargetOptions): Promise<Target> {
  const entry = TARGETS[name];
  if (entry === undefined) throw new Error(`no such target: ${name}; there are ${Object.keys(TARGETS).join(", ")}`);
  return entry.open(options);
}

type Live = {
  readonly daemon: LiveDaemon;
  readonly targets: readonly Target[];
  readonly well: Target;
  readonly alerts: AlertFile;
};

async function seeThrough(live: Live, { phases, recoverMs, untilTold = [] }: OutageOptions): Promise<Outage> {
  const { daemon, targets, well, alerts } = live;
  const marks: Mark[] = [];
  const told: Alert[] = [];
  const reasons = new Set<string>();
  let [beats, peakRss] = [0, 0];
  const look = (): void => void told.push(...alerts.look().filter(({ ruleId }) => ruleId.startsWith("sagewatch.")));
  const beat = async (): Promise<void> => {
    beats += 1;
    const atMs = Date.now();
    for (const { name, send, eventId = same } of [well, ...targets]) {
      if (send === undefined) continue;
      const id = `mark-${name}-${beats}`;
      await send([toMark(id, atMs)]);
      marks.push({ id: eventId(id), source: name, atMs });
    }
    look();
    for (const reason of (await daemon.ready()).reasons) reasons.add(reason);
    peakRss = Math.max(peakRss, daemon.rss());
    await sleep(Math.max(0, BEAT_MS - (Date.now() - atMs)));
  };
  const isTold = (): boolean =>
    targets.every(({ name, of }) => {
      const isAbout = (line: LogLine): boolean => line[of] === name && line.level !== "info";
      return !untilTold.includes(name) || daemon.lines.some(isAbout);
    });
  const set = (mode: Mode): void => targets.forEach((target) => target.set(mode));
  for (let n = 0; n < BEATS_BEFORE; n += 1) await beat();
  const fromMs = Date.now();
  for (const { mode, ms } of phases) {
    const startMs = Date.now();
    const isOver = (): boolean => Date.now() >= startMs + ms && (isTold() || Date.now() >= startMs + TOLD_MS);
    while (!isOver()) {
      const isUp = Math.floor((Date.now() - startMs) / FLAP_MS) % 2 === 1;
      set(mode === "flap" ? (isUp ? "up" : "refused") : mode);
      await beat();
    }
  }
  const toMs = Date.now();
  set("up");
  const received = new Map<string, readonly Head[]>();
  let catchUpMs: number | null = null;
  while (catchUpMs === null && Date.now() - toMs < recoverMs) {
    look();
    for (const { name, received: read } of targets) if (read !== undefined) received.set(name, await read());
    peakRss = Math.max(peakRss, daemon.rss());
    if (isComplete({ marks, alerts, received })) catchUpMs = Date.now() - toMs;
    else await sleep(100);
  }
  const { reasons: reasonsAfter } = await daemon.ready();
  daemon.process.kill("SIGTERM");
  const exit = await daemon.ended;
  look();
  const { lines, strays } = daemon;
  const after = { reasons, reasonsAfter, peakRss, catchUpMs, fromMs, toMs, exit };
  return { targets, marks, alerts, told, received, lines, strays, ...after };
}

/** Whether each mark is an alert in every sink. */
export function isComplete({ marks, alerts, received }: Pick<Outage, "marks" | "alerts" | "received">): boolean {
  const ids = marks.flatMap(({ id }) => [...(alerts.byEvent.get(id)?.alertIds ?? [])]);
  if (ids.length < marks.length) return false;
  return [...received.values()].every((heads) => {
    const there = new Set(heads.map(({ id }) => id));
    return ids.every((id) => there.has(id));
  });
}
