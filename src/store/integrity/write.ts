/**
 * Writes what sources tell of CloudTrail's digest files and log files, inside the caller's transaction.
 *
 * Of a log file a row stands while something is open; what becomes of it is counted in its hour, and a row that is proven
 * goes. A file that was taken for proven and comes again begins anew. Nothing is decided here: judgements are handed in.
 */
import type { DatabaseSync } from "node:sqlite";
import type {
  FileRow,
  IntegrityNote,
  JudgedDigest,
  NoticedDigest,
  ReadDigest,
  SeenFile,
  UnlistedFiles,
} from "../../model/integrity/notes.ts";
import type { ListedFile } from "../../model/integrity/digest.ts";
import { HOUR_MS, fromUri, toLogPlace } from "../../model/integrity/place.ts";
import { row } from "../database.ts";

export type IntegrityTables = {
  write(notes: readonly IntegrityNote[], nowMs: number): void;
  /** Removes what is older than `keepMs`, at most `max` rows of each table. */
  purge(nowMs: number, keepMs: number, max: number): void;
};

/** Log files that no digest file lists, where there are none, are of no use for longer, ms. */
const SEEN_MS = 72 * HOUR_MS;

type State = FileRow["state"] | "proven";
type Counted = "seen" | "late" | "proven" | "altered" | "missing" | "unread" | "unlisted";
type HourKey = { readonly account_id: string; readonly region: string; readonly hour_ms: number };
type Held = HourKey & {
  readonly state: FileRow["state"];
  readonly read_hash: string | null;
  readonly listed_hash: string | null;
  readonly digest: string | null;
};

/** Prepares the statements once. */
export function createIntegrityTables(sqlite: DatabaseSync): IntegrityTables {
  const files = createFileWriter(sqlite);
  const digests = createDigestWriter(sqlite);
  const write = (note: IntegrityNote, nowMs: number): void => {
    switch (note.is) {
      case "file":
        return files.seen(note, nowMs);
      case "digest":
        return digests.noticed(note);
      case "read":
        digests.read(note);
        return files.listed(note, nowMs);
      case "judged":
        digests.judged(note);
        return files.judged(note);
      case "unlisted":
        return files.unlisted(note);
      case "finding":
        return undefined;
    }
  };
  return {
    write: (notes, nowMs) => notes.forEach((note) => write(note, nowMs)),
    purge: createPurge(sqlite),
  };
}

type FileWriter = {
  seen(note: SeenFile, nowMs: number): void;
  listed(note: ReadDigest, nowMs: number): void;
  judged(note: JudgedDigest): void;
  unlisted(note: UnlistedFiles): void;
};

function createFileWriter(sqlite: DatabaseSync): FileWriter {
  const find = sqlite.prepare(
    "SELECT account_id, region, hour_ms, state, read_hash, listed_hash, digest FROM log_files WHERE uri = ?",
  );
  const add = sqlite.prepare("INSERT INTO log_files VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)");
  const setRead = sqlite.prepare(
    "UPDATE log_files SET read_hash = ?, changed = max(changed, ?), lost = ? WHERE uri = ?",
  );
  const setListed = sqlite.prepare("UPDATE log_files SET listed_hash = ?, digest = ?, state = ? WHERE uri = ?");
  const setState = sqlite.prepare("UPDATE log_files SET state = ? WHERE uri = ?");
  const remove = sqlite.prepare("DELETE FROM log_files WHERE uri = ?");
  const reopen = sqlite.prepare(
    "UPDATE digests SET state = 'listed' WHERE uri = ? AND state = 'broken' AND fault IS NULL",
  );
  const count = createCounter(sqlite);
  const held = (uri: string): Held | null => row(find, uri) as Held | null;
  const move = (uri: string, file: Held, to: State): void => {
    if (to === file.state) return;
    if (file.state !== "seen" && file.state !== "listed") count(file, file.state, -1);
    if (to !== "seen" && to !== "listed") count(file, to, 1);
    if (to === "proven") remove.run(uri);
    else setState.run(to, uri);
  };
  return {
    seen: ({ uri, source, accountId, region, hourMs, hash, lost }, nowMs) => {
      const file = held(uri);
      if (file === null) {
        add.run(uri, source, accountId, region, hourMs, "seen", hash, lost, null, null, nowMs);
        if (hash !== null) count({ account_id: accountId, region, hour_ms: hourMs }, "seen", 1);
        return;
      }
      const isChanged = hash !== null && file.read_hash !== null && file.read_hash !== hash;
      setRead.run(
        hash ?? file.read_hash,
        isChanged ? 1 : 0,
        hash === null && file.read_hash === null ? lost : null,
        uri,
      );
      if (hash !== null && file.read_hash === null) {
        count(file, "seen", 1);
        if (file.listed_hash !== null) count(file, "late", 1);
      }
      if (file.digest !== null) reopen.run(file.digest);
    },
    listed: ({ uri, source, place, said, files, isAgain }, nowMs) => {
      if (said === null) return;
      for (const { uri: listed, hash } of files) {
        const file = held(listed);
        if (file !== null) {
          move(listed, file, "listed");
          setListed.run(hash, uri, "listed", listed);
        } else if (!isAgain) {
          const hourMs = toHour({ uri: listed, hash }, said.endMs);
          add.run(listed, source, place.accountId, place.region, hourMs, "listed", null, null, hash, uri, nowMs);
        }
      }
    },
    judged: ({ files }) => {
      for (const { uri, state } of files) {
        const file = held(uri);
        if (file !== null) move(uri, file, state);
      }
    },
    unlisted: ({ uris }) => {
      for (const uri of uris) {
        const file = held(uri);
        if (file !== null) move(uri, file, "unlisted");
      }
    },
  };
}

