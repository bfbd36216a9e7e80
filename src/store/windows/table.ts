/**
 * The durable side of the detector's windows: members, and evidence with its records.
 *
 * A commit appends one pack of events and one short row (a part) for each changed slice of a group, and rewrites nothing,
 * so that its cost follows the new members and never the size of a group. Evidence comes back without its record: the bytes
 * stay here, where an alert's records are copied from (alerts.ts). Nobody prunes the parts of a rule that is no longer in
 * the set: unused.ts does.
 */
import type { DatabaseSync } from "node:sqlite";
import type {
  AlertRecord,
  CommitUnit,
  DetectorState,
  EvidenceDelta,
  EvidenceDrop,
  MemberDelta,
} from "../../contracts.ts";
import type { StoreLimits } from "../limits.ts";
import { isEmptyBody, packPart, type Part, unpackEvidence, withoutEvidence } from "./body.ts";
import { createPackReader, loadWindows } from "./load.ts";
import { createPacking, type EvidenceFacts } from "./pack.ts";
import { createPackTable, type PackTable } from "./packs.ts";
import { createPartTable, type PartTable, type Place, toPackId } from "./parts.ts";
import { PART_MAX } from "./schema.ts";

/** Writes inside the caller's transaction. */
export type WindowTables = {
  /** First in a commit: until `remove`, its last, `record` answers from what is given here, too. */
  add(members: readonly MemberDelta[], evidence: readonly EvidenceDelta[]): void;
  /** After the alerts were written, since they may still copy records from what goes. */
  remove(gone: Pick<CommitUnit, "drops" | "prunes" | "evictions">): void;
  /** Removes at most `max` parts of a state key; how many. */
  forget(stateKey: string, max: number): number;
  /** The record of evidence that stands at a place; null when none is kept. */
  record(from: Place, wanted: Wanted): Uint8Array | null;
  /** All, or those of some state keys. */
  load(stateKeys?: ReadonlySet<string>): DetectorState;
};

/** What tells a piece of evidence from the others at its place. */
type Wanted = Pick<AlertRecord, "key" | "recordHash">;

/** Prepares the statements once. */
export function createWindowTables(sqlite: DatabaseSync, limits: Pick<StoreLimits, "recordBytes">): WindowTables {
  const parts = createPartTable(sqlite);
  const packs = createPackTable(sqlite, parts);
  const find = createFinder(parts, packs);
  const drop = createDrop(parts, packs, find);
  const write = (added: Added): void => {
    for (let from = 0; from < added.parts.length; from += PART_MAX)
      addPack(added.parts.slice(from, from + PART_MAX), { parts, packs, maxBytes: limits.recordBytes });
  };
  const repack = createRepack(sqlite, { parts, packs, add: (members, evidence) => write(toAdded(members, evidence)) });
  // Most records that an alert copies came with the same commit: unpacking its pack for them is a tenth of its time.
  let added = NOTHING_ADDED;
  return {
    add: (members, evidence) => {
      added = toAdded(members, evidence);
      write(added);
    },
    remove: ({ drops, prunes, evictions }) => {
      const gone = drops.flatMap(drop);
      for (const { stateKey, slice } of prunes) gone.push(...parts.prune(stateKey, slice));
      for (const { stateKey, group, slices } of evictions)
        for (const slice of slices) gone.push(...parts.evict({ stateKey, group, slice }));
      packs.settle(gone);
      repack();
      packs.rest();
      added = NOTHING_ADDED;
    },
    forget: (stateKey, max) => {
      const gone = parts.forget(stateKey, max);
      packs.settle(gone);
      return gone.length;
    },
    record: (from, wanted) => {
      const fresh = added.at(from)?.evidence.find((one) => isWanted(one, wanted));
      if (fresh !== undefined) return fresh.record;
      const [found] = find(from, wanted);
      return found === undefined ? null : packs.record(toPackId(found.id), found.facts);
    },
    load: (stateKeys) => loadWindows(sqlite, stateKeys),
  };
}

type PlacedPart = Part & { readonly place: Place };

