/**
 * The alert table: what was said, under which revision, and by which records. It is also what makes alerts idempotent.
 *
 * The rules (delivery contract C5, C6). A window's draft is always the whole content: the last one counts. Of several
 * records under one event key the highest version wins, then the lowest (timeMs, recordHash); on equal order what stands,
 * stays. A draft that wins and has another content hash becomes the next revision; equal content changes nothing but
 * hastens what is pending when it is final. A commit writes at most one revision an alert. seenTime is that of revision 1.
 */
import type { DatabaseSync } from "node:sqlite";
import type { AlertDraft, CommitResult, RoutedAlert } from "../contracts.ts";
import { toContentHash } from "../model/alert.ts";
import { packRecord, packText, toCrc } from "./codec.ts";
import type { OutboxTable } from "./output/outbox.ts";
import type { StoreLimits } from "./limits.ts";
import type { WindowTables } from "./windows/table.ts";

/** Writes inside the caller's transaction. */
export type AlertTable = {
  write(drafts: readonly RoutedAlert[], nowMs: number): CommitResult["written"];
  /** Forgets alerts not revised since `beforeMs`, but never one that a sink has still to get. At most `max` a call. */
  purge(beforeMs: number, max: number): void;
};

type Standing = {
  seen_ms: number;
  revision: number;
  content_hash: string;
  order_version: number;
  order_time_ms: number;
  order_hash: string | null;
  final: number;
  content: string;
};

/** Where the bytes of a window's evidence are. */
type FindRecord = WindowTables["record"];

/** Prepares the statements once. */
export function createAlertTable(
  sqlite: DatabaseSync,
  outbox: OutboxTable,
  { limits, find }: { readonly limits: StoreLimits; readonly find: FindRecord },
): AlertTable {
  const select = sqlite.prepare(
    "SELECT revision, content_hash, order_version, order_time_ms, order_hash, seen_ms, final, content FROM alerts WHERE id = ?",
  );
  const revise = createReviser(sqlite);
  const confirm = sqlite.prepare(
    "UPDATE alerts SET order_version = :version, order_time_ms = :time, order_hash = :record, final = max(final, :final) WHERE id = :id",
  );
  const keepRecords = createRecordKeeper(sqlite, limits, find);
  const writeOne = (draft: RoutedAlert, nowMs: number): number | null => {
    const { id } = draft.content;
    const hash = toContentHash(draft.content);
    const standing = (select.get(id) as Standing | undefined) ?? null;
    const isSame = standing?.content_hash === hash;
    if (standing !== null && !isBetter(draft.order, toOrder(standing))) {
      if (isSame && draft.final) outbox.hasten(id, nowMs);
      return null;
    }
    if (standing !== null && !isSame && knowsLess(draft, standing)) return null;
    if (isSame) {
      confirm.run({ id, ...toOrderColumns(draft.order), final: draft.final ? 1 : 0 });
      if (draft.order !== null) keepRecords(draft);
      if (draft.final) outbox.hasten(id, nowMs);
      return null;
    }
    const revision = (standing?.revision ?? 0) + 1;
    revise(draft, { revision, seenMs: standing?.seen_ms ?? nowMs, hash, nowMs });
    keepRecords(draft);
    outbox.want({ id, revision, final: draft.final, holdMs: draft.holdMs ?? 0 }, draft.sinks, nowMs);
    return revision;
  };
  return {
    write: (drafts, nowMs) =>
      [...toWinners(drafts).values()].flatMap((draft) => {
        const revision = writeOne(draft, nowMs);
        return revision === null ? [] : [{ alertId: draft.content.id, revision, ruleId: draft.content.ruleId }];
      }),
    purge: createPurge(sqlite, outbox),
  };
}

/** One draft an alert: of several in a unit the one that would stand after all of them. */
function toWinners(drafts: readonly RoutedAlert[]): Map<string, RoutedAlert> {
  const winners = new Map<string, RoutedAlert>();
  for (const draft of drafts) {
    const kept = winners.get(draft.content.id);
    if (kept === undefined || isBetter(draft.order, kept.order)) winners.set(draft.content.id, draft);
  }
  return winners;
}

/** True when a draft takes the place of what stands. */
function isBetter(next: AlertDraft["order"], kept: AlertDraft["order"]): boolean {
  if (next === null || kept === null) return true;
  if (next.version !== kept.version) return next.version > kept.version;
  if (next.timeMs !== kept.timeMs) return next.timeMs < kept.timeMs;
  return next.recordHash < kept.recordHash;
}

/**
 * True for a window's draft that counts fewer events than the final alert that stands. Its windows were forgotten since: a
 * later run over new files of the same period, or a source that was added, sees only a part. A final alert gives way only
 * to one that knows at least as much; so does any to one of a reading of the past.
 */
function knowsLess({ order, content, isPartial }: RoutedAlert, standing: Standing): boolean {
  if (order !== null || (standing.final === 0 && isPartial !== true)) return false;
  return content.eventCount < (JSON.parse(standing.content) as AlertDraft["content"]).eventCount;
}

