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
  const found = parts.flatMap((part) => sumUp(part) ?? []);
  const [one, other] = found;
  if (one === undefined) return null;
  const isOne = other === undefined && isPlain(one.part);
  const gone = isOne ? countThinned(one.part.group, one.part.intervals) : 0;
  const shown = parts.flatMap(findEvidence).toSorted((a, b) => compareMembers(a.entry, b.entry));
  const unique = shown.filter(
    ({ entry }, i) => i === 0 || compareMembers((shown[i - 1] ?? { entry }).entry, entry) !== 0,
  );
  return {
    first: found.reduce((first, next) => (compareMembers(next.first, first) < 0 ? next.first : first), one.first),
    last: found.reduce((last, next) => (compareMembers(next.last, last) >= 0 ? next.last : last), one.last),
    eventCount: countUnion(found) + gone,
    isThinned: parts.some(({ group, intervals }) => countThinned(group, intervals) > 0),
    eventIds: toEventIds(found),
    shown: unique.slice(0, EVIDENCE_MAX),
  };
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

/** One part that is not empty. `heads`: its first members of different event ids, as many as an alert names. */
type SummedUp = {
  readonly part: Part;
  readonly first: Member;
  readonly last: Member;
  readonly heads: readonly Member[];
  readonly count: number;
};

/** All members in the intervals are meant. */
function isPlain({ only, isRecord }: Part): boolean {
  return only === null && isRecord === null;
}

/** By index where all members are meant and each is an event of its own, so that a hot group costs no more. */
function sumUp(part: Part): SummedUp | null {
  const { group, intervals } = part;
  const isIndexed = isPlain(part) && group.spread === 0;
  const [heads, ids, identities] = [[] as Member[], new Set<string>(), new Set<string>()];
  let [first, last, count]: [Member | null, Member | null, number] = [null, null, 0];
  for (const { fromMs, toMs } of intervals) {
    const [from, to] = [lowerBound(group.members, fromMs), upperBound(group.members, toMs)];
    for (let i = from; i < to && !(isIndexed && ids.size >= EVENT_IDS_MAX); i += 1) {
      const member = group.members[i] as Member;
      if (!isMeant(part, member)) continue;
      first ??= member;
      last = member;
      if (!isIndexed && identities.size <= EVENT_COUNT_MAX) identities.add(toIdentity(member));
      if (ids.size >= EVENT_IDS_MAX || ids.has(member.eventId)) continue;
      ids.add(member.eventId);
      heads.push(member);
    }
    if (isIndexed && to > from) {
      last = group.members[to - 1] as Member;
      count += to - from - countEchoes(group, { fromMs, toMs });
    }
  }
  if (first === null || last === null) return null;
  return { part, first, last, heads, count: count + identities.size };
}

function isMeant({ only, isRecord }: Part, member: Member): boolean {
  return (only?.has(member) ?? true) && (isRecord?.(member) ?? true);
}

/** Distinct events of all parts: the largest is only asked whether it has those of the others. */
function countUnion(found: readonly SummedUp[]): number {
  const [largest, ...others] = found.toSorted((a, b) => b.count - a.count);
  if (largest === undefined || others.length === 0) return largest?.count ?? 0;
  const isIndexed = isPlain(largest.part) && largest.part.group.spread === 0;
  const seen = new Set<string>();
  let count = isIndexed ? largest.count : 0;
  for (const { part } of isIndexed ? others : found) {
    for (const { fromMs, toMs } of part.intervals) {
      const { members } = part.group;
      for (let i = lowerBound(members, fromMs), to = upperBound(members, toMs); i < to; i += 1) {
        const member = members[i] as Member;
        if (count + seen.size > 2 * EVENT_COUNT_MAX || !isMeant(part, member) || seen.has(toIdentity(member))) continue;
        seen.add(toIdentity(member));
        if (!isIndexed || !holds(largest.part, member)) count += 1;
      }
    }
  }
  return count;
}

/** Whether a part in which each event stands at one time has the event of `member`. */
function holds({ group, intervals }: Part, member: Member): boolean {
  const identity = toIdentity(member);
  if (group.identities?.has(identity) === false) return false;
  const { members } = group;
  const isIt = (other: Member): boolean => toIdentity(other) === identity;
  const near = members.slice(lowerBound(members, member.timeMs), upperBound(members, member.timeMs)).find(isIt);
  const held = near ?? members.find(isIt);
  return held !== undefined && intervals.some(({ fromMs, toMs }) => held.timeMs >= fromMs && held.timeMs <= toMs);
}

function toEventIds(found: readonly SummedUp[]): string[] {
  const heads = found.flatMap(({ heads: some }) => some).toSorted(compareMembers);
  return [...new Set(heads.map(({ eventId }) => eventId))].slice(0, EVENT_IDS_MAX);
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
