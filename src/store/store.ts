/**
 * The store: one transaction for everything that must survive, in one SQLite file, with one writer.
 *
 * Opening takes the folder's lock, refuses a damaged or newer file, brings an older one forward, and raises the epoch.
 * Every write checks that epoch inside its transaction: a process that was taken over (a lock file deleted by hand, a
 * network disk) is fenced and cannot write again. A failed commit leaves the file as it was and the store readable; the
 * caller's process ends, since its memory is ahead of the file. With `dir: null` the same tables live in a temporary
 * database, for replay. The store never decides what is detected, routed or sent.
 */
import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { CommitUnit, Store } from "../contracts.ts";
import { ERROR_CODES, SagewatchError } from "../model/errors.ts";
import { createIntegrityLog } from "./integrity/read.ts";
import { createIntegrityTables } from "./integrity/write.ts";
import { createAdditionTable } from "./output/additions.ts";
import { createAlertTable } from "./alerts.ts";
import { connect, setJournal, toStoreError, transact } from "./database.ts";
import {
  dropReserve,
  fillReserve,
  type FolderPaths,
  prepareFolder,
  renameDurably,
  touchPrivate,
  toPaths,
} from "./folder.ts";
import { checkHeader, checkStructure, createTables, type Header, keepCopy, migrate, raiseEpoch } from "./inspect.ts";
import { DEFAULT_LIMITS, type StoreLimits, type StoreOptions } from "./limits.ts";
import { type Lock, takeLock } from "./lock.ts";
import { createOutboxTable, createRedrive } from "./output/outbox.ts";
import { createSightingTable } from "./output/sightings.ts";
import { createProgressTables } from "./progress.ts";
import { createRejectTables } from "./rejects.ts";
import { CANONICAL_FORM } from "./schema.ts";
import { createViews } from "./views.ts";
import { createWindowTables } from "./windows/table.ts";
import { createUnusedTable } from "./windows/unused.ts";

/** The log keeps this much of its length after a checkpoint; a longer one came from a slow reader and is cut. */
const LOG_KEPT_BYTES = 16 * 1024 * 1024;
const UPDATE_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rows that one purge may remove, so that a commit stays short; the next hour goes on. */
const PURGE_MAX = 5_000;
/** Rows of unused rules that one commit may remove. */
const UNUSED_MAX = 500;

/**
 * Opens the store for writing. Throws store_locked (another process holds the folder), store_corrupt, store_newer,
 * store_full, store_failed.
 */
export function openStore(options: StoreOptions): Store {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const header = { engine: options.engine, canonicalForm: CANONICAL_FORM, createdMs: options.clock.nowMs() };
  if (options.dir === null) return createOrClose(openTemporary(header), { ...options, limits, header });
  const paths = toPaths(options.dir);
  prepareFolder(options.dir);
  const lock = takeLock(options.dir, paths, options.clock.nowMs());
  try {
    if (!fillReserve(paths.reserve, limits.reserveBytes) && limits.reserveBytes > 0)
      options.onNoReserve?.(paths.reserve);
    return createOrClose(openFile(paths.store, header, limits), { ...options, limits, header, disk: { lock, paths } });
  } catch (error) {
    lock.release();
    throw toStoreError(error, `open the state file ${paths.store}`);
  }
}

type Opened = StoreOptions & { limits: StoreLimits; header: Header; disk?: { lock: Lock; paths: FolderPaths } };

function openTemporary(header: Header): DatabaseSync {
  const sqlite = connect("", "write");
  setJournal(sqlite, "MEMORY");
  createTables(sqlite, header);
  return sqlite;
}

function openFile(file: string, header: Header, limits: StoreLimits): DatabaseSync {
  if (!fs.existsSync(file)) createFile(file, header);
  let sqlite: DatabaseSync | null = null;
  try {
    // SQLite would take an empty file for a new database and start from nothing.
    if (fs.statSync(file).size === 0)
      throw new SagewatchError("store_corrupt", `The state file ${file} is empty. ${ERROR_CODES.store_corrupt.remedy}`);
    touchPrivate(file);
    sqlite = connect(file, "write");
    checkHeader(sqlite, file);
    setJournal(sqlite, "WAL");
    checkStructure(sqlite, file, limits.checkBytes);
    migrate(sqlite, file);
    sqlite.exec(`PRAGMA wal_autocheckpoint = ${limits.checkpointPages}; PRAGMA journal_size_limit = ${LOG_KEPT_BYTES}`);
    setQuota(sqlite, limits, true);
    return sqlite;
  } catch (thrown) {
    const error = toStoreError(thrown, `open the state file ${file}`);
    const kept = error.code === "store_corrupt" ? keepCopy(file) : null;
    sqlite?.close();
    throw kept === null ? error : new SagewatchError(error.code, `${error.message} ${kept}`, { cause: thrown });
  }
}

