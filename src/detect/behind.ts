/**
 * The records behind an alert: which members of which groups it stands for, and what a reader is told of them.
 *
 * An alert of a correlation over detections stands for members of one group; one over correlations for those of several.
 * Lists that are cut keep the first by (event time, key, record hash), so nothing here hangs on the order of arrival.
 */
import type { EvidenceDelta, Member } from "../contracts.ts";
import { EVENT_COUNT_MAX, EVENT_IDS_MAX, EVIDENCE_MAX } from "../model/alert.ts";
import { compareMembers, countEchoes, type Group, lowerBound, toIdentity, upperBound } from "./group.ts";
import type { Interval } from "./interval.ts";
import { SLICE_MS } from "./windows.ts";

/** Members of one group that an alert stands for. */
export type Part = {
  readonly group: Group;
  /** Disjoint, ascending, not empty. */
  readonly intervals: readonly Interval[];
  /** Of the members in the intervals only these; null: all. */
  readonly only: ReadonlySet<Member> | null;
  /** False for members that stand for alerts of another correlation: the records behind these are in parts of their own. */
  readonly isRecord: ((member: Member) => boolean) | null;
};

/** What an alert says of its records. */
export type Summary = {
  readonly first: Member;
  readonly last: Member;
  /** Distinct events; any number above EVENT_COUNT_MAX means "more than that". */
  readonly eventCount: number;
  /** Events went because memory was full: the number is an estimate. */
  readonly isThinned: boolean;
  readonly eventIds: readonly string[];
  readonly shown: readonly { readonly entry: EvidenceDelta; readonly eventId: string }[];
};

/** Sums up the records of `parts`; null when there is none. */
export function summarize(parts: readonly Part[]): Summary | null {
  const [only] = parts;
  const isPlain = parts.length === 1 && only !== undefined && only.only === null && only.isRecord === null;
  const found = isPlain ? summarizeRuns(only) : summarizeMembers(parts);
  if (found === null) return null;
  const shown = parts.flatMap(findEvidence).toSorted((a, b) => compareMembers(a.entry, b.entry));
  const unique = shown.filter(
    ({ entry }, i) => i === 0 || compareMembers((shown[i - 1] ?? { entry }).entry, entry) !== 0,
  );
  return { ...found, shown: unique.slice(0, EVIDENCE_MAX) };
}

/** Members of `part` in total order. */
export function membersOf({ group, intervals, only, isRecord }: Part): Member[] {
  return intervals
    .flatMap(({ fromMs, toMs }) =>
      group.members.slice(lowerBound(group.members, fromMs), upperBound(group.members, toMs)),
    )
    .filter((member) => (only?.has(member) ?? true) && (isRecord?.(member) ?? true));
}

/** The first members in the intervals, at most `max`: a hot group costs no more than that. */
export function firstMembers(group: Group, intervals: readonly Interval[], max: number): Member[] {
  const first: Member[] = [];
  for (const { fromMs, toMs } of intervals) {
    const from = lowerBound(group.members, fromMs);
    first.push(...group.members.slice(from, Math.min(upperBound(group.members, toMs), from + max - first.length)));
  }
  return first;
}

/** By index, without touching each member. */
function summarizeRuns({ group, intervals }: Part): Omit<Summary, "shown"> | null {
  const { members } = group;
  const runs = intervals.map(({ fromMs, toMs }) => ({
    fromMs,
    toMs,
    from: lowerBound(members, fromMs),
    to: upperBound(members, toMs),
  }));
  const first = members[runs[0]?.from ?? 0];
  const last = members[(runs.at(-1)?.to ?? 0) - 1];
  if (first === undefined || last === undefined) return null;
  const ids = new Set<string>();
  for (const { from, to } of runs)
    for (let i = from; i < to && ids.size < EVENT_IDS_MAX; i += 1) ids.add((members[i] as Member).eventId);
  const identities = new Set<string>();
  let eventCount = 0;
  for (const run of runs) {
    if (group.spread === 0) eventCount += run.to - run.from - countEchoes(group, run);
    else {
      for (let i = run.from; i < run.to && identities.size <= EVENT_COUNT_MAX; i += 1)
        identities.add(toIdentity(members[i] as Member));
    }
  }
  const gone = countThinned(group, intervals);
  return { first, last, eventCount: eventCount + identities.size + gone, isThinned: gone > 0, eventIds: [...ids] };
}

/** Members that are gone of the slices which the intervals touch. */
function countThinned({ thinned }: Group, intervals: readonly Interval[]): number {
  let count = 0;
  for (const [slice, gone] of thinned ?? []) {
    const [fromMs, toMs] = [slice * SLICE_MS, (slice + 1) * SLICE_MS - 1];
    if (intervals.some((interval) => interval.fromMs <= toMs && interval.toMs >= fromMs)) count += gone;
  }
  return count;
}

function summarizeMembers(parts: readonly Part[]): Omit<Summary, "shown"> | null {
  const members = parts.flatMap(membersOf).toSorted(compareMembers);
  const [first] = members;
  const last = members.at(-1);
  if (first === undefined || last === undefined) return null;
  const ids = new Set<string>();
  const identities = new Set<string>();
  for (const member of members) {
    if (ids.size < EVENT_IDS_MAX) ids.add(member.eventId);
    identities.add(toIdentity(member));
  }
  const isThinned = parts.some(({ group, intervals }) => countThinned(group, intervals) > 0);
  return { first, last, eventCount: identities.size, isThinned, eventIds: [...ids] };
}

/** The first evidence of a part, at most EVIDENCE_MAX pieces. */
function findEvidence({ group, intervals, only }: Part): { entry: EvidenceDelta; eventId: string }[] {
  const shown: { entry: EvidenceDelta; eventId: string }[] = [];
  const meant = only === null ? null : new Set([...only].map(({ key, recordHash }) => `${key} ${recordHash}`));
  for (const slice of [...group.evidence.keys()].toSorted((a, b) => a - b)) {
    for (const entry of group.evidence.get(slice) ?? []) {
      if (shown.length === EVIDENCE_MAX) return shown;
      if (meant?.has(`${entry.key} ${entry.recordHash}`) === false) continue;
      if (intervals.some(({ fromMs, toMs }) => entry.timeMs >= fromMs && entry.timeMs <= toMs))
        shown.push({ entry, eventId: eventIdOf(group, entry) });
    }
  }
  return shown;
}

function eventIdOf(group: Group, entry: EvidenceDelta): string {
  for (let i = lowerBound(group.members, entry.timeMs); i < group.members.length; i += 1) {
    const member = group.members[i] as Member;
    if (member.key === entry.key) return member.eventId;
    if (member.timeMs > entry.timeMs) break;
  }
  return entry.key;
}
