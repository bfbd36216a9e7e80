/**
 * A second detector, slow and plain, that judges the first: it sorts all matches, tries the condition at every event by
 * its definition, and unites windows event by event. It shares no code with src/detect; ids are hashed here anew.
 * It knows the types that fire at once (event_count, value_count, temporal, temporal_ordered), and is meant for streams of up to a few thousand matches.
 */
import { createHash } from "node:crypto";
import type { Match } from "../../src/contracts.ts";
import type { Correlation } from "../../src/sigma/ast.ts";

/** What both detectors must agree on. */
export type Verdict = {
  id: string;
  ruleId: string;
  eventCount: number;
  eventIds: string[];
  firstEventTime: string;
  lastEventTime: string;
  evidence: string[];
};

/** The alerts of `rules` over all of `matches`, by id, as from sorted input. */
export function slowDetect(rules: readonly Correlation[], matches: readonly Match[]): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const rule of rules) {
    const mine = matches.filter((match) => match.ruleId === rule.id);
    for (const group of new Set(mine.map((match) => match.group))) {
      const events = sortedSet(mine.filter((match) => match.group === group));
      for (const verdict of judgeGroup(rule, group, events)) verdicts.set(verdict.id, verdict);
    }
  }
  return verdicts;
}

/** The alerts of single-event rules: of several records under one key the highest version, then the first by order. */
export function slowSingles(matches: readonly Match[]): Map<string, { eventId: string; time: string }> {
  const singles = new Map<string, Match>();
  for (const match of matches.filter((entry) => entry.step === -1)) {
    const id = sha(`${match.ruleId}\u241f${match.ruleSem}\u241f${ascii([match.kind, match.key])}`);
    const before = singles.get(id);
    if (
      before === undefined ||
      match.version > before.version ||
      (match.version === before.version && order(match, before) < 0)
    )
      singles.set(id, match);
  }
  return new Map([...singles].map(([id, match]) => [id, { eventId: match.eventId, time: utc(match.timeMs) }]));
}

function judgeGroup(rule: Correlation, group: string, events: readonly Match[]): Verdict[] {
  const byBucket = new Map<number, Set<Match>>();
  for (const t of new Set(events.map((event) => event.timeMs))) {
    const window = events.filter((event) => event.timeMs >= t - rule.timespanMs && event.timeMs <= t);
    if (!holds(rule, window, t)) continue;
    const bucket = Math.floor(t / rule.bucketMs);
    const union = byBucket.get(bucket) ?? new Set<Match>();
    for (const event of window) union.add(event);
    byBucket.set(bucket, union);
  }
  return [...byBucket].map(([bucket, union]) => {
    const sorted = [...union].toSorted(order);
    return {
      id: sha(`${rule.id}\u241f${rule.ruleSem}\u241f${group}\u241f${bucket}`),
      ruleId: rule.id,
      eventCount: new Set(sorted.map((event) => event.key)).size,
      eventIds: [...new Set(sorted.map((event) => event.eventId))].slice(0, 100),
      firstEventTime: utc(sorted[0]?.timeMs ?? 0),
      lastEventTime: utc(sorted.at(-1)?.timeMs ?? 0),
      evidence: evidenceOf(sorted, events),
    };
  });
}

/** The first 20 of the union among those that are in the first 20 of their five minutes of the group. */
function evidenceOf(union: readonly Match[], events: readonly Match[]): string[] {
  const rank = (event: Match): number => {
    const slice = events.filter((other) => Math.floor(other.timeMs / 300_000) === Math.floor(event.timeMs / 300_000));
    return [...new Set(slice.map(text))].indexOf(text(event));
  };
  const kept = union.filter((event) => rank(event) < 20);
  return [...new Map(kept.map((event) => [text(event), event.eventId])).values()].slice(0, 20);
}

function holds(rule: Correlation, window: readonly Match[], t: number): boolean {
  if (rule.kind === "temporal_ordered") return hasChain(rule.rules.length - 1, window, { t, used: new Set() });
  if (rule.kind === "temporal" && rule.bounds.length === 0)
    return rule.rules.every((_, step) => window.some((event) => event.step === step));
  const count = new Set(window.map((event) => toCounted(rule, event))).size;
  return rule.bounds.every(({ operator, value }) => (operator === "gt" ? count > value : count >= value));
}

function toCounted({ kind }: Correlation, event: Match): string | number | null {
  if (kind === "value_count") return event.value;
  return kind === "temporal" ? event.step : event.key;
}

/** Tries every choice: the last step at time t, each earlier one not after it, no event twice. */
function hasChain(step: number, window: readonly Match[], at: { t: number; used: ReadonlySet<string> }): boolean {
  if (step < 0) return true;
  const last = at.used.size === 0;
  return window.some(
    (event) =>
      event.step === step &&
      (last ? event.timeMs === at.t : event.timeMs <= at.t) &&
      !at.used.has(event.key) &&
      hasChain(step - 1, window, { t: event.timeMs, used: new Set([...at.used, event.key]) }),
  );
}

function sortedSet(matches: readonly Match[]): Match[] {
  return [...new Map(matches.map((match) => [`${text(match)} ${match.step}`, match])).values()].toSorted(order);
}

function text(match: Match): string {
  return `${match.timeMs} ${match.key} ${match.recordHash}`;
}

function order(a: Match, b: Match): number {
  return a.timeMs - b.timeMs || compare(a.key, b.key) || compare(a.recordHash, b.recordHash) || a.step - b.step;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function ascii(values: readonly string[]): string {
  return JSON.stringify(values).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function utc(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
