/**
 * What lies behind the open buckets of a correlation of correlations, kept from one draft of an alert to the next.
 *
 * A hot child hands on a member at each time at which it holds, tens of thousands in a day; going over all of them at every
 * draft would cost by the window. So what was found for a bucket stays: then only what the bucket covers anew is looked at,
 * and what was handed on since. It is a cache of the group as it stands on the heap: without it all is found anew, and
 * the same. Its size is bounded; what would need more is not kept.
 */
import type { Member } from "../../contracts.ts";
import { type Group, lowerBound, toIdentity, upperBound } from "../group.ts";
import { addInterval, type Interval } from "../interval.ts";

/** Members of a child's group that stand behind members here: the child by its step, the union of their windows. */
export type Wanted = { readonly step: number; readonly key: string; readonly intervals: Interval[] };
/** One event or alert among the covered members: its first member by total order, and the one that counts for it. */
export type Counted = { first: Member; best: Member };
/** What is known of the covered members of a bucket. */
export type Found = { readonly wanted: Map<string, Wanted>; readonly events: Map<string, Counted> };

/** How members are looked at: the child's window behind one, null for a record; whether one counts rather than another. */
export type Look = {
  readonly windowOf: (member: Member) => Interval | null;
  readonly isBetter: (member: Member, kept: Member) => boolean;
};

/** The larger ones are found anew each time: bytes are not counted here. */
const [HANDED_MAX, KEPT_MAX, NAMES_MAX] = [8192, 2000, 16] as const;

type Kept = Found & { done: readonly Interval[]; next: number };
/** `handed`: members since the first draft, without the `base` oldest of them; `kept`: by the name of what covers. */
type Drafted = { base: number; handed: Member[]; readonly kept: Map<string, Kept> };

const drafted = new WeakMap<Group, Drafted>();

/** A member was added to a group by one of its children, or is a record. */
export function noteHanded(group: Group, member: Member): void {
  const entry = drafted.get(group);
  if (entry === undefined) return;
  entry.handed.push(member);
  if (entry.handed.length <= HANDED_MAX) return;
  entry.handed.splice(0, HANDED_MAX / 2);
  entry.base += HANDED_MAX / 2;
}

/** What the members of `group` in the intervals come to; `name` tells what covers them, null: it is not asked again. */
export function findBehind(
  group: Group,
  of: { readonly intervals: readonly Interval[]; readonly name: string | null },
  look: Look,
): Found {
  const { intervals, name } = of;
  const entry = drafted.get(group) ?? { base: 0, handed: [], kept: new Map<string, Kept>() };
  const before = name === null ? undefined : entry.kept.get(name);
  const isRight =
    before !== undefined && before.next >= entry.base && before.done.every((done) => isInside(done, intervals));
  const found: Kept = isRight ? before : { wanted: new Map(), events: new Map(), done: [], next: 0 };
  for (const { fromMs, toMs } of intervals.flatMap((interval) => subtract(interval, found.done)))
    for (let i = lowerBound(group.members, fromMs), end = upperBound(group.members, toMs); i < end; i += 1)
      note(found, group.members[i] as Member, look);
  if (isRight)
    for (let i = found.next - entry.base; i < entry.handed.length; i += 1) {
      const member = entry.handed[i] as Member;
      if (intervals.some(({ fromMs, toMs }) => member.timeMs >= fromMs && member.timeMs <= toMs))
        note(found, member, look);
    }
  if (name === null) return found;
  found.done = intervals.map((interval) => ({ ...interval }));
  found.next = entry.base + entry.handed.length;
  entry.kept.delete(name);
  if (found.wanted.size <= KEPT_MAX && found.events.size <= KEPT_MAX) {
    entry.kept.set(name, found);
    drafted.set(group, entry);
  }
  for (const oldest of entry.kept.keys()) {
    if (entry.kept.size <= NAMES_MAX) break;
    entry.kept.delete(oldest);
  }
  return found;
}

/** Whatever is noted twice changes nothing. */
function note({ wanted, events }: Found, member: Member, { windowOf, isBetter }: Look): void {
  const identity = toIdentity(member);
  const counted = events.get(identity);
  if (counted === undefined) events.set(identity, { first: member, best: member });
  else {
    if (isBefore(member, counted.first)) counted.first = member;
    if (isBetter(member, counted.best) || (!isBetter(counted.best, member) && isBefore(member, counted.best)))
      counted.best = member;
  }
  const window = windowOf(member);
  if (window === null) return;
  const name = `${member.step} ${member.principal}`;
  const held = wanted.get(name);
  if (held === undefined) wanted.set(name, { step: member.step, key: member.principal, intervals: [window] });
  else addInterval(held.intervals, window);
}

/** Members of one event: by time, record, and step. */
function isBefore(a: Member, b: Member): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  return a.recordHash === b.recordHash ? a.step < b.step : a.recordHash < b.recordHash;
}

function isInside({ fromMs, toMs }: Interval, intervals: readonly Interval[]): boolean {
  return intervals.some((other) => other.fromMs <= fromMs && other.toMs >= toMs);
}

/** What of an interval no one of the ascending `done` has; times are whole milliseconds. */
function subtract(interval: Interval, done: readonly Interval[]): Interval[] {
  const left: Interval[] = [];
  let { fromMs } = interval;
  for (const { fromMs: from, toMs: to } of done) {
    if (to < fromMs || from > interval.toMs) continue;
    if (from > fromMs) left.push({ fromMs, toMs: from - 1 });
    fromMs = to + 1;
  }
  return fromMs <= interval.toMs ? [...left, { fromMs, toMs: interval.toMs }] : left;
}
