/**
 * The read side: what commands and the console may ask, from the daemon's own connection or from another process.
 *
 * `openViews` opens the file read-only beside a running daemon (WAL lets readers go on); it takes no lock and changes
 * nothing. A reader sees the last commit, never half of one.
 */
import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { AlertFilter, Views } from "../contracts.ts";
import { SagewatchError } from "../model/errors.ts";
import { createAdditionView } from "./output/additions.ts";
import { createPathView } from "./output/sightings.ts";
import { type AlertRow, type PointerRow, toAlert, toPointer, unpackRecord } from "./codec.ts";
import { connect, row, rows, toStoreError } from "./database.ts";
import { toPaths } from "./folder.ts";
import { createDeadLetterView, createPointerView } from "./output/outbox.ts";
import { checkHeader } from "./inspect.ts";
import { createHoursView } from "./integrity/read.ts";
import { createCountsView } from "./progress.ts";
import { createQuarantineViews } from "./rejects.ts";

/** Shortest prefix of an alert id that `alert` takes. */
export const PREFIX_MIN = 4;

/** Views on an open connection. */
export function createViews(sqlite: DatabaseSync): Views {
  return {
    alerts: createAlertList(sqlite),
    recent: createRecentList(sqlite),
    alert: createAlertView(sqlite),
    pointers: createPointerView(sqlite),
    additions: createAdditionView(sqlite),
    counts: createCountsView(sqlite),
    deadLetters: createDeadLetterView(sqlite),
    logHours: createHoursView(sqlite),
    ...createQuarantineViews(sqlite),
  };
}

/**
 * Opens the views of a state folder, with or without a daemon on it. Throws not_found when it has no state file,
 * store_newer, store_corrupt, store_failed.
 */
export function openViews(dir: string): Views & { close(): void } {
  const file = toPaths(dir).store;
  checkThere(dir, file);
  let sqlite: DatabaseSync | null = null;
  try {
    sqlite = connect(file, isStill(dir, file) ? "still" : "read");
    checkHeader(sqlite, file);
    return { ...createViews(sqlite), close: () => sqlite?.close() };
  } catch (error) {
    sqlite?.close();
    throw toStoreError(error, `read the state file ${file}`);
  }
}

/**
 * True on a read-only disk, where SQLite cannot make the files that readers share with a writer: the file is then read as
 * one that nobody writes. Throws store_failed where that would hide something: a log beside it holds the last commits.
 */
function isStill(dir: string, file: string): boolean {
  try {
    fs.accessSync(dir, fs.constants.W_OK);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EROFS") return false;
  }
  const log = fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (log === 0) return true;
  // A writer's own files serve readers on another, read-only mount of its disk.
  if (fs.existsSync(`${file}-shm`)) return false;
  throw new SagewatchError(
    "store_failed",
    `The state folder ${dir} is on a read-only disk, and the last commits are still in the log ${file}-wal, which cannot be taken in there. Copy the folder to a disk that can be written and name the copy with --state.`,
  );
}

/** A folder that may not be entered looks empty: that is told apart from one without a state. */
function checkThere(dir: string, file: string): void {
  try {
    fs.statSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw toStoreError(error, `read the state file ${file}`);
    const what = code === "ENOENT" ? `There is no state file in ${dir}` : `${dir} is no folder`;
    throw new SagewatchError(
      "not_found",
      `${what}. Name the folder of a daemon that ran, as state.dir or on the command line.`,
      { cause: error },
    );
  }
}

/**
 * Parameter 5 against a principal: whole; its end after a "/" or ":", as titles have it; or type and last part (9 and
 * 10) without the path between, as tables have it.
 */
const IS_PRINCIPAL = `(principal = ?5 OR substr(principal, -length(?5) - 1) IN ('/' || ?5, ':' || ?5)
  OR (?9 IS NOT NULL AND instr(principal, ':' || ?9 || '/') > 0 AND substr(principal, -length(?10) - 1) = '/' || ?10))`;

/** `fromMs` is included, `toMs` is not; both are compared with lastEventTime. Equal times are ordered by id. */
function createAlertList(sqlite: DatabaseSync): Views["alerts"] {
  const prepare = (order: "ASC" | "DESC") =>
    sqlite.prepare(
      `SELECT content, revision, seen_ms, crc FROM alerts WHERE last_ms >= ?1 AND last_ms < ?2 AND (?3 IS NULL OR rule_id = ?3)
       AND (?4 IS NULL OR severity = ?4) AND (?5 IS NULL OR ${IS_PRINCIPAL}) AND (?6 IS NULL OR account_id = ?6)
       AND (?8 IS NULL OR (id >= ?8 AND id < ?8 || char(0x10ffff)))
     ORDER BY last_ms ${order}, id LIMIT ?7`,
    );
  const [newest, oldest] = [prepare("DESC"), prepare("ASC")];
  return (filter: AlertFilter) => {
    const {
      fromMs = -Infinity,
      toMs = Infinity,
      ruleId = null,
      severity = null,
      principal = null,
      accountId = null,
      limit = -1,
      idPrefix = null,
    } = filter;
    const [type = null, name = null] = principal?.match(/^([^/:]+)\/([^/]+)$/)?.slice(1) ?? [];
    const texts = [ruleId, severity, principal, accountId] as const;
    return (
      rows(filter.oldest === true ? oldest : newest, fromMs, toMs, ...texts, limit, idPrefix, type, name) as AlertRow[]
    ).map(toAlert);
  };
}

function createRecentList(sqlite: DatabaseSync): Views["recent"] {
  const prepare = (column: "principal" | "account_id") =>
    sqlite.prepare(
      `SELECT content, revision, seen_ms, crc FROM alerts WHERE ${column} = ? AND last_ms >= ? AND last_ms < ?
       ORDER BY last_ms DESC, id LIMIT ?`,
    );
  const [ofPrincipal, ofAccount] = [prepare("principal"), prepare("account_id")];
  return ({ principal, accountId, fromMs, toMs, limit }) => {
    const [list, key] = principal === "" ? [ofAccount, accountId] : [ofPrincipal, principal];
    return (rows(list, key, fromMs, toMs, limit) as AlertRow[]).map(toAlert);
  };
}

function createAlertView(sqlite: DatabaseSync): Views["alert"] {
  const exact = sqlite.prepare("SELECT id, content, revision, seen_ms, crc FROM alerts WHERE id = ?");
  const prefixed = sqlite.prepare(
    "SELECT id, content, revision, seen_ms, crc FROM alerts WHERE id >= ?1 AND id < ?1 || char(0x10ffff) LIMIT 2",
  );
  const records = sqlite.prepare(
    "SELECT alert_id, time_ms, pointer, crc, record FROM alert_records WHERE alert_id = ? ORDER BY time_ms, key, record_hash",
  );
  const find = (id: string): (AlertRow & { id: string }) | null => {
    const whole = row(exact, id);
    if (whole !== null) return whole as AlertRow & { id: string };
    if (id.length < PREFIX_MIN) return null;
    const found = rows(prefixed, id) as (AlertRow & { id: string })[];
    return found.length === 1 ? (found[0] ?? null) : null;
  };
  const paths = createPathView(sqlite);
  return (id) => {
    const found = find(id);
    if (found === null) return null;
    return {
      alert: toAlert(found),
      paths: paths(found.id),
      records: (rows(records, found.id) as RecordRow[]).map((r) => ({
        pointer: toPointer(r),
        record: unpackRecord(r.record),
      })),
    };
  };
}

type RecordRow = PointerRow & { record: Uint8Array | null };
