/**
 * The outbox: which revision of which alert each sink still has to get. It holds no bodies; they stand in `alerts`.
 *
 * A row is one alert and one sink, with the revision wanted and the revision sent. It is pending while wanted > sent.
 * A first revision is due at once. A later one is due `updateEvery` after the last one sent, or at once when the alert is
 * final. While a row is pending a newer revision takes the place of the older one and keeps its due time, so a sink always
 * gets the last revision, never a lower one after a higher, and an alert that keeps growing cannot put off its own
 * delivery. `opened` is set when a sink first accepted any revision.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outbox, OutboxItem } from "../contracts.ts";
import { type AlertRow, toAlert } from "./codec.ts";
import { row, rows } from "./database.ts";

/** What the commit asks of the outbox, inside its transaction. */
export type OutboxTable = {
  /** `sinks` want this revision. */
  want(
    alert: { readonly id: string; readonly revision: number; readonly final: boolean },
    sinks: readonly string[],
    nowMs: number,
  ): void;
  /** Nothing new can come for this alert: pending rows are due now. */
  hasten(alertId: string, nowMs: number): void;
  sink(name: string): Outbox;
};

/** `write` runs one small fenced transaction. */
export function createOutboxTable(
  sqlite: DatabaseSync,
  updateEveryMs: number,
  write: (work: () => void) => void,
): OutboxTable {
  const want = sqlite.prepare(
    `INSERT INTO outbox (alert_id, sink, wanted, sent, opened, due_ms, sent_ms)
     VALUES (:id, :sink, :revision, 0, 0, :now, 0)
     ON CONFLICT (alert_id, sink) DO UPDATE SET wanted = max(wanted, :revision), due_ms = CASE
       WHEN :final AND wanted > sent THEN min(due_ms, :now)
       WHEN :final THEN :now
       WHEN wanted > sent THEN due_ms
       ELSE min(max(sent_ms + :every, :now), :now + :every) END`,
  );
  const hasten = sqlite.prepare("UPDATE outbox SET due_ms = ? WHERE alert_id = ? AND wanted > sent AND due_ms > ?");
  const reads = prepareReads(sqlite);
  const writes = prepareWrites(sqlite);
  return {
    want: ({ id, revision, final }, sinks, nowMs) => {
      for (const sink of sinks)
        want.run({ id, sink, revision, final: final ? 1 : 0, now: nowMs, every: updateEveryMs });
    },
    hasten: (alertId, nowMs) => void hasten.run(nowMs, alertId, nowMs),
    sink: (name) => ({
      due: (nowMs, max) => (rows(reads.due, name, nowMs, max) as DueRow[]).map(toItem),
      pending: () => {
        const found = row(reads.pending, name) as { pending: number; next: number | null };
        return { rows: found.pending, nextDueMs: found.next ?? Infinity };
      },
      sent: (items, nowMs) =>
        write(() => {
          for (const { alert } of items)
            writes.close.run({
              id: alert.id,
              sink: name,
              revision: alert.revision,
              opened: 1,
              now: nowMs,
              every: updateEveryMs,
            });
        }),
      refused: (items, nowMs) =>
        write(() => {
          for (const { item, code } of items) {
            const { id, revision } = item.alert;
            writes.close.run({ id, sink: name, revision, opened: 0, now: nowMs, every: updateEveryMs });
            writes.bury.run(id, name, revision, code, nowMs);
          }
        }),
    }),
  };
}

type DueRow = AlertRow & { opened: number };

function toItem(found: DueRow): OutboxItem {
  return { alert: toAlert(found), opened: found.opened === 0 };
}

function prepareReads(sqlite: DatabaseSync): { due: StatementSync; pending: StatementSync } {
  return {
    due: sqlite.prepare(
      `SELECT a.content, a.revision, a.seen_ms, a.crc, o.opened FROM outbox o JOIN alerts a ON a.id = o.alert_id
       WHERE o.sink = ? AND o.wanted > o.sent AND o.due_ms <= ? ORDER BY o.due_ms, o.seq LIMIT ?`,
    ),
    pending: sqlite.prepare(
      "SELECT count(*) AS pending, min(due_ms) AS next FROM outbox WHERE sink = ? AND wanted > sent",
    ),
  };
}

function prepareWrites(sqlite: DatabaseSync): { close: StatementSync; bury: StatementSync } {
  return {
    // A newer revision than the one sent may stand by now: it waits its turn, or goes at once when it is the last.
    close: sqlite.prepare(
      `UPDATE outbox SET sent = max(sent, :revision), opened = max(opened, :opened), sent_ms = :now,
         due_ms = CASE WHEN (SELECT final FROM alerts WHERE id = :id) THEN :now ELSE :now + :every END
       WHERE alert_id = :id AND sink = :sink`,
    ),
    bury: sqlite.prepare("INSERT INTO dead_letters (alert_id, sink, revision, code, at_ms) VALUES (?, ?, ?, ?, ?)"),
  };
}
