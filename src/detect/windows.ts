/**
 * What is kept for each correlation: its groups, which of them have something in a bucket or slice, how far all is closed.
 *
 * Slices bound what is forgotten: they go once no open bucket can look back into them. A single-event rule with
 * `x_engine.suppress` has windows like a correlation. Nothing here judges a condition or makes an alert.
 */
import { createIntern } from "../lib/texts/intern.ts";
import type { Logsource } from "../model/event.ts";
import type { Correlation, DetectionRule, RuleSet } from "../sigma/ast.ts";
import { type Group, pruneGroup } from "./group.ts";
import { slidePast } from "./judging/slide.ts";
import { logsourcesOf } from "./logsources.ts";
import type { GroupMemory, Groups } from "./memory/groups.ts";

/**
 * Length of a slice, ms. Fixed, so that a rule whose timespan changes finds its members again; 5 min is the shortest
 * default bucket, so a bucket's evidence is never all in a slice that an earlier bucket filled.
 */
export const SLICE_MS: number = 300_000;

/** One step of a correlation that counts the alerts of another. */
export type Edge = {
  readonly parent: Windows;
  readonly step: number;
  /** Handed on when the child's bucket is over, not at once. */
  readonly atEnd: boolean;
  /** Fields of the parent's group-by and condition, as the child knows them. */
  readonly groupBy: readonly string[];
  readonly fields: readonly string[];
};

/** All that is kept for one correlation. */
export type Windows = {
  readonly rule: Correlation;
  readonly logsources: readonly Logsource[];
  /** Rules of one meaning share their stored members; the first of them alone gives these to the store. */
  readonly primary: boolean;
  /** Shares texts that come again among what is kept: a member is then a few references, not a copy of the record. */
  readonly intern: (text: string) => string;
  readonly groups: Groups;
  /** Groups with members that are not judged yet. */
  readonly dirty: Set<Group>;
  /** By step: the correlation whose alerts it counts, null where it counts records. */
  readonly children: (Windows | null)[];
  readonly parents: Edge[];
  /** All correlations that it hangs on, each behind those that it hangs on itself. */
  readonly below: Windows[];
  /** A rule of single events that suppresses. */
  readonly isSuppressing: boolean;
  /** bucket → numbers of the groups with something there that is not closed yet. */
  readonly open: Map<number, Set<number>>;
  /** slice → members there. */
  readonly slices: Map<number, number>;
  /** The records of its logsources are complete up to here. */
  inputMs: number;
  /** All its members are complete up to here: at most inputMs. */
  watermarkMs: number;
  /** Slices below this are pruned here. */
  prunedTo: number;
  /** Time of the newest member of a group that went because memory was full: it may have begun anew since. */
  evictedMs: number;
};

/** Windows of the correlations, and of the single-event rules that suppress. */
export function createAllWindows(ruleSet: RuleSet, memory: GroupMemory): Map<string, Windows> {
  const windows = new Map<string, Windows>();
  const stateKeys = new Set<string>();
  const intern = createIntern();
  const suppressing = ruleSet.detections.filter((rule) => rule.engine.suppressMs !== null).map(toSuppressing);
  for (const rule of [...ruleSet.correlations, ...suppressing]) {
    const primary = !stateKeys.has(rule.stateKey);
    stateKeys.add(rule.stateKey);
    const logsources = logsourcesOf(rule, ruleSet);
    windows.set(rule.id, {
      rule,
      logsources,
      primary,
      intern,
      groups: memory.groups(rule, SLICE_MS),
      dirty: new Set(),
      children: [],
      parents: [],
      below: [],
      isSuppressing: rule.timespanMs === 0,
      open: new Map(),
      slices: new Map(),
      inputMs: -Infinity,
      watermarkMs: -Infinity,
      prunedTo: -Infinity,
      evictedMs: -Infinity,
    });
  }
  return windows;
}

/** A single-event rule with `suppress` as the correlation that it amounts to. */
function toSuppressing(rule: DetectionRule): Correlation {
  return {
    ...rule,
    type: "correlation",
    kind: "event_count",
    rules: [rule.id],
    groupBy: rule.engine.groupBy,
    aliases: {},
    timespanMs: 0,
    bucketMs: rule.engine.suppressMs ?? 0,
    bounds: [{ operator: "gte", value: 1 }],
    fields: [],
    percentile: null,
    generate: true,
    judged: "eager",
  };
}

/** Forgets the slices that end by `neededMs`. Returns true when there were any. */
export function pruneSlices(entry: Windows, neededMs: number): boolean {
  // After a reload children hand on anew what lies below what was pruned already.
  let prunedTo = -Infinity;
  for (const slice of entry.slices.keys())
    if ((slice + 1) * SLICE_MS <= neededMs) prunedTo = Math.max(prunedTo, slice + 1);
  if (prunedTo === -Infinity) return false;
  entry.prunedTo = Math.max(entry.prunedTo, prunedTo);
  for (const id of entry.groups.below(prunedTo)) {
    entry.groups.lend(id, (group) => {
      slidePast(group, prunedTo * SLICE_MS);
      pruneGroup(group, { slice: prunedTo, timeMs: prunedTo * SLICE_MS });
      if (group.members.length === 0) forgetGroup(entry, group);
    });
  }
  for (const slice of entry.slices.keys()) if (slice < prunedTo) entry.slices.delete(slice);
  return true;
}

/** Takes a group out of all that is kept. Its members no longer count to their slices, if these are still there. */
export function forgetGroup(entry: Windows, group: Group): void {
  for (const ids of entry.open.values()) ids.delete(group.id);
  for (const { timeMs } of group.members) noteMembers(entry, Math.floor(timeMs / SLICE_MS), -1);
  entry.groups.remove(group);
}

/** Notes that a slice has so many members more. */
export function noteMembers(entry: Windows, slice: number, more: number): void {
  const members = (entry.slices.get(slice) ?? 0) + more;
  if (members > 0) entry.slices.set(slice, members);
  else entry.slices.delete(slice);
}

/** Notes that a group has something in a bucket that is not closed. */
export function noteOpen(entry: Windows, bucket: number, group: Group): void {
  const ids = entry.open.get(bucket);
  if (ids === undefined) entry.open.set(bucket, new Set([group.id]));
  else ids.add(group.id);
}