function toOrder(standing: Standing): AlertDraft["order"] {
  if (standing.order_hash === null) return null;
  return { version: standing.order_version, timeMs: standing.order_time_ms, recordHash: standing.order_hash };
}

function toOrderColumns(order: AlertDraft["order"]): {
  version: number | null;
  time: number | null;
  record: string | null;
} {
  return { version: order?.version ?? null, time: order?.timeMs ?? null, record: order?.recordHash ?? null };
}

function createReviser(
  sqlite: DatabaseSync,
): (draft: RoutedAlert, as: { revision: number; seenMs: number; hash: string; nowMs: number }) => void {
  const upsert = sqlite.prepare(
    `INSERT INTO alerts (id, revision, content, crc, content_hash, order_version, order_time_ms, order_hash, rule_id, severity,
       account_id, principal, first_ms, last_ms, seen_ms, updated_ms, final)
     VALUES (:id, :revision, :content, :crc, :hash, :version, :time, :record, :rule, :severity, :account, :principal, :first, :last, :seen, :now, :final)
     ON CONFLICT (id) DO UPDATE SET revision = :revision, content = :content, crc = :crc, content_hash = :hash, order_version = :version,
       order_time_ms = :time, order_hash = :record, rule_id = :rule, severity = :severity, account_id = :account,
       principal = :principal, first_ms = :first, last_ms = :last, updated_ms = :now, final = :final`,
  );
  return ({ content, order, final }, { revision, seenMs, hash, nowMs }) => {
    const text = JSON.stringify(content);
    upsert.run({
      id: content.id,
      revision,
      content: text,
      crc: toCrc(revision, seenMs, text),
      hash,
      ...toOrderColumns(order),
      rule: content.ruleId,
      severity: content.severity,
      account: content.accountId,
      principal: content.principal,
      first: Date.parse(content.firstEventTime),
      last: Date.parse(content.lastEventTime),
      seen: seenMs,
      now: nowMs,
      final: final ? 1 : 0,
    });
  };
}

/** Keeps exactly the records of the current evidence; bytes that are not in the draft come from the window's evidence. */
function createRecordKeeper(sqlite: DatabaseSync, limits: StoreLimits, find: FindRecord): (draft: RoutedAlert) => void {
  const keep = sqlite.prepare(
    `INSERT INTO alert_records (alert_id, key, record_hash, time_ms, pointer, crc, record)
     VALUES (:id, :key, :hash, :time, :pointer, :crc, :record)
     ON CONFLICT (alert_id, key, record_hash) DO UPDATE SET record = coalesce(record, excluded.record)`,
  );
  const list = sqlite.prepare(
    "SELECT key, record_hash, record IS NOT NULL AS is_whole FROM alert_records WHERE alert_id = ?",
  );
  const drop = sqlite.prepare("DELETE FROM alert_records WHERE alert_id = ? AND key = ? AND record_hash = ?");
  return ({ content: { id }, records }) => {
    const standing = list.all(id) as { key: string; record_hash: string; is_whole: 0 | 1 }[];
    const whole = new Set(standing.flatMap((r) => (r.is_whole === 1 ? [`${r.record_hash} ${r.key}`] : [])));
    const current = new Set<string>();
    for (const r of records) {
      const [key, pointer] = [packText(r.key), JSON.stringify(r.pointer)];
      const name = `${r.recordHash} ${key}`;
      current.add(name);
      // Looking for the bytes anew with each revision would be most of what a growing alert costs.
      if (whole.has(name)) continue;
      const record = r.record ?? (r.from === null ? null : find(r.from, r));
      keep.run({
        id,
        key,
        hash: r.recordHash,
        time: r.timeMs,
        pointer,
        crc: toCrc(id, r.timeMs, pointer),
        record: packRecord(record, limits.recordBytes),
      });
    }
    for (const old of standing)
      if (!current.has(`${old.record_hash} ${old.key}`)) drop.run(id, old.key, old.record_hash);
  };
}

function createPurge(sqlite: DatabaseSync, outbox: OutboxTable): AlertTable["purge"] {
  const old = sqlite.prepare("SELECT id FROM alerts WHERE updated_ms < ? ORDER BY updated_ms");
  const gone = [
    "DELETE FROM alert_records WHERE alert_id = ?",
    "DELETE FROM alert_paths WHERE alert_id = ?",
    "DELETE FROM outbox WHERE alert_id = ?",
    "DELETE FROM additions WHERE alert_id = ?",
    "DELETE FROM alerts WHERE id = ?",
  ].map((sql) => sqlite.prepare(sql));
  const oldLetters = sqlite.prepare("DELETE FROM dead_letters WHERE at_ms < ?");
  return (beforeMs, max) => {
    const ids: string[] = [];
    for (const { id } of old.iterate(beforeMs) as Iterable<{ id: string }>) {
      if (!outbox.isWanted(id)) ids.push(id);
      if (ids.length === max) break;
    }
    for (const id of ids) for (const statement of gone) statement.run(id);
    oldLetters.run(beforeMs);
  };
}
