/**
 * The durable side of the detector's windows: members, and evidence with its records.
 *
 * A commit appends one row a changed slice and rewrites nothing, so that its cost follows the new members and never the
 * size of a group. Loading streams the rows: a million members never stand in one array. Evidence comes back without its
 * record: the bytes stay here, where an alert's records are copied from (alerts.ts). Nobody prunes the rows of a rule that is
 * no longer in the set, since the detector knows only the rules that it has: they are kept for a day, so that a rule set that
 * is rolled back finds its windows again, then removed in small parts, commit by commit.
 */
import type { DatabaseSync } from "node:sqlite";
import type { CommitUnit, DetectorState, EvidenceDelta, MemberDelta } from "../contracts.ts";
import {
  checkCrc,
  packEvidence,
  packMembers,
  packRecord,
  packText,
  toCrc,
  unpackEvidence,
  unpackMembers,
  unpackText,
} from "./codec.ts";
import { type Row, rows, toStoreError } from "./database.ts";
import type { StoreLimits } from "./limits.ts";

const SELECT_MEMBERS = "SELECT state_key, slice, group_key, body, crc FROM members";
const SELECT_EVIDENCE = "SELECT state_key, slice, group_key, key, record_hash, time_ms, body, crc FROM evidence";

/** Writes inside the caller's transaction. */
export type WindowTables = {
  add(members: readonly MemberDelta[], evidence: readonly EvidenceDelta[]): void;
  /** After the alerts were written, since they may still copy records from what goes. */
  remove(gone: Pick<CommitUnit, "drops" | "prunes" | "evictions">): void;
  /** All, or those of some state keys. */
  load(stateKeys?: ReadonlySet<string>): DetectorState;
};

/** Prepares the statements once. */
export function createWindowTables(sqlite: DatabaseSync, limits: StoreLimits): WindowTables {
  const addMembers = sqlite.prepare(
    "INSERT INTO members (state_key, slice, group_key, body, crc) VALUES (?, ?, ?, ?, ?)",
  );
  const addEvidence = sqlite.prepare(
    "INSERT INTO evidence (state_key, slice, group_key, key, record_hash, time_ms, body, crc, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const dropEvidence = sqlite.prepare(
    "DELETE FROM evidence WHERE state_key = ? AND slice = ? AND group_key = ? AND key = ? AND record_hash = ?",
  );
  const pruneMembers = sqlite.prepare("DELETE FROM members WHERE state_key = ? AND slice < ?");
  const pruneEvidence = sqlite.prepare("DELETE FROM evidence WHERE state_key = ? AND slice < ?");
  const evict = ["members", "evidence"].map((table) =>
    sqlite.prepare(`DELETE FROM ${table} WHERE state_key = ? AND slice = ? AND group_key = ?`),
  );
  return {
    add: (members, evidence) => {
      for (const d of members) {
        const body = packMembers(d.members);
        addMembers.run(d.stateKey, d.slice, d.group, body, toCrc(d.stateKey, d.slice, d.group, body));
      }
      for (const d of evidence) {
        const [key, body] = [packText(d.key), packEvidence(d)];
        const crc = toCrc(d.stateKey, d.slice, d.group, key, d.recordHash, d.timeMs, body);
        addEvidence.run(
          d.stateKey,
          d.slice,
          d.group,
          key,
          d.recordHash,
          d.timeMs,
          body,
          crc,
          packRecord(d.record, limits.recordBytes),
        );
      }
    },
    remove: ({ drops, prunes, evictions }) => {
      for (const d of drops) dropEvidence.run(d.stateKey, d.slice, d.group, packText(d.key), d.recordHash);
      for (const { stateKey, slice } of prunes) {
        pruneMembers.run(stateKey, slice);
        pruneEvidence.run(stateKey, slice);
      }
      for (const { stateKey, group, slices } of evictions)
        for (const slice of slices) for (const statement of evict) statement.run(stateKey, slice, group);
    },
    load: (stateKeys) => ({
      members: lazily(sqlite, { select: SELECT_MEMBERS, stateKeys, toItem: toMembers }),
      evidence: lazily(sqlite, { select: SELECT_EVIDENCE, stateKeys, toItem: toEvidence }),
    }),
  };
}

