/**
 * One group of one correlation: its members in total order, its evidence by slice, and what each bucket's alert covers.
 *
 * The members are a set: adding one twice changes nothing, and the order of adding leaves no trace. That shape, not a
 * cache of seen ids, is why repeated and reordered input makes the same alerts. Members are sorted by (time, key, record
 * hash), so a window is a run of the array. Coverage of a bucket is a list of disjoint closed time intervals; monotone
 * conditions only ever widen it. Nothing here knows what a condition is.
 */
import type { EvidenceDelta, Member } from "../contracts.ts";
import { EVIDENCE_MAX } from "../model/alert.ts";
import { addInterval, type Interval } from "./interval.ts";

/** The state of the chains of a temporal_ordered rule behind all members up to `timeMs`, itself included. */
export type ChainState = { readonly timeMs: number; readonly latest: Float64Array };

/** What is counted while a window slides over members; `size`: entries that it keeps in memory. */
export type Counter = {
  readonly kind: CounterKind;
  add(member: Member): void;
  remove(member: Member): void;
  value(): number;
  size(): number;
  /** Whether a value is among the distinct ones; of kinds that count such. */
  readonly has?: (value: string | number) => boolean;
};
export type CounterKind = "values" | "steps" | "events" | "sum" | "event sum";

/** A count of the members in the closed window. */
export type Slide = { readonly counter: Counter; readonly window: Interval };
/** Counts kept with a group: of the window judged last, and by bucket of what its alert covers. */
export type Slides = { judged: Slide | null; readonly covered: Map<number, Slide> };

export type Group = {
  readonly key: string;
  /** Its number in the memory that holds it (memory/groups.ts); −1 for a group of none. */
  id: number;
  /** What it takes on the heap, bytes, estimated from above. */
  bytes: number;
  /** 2: used since the memory last looked, 1: not long ago, 0: idle. */
  use: 0 | 1 | 2;
  readonly members: Member[];
  /** slice → the first EVIDENCE_MAX members' evidence in total order. */
  readonly evidence: Map<number, EvidenceDelta[]>;
  /** bucket → the union of the windows at which the condition holds. */
  readonly covered: Map<number, Interval[]>;
  /** Identities present; null while the group is so small that a scan is cheaper. */
  identities: Set<string> | null;
  /**
   * Times, ascending, of the members whose event another member of the same time stands for (another step, another way of
   * delivery): a window holds all of these or none, so they are counted off.
   */
  readonly echoes: number[];
  /** Members whose event stands at another time too (another version): windows are counted event by event then. */
  spread: number;
  /** Times, ascending, of members with a number below zero, which sums cannot be judged at once with; null: none. */
  negatives: number[] | null;
  /** Kept states of chains, ascending, for temporal_ordered; null: none. */
  chains: ChainState[] | null;
  /** Counts kept for large groups (judging/slide.ts); null: none. */
  slides: Slides | null;
  /** Members of each slice that went because memory was full (thin.ts); null: none. */
  thinned: Map<number, number> | null;
  /** Time range of the members added since the last evaluation; from > to when clean. */
  dirtyFromMs: number;
  dirtyToMs: number;
};

/** Up to here a scan finds a twin faster than a Set pays for itself in memory. */
export const SCAN_MAX = 8;

/**
 * Bytes on the heap of a group, a member and a piece of evidence beside their texts, from above: measured with V8 13.6, a
 * member is 250 bytes and its part of the tables; as much again for what the collector lets lie (bench/hot-key.ts).
 */
const [GROUP_BYTES, MEMBER_BYTES, EVIDENCE_BYTES] = [1200, 600, 900] as const;

export function createGroup(key: string): Group {
  return {
    key,
    id: -1,
    bytes: GROUP_BYTES + 2 * key.length,
    use: 0,
    members: [],
    evidence: new Map(),
    covered: new Map(),
    identities: null,
    echoes: [],
    spread: 0,
    negatives: null,
    chains: null,
    slides: null,
    thinned: null,
    dirtyFromMs: Infinity,
    dirtyToMs: -Infinity,
  };
}

