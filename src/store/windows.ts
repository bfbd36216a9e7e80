/**
 * The durable side of the detector's windows: members, and evidence with its records.
 *
 * A commit appends one row a changed slice and rewrites nothing, so that its cost follows the new members and never the
 * size of a group. Loading streams the rows: a million members never stand in one array. Evidence comes back without its
 * record: the bytes stay here, where an alert's records are copied from (alerts.ts).
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DetectorState, EvidenceDelta, EvidenceDrop, MemberDelta, Prune } from "../contracts.ts";
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
import { type Row, toStoreError } from "./database.ts";
import type { StoreLimits } from "./limits.ts";

/** Writes inside the caller's transaction. */
export type WindowTables = {
  add(members: readonly MemberDelta[], evidence: readonly EvidenceDelta[]): void;
  /** After the alerts were written, since they may still copy records from what goes. */
  remove(drops: readonly EvidenceDrop[], prunes: readonly Prune[]): void;
  load(): DetectorState;
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
    remove: (drops, prunes) => {
      for (const d of drops) dropEvidence.run(d.stateKey, d.slice, d.group, packText(d.key), d.recordHash);
      for (const { stateKey, slice } of prunes) {
        pruneMembers.run(stateKey, slice);
        pruneEvidence.run(stateKey, slice);
      }
    },
    load: () => ({
      members: lazily(
        () => sqlite.prepare("SELECT state_key, slice, group_key, body, crc FROM members ORDER BY seq"),
        toMembers,
      ),
      evidence: lazily(
        () =>
          sqlite.prepare(
            "SELECT state_key, slice, group_key, key, record_hash, time_ms, body, crc FROM evidence ORDER BY seq",
          ),
        toEvidence,
      ),
    }),
  };
}

/** Rows one by one, each time anew: two loops over one statement would disturb each other. */
function lazily<T>(prepare: () => StatementSync, toItem: (row: Row) => T): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      try {
        for (const row of prepare().iterate()) yield toItem(row as Row);
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