/** Rows one by one, each time anew: two loops over one statement would disturb each other. */
function lazily<T>(
  sqlite: DatabaseSync,
  rows: { select: string; stateKeys: ReadonlySet<string> | undefined; toItem: (row: Row) => T },
): Iterable<T> {
  const { select, stateKeys, toItem } = rows;
  return {
    *[Symbol.iterator]() {
      try {
        if (stateKeys === undefined)
          for (const row of sqlite.prepare(`${select} ORDER BY seq`).iterate()) yield toItem(row as Row);
        for (const stateKey of stateKeys ?? [])
          for (const row of sqlite.prepare(`${select} WHERE state_key = ? ORDER BY seq`).iterate(stateKey))
            yield toItem(row as Row);
      } catch (error) {
        throw toStoreError(error, "load the state file");
      }
    },
  };
}

function toMembers(row: Row): MemberDelta {
  const {
    state_key: stateKey,
    slice,
    group_key: group,
    body,
    crc,
  } = row as { state_key: string; slice: number; group_key: string; body: string; crc: number };
  checkCrc("members", crc, stateKey, slice, group, body);
  return { stateKey, group, slice, members: unpackMembers(body) };
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
    crc,
  } = row as {
    state_key: string;
    slice: number;
    group_key: string;
    key: string;
    record_hash: string;
    time_ms: number;
    body: string;
    crc: number;
  };
  checkCrc("evidence", crc, stateKey, slice, group, key, recordHash, timeMs, body);
  return { stateKey, group, slice, key: unpackText(key), recordHash, timeMs, ...unpackEvidence(body), record: null };
}

/** Reliability.md section 8: a removed rule's state is kept 24 h. Wall time. */
const KEPT_MS = 24 * 3_600_000;

/** Writes inside the caller's transaction. */
export type UnusedTable = {
  /** Notes which of the state keys that have rows are not among `inUse` from now on; how many these are. */
  adopt(inUse: ReadonlySet<string>, nowMs: number): number;
  /** Removes rows that nobody needed for a day, at most `max`. */
  prune(nowMs: number, max: number): void;
};

export function createUnusedTable(sqlite: DatabaseSync): UnusedTable {
  // One step of the index for each key, however many rows it has.
  const keys = ["members", "evidence"].map((table) =>
    sqlite.prepare(
      `WITH RECURSIVE used (name) AS (SELECT min(state_key) FROM ${table} UNION ALL
         SELECT (SELECT min(state_key) FROM ${table} WHERE state_key > used.name) FROM used WHERE name IS NOT NULL)
       SELECT name AS key FROM used WHERE name IS NOT NULL`,
    ),
  );
  const note = sqlite.prepare("INSERT INTO unused_rules VALUES (?, ?) ON CONFLICT DO NOTHING");
  const forget = sqlite.prepare("DELETE FROM unused_rules WHERE state_key = ?");
  const noted = sqlite.prepare("SELECT state_key AS key FROM unused_rules");
  const due = sqlite.prepare("SELECT state_key AS key FROM unused_rules WHERE since_ms <= ? LIMIT 1");
  const remove = ["evidence", "members"].map((table) =>
    sqlite.prepare(`DELETE FROM ${table} WHERE seq IN (SELECT seq FROM ${table} WHERE state_key = ? LIMIT ?)`),
  );
  const keysOf = (statement: typeof noted): string[] => (rows(statement) as { key: string }[]).map(({ key }) => key);
  return {
    adopt: (inUse, nowMs) => {
      const unused = new Set(keys.flatMap(keysOf).filter((key) => !inUse.has(key)));
      for (const key of keysOf(noted)) if (!unused.has(key)) forget.run(key);
      for (const key of unused) note.run(key, nowMs);
      return unused.size;
    },
    prune: (nowMs, max) => {
      const key = due.get(nowMs - KEPT_MS)?.["key"] as string | undefined;
      if (key === undefined) return;
      let left = max;
      for (const statement of remove) left -= Number(statement.run(key, left).changes);
      if (left > 0) forget.run(key);
    },
  };
}
