/**
 * A group as one run of bytes, and back: exactly the same, so that nobody but the memory knows of it.
 *
 * Only a group that was judged since it last changed can be packed. What follows from the rest is not written: the
 * identities, the numbers below zero, the chains, the estimate of the heap, and of a piece of evidence the state key, the group and the slice.
 */
import type { EvidenceDelta, Member } from "../../contracts.ts";
import type { Kind } from "../../model/event.ts";
import { type Group, lowerBound, measure, SCAN_MAX, toIdentity } from "../group.ts";
import type { Interval } from "../interval.ts";
import type { Reader, Writer } from "./bytes.ts";

/** Writes the group behind what the writer began with. */
export function packGroup(group: Group, to: Writer): void {
  to.key(group.key);
  to.number(group.members.length);
  for (const member of group.members) packMember(member, to);
  to.number(group.evidence.size);
  for (const [slice, list] of group.evidence) {
    to.number(slice);
    to.number(list.length);
    for (const entry of list) packEvidence(entry, group, to);
  }
  to.number(group.covered.size);
  for (const [bucket, intervals] of group.covered) {
    to.number(bucket);
    to.number(intervals.length);
    for (const { fromMs, toMs } of intervals) {
      to.number(fromMs);
      to.number(toMs);
    }
  }
  to.number(group.echoes.length);
  for (const timeMs of group.echoes) to.number(timeMs);
  to.number(group.spread);
  to.number(group.thinned?.size ?? 0);
  for (const [slice, count] of group.thinned ?? []) {
    to.number(slice);
    to.number(count);
  }
}

/** The group that stands where the reader began. `stateKey` is its rule's. */
export function unpackGroup(from: Reader, stateKey: string): Group {
  const key = from.key();
  const members = unpackList(from, () => unpackMember(from));
  const evidence = new Map(
    unpackList(from, () => {
      const slice = from.number();
      return [slice, unpackList(from, () => unpackEvidence(from, { members, stateKey, group: key, slice }))] as const;
    }),
  );
  const covered = new Map(
    unpackList(from, () => {
      const bucket = from.number();
      return [bucket, unpackList(from, () => unpackInterval(from))] as const;
    }),
  );
  const echoes = unpackList(from, () => from.number());
  // Written out, so that a new field of Group does not compile until it is packed too.
  const group: Group = {
    key,
    id: -1,
    bytes: 0,
    use: 0,
    members,
    evidence,
    covered,
    identities: members.length > SCAN_MAX ? new Set(members.map(toIdentity)) : null,
    echoes,
    spread: from.number(),
    thinned: unpackThinned(from),
    negatives: toNegatives(members),
    // Caches: made again where they are needed.
    chains: null,
    slides: null,
    dirtyFromMs: Infinity,
    dirtyToMs: -Infinity,
  };
  measure(group);
  return group;
}

function toNegatives(members: readonly Member[]): number[] | null {
  const negative = members.filter(({ number }) => (number ?? 0) < 0);
  return negative.length === 0 ? null : negative.map(({ timeMs }) => timeMs);
}

function unpackList<T>(from: Reader, unpack: () => T): T[] {
  const list: T[] = [];
  for (let left = from.number(); left > 0; left -= 1) list.push(unpack());
  return list;
}

function unpackThinned(from: Reader): Group["thinned"] {
  const thinned = new Map(unpackList(from, () => [from.number(), from.number()] as const));
  return thinned.size === 0 ? null : thinned;
}

function unpackInterval(from: Reader): Interval {
  const fromMs = from.number();
  return { fromMs, toMs: from.number() };
}

function packMember(member: Member, to: Writer): void {
  to.number(member.step);
  to.number(member.timeMs);
  to.text(member.kind);
  to.text(member.key);
  to.again(member.eventId);
  to.number(member.version);
  to.text(member.recordHash);
  to.text(member.accountId);
  to.text(member.region);
  to.keyText(member.principal);
  to.text(member.action);
  to.keyText(member.value);
  // A number is told from none by what stands before it.
  to.number(member.number === null ? 0 : 1);
  if (member.number !== null) to.number(member.number);
}

function unpackMember(from: Reader): Member {
  const step = from.number();
  const timeMs = from.number();
  const kind = toText(from) as Kind;
  const key = toText(from);
  const eventId = toText(from);
  const version = from.number();
  const recordHash = toText(from);
  const accountId = toText(from);
  const region = toText(from);
  const principal = toText(from);
  const action = toText(from);
  const value = from.text();
  const number = from.number() === 0 ? null : from.number();
  return {
    step,
    timeMs,
    kind,
    key,
    eventId,
    version,
    recordHash,
    accountId,
    region,
    principal,
    action,
    value,
    number,
  };
}

/** Evidence belongs to a member, whose key, hash and time it shares; where that is gone they stand here. */
function packEvidence(entry: EvidenceDelta, group: Group, to: Writer): void {
  const at = indexOf(group.members, entry);
  to.number(at + 1);
  if (at === -1) {
    to.number(entry.timeMs);
    to.text(entry.key);
    to.text(entry.recordHash);
  }
  const { evidence, pointer } = entry;
  to.text(evidence.action);
  to.text(evidence.ip);
  to.text(evidence.agent);
  to.text(evidence.error);
  to.keyText(evidence.target);
  to.text(pointer.source);
  to.text(pointer.path);
  to.number(pointer.index);
}

function unpackEvidence(
  from: Reader,
  of: { members: readonly Member[]; stateKey: string; group: string; slice: number },
): EvidenceDelta {
  const at = from.number() - 1;
  const owner =
    at === -1 ? { timeMs: from.number(), key: toText(from), recordHash: toText(from) } : (of.members[at] as Member);
  const { key, recordHash, timeMs } = owner;
  const action = toText(from);
  const ip = toText(from);
  const agent = toText(from);
  const error = toText(from);
  const target = toText(from);
  const source = toText(from);
  const path = toText(from);
  const index = from.number();
  return {
    stateKey: of.stateKey,
    group: of.group,
    slice: of.slice,
    key,
    recordHash,
    timeMs,
    evidence: { action, ip, agent, error, target },
    pointer: { source, path, index },
    record: null,
  };
}

function indexOf(members: readonly Member[], entry: EvidenceDelta): number {
  for (let at = lowerBound(members, entry.timeMs); at < members.length; at += 1) {
    const member = members[at] as Member;
    if (member.timeMs !== entry.timeMs) return -1;
    if (member.key === entry.key && member.recordHash === entry.recordHash) return at;
  }
  return -1;
}

function toText(from: Reader): string {
  return from.text() ?? "";
}
