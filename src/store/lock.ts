/**
 * The lock of a state folder: one process writes, for as long as it lives.
 *
 * lock.db is held by BEGIN EXCLUSIVE on a connection of its own. The kernel frees it when the process dies, kill -9
 * included, so no stale lock ever needs a hand; readers of store.db are not hindered. lock.json beside it only says who
 * holds the lock, for the message; it decides nothing. Never opened by fs: closing such a descriptor would free the lock.
 */
import * as fs from "node:fs";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { toUtcText } from "../lib/clock.ts";
import { ownValue, textAt } from "../lib/json.ts";
import { SagewatchError } from "../model/errors.ts";
import { toStoreError } from "./database.ts";
import { type FolderPaths, touchPrivate } from "./folder.ts";

/** The lock while it is held. */
export type Lock = { release(): void };

/** Connections that hold a lock. Node closes one that nobody refers to, and the folder would be free while we write. */
const HELD = new Set<DatabaseSync>();
/** SQLITE_BUSY: somebody holds the file. */
const BUSY = 5;

/** Takes the lock at once or throws store_locked, naming the folder and the holder. */
export function takeLock(dir: string, paths: FolderPaths, nowMs: number): Lock {
  let sqlite: DatabaseSync | null = null;
  try {
    if (!fs.existsSync(paths.lock)) touchPrivate(paths.lock);
    sqlite = new DatabaseSync(paths.lock, { timeout: 0 });
    sqlite.exec("BEGIN EXCLUSIVE");
    fs.writeFileSync(paths.holder, JSON.stringify({ pid: process.pid, host: hostname(), since: toUtcText(nowMs) }), {
      mode: 0o600,
    });
  } catch (error) {
    sqlite?.close();
    const isHeld = (error as { errcode?: unknown }).errcode === BUSY;
    if (!isHeld) throw toStoreError(error, `lock the state folder ${dir}`);
    throw new SagewatchError(
      "store_locked",
      `The state folder ${dir} is held by ${readHolder(paths.holder)}. Stop that process, or use another state.dir.`,
      { cause: error },
    );
  }
  const held = sqlite;
  HELD.add(held);
  return {
    release: () => {
      HELD.delete(held);
      fs.rmSync(paths.holder, { force: true });
      held.close();
    },
  };
}

function readHolder(file: string): string {
  try {
    const holder: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
    return `process ${String(ownValue(holder, "pid"))} on ${textAt(holder, "host")} since ${textAt(holder, "since")}`;
  } catch {
    return "another process";
  }
}
