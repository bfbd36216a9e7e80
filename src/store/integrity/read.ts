/**
 * Reads what is kept of CloudTrail's digest files and log files: for the source that judges them, and for people.
 *
 * A reader sees the last commit. Lists are bounded: what does not fit is there at the next look.
 */
import type { DatabaseSync } from "node:sqlite";
import type { DigestFault } from "../../model/integrity/digest.ts";
import { type Cover, type HourChoice, type HourCounts, type LogHour, toHours } from "../../model/integrity/hours.ts";
import type { DigestRow, DigestState, FileLoss, FileRow, IntegrityLog } from "../../model/integrity/notes.ts";
import { HOUR_MS } from "../../model/integrity/place.ts";
import { row, rows } from "../database.ts";

/** Rows of a list. */
const LIST_MAX = 1_000;

type DigestColumns = {
  uri: string;
  account_id: string;
  region: string;
  chain: string;
  backfill: number;
  state: DigestState;
  start_ms: number;
  end_ms: number;
  hash: string;
  signature: string;
  previous: string | null;
  previous_hash: string | null;
  previous_signature: string | null;
  linked: number | null;
  fault: DigestFault | null;
  read_ms: number;
  files: number;
};
type FileColumns = {
  uri: string;
  account_id: string;
  region: string;
  hour_ms: number;
  state: FileRow["state"];
  read_hash: string | null;
  listed_hash: string | null;
  changed: number;
  lost: FileLoss | null;
};

const DIGEST =
  "SELECT uri, account_id, region, chain, backfill, state, start_ms, end_ms, hash, signature, previous, previous_hash, previous_signature, linked, fault, read_ms, files FROM digests";
const FILE = "SELECT uri, account_id, region, hour_ms, state, read_hash, listed_hash, changed, lost FROM log_files";

/** The reader of an open connection. */
export function createIntegrityLog(sqlite: DatabaseSync): IntegrityLog {
  const open = sqlite.prepare(
    `${DIGEST} WHERE source = ? AND state IN ('noticed', 'listed') ORDER BY end_ms, uri LIMIT ${LIST_MAX}`,
  );
  const one = sqlite.prepare(`${DIGEST} WHERE uri = ?`);
  const before = sqlite.prepare(
    `${DIGEST} WHERE source = ? AND chain = ? AND end_ms <= ? AND fault IS NULL AND state <> 'noticed'
     ORDER BY end_ms DESC LIMIT 1`,
  );
  const newest = sqlite.prepare(
    `${DIGEST} JOIN (SELECT chain AS of, max(end_ms) AS last FROM digests WHERE source = ?1 AND backfill = 0 GROUP BY chain) ON chain = of AND end_ms = last
     WHERE source = ?1 LIMIT ${LIST_MAX}`,
  );
  const files = sqlite.prepare(`${FILE} WHERE digest = ? ORDER BY uri`);
  const covering = sqlite.prepare(
    `${DIGEST} WHERE source = ? AND account_id = ? AND region = ? AND end_ms > ? AND start_ms < ? AND fault IS NULL
       AND state <> 'noticed' ORDER BY end_ms LIMIT ${LIST_MAX}`,
  );
  const seen = sqlite.prepare(
    `${FILE} WHERE source = ? AND state = 'seen' AND hour_ms <= ? AND read_hash IS NOT NULL
     ORDER BY hour_ms, uri LIMIT ${LIST_MAX}`,
  );
  const digestsOf = (found: readonly unknown[]): DigestRow[] => (found as DigestColumns[]).map(toDigest);
  const oneOf = (found: unknown): DigestRow | null => (found === null ? null : toDigest(found as DigestColumns));
  return {
    open: (source) => digestsOf(rows(open, source)),
    digest: (uri) => oneOf(row(one, uri)),
    before: ({ source, chain }, atMs) => oneOf(row(before, source, chain, atMs)),
    newest: (source) => digestsOf(rows(newest, source)),
    files: (digest) => (rows(files, digest) as FileColumns[]).map(toFile),
    covering: ({ source, accountId, region }, fromMs, toMs) =>
      digestsOf(rows(covering, source, accountId, region, fromMs, toMs)),
    seen: (source, atMs) => (rows(seen, source, atMs - HOUR_MS) as FileColumns[]).map(toFile),
  };
}

/** The hours of a choice, by account, Region, hour. */
export function createHoursView(sqlite: DatabaseSync): (choice: HourChoice, nowMs: number) => readonly LogHour[] {
  const where = "(?3 IS NULL OR account_id = ?3) AND (?4 IS NULL OR region = ?4)";
  const counts = sqlite.prepare(
    `SELECT account_id AS accountId, region, hour_ms AS hourMs, seen, proven, altered, missing, unread, unlisted, late
     FROM log_hours WHERE hour_ms >= ?1 AND hour_ms < ?2 AND ${where}`,
  );
  const covers = sqlite.prepare(
    `SELECT account_id AS accountId, region, state, start_ms AS startMs, end_ms AS endMs
     FROM digests WHERE end_ms > ?1 AND start_ms < ?2 AND backfill = 0 AND ${where}
     UNION ALL SELECT account_id, region, state, start_ms, max(end_ms)
     FROM digests WHERE end_ms <= ?1 AND backfill = 0 AND ${where} GROUP BY account_id, region`,
  );
  return (choice, nowMs) => {
    const { fromMs, toMs, accountId = null, region = null } = choice;
    // What came before the choice too: a chain that ended is told from one that never was.
    const values = [fromMs - HOUR_MS, Math.min(toMs, Number.MAX_SAFE_INTEGER) + HOUR_MS, accountId, region] as const;
    const known = {
      counts: rows(counts, ...values) as ({ accountId: string; region: string; hourMs: number } & HourCounts)[],
      covers: rows(covers, ...values) as Cover[],
    };
    return toHours(known, choice, nowMs);
  };
}

function toDigest(found: DigestColumns): DigestRow {
  const { previous, previous_hash: hash, previous_signature: signature } = found;
  return {
    uri: found.uri,
    accountId: found.account_id,
    region: found.region,
    chain: found.chain,
    isBackfill: found.backfill === 1,
    state: found.state,
    startMs: found.start_ms,
    endMs: found.end_ms,
    hash: found.hash,
    signature: found.signature,
    previous: previous === null ? null : { uri: previous, hash: hash ?? "", signature: signature ?? "" },
    isLinked: found.linked === null ? null : found.linked === 1,
    fault: found.fault,
    readMs: found.read_ms,
    files: found.files,
  };
}

function toFile(found: FileColumns): ReturnType<IntegrityLog["seen"]>[number] {
  return {
    uri: found.uri,
    accountId: found.account_id,
    region: found.region,
    state: found.state,
    hourMs: found.hour_ms,
    readHash: found.read_hash,
    listedHash: found.listed_hash,
    isChanged: found.changed === 1,
    lost: found.lost,
  };
}