/** Made under another name, then renamed: a crash while creating leaves no half-made state file. */
function createFile(file: string, header: Header): void {
  if (fs.existsSync(`${file}-wal`)) {
    throw new SagewatchError(
      "store_corrupt",
      `The state file ${file} is missing, but its log ${file}-wal is there. ${ERROR_CODES.store_corrupt.remedy}`,
    );
  }
  const making = `${file}.new`;
  for (const end of ["", "-wal", "-shm"]) fs.rmSync(making + end, { force: true });
  touchPrivate(making);
  const sqlite = connect(making, "write");
  try {
    setJournal(sqlite, "WAL");
    createTables(sqlite, header);
  } finally {
    sqlite.close();
  }
  renameDurably(making, file);
}

/** The reserve counts against the quota until it is released. */
function setQuota(sqlite: DatabaseSync, limits: StoreLimits, isReserved: boolean): void {
  if (limits.maxBytes === null) return;
  const pageBytes = Number(sqlite.prepare("PRAGMA page_size").get()?.["page_size"]);
  const bytes = limits.maxBytes - (isReserved ? limits.reserveBytes : 0);
  sqlite.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytes / pageBytes))}`);
}

function createOrClose(sqlite: DatabaseSync, options: Opened): Store {
  try {
    return createStore(sqlite, options);
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

function createStore(sqlite: DatabaseSync, options: Opened): Store {
  const { limits, disk } = options;
  const epoch = raiseEpoch(sqlite, options.header);
  let isFull: boolean | null = null;
  const fenced = createFencedWrite(sqlite, epoch);
  const write: typeof fenced = (work) => {
    isFull = null;
    return fenced(work);
  };
  const windows = createWindowTables(sqlite, limits);
  const progress = createProgressTables(sqlite);
  const rejects = createRejectTables(sqlite, limits);
  const integrity = createIntegrityTables(sqlite);
  const unused = createUnusedTable(sqlite, windows);
  const outbox = createOutboxTable(sqlite, options.updateEveryMs ?? UPDATE_EVERY_MS, write);
  const alerts = createAlertTable(sqlite, outbox, { limits, find: (from, wanted) => windows.record(from, wanted) });
  const sightings = createSightingTable(sqlite);
  const redrive = createRedrive(sqlite);
  const additions = createAdditionTable(sqlite, outbox, write);
  let purgedMs = -Infinity;
  const purge = (nowMs: number): void => {
    const beforeMs = nowMs - limits.keepDays * DAY_MS;
    alerts.purge(beforeMs, PURGE_MAX);
    rejects.purgeLate(beforeMs, PURGE_MAX);
    integrity.purge(nowMs, limits.positionDays * DAY_MS, PURGE_MAX);
  };
  const commit = (unit: CommitUnit): ReturnType<Store["commit"]> => {
    const isPurgeDue = Math.abs(unit.nowMs - purgedMs) >= HOUR_MS;
    const written = write(() => {
      windows.add(unit.members, unit.evidence);
      const revisions = alerts.write(unit.alerts, unit.nowMs);
      sightings.write(unit.sightings ?? []);
      windows.remove(unit);
      unused.prune(unit.nowMs, UNUSED_MAX);
      rejects.quarantine(unit.rejected, unit.nowMs);
      rejects.late(unit.late, unit.nowMs);
      progress.write(unit);
      integrity.write(unit.integrity ?? [], unit.nowMs);
      if (isPurgeDue) purge(unit.nowMs);
      return revisions;
    });
    if (isPurgeDue) purgedMs = unit.nowMs;
    return { written };
  };
  return {
    load: (stateKeys) => ({ epoch, state: windows.load(stateKeys), ...progress.load(), sightings: sightings.load() }),
    commit,
    adopt: ({ stateKeys, sinks }, nowMs) =>
      write(() => ({ unusedRules: unused.adopt(stateKeys, nowMs), removedSinks: outbox.adopt(sinks) })),
    outbox: (sink) => outbox.sink(sink),
    additions,
    forgetPositions: (source, isGone, nowMs) =>
      write(() => progress.forget(source, isGone, nowMs - limits.positionDays * DAY_MS)),
    redrive: (choice, nowMs) => write(() => redrive(choice, nowMs)),
    integrity: createIntegrityLog(sqlite),
    views: createViews(sqlite),
    resolveQuarantine: (done, failed) => write(() => rejects.resolve(done, failed)),
    // Asked after every batch; only a write can change the answer.
    quarantineFull: () => (isFull ??= rejects.isFull()),
    quarantineUse: () => ({
      ...rejects.use(),
      maxRows: limits.quarantineRows,
      maxBytes: limits.quarantineBytes,
    }),
    releaseReserve: () => {
      setQuota(sqlite, limits, false);
      return disk !== undefined && dropReserve(disk.paths.reserve);
    },
    close: () => {
      if (!sqlite.isOpen) return;
      sqlite.close();
      disk?.lock.release();
    },
  };
}

/** One transaction that begins with the fence: it counts the commit, and fails unless the epoch is still ours. */
function createFencedWrite(sqlite: DatabaseSync, epoch: number): <T>(work: () => T) => T {
  const fence = sqlite.prepare("UPDATE fence SET commits = commits + 1 WHERE epoch = ?");
  return (work) =>
    transact(sqlite, () => {
      if (fence.run(epoch).changes === 1) return work();
      throw new SagewatchError(
        "store_fenced",
        `Another process took over the state folder (its epoch is no longer ${epoch}); this one must end. Run one daemon for each state folder.`,
      );
    });
}
