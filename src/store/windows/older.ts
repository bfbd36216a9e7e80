/**
 * Members and evidence as schemas up to 4 kept them, one row for each piece of evidence with its record, and the step that
 * brings them into packs. Order is kept; a row that fails its checksum stops the step, and the file stays as it was.
 */
import type { DatabaseSync } from "node:sqlite";
import type { EvidenceDelta, Member, MemberDelta } from "../../contracts.ts";
import type { Kind } from "../../model/event.ts";
import { checkCrc, unpackRecord, unpackText } from "../codec.ts";
import { createWindowTables } from "./table.ts";

/** Old rows that make one pack. */
const ROWS_AT_ONCE = 500;

/** Moves all rows of the tables `members` and `evidence` into packs, then drops the two. */
export function moveIntoPacks(sqlite: DatabaseSync): void {
  const tables = createWindowTables(sqlite, { recordBytes: Infinity });
  const members = sqlite.prepare("SELECT state_key, slice, group_key, body, crc FROM members ORDER BY seq");
  for (const rows of inPortions(members.iterate())) tables.add(rows.map(toMembers), []);
  const evidence = sqlite.prepare(
    "SELECT state_key, slice, group_key, key, record_hash, time_ms, body, crc, record FROM evidence ORDER BY seq",
  );
  for (const rows of inPortions(evidence.iterate())) tables.add([], rows.map(toEvidence));
  sqlite.exec("DROP TABLE members; DROP TABLE evidence");
}

type Row = Readonly<Record<string, unknown>>;

function* inPortions(rows: Iterable<unknown>): Generator<Row[]> {
  let portion: Row[] = [];
  for (const row of rows as Iterable<Row>) {
    portion.push(row);
    if (portion.length < ROWS_AT_ONCE) continue;
    yield portion;
    portion = [];
  }
  yield portion;
}

type OldMember = readonly [
  number,
  number,
  Kind,
  string,
  string,
  number,
  string,
  string,
  string,
  string,
  string,
  string | null,
  number | string | null,
];

function toMembers(row: Row): MemberDelta {
  const {
    state_key: stateKey,
    slice,
    group_key: group,
    body,
  } = row as {
    state_key: string;
    slice: number;
    group_key: string;
    body: string;
  };
  checkCrc("members", row["crc"], stateKey, slice, group, body);
  return { stateKey, group, slice, members: (JSON.parse(body) as OldMember[]).map(toMember) };
}

function toMember([step, timeMs, kind, key, eventId, version, recordHash, ...rest]: OldMember): Member {
  const [accountId, region, principal, action, value, number] = rest;
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
    number: typeof number === "string" ? Number(number) : number,
  };
}

function toEvidence(row: Row): EvidenceDelta {
  const {
    state_key: stateKey,
    slice,
    group_key: group,
    key,
    record_hash: recordHash,
    time_ms: timeMs,
    body,
  } = row as {
    state_key: string;
    slice: number;
    group_key: string;
    key: string;
    record_hash: string;
    time_ms: number;
    body: string;
  };
  checkCrc("evidence", row["crc"], stateKey, slice, group, key, recordHash, timeMs, body);
  const [action, ip, agent, error, target, source, path, index] = JSON.parse(body) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    number,
  ];
  return {
    stateKey,
    group,
    slice,
    key: unpackText(key),
    recordHash,
    timeMs,
    evidence: { action, ip, agent, error, target },
    pointer: { source, path, index },
    record: unpackRecord(row["record"] as Uint8Array | null),
  };
}
