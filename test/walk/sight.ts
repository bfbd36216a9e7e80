/** What the steps of the walk look at: alerts in every sink, lines of the log, and how long to wait for them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveDaemon, LogLine } from "../live/daemon.ts";
import { toMark } from "../live/records.ts";
import type { Head } from "../outages/target.ts";
import type { Place } from "./place.ts";

/** Longest wait for anything: messages of a killed daemon are hidden for 30 s, and a machine may be busy. */
const WAIT_MS = 120_000;
/** Severities that every sink takes: one that wakes people takes no others. */
const GRAVE = new Set(["high", "critical"]);

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

export const linesOf = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

export async function until<T>(what: string, look: () => Promise<T | false>): Promise<T> {
  const endMs = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== false) return found;
    must(Date.now() < endMs, `not within ${WAIT_MS / 1000} s: ${what}`);
    await sleep(100);
  }
}

export async function sendMarks(place: Place, name: string, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, n) => `walk-${name}-${n}`);
  await place.queue.send?.(ids.map((id) => toMark(id, Date.now())));
  return ids;
}

type Told = { readonly id: string; readonly severity: string; readonly title: string; readonly principal: string };

/** Alerts in the file, the last revision of each. */
async function allAlerts({ sinks }: Place): Promise<readonly (Told & { readonly eventIds: readonly string[] })[]> {
  const file = sinks.find(({ name }) => name === "file-away");
  const heads = (await file?.received?.()) ?? [];
  return [...new Map((heads as unknown as (Told & { eventIds: string[] })[]).map((one) => [one.id, one])).values()];
}

export async function graveAlerts(place: Place): Promise<readonly Told[]> {
  return (await allAlerts(place)).filter(({ severity }) => GRAVE.has(severity));
}

export async function alertsOf(place: Place, marks: readonly string[]): Promise<readonly Told[]> {
  const wanted = new Set(marks);
  return (await allAlerts(place)).filter(({ eventIds }) => eventIds.some((id) => wanted.has(id)));
}

export async function missingIn(place: Place, alerts: readonly Told[]): Promise<readonly string[]> {
  return [...(await place.received())].flatMap(([name, heads]) => {
    const there = new Set(heads.map(({ id }) => id));
    return alerts.filter(({ id }) => !there.has(id)).map(({ id }) => `${id} in ${name}`);
  });
}

/** Waits until each mark is an alert in every sink; the ms that took. */
export async function arrive(place: Place, marks: readonly string[]): Promise<number> {
  const fromMs = Date.now();
  await until(`${marks.length} calls are alerts in every sink`, async () => {
    const alerts = await alertsOf(place, marks);
    return alerts.length === marks.length && (await missingIn(place, alerts)).length === 0;
  });
  return Date.now() - fromMs;
}

export async function revisions(place: Place): Promise<ReadonlyMap<string, readonly Head[]>> {
  return new Map([...(await place.received())].map(([name, heads]) => [name, [...heads]]));
}

/** Deliveries since `before` of a revision that its sink had. */
export function repeatsSince(
  before: ReadonlyMap<string, readonly Head[]>,
  now: ReadonlyMap<string, readonly Head[]>,
): number {
  const extra = (heads: readonly Head[]): number =>
    heads.length - new Set(heads.map(({ id, revision }) => `${id} ${revision}`)).size;
  return [...now].reduce((sum, [name, heads]) => sum + extra(heads) - extra(before.get(name) ?? []), 0);
}

export async function stop(daemon: LiveDaemon): Promise<readonly string[]> {
  daemon.process.kill("SIGTERM");
  const exit = await daemon.ended;
  must(exit === 0, `SIGTERM ended it with ${exit}`);
  must(daemon.strays.length === 0, `not a line of the log: ${daemon.strays.join("\n")}`);
  const last = daemon.lines.at(-1)?.signal ?? "nothing";
  return [last, `exit ${exit}`];
}

/** Lines of the log at warn and above, each kind once, as an operator reads them. */
export function tellLines(lines: readonly LogLine[]): readonly string[] {
  const kinds = new Map<string, string>();
  for (const { level = "", signal = "", source, sink, code, detail, msg } of lines) {
    if (level === "info") continue;
    const about = [signal, source ?? sink ?? "daemon", code].filter((one) => typeof one === "string").join(" ");
    const text = [detail, msg].find((one) => typeof one === "string") ?? "";
    if (!kinds.has(about)) kinds.set(about, `log ${level}: ${about}: ${text}`);
  }
  return [...kinds.values()];
}
