/**
 * What was not evaluated or came too late: quarantine and late matches, both capped.
 *
 * Quarantine never forgets by itself: a commit that holds rejected records always succeeds, and once the cap is reached
 * `isFull` tells the pipeline to stop its sources before it takes in more, so the overshoot is one unit. Late matches were
 * evaluated and counted; their table is a convenience for replay, so there the oldest make room. Repeating a row (the same
 * record of the same place for the same reason) changes nothing.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Match, QuarantineRow, Views } from "../contracts.ts";
import { sha256Hex } from "../lib/canonical.ts";
import type { Rejected } from "../model/event.ts";
import { checkCrc, compressRecord, packRecord, packText, toCrc, unpackRecord } from "./codec.ts";
import { type Row, row, rows } from "./database.ts";
import type { StoreLimits } from "./limits.ts";

/** Writes inside the caller's transaction, but for `isFull`, which reads. */
export type RejectTables = {
  quarantine(rejected: readonly Rejected[], nowMs: number): void;
  /** Ids that are unknown (resolved by somebody else) are passed over. */
  resolve(done: readonly number[], failed: readonly number[]): void;
  late(matches: readonly Match[], nowMs: number): void;
  purgeLate(beforeMs: number, max: number): void;
  isFull(): boolean;
  /** Rows and bytes in quarantine. */
  use(): { readonly rows: number; readonly bytes: number };
};

/** Bytes a row takes beside its record, roughly. */
const ROW_BYTES = 256;

/** Prepares the statements once. */
export function createRejectTables(sqlite: DatabaseSync, limits: StoreLimits): RejectTables {
  const usage = createUsage(sqlite);
  const quarantine = createQuarantine(sqlite, limits, usage);
  const late = createLate(sqlite, limits, usage);
  return {
    ...quarantine,
    ...late,
    use: () => usage.of("quarantine"),
    isFull: () => {
      const { rows: count, bytes } = usage.of("quarantine");
      return count >= limits.quarantineRows || bytes >= limits.quarantineBytes;
    },
  };
}

/** The quarantine's part of Views. */
export function createQuarantineViews(
  sqlite: DatabaseSync,
): Pick<Views, "quarantine" | "quarantined" | "quarantineCounts"> {
  const columns = `id, source, path, idx AS "index", kind, reason, detail, size_bytes AS sizeBytes, sha256, tries, at_ms AS atMs, crc`;
  const [oldest, newest] = ["", "DESC"].map((order) =>
    sqlite.prepare(`SELECT ${columns} FROM quarantine WHERE ?1 IS NULL OR reason = ?1 ORDER BY id ${order} LIMIT ?2`),
  ) as [StatementSync, StatementSync];
  const one = sqlite.prepare(`SELECT ${columns}, record FROM quarantine WHERE id = ?`);
  const byReason = sqlite.prepare("SELECT reason, count(*) AS records FROM quarantine GROUP BY reason ORDER BY reason");
  return {
    quarantine: (filter) =>
      rows(filter.newest === true ? newest : oldest, filter.reason ?? null, filter.limit ?? -1).map(toQuarantineRow),
    quarantined: (id) => {
      const found = Number.isSafeInteger(id) ? row(one, id) : null;
      if (found === null) return null;
      return { ...toQuarantineRow(found), record: unpackRecord(found["record"] as Uint8Array | null) };
    },
    quarantineCounts: () =>
      Object.fromEntries((rows(byReason) as { reason: string; records: number }[]).map((r) => [r.reason, r.records])),
  };
}

function toQuarantineRow(found: Row): QuarantineRow {
  const { crc, record: _blob, ...rest } = found as QuarantineRow & { crc: number };
  checkCrc(
    "quarantine",
    crc,
    rest.source,
    rest.path,
    rest.index,
    rest.kind,
    rest.reason,
    rest.detail,
    rest.sizeBytes,
    rest.sha256,
  );
  return rest;
}

