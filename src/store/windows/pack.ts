/**
 * A pack: all that one commit has to keep of its events, each event once.
 *
 * An event that feeds three correlations is three members and three pieces of evidence that say nearly the same. What they
 * share (facts) and the records' bytes stand once in the pack of the commit, both as one zstd frame: neighbouring records
 * are alike, so a whole compresses to a tenth where one alone hardly does, and takes a fraction of the time. Rows of groups
 * (part.ts) refer to facts by their number. Everything given comes back byte for byte, any JavaScript text included; a
 * flipped bit is refused. Nothing here touches the disk.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { EvidenceDelta, Member } from "../../contracts.ts";
import { ERROR_CODES, SagewatchError } from "../../model/errors.ts";
import type { Kind } from "../../model/event.ts";

/** The columns of a pack. `hashes`: the first bytes of each record hash of the evidence, to find a record without unpacking. */
export type PackColumns = {
  readonly hashes: Uint8Array;
  readonly crc: number;
  readonly facts: Uint8Array;
  readonly records: Uint8Array | null;
};

/** What a member shares with the other members of its event. */
export type MemberFacts = Omit<Member, "step" | "value" | "number">;
/** What evidence says, wherever it stands. `record` is read only when it is asked for. */
export type EvidenceFacts = Pick<EvidenceDelta, "key" | "recordHash" | "timeMs" | "evidence" | "pointer"> & {
  readonly start: number;
  readonly length: number;
};
export type Facts = { readonly members: readonly MemberFacts[]; readonly evidence: readonly EvidenceFacts[] };

/** Fills one pack. Each call gives the number of the facts in it. */
export type Packing = {
  member(member: Member): number;
  evidence(evidence: EvidenceDelta): number;
  finish(): PackColumns;
};

/** Bytes of a record hash that are kept to find it by. */
const HASH_BYTES = 8;
/** zstd's fastest: 115 KB of facts in a third of a millisecond; the next levels save a tenth and take twice the time. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
/** Room for the frame's header and checksum where nothing compresses. */
const FRAME_BYTES = 512;
/** No record is kept: too large, or given up. */
const NO_RECORD = -1;

type PackedMember = [number, Kind, string, string, number, string, string, string, string, string];
type PackedEvidence = [
  key: string,
  recordHash: string,
  timeMs: number,
  action: string,
  ip: string,
  agent: string,
  error: string,
  target: string,
  source: string,
  path: string,
  index: number,
  start: number,
  length: number,
];

/** A pack that is empty. Records above `maxBytes` are not kept. */
export function createPacking(maxBytes: number): Packing {
  const members: { at: number; first: Member }[] = [];
  const memberRows: PackedMember[] = [];
  const memberPlaces = new Map<string, (typeof members)[number]>();
  const evidenceRows: PackedEvidence[] = [];
  const evidencePlaces = new Map<string, { at: number; first: EvidenceDelta }>();
  const records: Uint8Array[] = [];
  let filled = 0;
  const keep = (record: Uint8Array | null): [number, number] => {
    if (record === null || record.length > maxBytes) return [0, NO_RECORD];
    records.push(record);
    filled += record.length;
    return [filled - record.length, record.length];
  };
  return {
    member: (member) => {
      const before = memberPlaces.get(member.recordHash);
      if (before !== undefined && isSameMember(before.first, member)) return before.at;
      const at = memberRows.push(toMemberRow(member)) - 1;
      if (before === undefined) memberPlaces.set(member.recordHash, { at, first: member });
      return at;
    },
    evidence: (evidence) => {
      const before = evidencePlaces.get(evidence.recordHash);
      if (before !== undefined && isSameEvidence(before.first, evidence)) return before.at;
      const at = evidenceRows.push(toEvidenceRow(evidence, keep(evidence.record))) - 1;
      if (before === undefined) evidencePlaces.set(evidence.recordHash, { at, first: evidence });
      return at;
    },
    finish: () => {
      const hashes = Buffer.concat(evidenceRows.map(([, hash]) => toHashStart(hash)));
      const facts = Buffer.from(JSON.stringify([memberRows, evidenceRows]));
      return {
        hashes,
        crc: crc32(hashes),
        facts: compress(facts),
        records: records.length === 0 ? null : compress(Buffer.concat(records)),
      };
    },
  };
}

