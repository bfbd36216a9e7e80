/**
 * By which sources the evidence of each alert came: one row an alert, event and source; the first row of each counts.
 *
 * Nothing here touches an alert's content or revision. Rows go with the alert.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Path, Sighting } from "../../model/watch/sighting.ts";
import { packText, unpackText } from "../codec.ts";
import { rows } from "../database.ts";

/** In schema.ts, and the step to version 7. Events are found among the evidence by their key. */
export const SIGHTING_TABLES_SQL = `
CREATE TABLE alert_paths (
  alert_id TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL, delay_ms REAL,
  PRIMARY KEY (alert_id, key, source)) STRICT, WITHOUT ROWID;
CREATE INDEX alert_records_by_key ON alert_records (key);
`;

/** Events of the newest alerts that a restart remembers. */
const REMEMBERED_MAX = 20_000;

/** Writes inside the caller's transaction, behind the alerts. */
export type SightingTable = {
  write(sightings: readonly Sighting[]): void;
  /** What is known of the evidence of the newest alerts. */
  load(): readonly Sighting[];
};

/** Prepares the statements once. */
export function createSightingTable(sqlite: DatabaseSync): SightingTable {
  const put = sqlite.prepare(
    `INSERT INTO alert_paths (alert_id, key, source, delay_ms) SELECT DISTINCT alert_id, key, ?2, ?3 FROM alert_records WHERE key = ?1
     ON CONFLICT DO NOTHING`,
  );
  const newest = sqlite.prepare(
    `SELECT p.key, p.source, p.delay_ms FROM (SELECT id FROM alerts ORDER BY updated_ms DESC LIMIT ?1) l
     JOIN alert_paths p ON p.alert_id = l.id LIMIT ?1`,
  );
  return {
    write: (sightings) => {
      for (const { key, source, delayMs } of sightings) put.run(packText(key), source, delayMs);
    },
    load: () =>
      (rows(newest, REMEMBERED_MAX) as SightingRow[]).map(({ key, source, delay_ms }) => ({
        key: unpackText(key),
        source,
        delayMs: delay_ms,
      })),
  };
}

type SightingRow = { key: string; source: string; delay_ms: number | null };

/** The ways of an alert's evidence, the fastest first. */
export function createPathView(sqlite: DatabaseSync): (alertId: string) => readonly Path[] {
  const list = sqlite.prepare(
    `SELECT p.source, count(DISTINCT p.key) AS events, min(p.delay_ms) AS least, max(p.delay_ms) AS most
     FROM alert_paths p WHERE p.alert_id = ?1 AND p.key IN (SELECT key FROM alert_records WHERE alert_id = ?1)
     GROUP BY p.source ORDER BY least IS NULL, least, p.source`,
  );
  return (alertId) =>
    (rows(list, alertId) as { source: string; events: number; least: number | null; most: number | null }[]).map(
      ({ source, events, least, most }) => ({ source, events, minDelayMs: least, maxDelayMs: most }),
    );
}