/** What one commit adds, and what of it stands at a place (undefined where that is evidence alone). */
type Added = {
  readonly parts: readonly PlacedPart[];
  at(place: Place): PlacedPart | undefined;
};
const NOTHING_ADDED: Added = { parts: [], at: () => undefined };

/** Members by place, each with the evidence of its place beside it. */
function toAdded(members: readonly MemberDelta[], evidence: readonly EvidenceDelta[]): Added {
  const parts: (PlacedPart & { evidence: EvidenceDelta[] })[] = members.map((place) => ({
    place,
    members: place.members,
    evidence: [],
  }));
  const byPlace = new Map<string, Map<string, Map<number, (typeof parts)[number]>>>();
  for (const part of parts) {
    const { stateKey, group, slice } = part.place;
    const ofRule = byPlace.get(stateKey) ?? new Map<string, Map<number, typeof part>>();
    const ofGroup = ofRule.get(group) ?? new Map<number, typeof part>();
    byPlace.set(stateKey, ofRule.set(group, ofGroup.set(slice, part)));
  }
  const at = ({ stateKey, group, slice }: Place): (typeof parts)[number] | undefined =>
    byPlace.get(stateKey)?.get(group)?.get(slice);
  for (const one of evidence) {
    const part = at(one) ?? parts.at(-1);
    if (part !== undefined && isSamePlace(part.place, one)) part.evidence.push(one);
    else parts.push({ place: one, members: [], evidence: [one] });
  }
  return { parts, at };
}

function isSamePlace(a: Place, b: Place): boolean {
  return a.slice === b.slice && a.group === b.group && a.stateKey === b.stateKey;
}

function addPack(
  all: readonly PlacedPart[],
  to: { readonly parts: PartTable; readonly packs: PackTable; readonly maxBytes: number },
): void {
  const packing = createPacking(to.maxBytes);
  const pack = to.packs.next();
  const add = to.parts.adder();
  for (const [at, part] of all.entries()) add(pack * PART_MAX + at, part.place, packPart(part, packing));
  to.packs.add(pack, packing.finish(), all.length);
}

function isWanted({ key, recordHash }: Wanted, wanted: Wanted): boolean {
  return recordHash === wanted.recordHash && key === wanted.key;
}

/** A piece of evidence in its part. */
type Found = { readonly id: number; readonly body: string; readonly facts: EvidenceFacts };

function createFinder(parts: PartTable, packs: PackTable): (place: Place, wanted: Wanted) => Found[] {
  return (place, wanted) =>
    parts.at(place).flatMap(({ id, body }) => {
      const pack = toPackId(id);
      if (!packs.mayHold(pack, wanted.recordHash)) return [];
      const all = unpackEvidence(body, packs.facts(pack));
      const facts = all.find((one) => isWanted(one, wanted));
      return facts === undefined ? [] : [{ id, body, facts }];
    });
}

/** Takes one piece of evidence out of its part; ids of the parts that went with it. */
function createDrop(
  parts: PartTable,
  packs: PackTable,
  find: ReturnType<typeof createFinder>,
): (drop: EvidenceDrop) => number[] {
  return (drop) =>
    find(drop, drop).flatMap(({ id, body, facts }) => {
      const left = withoutEvidence(body, packs.facts(toPackId(id)), (one) => one === facts);
      if (isEmptyBody(left)) return parts.remove(id);
      parts.rewrite(id, drop, left);
      return [];
    });
}

/** Writes what is left of sparse packs into a new one. */
function createRepack(
  sqlite: DatabaseSync,
  { parts, packs, add }: { readonly parts: PartTable; readonly packs: PackTable; readonly add: WindowTables["add"] },
): () => void {
  const read = createPackReader(sqlite);
  return () => {
    const ids = packs.sparse();
    if (ids.length === 0) return;
    const left = ids.map((id) => read(id, { facts: packs.facts(id), recordOf: (facts) => packs.record(id, facts) }));
    for (const id of ids) {
      parts.removePack(id);
      packs.remove(id);
    }
    add(
      left.flatMap(({ members }) => members),
      left.flatMap(({ evidence }) => evidence),
    );
  };
}