function toMemberRow(m: Member): PackedMember {
  return [m.timeMs, m.kind, m.key, m.eventId, m.version, m.recordHash, m.accountId, m.region, m.principal, m.action];
}

function toEvidenceRow(delta: EvidenceDelta, [start, length]: [number, number]): PackedEvidence {
  const { key, recordHash, timeMs, evidence: e, pointer: p } = delta;
  return [
    key,
    recordHash,
    timeMs,
    e.action,
    e.ip,
    e.agent,
    e.error,
    e.target,
    p.source,
    p.path,
    p.index,
    start,
    length,
  ];
}

function isSameMember(a: Member, b: Member): boolean {
  return (
    a.key === b.key &&
    a.timeMs === b.timeMs &&
    a.kind === b.kind &&
    a.eventId === b.eventId &&
    a.version === b.version &&
    a.accountId === b.accountId &&
    a.region === b.region &&
    a.principal === b.principal &&
    a.action === b.action
  );
}

function isSameEvidence(a: EvidenceDelta, b: EvidenceDelta): boolean {
  const [x, y] = [a.evidence, b.evidence];
  return (
    a.key === b.key &&
    a.timeMs === b.timeMs &&
    x.action === y.action &&
    x.ip === y.ip &&
    x.agent === y.agent &&
    x.error === y.error &&
    x.target === y.target &&
    a.pointer.path === b.pointer.path &&
    a.pointer.index === b.pointer.index &&
    a.pointer.source === b.pointer.source &&
    isSameRecord(a.record, b.record)
  );
}

function isSameRecord(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === b || (a !== null && b !== null && Buffer.compare(a, b) === 0);
}

/** The facts of a pack. Throws store_corrupt when the bytes are damaged. */
export function unpackFacts(facts: Uint8Array): Facts {
  const text = decompress(facts).toString("utf8");
  const [members, evidence] = JSON.parse(text) as [PackedMember[], PackedEvidence[]];
  return { members: members.map(toMemberFacts), evidence: evidence.map(toEvidenceFacts) };
}

function toMemberFacts(row: PackedMember): MemberFacts {
  const [timeMs, kind, key, eventId, version, recordHash, accountId, region, principal, action] = row;
  return { timeMs, kind, key, eventId, version, recordHash, accountId, region, principal, action };
}

function toEvidenceFacts(row: PackedEvidence): EvidenceFacts {
  const [key, recordHash, timeMs, action, ip, agent, error, target, source, path, index, start, length] = row;
  const evidence = { action, ip, agent, error, target };
  return { key, recordHash, timeMs, evidence, pointer: { source, path, index }, start, length };
}

/** The bytes of all records of a pack. Throws store_corrupt when they are damaged. */
export function unpackRecords(records: Uint8Array): Uint8Array {
  return decompress(records);
}

/** The record of evidence, a copy; null when none is kept. `records` as unpackRecords gave them. */
export function cutRecord(records: Uint8Array | null, { start, length }: EvidenceFacts): Uint8Array | null {
  return records === null || length === NO_RECORD ? null : Uint8Array.from(records.subarray(start, start + length));
}

/** True when a pack may hold evidence with this record hash. Throws store_corrupt when its hashes are damaged. */
export function mayHold({ hashes, crc }: Pick<PackColumns, "hashes" | "crc">, recordHash: string): boolean {
  if (crc32(hashes) !== crc) throw toDamaged();
  return Buffer.from(hashes.buffer, hashes.byteOffset, hashes.length).includes(toHashStart(recordHash));
}

/** Hashes are hex; of any other text no byte is kept, and it is found by nothing but a look into the pack. */
function toHashStart(recordHash: string): Buffer {
  return Buffer.from(recordHash.slice(0, 2 * HASH_BYTES), "hex");
}

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: PARAMS, chunkSize: bytes.length + FRAME_BYTES });
}

function decompress(bytes: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(bytes);
  } catch (error) {
    throw toDamaged(error);
  }
}

function toDamaged(cause?: unknown): SagewatchError {
  const text = `A pack of events in the state file fails its checksum. ${ERROR_CODES.store_corrupt.remedy}`;
  return new SagewatchError("store_corrupt", text, { cause });
}
