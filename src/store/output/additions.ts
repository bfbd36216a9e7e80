/**
 * The additions of alerts: one row an alert, that of the last revision which was enriched.
 *
 * A row never touches the alert's content, its hash or its number. Outbox rows of an alert that will be enriched are due
 * a little later than they would be; storing the additions makes them due. So no alert waits for additions that never
 * come, and none of this needs to be remembered over a crash.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Views } from "../../contracts.ts";
import type { Additions, AdditionStore } from "../../model/addition.ts";
import { type AlertRow, checkCrc, toAlert, toCrc } from "../codec.ts";
import { rows } from "../database.ts";

type AdditionRow = { alert_id: string; revision: number; body: string; crc: number };

/** The store's side of enrichment. `write` runs one small fenced transaction. */
export function createAdditionTable(
  sqlite: DatabaseSync,
  outbox: {
    hold(alertIds: readonly string[], untilMs: number): void;
    release(alert: { readonly id: string; readonly revision: number }, nowMs: number): void;
  },
  write: <T>(work: () => T) => T,
): AdditionStore {
  const columns = "a.content, a.revision, a.seen_ms, a.crc";
  const lacks = `substr(a.rule_id, 1, 10) <> 'sagewatch.'
    AND NOT EXISTS (SELECT 1 FROM additions n WHERE n.alert_id = a.id AND n.revision >= a.revision)`;
  const byIds = sqlite.prepare(
    `SELECT ${columns} FROM alerts a WHERE a.id IN (SELECT value FROM json_each(?)) AND ${lacks}`,
  );
  const newest = sqlite.prepare(
    `SELECT ${columns} FROM (SELECT id FROM alerts ORDER BY updated_ms DESC LIMIT ?) l JOIN alerts a ON a.id = l.id
     WHERE ${lacks} AND EXISTS (SELECT 1 FROM outbox o WHERE o.alert_id = a.id AND o.wanted > o.sent)`,
  );
  const put = sqlite.prepare(
    `INSERT INTO additions (alert_id, revision, body, crc) SELECT id, ?2, ?3, ?4 FROM alerts WHERE id = ?1
     ON CONFLICT (alert_id) DO UPDATE SET revision = excluded.revision, body = excluded.body, crc = excluded.crc
       WHERE excluded.revision >= revision`,
  );
  return {
    lacking: (choice) =>
      (("ids" in choice ? rows(byIds, JSON.stringify(choice.ids)) : rows(newest, choice.newest)) as AlertRow[]).map(
        toAlert,
      ),
    hold: (alertIds, untilMs) => write(() => outbox.hold(alertIds, untilMs)),
    add: (found, nowMs) =>
      write(() => {
        for (const { alertId, additions } of found) {
          const { revision, enrichment, errors } = additions;
          const body = JSON.stringify({ enrichment, errors });
          put.run(alertId, revision, body, toCrc(alertId, revision, body));
          outbox.release({ id: alertId, revision }, nowMs);
        }
      }),
  };
}

/** Additions by alert id: one query for all of them; no entry where none are kept. */
export function createAdditionView(sqlite: DatabaseSync): Views["additions"] {
  const list = sqlite.prepare(
    "SELECT alert_id, revision, body, crc FROM additions WHERE alert_id IN (SELECT value FROM json_each(?))",
  );
  return (ids) => {
    if (ids.length === 0) return new Map();
    const found = rows(list, JSON.stringify(ids)) as AdditionRow[];
    return new Map(found.map((row) => [row.alert_id, toAdditions(row)]));
  };
}

function toAdditions({ alert_id: alertId, revision, body, crc }: AdditionRow): Additions {
  checkCrc("additions", crc, alertId, revision, body);
  return { revision, ...(JSON.parse(body) as Omit<Additions, "revision">) };
}
