/**
 * One SQLite connection, its transactions, and the table from SQLite's errors to ours.
 *
 * node:sqlite is synchronous: a commit of a few hundred rows takes milliseconds and no other code runs meanwhile, which is
 * what makes "apply, commit, settle" easy to reason about. A transaction that fails is rolled back before the error leaves
 * this file, and the connection stays usable for reading.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { ERROR_CODES, type ErrorCode, SagewatchError, toMessage } from "../model/errors.ts";

/** A row as node:sqlite gives it; blobs are Uint8Array. */
export type Row = Readonly<Record<string, string | number | null | Uint8Array>>;

/** Waiting time for a lock held by a reader's recovery or a checkpoint, ms. Another writer cannot exist (lock.ts). */
const BUSY_MS = 5_000;
/** Page cache of a connection, KiB. Enough that the inner pages of all indexes stay in memory. */
const CACHE_KIB = 8 * 1024;

/**
 * Page size of a new file. Twice SQLite's own: of a commit's writes most are its pack, tens of KB in one piece. Half as
 * much takes the same time, and twice as much makes small commits dearer.
 */
const PAGE_BYTES = 8192;

/**
 * Opens a connection. `file` "" is a private temporary database, in memory until the page cache is full. `still`: to read a
 * file that nobody can change, without the files that readers and a writer share.
 */
export function connect(file: string, mode: "read" | "still" | "write"): DatabaseSync {
  const place = mode === "still" ? new URL(`${pathToFileURL(file).href}?immutable=1`) : file;
  const sqlite = new DatabaseSync(place, { readOnly: mode !== "write", timeout: BUSY_MS, defensive: true });
  try {
    sqlite.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON`);
    if (mode === "write") sqlite.exec(`PRAGMA synchronous = FULL; PRAGMA page_size = ${PAGE_BYTES}`);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Chooses how the file is journalled; written into the file, so only once it is known to be ours. */
export function setJournal(sqlite: DatabaseSync, mode: "WAL" | "MEMORY"): void {
  sqlite.exec(`PRAGMA journal_mode = ${mode}`);
}

/** Runs `work` in one transaction: all of it, or nothing. Throws SagewatchError as toStoreError says. */
export function transact<T>(sqlite: DatabaseSync, work: () => T): T {
  try {
    sqlite.exec("BEGIN IMMEDIATE");
    const result = work();
    sqlite.exec("COMMIT");
    return result;
  } catch (error) {
    rollBack(sqlite);
    throw toStoreError(error, "write to the state file");
  }
}

/** Rows of a statement. Throws SagewatchError as toStoreError says. */
export function rows(statement: StatementSync, ...values: readonly (string | number | null)[]): Row[] {
  try {
    return statement.all(...values) as Row[];
  } catch (error) {
    throw toStoreError(error, "read the state file");
  }
}

/** The first row of a statement, or null. Throws SagewatchError as toStoreError says. */
export function row(statement: StatementSync, ...values: readonly (string | number | null)[]): Row | null {
  try {
    return (statement.get(...values) as Row | undefined) ?? null;
  } catch (error) {
    throw toStoreError(error, "read the state file");
  }
}

/** The single value of a one-column query such as a PRAGMA. */
export function scalar(sqlite: DatabaseSync, sql: string): string | number | null {
  const found = sqlite.prepare(sql).get();
  return found === undefined ? null : (Object.values(found)[0] as string | number | null);
}

/**
 * Any thrown value as a SagewatchError: store_full, store_corrupt, store_failed, or internal for a broken constraint and
 * for what is no SQLite error at all. `doing` completes "Cannot …".
 */
export function toStoreError(error: unknown, doing: string): SagewatchError {
  if (error instanceof SagewatchError) return error;
  const code = classify(error);
  return new SagewatchError(code, `Cannot ${doing}: ${toMessage(error)}. ${REMEDY[code]}`, { cause: error });
}

const REMEDY: Readonly<Record<StoreCode, string>> = {
  store_full: "The disk is full; free space and start again.",
  store_corrupt: ERROR_CODES.store_corrupt.remedy,
  store_failed: ERROR_CODES.store_failed.remedy,
  internal: ERROR_CODES.internal.remedy,
};
type StoreCode = Extract<ErrorCode, "store_full" | "store_corrupt" | "store_failed" | "internal">;

/** SQLite result codes, https://www.sqlite.org/rescode.html: 13 FULL, 778 IOERR_WRITE (EFBIG, EDQUOT), 4874 IOERR_SHMSIZE. */
const FULL_CODES: ReadonlySet<number> = new Set([13, 778, 4874]);
const FULL_ERRNOS: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
/** Our statements are fixed texts: a plain SQL error (1, "no such table") means that the tables are not as we made them. */
const [SQL_ERROR, CORRUPT, CONSTRAINT, MISMATCH, NOT_A_DATABASE] = [1, 11, 19, 20, 26] as const;

function classify(error: unknown): StoreCode {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode !== "number") {
    if (FULL_ERRNOS.has(code)) return "store_full";
    return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? "store_failed" : "internal";
  }
  if (FULL_CODES.has(errcode)) return "store_full";
  const primary = errcode & 0xff;
  if (primary === SQL_ERROR || primary === CORRUPT || primary === NOT_A_DATABASE) return "store_corrupt";
  return primary === CONSTRAINT || primary === MISMATCH ? "internal" : "store_failed";
}

function rollBack(sqlite: DatabaseSync): void {
  if (!sqlite.isOpen || !sqlite.isTransaction) return;
  try {
    sqlite.exec("ROLLBACK");
  } catch {
    // SQLite rolled back by itself; the first error is the one that tells what happened.
  }
}
