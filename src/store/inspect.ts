/**
 * Is this file ours, whole, and of a version that we can read? Asked before anything is taken from it.
 *
 * A file that is not a database, is damaged, or whose header fails its checksum is refused with store_corrupt and kept,
 * once copied beside itself; the store never starts empty in its place. A newer file is refused untouched. An older one is
 * copied to store.db.vN.bak, then brought forward step by step, each step in a transaction.
 */
import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { canonicalJson, sha256Hex } from "../lib/canonical.ts";
import { ERROR_CODES, SagewatchError, toMessage } from "../model/errors.ts";
import { rows, scalar, toStoreError, transact } from "./database.ts";
import { renameDurably, touchPrivate } from "./folder.ts";
import { APPLICATION_ID, type Migration, MIGRATIONS, SCHEMA_SQL, SCHEMA_VERSION, SMALL_TABLES } from "./schema.ts";

/** Facts of the header that its checksum covers, beside the epoch. */
export type Header = { readonly engine: string; readonly canonicalForm: string; readonly createdMs: number };

/** Writes tables and header into an empty database. */
export function createTables(sqlite: DatabaseSync, header: Header): void {
  sqlite.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  transact(sqlite, () => {
    sqlite.exec(SCHEMA_SQL);
    sqlite.exec(`INSERT INTO fence VALUES (1, 0, 0); PRAGMA user_version = ${SCHEMA_VERSION}`);
    setMeta(sqlite, "created_ms", String(header.createdMs));
    setMeta(sqlite, "canonical_form", header.canonicalForm);
    setMeta(sqlite, "engine", header.engine);
    seal(sqlite);
  });
}

/** Takes the file over: the next epoch, written with the engine that holds it. A writer of an older epoch is fenced. */
export function raiseEpoch(sqlite: DatabaseSync, header: Pick<Header, "engine" | "canonicalForm">): number {
  return transact(sqlite, () => {
    sqlite.exec("UPDATE fence SET epoch = epoch + 1");
    setMeta(sqlite, "engine", header.engine);
    setMeta(sqlite, "canonical_form", header.canonicalForm);
    seal(sqlite);
    return scalar(sqlite, "SELECT epoch FROM fence") as number;
  });
}

/** Throws store_corrupt or store_newer unless the header is ours and whole. */
export function checkHeader(sqlite: DatabaseSync, file: string): void {
  if (scalar(sqlite, "PRAGMA application_id") !== APPLICATION_ID)
    throw corrupt(file, "it is not a Sagewatch state file");
  const version = scalar(sqlite, "PRAGMA user_version") as number;
  if (version > SCHEMA_VERSION) {
    throw new SagewatchError(
      "store_newer",
      `The state file ${file} has schema ${version}; this Sagewatch knows schema ${SCHEMA_VERSION} (the copy, if there is one, is store.db.v${SCHEMA_VERSION}.bak). ${ERROR_CODES.store_newer.remedy}`,
    );
  }
  const { checksum, ...meta } = readMeta(sqlite);
  if (checksum !== toChecksum(sqlite, meta)) throw corrupt(file, "its header fails the checksum");
}

/** Throws store_corrupt unless SQLite finds pages, rows and indexes whole: all of it up to `checkBytes`, else its small tables. */
export function checkStructure(sqlite: DatabaseSync, file: string, checkBytes: number): void {
  const bytes = (scalar(sqlite, "PRAGMA page_count") as number) * (scalar(sqlite, "PRAGMA page_size") as number);
  const checks =
    bytes <= checkBytes
      ? ["PRAGMA integrity_check(1)"]
      : SMALL_TABLES.map((table) => `PRAGMA integrity_check('${table}')`);
  for (const check of checks) {
    const answer = scalar(sqlite, check);
    if (answer !== "ok") throw corrupt(file, String(answer));
  }
}

/** Brings an older file forward, with a copy of it kept. Throws store_full, store_failed; the file then stays as it was. */
export function migrate(sqlite: DatabaseSync, file: string, steps: readonly Migration[] = MIGRATIONS): void {
  const from = scalar(sqlite, "PRAGMA user_version") as number;
  const due = steps.filter((step) => step.to > from);
  if (due.length === 0) return;
  backUp(sqlite, `${file}.v${from}.bak`);
  for (const { to, sql, move } of due) {
    transact(sqlite, () => {
      sqlite.exec(sql);
      move?.(sqlite);
      sqlite.exec(`PRAGMA user_version = ${to}`);
      seal(sqlite);
    });
  }
}

/** Copies a file that was found damaged, with its log, once: a restart loop must not fill the disk. Says what it did. */
export function keepCopy(file: string): string {
  const copy = `${file}.corrupt`;
  try {
    if (fs.existsSync(copy)) return `The file is left as it is, an earlier copy is ${copy}.`;
    for (const end of ["", "-wal"]) {
      const bytes = fs.statSync(file + end, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > 0 || end === "") fs.copyFileSync(file + end, copy + end);
    }
    return `The file is left as it is, a copy is ${copy}.`;
  } catch (error) {
    return `The file is left as it is (no copy: ${toMessage(error)}).`;
  }
}

/** The copy is made under another name first: a half-made one must never look like a backup. */
function backUp(sqlite: DatabaseSync, to: string): void {
  const making = `${to}.new`;
  try {
    fs.rmSync(making, { force: true });
    touchPrivate(making);
    sqlite.prepare("VACUUM INTO ?").run(making);
    renameDurably(making, to);
  } catch (error) {
    throw toStoreError(error, `copy the state file to ${to} before the upgrade`);
  }
}

function corrupt(file: string, what: string): SagewatchError {
  return new SagewatchError(
    "store_corrupt",
    `The state file ${file} cannot be used: ${what}. ${ERROR_CODES.store_corrupt.remedy}`,
  );
}

function setMeta(sqlite: DatabaseSync, key: string, value: string): void {
  sqlite.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(key, value);
}

function readMeta(sqlite: DatabaseSync): Record<string, string> {
  const found = rows(sqlite.prepare("SELECT key, value FROM meta")) as { key: string; value: string }[];
  return Object.fromEntries(found.map(({ key, value }) => [key, value]));
}

function seal(sqlite: DatabaseSync): void {
  const { checksum: _old, ...meta } = readMeta(sqlite);
  setMeta(sqlite, "checksum", toChecksum(sqlite, meta));
}

function toChecksum(sqlite: DatabaseSync, meta: Readonly<Record<string, string>>): string {
  return sha256Hex(
    canonicalJson({
      ...meta,
      epoch: scalar(sqlite, "SELECT epoch FROM fence"),
      schema: scalar(sqlite, "PRAGMA user_version"),
    }),
  );
}
