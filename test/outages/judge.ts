/**
 * What the contract says of an outage: nothing lost, doubled only under the same id and revision, never an older revision
 * after a newer one, the rest of the daemon undisturbed, and everybody told.
 */
import { type Outage, WELL_SOURCE } from "./outage.ts";
import type { Head, Target } from "./target.ts";

/** What a neighbour may wait while another is gone: polls, commits and a slow machine. */
const UNDISTURBED_MS = 15_000;
/** After so long the log and an alert tell of a sink, the log and /ready of a source; with room for a slow machine. */
const [LOGGED_MS, SINK_ALERT_MS, UNREAD_MS] = [30_000, 360_000, 200_000];

export type Judged = {
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly marks: number;
  readonly lost: number;
  /** Deliveries of a revision that had been delivered before, in all sinks. */
  readonly doubled: number;
  readonly catchUpSeconds: number | null;
  /** Longest way of a mark by the source that stayed well to the sink that did. */
  readonly neighbourMs: number;
  readonly peakRssMib: number;
  /** Signals of the log about the targets, reasons of /ready, alerts of Sagewatch on itself. */
  readonly said: {
    readonly log: readonly string[];
    readonly ready: readonly string[];
    readonly alerts: readonly string[];
  };
  readonly problems: readonly string[];
};

export function judge(outage: Outage): Judged {
  const { marks, alerts, received, targets, fromMs, toMs, catchUpMs, peakRss } = outage;
  const inWell = marks.filter(({ id }) => alerts.byEvent.has(id));
  const lostInput = marks.filter(({ id }) => !alerts.byEvent.has(id)).map(({ id }) => `${id} is no alert`);
  const ids = inWell.flatMap(({ id }) => [...(alerts.byEvent.get(id)?.alertIds ?? [])]);
  const lostOutput = [...received].flatMap(([name, heads]) => {
    const there = new Set(heads.map(({ id }) => id));
    return ids.filter((id) => !there.has(id)).map((id) => `alert ${id} is not in ${name}`);
  });
  const several = inWell.filter(({ id }) => alerts.byEvent.get(id)?.alertIds.size !== 1);
  const ways = inWell
    .filter(({ source }) => source === WELL_SOURCE)
    .map(({ id, atMs }) => (alerts.byEvent.get(id)?.atMs ?? 0) - atMs);
  const neighbourMs = Math.max(...ways);
  const log = targets.flatMap((target) => signalsOf(outage, target).map((signal) => `${target.name}: ${signal}`));
  const said = { log, ready: [...outage.reasons].toSorted(), alerts: alertsOf(outage) };
  const lost = [...lostInput, ...lostOutput];
  const problems = [
    ...lost.slice(0, 10),
    ...several.map(({ id }) => `${id} is in several alerts`),
    ...[...received].flatMap(([name, heads]) => findSteps(heads).map((step) => `${name}: ${step}`)),
    ...(neighbourMs > UNDISTURBED_MS ? [`a neighbour waited ${neighbourMs} ms`] : []),
    ...(catchUpMs === null ? ["it did not recover"] : []),
    ...(outage.exit === 0 ? [] : [`it ended with ${outage.exit}`]),
    ...outage.strays.map((line) => `not a line of the log: ${line}`),
    ...(outage.reasonsAfter.length > 0 ? [`not ready afterwards: ${outage.reasonsAfter.join()}`] : []),
    ...targets.flatMap((target) => findUntold(outage, target)),
  ];
  return {
    targets: targets.map(({ name }) => name),
    seconds: Math.round((toMs - fromMs) / 1000),
    marks: marks.length,
    lost: lost.length,
    doubled: [...received.values()].reduce((sum, heads) => sum + countRepeats(heads), 0),
    catchUpSeconds: catchUpMs === null ? null : Math.round(catchUpMs / 100) / 10,
    neighbourMs,
    peakRssMib: Math.round(peakRss / 1024 ** 2),
    said,
    problems,
  };
}

/** Names of the signals at warn and above that name the target. */
function signalsOf({ lines }: Outage, { name, of }: Target): string[] {
  const about = lines.filter((line) => line[of] === name && line.level !== "info");
  const up = lines.filter(({ signal, ...line }) => signal === "sink_up" && line[of] === name);
  return [...new Set([...about, ...up].map(({ signal = "" }) => signal))];
}

function alertsOf({ told }: Outage): string[] {
  return [...new Set(told.map(({ ruleId }) => ruleId))].filter((name) => name !== "sagewatch.heartbeat").toSorted();
}

/** What should have been said of a target and was not. */
function findUntold(outage: Outage, target: Target): string[] {
  const lastedMs = outage.toMs - outage.fromMs;
  const said = signalsOf(outage, target);
  const signal = target.of === "source" ? "source_warning" : "sink_down";
  const isUnlogged = lastedMs > LOGGED_MS && !said.includes(signal);
  const unsaid = isUnlogged ? [`the log has no ${signal} of ${target.name}`] : [];
  const [isSink, told] = [target.of === "sink", alertsOf(outage)];
  if (isSink && lastedMs > SINK_ALERT_MS && !told.includes("sagewatch.sink_down"))
    unsaid.push(`no alert says that ${target.name} was down`);
  if (!isSink && target.asksSeldom !== true && lastedMs > UNREAD_MS && !outage.reasons.has("source_unread"))
    unsaid.push(`/ready did not say that ${target.name} was gone`);
  return unsaid;
}

function countRepeats(heads: readonly Head[]): number {
  return heads.length - new Set(heads.map(({ id, revision }) => `${id} ${revision}`)).size;
}

/** Revisions that came after a higher one of their alert. */
function findSteps(heads: readonly Head[]): string[] {
  const highest = new Map<string, number>();
  return heads.flatMap(({ id, revision }) => {
    const before = highest.get(id) ?? 0;
    highest.set(id, Math.max(before, revision));
    return revision < before ? [`revision ${revision} of ${id} came after ${before}`] : [];
  });
}
