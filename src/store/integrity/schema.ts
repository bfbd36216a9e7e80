/**
 * The tables of CloudTrail's digest files (write.ts): digest files of 35 days, log files of which something is open, and the
 * counts of each hour. In the schema of new files and in the step that brings older ones here.
 */

export const INTEGRITY_TABLES_SQL: string = `
CREATE TABLE digests (
  uri TEXT PRIMARY KEY, source TEXT NOT NULL, account_id TEXT NOT NULL, region TEXT NOT NULL, chain TEXT NOT NULL,
  backfill INTEGER NOT NULL, state TEXT NOT NULL, start_ms REAL NOT NULL, end_ms REAL NOT NULL, hash TEXT NOT NULL,
  signature TEXT NOT NULL, previous TEXT, previous_hash TEXT, previous_signature TEXT, linked INTEGER, fault TEXT,
  read_ms REAL NOT NULL, files INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX digests_open ON digests (source, end_ms) WHERE state IN ('noticed', 'listed');
CREATE INDEX digests_by_chain ON digests (source, chain, end_ms);
CREATE INDEX digests_by_end ON digests (end_ms);
CREATE TABLE log_files (
  uri TEXT PRIMARY KEY, source TEXT NOT NULL, account_id TEXT NOT NULL, region TEXT NOT NULL, hour_ms REAL NOT NULL,
  state TEXT NOT NULL, read_hash TEXT, changed INTEGER NOT NULL, lost TEXT, listed_hash TEXT, digest TEXT,
  at_ms REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX log_files_by_digest ON log_files (digest) WHERE digest IS NOT NULL;
CREATE INDEX log_files_seen ON log_files (source, hour_ms) WHERE state = 'seen';
CREATE TABLE log_hours (
  account_id TEXT NOT NULL, region TEXT NOT NULL, hour_ms REAL NOT NULL, seen INTEGER NOT NULL, proven INTEGER NOT NULL,
  altered INTEGER NOT NULL, missing INTEGER NOT NULL, unread INTEGER NOT NULL, unlisted INTEGER NOT NULL,
  late INTEGER NOT NULL, PRIMARY KEY (account_id, region, hour_ms)) STRICT, WITHOUT ROWID;
CREATE INDEX log_hours_by_hour ON log_hours (hour_ms);`;