/** Total order wherever one is needed: event time, key, record hash. */
export function compareMembers(
  a: { timeMs: number; key: string; recordHash: string },
  b: { timeMs: number; key: string; recordHash: string },
): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.recordHash !== b.recordHash) return a.recordHash < b.recordHash ? -1 : 1;
  return 0;
}

/**
 * What a window counts once: the event, whatever its version or time. CloudTrail keys hold a "/" or begin with "sha256:"
 * before anything a stranger may choose, so they stand alone, which saves a text a member; others are told by their kind.
 */
export function toIdentity(member: Member): string {
  return member.kind === "cloudtrail" ? member.key : `${member.kind} ${member.key}`;
}

/** Index of the first member at or after `timeMs`. */
export function lowerBound(members: readonly Member[], timeMs: number): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((members[middle] as Member).timeMs < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index after the last member at or before `timeMs`. */
export function upperBound(members: readonly Member[], timeMs: number): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((members[middle] as Member).timeMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds a member. `same`: it stood already. `twin`: new, but its event is counted already. */
export function addMember(group: Group, member: Member): "new" | "twin" | "same" {
  const { members } = group;
  const at = insertionIndex(members, member);
  const next = members[at];
  if (next !== undefined && next.step === member.step && compareMembers(next, member) === 0) return "same";
  const isEcho = isSameEvent(members[at - 1], member) || isSameEvent(next, member);
  const isTwin = isEcho || hasIdentity(group, toIdentity(member));
  if (at === members.length) members.push(member);
  else members.splice(at, 0, member);
  if (isEcho) group.echoes.splice(countUpTo(group.echoes, member.timeMs), 0, member.timeMs);
  else if (isTwin) group.spread += 1;
  else noteIdentity(group, member);
  if ((member.number ?? 0) < 0) {
    group.negatives ??= [];
    group.negatives.splice(countUpTo(group.negatives, member.timeMs), 0, member.timeMs);
  }
  group.bytes += memberBytes(member);
  noteGrown(group, member.timeMs);
  return isTwin ? "twin" : "new";
}

/** The other texts are shared. */
function memberBytes({ key, eventId, value, principal }: Member): number {
  return MEMBER_BYTES + key.length + eventId.length + principal.length + (value?.length ?? 0);
}

/** What stands at `timeMs` is more than before, or has more behind it: the windows that hold it are to be judged again. */
export function noteGrown(group: Group, timeMs: number): void {
  group.dirtyFromMs = Math.min(group.dirtyFromMs, timeMs);
  group.dirtyToMs = Math.max(group.dirtyToMs, timeMs);
}

/** True for another member of the same event at the same time: these stand beside each other. */
function isSameEvent(other: Member | undefined, member: Member): boolean {
  return other?.timeMs === member.timeMs && other.key === member.key && other.kind === member.kind;
}

/** How many of the ascending `times` are at or before `timeMs`. */
function countUpTo(times: readonly number[], timeMs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Members that only echo another one, by time in the closed `range`. */
export function countEchoes(group: Group, range: Interval): number {
  if (group.echoes.length === 0) return 0;
  // Event times are whole milliseconds.
  return countUpTo(group.echoes, range.toMs) - countUpTo(group.echoes, range.fromMs - 1);
}

/** True when a member in the closed `range` of time has a number below zero. */
export function hasNegative({ negatives }: Group, range: Interval): boolean {
  return negatives !== null && countUpTo(negatives, range.toMs) > countUpTo(negatives, range.fromMs - 1);
}

function insertionIndex(members: readonly Member[], member: Member): number {
  // Members arrive nearly in order: try the end before searching.
  const last = members.at(-1);
  if (last === undefined || compareSteps(last, member) < 0) return members.length;
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareSteps(members[middle] as Member, member) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An event that meets two steps is two members: the step breaks the tie. */
function compareSteps(a: Member, b: Member): number {
  const order = compareMembers(a, b);
  return order === 0 ? a.step - b.step : order;
}

function hasIdentity(group: Group, identity: string): boolean {
  if (group.identities !== null) return group.identities.has(identity);
  return group.members.some((member) => toIdentity(member) === identity);
}

function noteIdentity(group: Group, member: Member): void {
  if (group.identities !== null) group.identities.add(toIdentity(member));
  else if (group.members.length > SCAN_MAX) group.identities = new Set(group.members.map(toIdentity));
}

/**
 * Offers evidence for a member's slice. Returns whether it is among the first EVIDENCE_MAX, and what it pushed out.
 * Being the first by total order, not by arrival, it ends the same for any order of arrival. Of an event that came in two
 * forms of bytes, by EventBridge and in a file of S3, the form with the lower record hash stands alone.
 */
export function addEvidence(group: Group, entry: EvidenceDelta): { kept: boolean; dropped: EvidenceDelta | null } {
  const list = group.evidence.get(entry.slice);
  if (list === undefined) {
    group.evidence.set(entry.slice, [entry]);
    group.bytes += EVIDENCE_BYTES;
    return { kept: true, dropped: null };
  }
  let at = list.length;
  while (at > 0 && compareMembers(list[at - 1] as EvidenceDelta, entry) > 0) at -= 1;
  const [before, behind] = [list[at - 1], list[at]];
  if (before !== undefined && isSameMoment(before, entry)) return { kept: false, dropped: null };
  if (behind !== undefined && isSameMoment(behind, entry)) {
    list[at] = entry;
    return { kept: true, dropped: behind };
  }
  if (at >= EVIDENCE_MAX) return { kept: false, dropped: null };
  list.splice(at, 0, entry);
  if (list.length > EVIDENCE_MAX) return { kept: true, dropped: list.pop() ?? null };
  group.bytes += EVIDENCE_BYTES;
  return { kept: true, dropped: null };
}

/** True for two forms of one event: they stand beside each other in the order. */
function isSameMoment(a: EvidenceDelta, b: EvidenceDelta): boolean {
  return a.timeMs === b.timeMs && a.key === b.key;
}

/** Widens the coverage of a bucket by a closed interval. Returns true when that is news. */
export function cover(group: Group, bucket: number, interval: Interval): boolean {
  const intervals = group.covered.get(bucket);
  if (intervals !== undefined) return addInterval(intervals, interval);
  group.covered.set(bucket, [interval]);
  return true;
}

/** Forgets the members before `timeMs` and the evidence of the slices below `slice`, which begins there. */
export function pruneGroup(group: Group, before: { slice: number; timeMs: number }): void {
  const gone = group.members.splice(0, lowerBound(group.members, before.timeMs));
  for (const member of gone) group.bytes -= memberBytes(member);
  group.echoes.splice(0, countUpTo(group.echoes, before.timeMs - 1));
  group.negatives?.splice(0, countUpTo(group.negatives, before.timeMs - 1));
  if (group.spread > 0) recount(group);
  else for (const member of gone) group.identities?.delete(toIdentity(member));
  for (const slice of group.thinned?.keys() ?? []) if (slice < before.slice) group.thinned?.delete(slice);
  for (const [slice, list] of group.evidence) {
    if (slice >= before.slice) continue;
    group.evidence.delete(slice);
    group.bytes -= list.length * EVIDENCE_BYTES;
  }
}

/** What a group that was put together again takes. */
export function measure(group: Group): void {
  group.bytes = GROUP_BYTES + 2 * group.key.length;
  for (const member of group.members) group.bytes += memberBytes(member);
  for (const list of group.evidence.values()) group.bytes += list.length * EVIDENCE_BYTES;
}

/** Counts anew where an event that went may stand at another time still. */
function recount(group: Group): void {
  const times = new Map<string, number>();
  group.spread = 0;
  for (const member of group.members) {
    const identity = toIdentity(member);
    const timeMs = times.get(identity);
    if (timeMs === undefined) times.set(identity, member.timeMs);
    else if (timeMs !== member.timeMs) group.spread += 1;
  }
  group.identities = group.members.length > SCAN_MAX ? new Set(times.keys()) : null;
}
