/**
 * The outbox: which revision of which alert each sink still has to get. It holds no bodies; they stand in `alerts`.
 *
 * A row is one alert and one sink, with the revision wanted and the revision sent. It is pending while wanted > sent.
 * A first revision is due at once. A later one is due `updateEvery` after the last one sent, or at once when the alert is
 * final. While a row is pending a newer revision takes the place of the older one and keeps its due time, so a sink always
 * gets the last revision, never a lower one after a higher, and an alert that keeps growing cannot put off its own
 * delivery. `opened` is set when a sink first accepted any revision. Where additions are awaited (`holdMs`) a row is due so
 * much later at most, and as it would have been once they are stored; a row that is due already does not wait again.
 *
 * Due times are wall time. What a clock that was far ahead dated is called back once it is right (`recall`): it would
 * wait until the clock comes there again.
 *
 * A dead letter, an alert that a sink refused for good, stands for it only while nothing later was sent to that sink: a
 * redrive then makes the row wait again, in its last revision and due at once. Else it is superseded and only forgotten.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DeadLetter, LetterChoice, Outbox, OutboxItem, OutboxPlace, Redriven, Views } from "../../contracts.ts";
import type { Pointer } from "../../model/event.ts";
import type { RemovedSink } from "../../model/leftovers.ts";
import { createAdditionView } from "./additions.ts";
import { type AlertRow, type PointerRow, toAlert, toPointer } from "../codec.ts";
import { type Row, row, rows } from "../database.ts";

/** What the commit asks of the outbox, inside its transaction. */
export type OutboxTable = {
  /** `sinks` want this revision. */
  want(
    alert: { readonly id: string; readonly revision: number; readonly final: boolean; readonly holdMs: number },
    sinks: readonly string[],
    nowMs: number,
  ): void;
  /** Nothing new can come for this alert: pending rows are due now. */
  hasten(alertId: string, nowMs: number): void;
  /** What waits of these alerts is due no sooner. */
  hold(alertIds: readonly string[], untilMs: number): void;
  /** The additions of this revision are stored: rows that waited for them are due as they would have been. */
  release(alert: { readonly id: string; readonly revision: number }, nowMs: number): void;
  sink(name: string): Outbox;
  /** These are the sinks there are. What waits for others, by sink. */
  adopt(sinks: readonly string[]): readonly RemovedSink[];
  /** True for an alert that a sink has still to get; a sink that was removed is waited for no longer. */
  isWanted(alertId: string): boolean;
};