type Usage = {
  add(name: "quarantine" | "late", rows: number, bytes: number): void;
  of(name: "quarantine" | "late"): { rows: number; bytes: number };
};

function createUsage(sqlite: DatabaseSync): Usage {
  const add = sqlite.prepare("UPDATE usage SET rows = rows + ?, bytes = bytes + ? WHERE name = ?");
  const select = sqlite.prepare("SELECT rows, bytes FROM usage WHERE name = ?");
  return {
    add: (name, count, bytes) => void add.run(count, bytes, name),
    of: (name) => row(select, name) as { rows: number; bytes: number },
  };
}

function createQuarantine(
  sqlite: DatabaseSync,
  limits: StoreLimits,
  usage: Usage,
): Pick<RejectTables, "quarantine" | "resolve"> {
  const insert = sqlite.prepare(
    `INSERT INTO quarantine (source, path, idx, kind, reason, detail, size_bytes, sha256, tries, at_ms, cost, crc, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const remove = sqlite.prepare("DELETE FROM quarantine WHERE id = ? RETURNING cost");
  const retry = sqlite.prepare("UPDATE quarantine SET tries = tries + 1 WHERE id = ?");
  return {
    quarantine: (rejected, nowMs) => {
      for (const r of rejected) {
        const isKept = r.bytes !== null && r.bytes.length <= limits.quarantineRecordBytes;
        const record = isKept ? compressRecord(r.bytes) : null;
        const hash = r.bytes === null ? "" : sha256Hex(r.bytes);
        const { source, path, index } = r.pointer;
        const detail = r.detail.toWellFormed();
        const facts = [source, path, index, r.kind, r.reason, detail, r.sizeBytes, hash] as const;
        const cost = ROW_BYTES + r.detail.length + (record?.length ?? 0);
        const { changes } = insert.run(...facts, nowMs, cost, toCrc(...facts), record);
        if (changes === 1) usage.add("quarantine", 1, cost);
      }
    },
    resolve: (done, failed) => {
      for (const id of done) {
        const gone = remove.get(id) as { cost: number } | undefined;
        if (gone !== undefined) usage.add("quarantine", -1, -gone.cost);
      }
      for (const id of failed) retry.run(id);
    },
  };
}

function createLate(sqlite: DatabaseSync, limits: StoreLimits, usage: Usage): Pick<RejectTables, "late" | "purgeLate"> {
  const insert = sqlite.prepare(
    "INSERT INTO late (rule_id, step, key, record_hash, at_ms, cost, body, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const oldest = sqlite.prepare(
    "DELETE FROM late WHERE id IN (SELECT id FROM late ORDER BY id LIMIT ?) RETURNING cost",
  );
  const expired = sqlite.prepare(
    "DELETE FROM late WHERE id IN (SELECT id FROM late WHERE at_ms < ? ORDER BY id LIMIT ?) RETURNING cost",
  );
  const book = (gone: readonly Row[]): void => {
    if (gone.length > 0) usage.add("late", -gone.length, -gone.reduce((sum, r) => sum + (r["cost"] as number), 0));
  };
  const makeRoom = (): void => {
    for (;;) {
      const { rows: count, bytes } = usage.of("late");
      const isOver = count > limits.lateRows || (bytes > limits.lateBytes && count > 0);
      if (!isOver) return;
      book(rows(oldest, Math.max(1, count - limits.lateRows)));
    }
  };
  return {
    late: (matches, nowMs) => {
      for (const match of matches) {
        const record = packRecord(match.record, limits.recordBytes);
        const body = JSON.stringify({ ...match, record: null });
        const cost = ROW_BYTES + body.length + (record?.length ?? 0);
        const { changes } = insert.run(
          match.ruleId,
          match.step,
          packText(match.key),
          match.recordHash,
          nowMs,
          cost,
          body,
          record,
        );
        if (changes === 1) usage.add("late", 1, cost);
      }
      if (matches.length > 0) makeRoom();
    },
    purgeLate: (beforeMs, max) => book(rows(expired, beforeMs, max)),
  };
}