function toHour({ uri }: ListedFile, endMs: number): number {
  return toLogPlace(fromUri(uri).key)?.hourMs ?? Math.floor((endMs - 1) / HOUR_MS) * HOUR_MS;
}

function createCounter(sqlite: DatabaseSync): (of: HourKey, what: Counted, by: 1 | -1) => void {
  const make = sqlite.prepare("INSERT OR IGNORE INTO log_hours VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0, 0)");
  const set = (column: Counted) =>
    sqlite.prepare(
      `UPDATE log_hours SET ${column} = ${column} + ? WHERE account_id = ? AND region = ? AND hour_ms = ?`,
    );
  const columns = {
    seen: set("seen"),
    late: set("late"),
    proven: set("proven"),
    altered: set("altered"),
    missing: set("missing"),
    unread: set("unread"),
    unlisted: set("unlisted"),
  };
  return ({ account_id: accountId, region, hour_ms: hourMs }, what, by) => {
    make.run(accountId, region, hourMs);
    columns[what].run(by, accountId, region, hourMs);
  };
}

type DigestWriter = {
  noticed(note: NoticedDigest): void;
  read(note: ReadDigest): void;
  judged(note: JudgedDigest): void;
};

function createDigestWriter(sqlite: DatabaseSync): DigestWriter {
  const add = sqlite.prepare(
    `INSERT INTO digests VALUES (?, ?, ?, ?, ?, ?, 'noticed', ?, ?, '', '', NULL, NULL, NULL, NULL, NULL, 0, 0)
     ON CONFLICT DO UPDATE SET source = excluded.source`,
  );
  const setRead = sqlite.prepare(
    `UPDATE digests SET state = :state, start_ms = coalesce(:start, start_ms), end_ms = coalesce(:end, end_ms),
       hash = :hash, signature = :signature, previous = :previous, previous_hash = :previousHash,
       previous_signature = :previousSignature, fault = :fault, read_ms = :read, files = :files WHERE uri = :uri`,
  );
  const setJudged = sqlite.prepare("UPDATE digests SET state = ?, linked = ? WHERE uri = ?");
  const noticed = ({ uri, source, place }: Pick<NoticedDigest, "uri" | "source" | "place">): void => {
    const { accountId, region, chain, endMs, isBackfill } = place;
    add.run(uri, source, accountId, region, chain, isBackfill ? 1 : 0, endMs - HOUR_MS, endMs);
  };
  return {
    noticed,
    read: (note) => {
      noticed(note);
      const { uri, fault, said, readMs, files } = note;
      setRead.run({
        uri,
        state: fault === null ? "listed" : "broken",
        start: said?.startMs ?? null,
        end: said?.endMs ?? null,
        hash: said?.hash ?? "",
        signature: said?.signature ?? "",
        previous: said?.previous?.uri ?? null,
        previousHash: said?.previous?.hash ?? null,
        previousSignature: said?.previous?.signature ?? null,
        fault,
        read: readMs,
        files: files.length,
      });
    },
    judged: ({ uri, state, isLinked }) => {
      setJudged.run(state, isLinked === null ? null : Number(isLinked), uri);
    },
  };
}

function createPurge(sqlite: DatabaseSync): IntegrityTables["purge"] {
  const prepare = (table: string, key: string, where: string) =>
    sqlite.prepare(`DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} < ? LIMIT ?)`);
  const seen = prepare("log_files", "uri", "state = 'seen' AND at_ms");
  const old = [
    prepare("log_files", "uri", "at_ms"),
    prepare("digests", "uri", "end_ms"),
    prepare("log_hours", "account_id, region, hour_ms", "hour_ms"),
  ];
  return (nowMs, keepMs, max) => {
    seen.run(nowMs - SEEN_MS, max);
    for (const statement of old) statement.run(nowMs - keepMs, max);
  };
}