/** `write` runs one small fenced transaction. */
export function createOutboxTable(
  sqlite: DatabaseSync,
  updateEveryMs: number,
  write: <T>(work: () => T) => T,
): OutboxTable {
  const want = sqlite.prepare(
    `INSERT INTO outbox (alert_id, sink, wanted, sent, opened, due_ms, sent_ms)
     VALUES (:id, :sink, :revision, 0, 0, :now + :hold, 0)
     ON CONFLICT (alert_id, sink) DO UPDATE SET wanted = max(wanted, :revision), due_ms = CASE
       WHEN :final AND wanted > sent THEN min(due_ms, :now + :hold)
       WHEN :final THEN :now + :hold
       WHEN wanted > sent THEN due_ms
       ELSE max(min(max(sent_ms + :every, :now), :now + :every), :now + :hold) END`,
  );
  const hold = sqlite.prepare(
    "UPDATE outbox SET due_ms = max(due_ms, ?2) WHERE wanted > sent AND alert_id IN (SELECT value FROM json_each(?1))",
  );
  const release = sqlite.prepare(
    `UPDATE outbox SET due_ms = min(due_ms, CASE
       WHEN (SELECT final FROM alerts WHERE id = :id) THEN :now ELSE max(sent_ms + :every, :now) END)
     WHERE alert_id = :id AND wanted = :revision AND wanted > sent AND due_ms > :now`,
  );
  const hasten = sqlite.prepare("UPDATE outbox SET due_ms = ? WHERE alert_id = ? AND wanted > sent AND due_ms > ?");
  const waiting = sqlite.prepare("SELECT sink, count(*) AS rows FROM outbox WHERE wanted > sent GROUP BY sink");
  const waitingFor = sqlite.prepare("SELECT sink FROM outbox WHERE alert_id = ? AND wanted > sent");
  let known: ReadonlySet<string> | null = null;
  const reads = prepareReads(sqlite);
  const toItems = createItems(sqlite);
  const writes = prepareWrites(sqlite);
  return {
    want: ({ id, revision, final, holdMs }, sinks, nowMs) => {
      for (const sink of sinks)
        want.run({ id, sink, revision, final: final ? 1 : 0, now: nowMs, hold: holdMs, every: updateEveryMs });
    },
    hasten: (alertId, nowMs) => void hasten.run(nowMs, alertId, nowMs),
    hold: (alertIds, untilMs) => void hold.run(JSON.stringify(alertIds), untilMs),
    release: ({ id, revision }, nowMs) => void release.run({ id, revision, now: nowMs, every: updateEveryMs }),
    adopt: (sinks) => {
      known = new Set(sinks);
      return (rows(waiting) as RemovedSink[]).filter(({ sink }) => !sinks.includes(sink));
    },
    isWanted: (alertId) =>
      (rows(waitingFor, alertId) as { sink: string }[]).some(({ sink }) => known === null || known.has(sink)),
    sink: (name) => ({
      due: (nowMs, max) => toItems(rows(reads.due, name, nowMs, START.dueMs, START.seq, max) as DueRow[]),
      page: (nowMs, max, { dueMs, seq }) => {
        const found = rows(reads.due, name, nowMs, dueMs, seq, max) as DueRow[];
        const last = found.at(-1);
        return { items: toItems(found), end: last === undefined ? null : { dueMs: last.due_ms, seq: last.seq } };
      },
      nextDueMs: (nowMs) => (row(reads.next, name, nowMs) as { next: number } | null)?.next ?? Infinity,
      size: () => {
        const found = row(reads.size, name) as { rows: number; average: number | null };
        return { rows: found.rows, bytes: Math.ceil(found.rows * (found.average ?? 0)) };
      },
      recall: (nowMs) => {
        const latestMs = nowMs + updateEveryMs + HOLD_MAX_MS;
        if (row(reads.next, name, latestMs) === null) return 0;
        return write(() => Number(writes.recall.run(nowMs, name, latestMs).changes));
      },
      drop: (max, keep, nowMs) => write(() => Number(writes.drop.run(nowMs, name, max, keep).changes)),
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

/** Beyond updateEvery no row is due so much later than it was written: additions are waited for far shorter, ms. */
const HOLD_MAX_MS = 60_000;

type DueRow = AlertRow & { opened: number; due_ms: number; seq: number };

/** Before every row. */
const START: OutboxPlace = { dueMs: -Infinity, seq: 0 };

function createItems(sqlite: DatabaseSync): (found: readonly DueRow[]) => OutboxItem[] {
  const pointersOf = createPointerView(sqlite);
  const additionsOf = createAdditionView(sqlite);
  return (found) => {
    const alerts = found.map((one) => ({ alert: toAlert(one), opened: one.opened === 0 }));
    const ids = alerts.map(({ alert }) => alert.id);
    const [pointers, additions] = [pointersOf(ids), additionsOf(ids)];
    return alerts.map((item) => {
      const places = pointers.get(item.alert.id);
      const added = additions.get(item.alert.id);
      return {
        ...item,
        ...(places === undefined ? {} : { pointers: places }),
        ...(added === undefined ? {} : { additions: added }),
      };
    });
  };
}

/** Where the records of alerts were read: one query for all of them. */
export function createPointerView(sqlite: DatabaseSync): Views["pointers"] {
  const list = sqlite.prepare(
    `SELECT alert_id, time_ms, pointer, crc FROM alert_records WHERE alert_id IN (SELECT value FROM json_each(?))
     ORDER BY alert_id, time_ms, key, record_hash`,
  );
  return (ids) => {
    const byAlert = new Map<string, Pointer[]>();
    if (ids.length === 0) return byAlert;
    for (const found of rows(list, JSON.stringify(ids)) as PointerRow[]) {
      const places = byAlert.get(found.alert_id) ?? [];
      places.push(toPointer(found));
      byAlert.set(found.alert_id, places);
    }
    return byAlert;
  };
}

function prepareReads(sqlite: DatabaseSync): Record<"due" | "next" | "size" | "pending", StatementSync> {
  return {
    due: sqlite.prepare(
      `SELECT a.content, a.revision, a.seen_ms, a.crc, o.opened, o.due_ms, o.seq
       FROM outbox o JOIN alerts a ON a.id = o.alert_id
       WHERE o.sink = ?1 AND o.wanted > o.sent AND o.due_ms <= ?2 AND (o.due_ms, o.seq) > (?3, ?4)
       ORDER BY o.due_ms, o.seq LIMIT ?5`,
    ),
    next: sqlite.prepare(
      `SELECT due_ms AS next FROM outbox WHERE sink = ? AND wanted > sent AND due_ms > ? ORDER BY due_ms LIMIT 1`,
    ),
    size: sqlite.prepare(
      `SELECT count(*) AS rows, (SELECT avg(octet_length(a.content)) FROM
         (SELECT alert_id FROM outbox WHERE sink = ?1 AND wanted > sent ORDER BY due_ms DESC, seq DESC LIMIT 256) o
         JOIN alerts a ON a.id = o.alert_id) AS average
       FROM outbox WHERE sink = ?1 AND wanted > sent`,
    ),
    pending: sqlite.prepare(
      "SELECT count(*) AS pending, min(due_ms) AS next FROM outbox WHERE sink = ? AND wanted > sent",
    ),
  };
}

function prepareWrites(sqlite: DatabaseSync): Record<"close" | "bury" | "drop" | "recall", StatementSync> {
  return {
    // A newer revision than the one sent may stand by now: it waits its turn, or goes at once when it is the last.
    close: sqlite.prepare(
      `UPDATE outbox SET sent = max(sent, :revision), opened = max(opened, :opened), sent_ms = :now,
         due_ms = CASE WHEN (SELECT final FROM alerts WHERE id = :id) THEN :now ELSE :now + :every END
       WHERE alert_id = :id AND sink = :sink`,
    ),
    drop: sqlite.prepare(
      `UPDATE outbox SET sent = wanted, sent_ms = ?1 WHERE seq IN (SELECT seq FROM outbox
         WHERE sink = ?2 AND wanted > sent ORDER BY due_ms, seq LIMIT ?3 OFFSET ?4)`,
    ),
    recall: sqlite.prepare("UPDATE outbox SET due_ms = ? WHERE sink = ? AND wanted > sent AND due_ms > ?"),
    bury: sqlite.prepare("INSERT INTO dead_letters (alert_id, sink, revision, code, at_ms) VALUES (?, ?, ?, ?, ?)"),
  };
}

const CHOSEN = "(?1 IS NULL OR sink = ?1) AND (?2 IS NULL OR alert_id = ?2)";

/** The dead letters as people see them. */
export function createDeadLetterView(sqlite: DatabaseSync): Views["deadLetters"] {
  const list = sqlite.prepare(
    `SELECT alert_id, sink, revision, code, at_ms FROM dead_letters WHERE ${CHOSEN} ORDER BY seq DESC LIMIT ?3`,
  );
  return ({ sink, alertId, limit = -1 }) => rows(list, sink, alertId, limit).map(toLetter);
}

/** Redrives inside a transaction of the caller. */
export function createRedrive(sqlite: DatabaseSync): (choice: LetterChoice, nowMs: number) => Redriven {
  const count = sqlite.prepare(
    `SELECT count(*) AS found FROM (SELECT DISTINCT alert_id, sink FROM dead_letters WHERE ${CHOSEN})`,
  );
  const wake = sqlite.prepare(
    `UPDATE outbox SET sent = wanted - 1, due_ms = ?3 WHERE wanted = sent AND EXISTS
       (SELECT 1 FROM dead_letters d WHERE d.alert_id = outbox.alert_id AND d.sink = outbox.sink
          AND d.revision = outbox.sent AND (?1 IS NULL OR d.sink = ?1) AND (?2 IS NULL OR d.alert_id = ?2))`,
  );
  const forget = sqlite.prepare(`DELETE FROM dead_letters WHERE ${CHOSEN}`);
  return ({ sink, alertId }, nowMs) => {
    const found = Number(rows(count, sink, alertId)[0]?.["found"]);
    const redriven = Number(wake.run(sink, alertId, nowMs).changes);
    forget.run(sink, alertId);
    return { redriven, superseded: found - redriven };
  };
}

function toLetter(found: Row): DeadLetter {
  const { alert_id, sink, revision, code, at_ms } = found as Record<string, string> & Record<string, number>;
  return {
    alertId: String(alert_id),
    sink: String(sink),
    revision: Number(revision),
    code: String(code),
    atMs: Number(at_ms),
  };
}
