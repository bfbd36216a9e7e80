/**
 * The tables of store.db and the steps between their versions.
 *
 * A version is never edited once released: a change is a new step in MIGRATIONS and a higher SCHEMA_VERSION, and a state
 * file of each released version stays in test/fixtures/store. All tables are STRICT. Times and numbers that come from
 * records are REAL, since SQLite would store a large one as an integer that JavaScript cannot read back; keys that come
 * from records stand as JSON text, since a key may hold what UTF-8 cannot (a lone surrogate).
 */

import type { DatabaseSync } from "node:sqlite";
import { INTEGRITY_TABLES_SQL } from "./integrity/schema.ts";
import { SIGHTING_TABLES_SQL } from "./output/sightings.ts";
import { moveIntoPacks } from "./windows/older.ts";
import { WINDOW_TABLES_SQL } from "./windows/schema.ts";

/** Version of the tables below, kept as `PRAGMA user_version`. */
export const SCHEMA_VERSION = 7;
/** `PRAGMA application_id` of a Sagewatch state file: "SGWT" in ASCII. */
export const APPLICATION_ID = 0x53475754;
/** Version of the canonical form of rules (sigma/canonical) that the state keys in the file were made with. */
export const CANONICAL_FORM = "v1";

/** Steps from version n − 1 to n. Forward only. */
export type Migration = {
  readonly to: number;
  readonly sql: string;
  /** What plain SQL cannot do, behind `sql` and in the same transaction. */
  readonly move?: (sqlite: DatabaseSync) => void;
};
export const MIGRATIONS: readonly Migration[] = [
  {
    // The rows of one group are found, so that it can be evicted; the rules whose rows nobody needs are kept in mind.
    to: 2,
    sql: `
DROP INDEX members_by_slice;
CREATE INDEX members_by_slice ON members (state_key, slice, group_key);
CREATE TABLE unused_rules (state_key TEXT PRIMARY KEY, since_ms REAL NOT NULL) STRICT, WITHOUT ROWID;`,
  },
  {
    // When a position was written, so that those of files that are gone need not stay for ever. Older ones count from now.
    to: 3,
    sql: `
ALTER TABLE positions RENAME TO positions_2;
CREATE TABLE positions (
  source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL, at_ms REAL NOT NULL,
  PRIMARY KEY (source, key)) STRICT, WITHOUT ROWID;
INSERT INTO positions SELECT source, key, value, crc, unixepoch('subsec') * 1000 FROM positions_2;
DROP TABLE positions_2;`,
  },
  {
    // What enrichers found stands beside the alert; alerts of one principal or account are found by time.
    to: 4,
    sql: `
CREATE TABLE additions (
  alert_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_by_principal ON alerts (principal, last_ms DESC, id);
CREATE INDEX alerts_by_account ON alerts (account_id, last_ms DESC, id);`,
  },
  {
    // An event's facts and record stand once a commit, whatever the number of its correlations and groups.
    to: 5,
    sql: WINDOW_TABLES_SQL,
    move: moveIntoPacks,
  },
  {
    // What CloudTrail's digest files prove, and the log files of which something is open.
    to: 6,
    sql: INTEGRITY_TABLES_SQL,
  },
  {
    // By which sources the evidence of alerts came.
    to: 7,
    sql: SIGHTING_TABLES_SQL,
  },
];

/** Tables whose integrity is always checked at open, because everything else hangs on them. */
export const SMALL_TABLES: readonly string[] = ["meta", "fence", "positions", "watermarks", "counts", "skips", "usage"];

/** What makes an empty file a state file. */
export const SCHEMA_SQL: string = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fence (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, commits INTEGER NOT NULL) STRICT;

CREATE TABLE unused_rules (state_key TEXT PRIMARY KEY, since_ms REAL NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE positions (
  source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL, at_ms REAL NOT NULL,
  PRIMARY KEY (source, key)) STRICT, WITHOUT ROWID;
CREATE TABLE watermarks (
  source TEXT NOT NULL, logsource TEXT NOT NULL, watermark_ms REAL NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (source, logsource)) STRICT, WITHOUT ROWID;

CREATE TABLE counts (
  source TEXT PRIMARY KEY, read INTEGER NOT NULL, evaluated INTEGER NOT NULL, quarantined INTEGER NOT NULL,
  skipped INTEGER NOT NULL, late INTEGER NOT NULL, repeated INTEGER NOT NULL,
  CHECK (read = evaluated + quarantined + skipped)) STRICT, WITHOUT ROWID;
CREATE TABLE skips (
  source TEXT NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY (source, reason)) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, content TEXT NOT NULL,
  crc INTEGER NOT NULL, content_hash TEXT NOT NULL, order_version REAL, order_time_ms REAL, order_hash TEXT,
  rule_id TEXT NOT NULL, severity TEXT NOT NULL, account_id TEXT NOT NULL, principal TEXT NOT NULL,
  first_ms REAL NOT NULL, last_ms REAL NOT NULL, seen_ms REAL NOT NULL, updated_ms REAL NOT NULL,
  final INTEGER NOT NULL) STRICT;
CREATE INDEX alerts_by_last ON alerts (last_ms DESC, id);
CREATE INDEX alerts_by_update ON alerts (updated_ms);
CREATE INDEX alerts_by_principal ON alerts (principal, last_ms DESC, id);
CREATE INDEX alerts_by_account ON alerts (account_id, last_ms DESC, id);
CREATE TABLE additions (
  alert_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE alert_records (
  alert_id TEXT NOT NULL, key TEXT NOT NULL, record_hash TEXT NOT NULL, time_ms REAL NOT NULL, pointer TEXT NOT NULL,
  crc INTEGER NOT NULL, record BLOB) STRICT;
CREATE UNIQUE INDEX alert_records_by_alert ON alert_records (alert_id, key, record_hash);

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, alert_id TEXT NOT NULL, sink TEXT NOT NULL, wanted INTEGER NOT NULL, sent INTEGER NOT NULL,
  opened INTEGER NOT NULL, due_ms REAL NOT NULL, sent_ms REAL NOT NULL, UNIQUE (alert_id, sink)) STRICT;
CREATE INDEX outbox_pending ON outbox (sink, due_ms, seq) WHERE wanted > sent;
CREATE TABLE dead_letters (
  seq INTEGER PRIMARY KEY, alert_id TEXT NOT NULL, sink TEXT NOT NULL, revision INTEGER NOT NULL, code TEXT NOT NULL,
  at_ms REAL NOT NULL) STRICT;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, path TEXT NOT NULL, idx INTEGER NOT NULL,
  kind TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  tries INTEGER NOT NULL, at_ms REAL NOT NULL, cost INTEGER NOT NULL, crc INTEGER NOT NULL, record BLOB) STRICT;
CREATE UNIQUE INDEX quarantine_once ON quarantine (source, path, idx, reason, sha256, size_bytes);
CREATE INDEX quarantine_by_reason ON quarantine (reason);
CREATE TABLE late (
  id INTEGER PRIMARY KEY AUTOINCREMENT, rule_id TEXT NOT NULL, step INTEGER NOT NULL, key TEXT NOT NULL,
  record_hash TEXT NOT NULL, at_ms REAL NOT NULL, cost INTEGER NOT NULL, body TEXT NOT NULL, record BLOB) STRICT;
CREATE UNIQUE INDEX late_once ON late (rule_id, step, key, record_hash);
CREATE TABLE usage (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO usage VALUES ('quarantine', 0, 0), ('late', 0, 0);
${WINDOW_TABLES_SQL}${INTEGRITY_TABLES_SQL}${SIGHTING_TABLES_SQL}`;
