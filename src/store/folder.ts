/**
 * The state folder: its permissions, its files, and the reserve that keeps a few megabytes for a full disk.
 *
 * The folder holds what an attacker would like to read (alerts, records) or write (positions), so it is 0700 and every
 * file in it 0600. Files are made with their mode before SQLite opens them; SQLite gives its -wal and -shm the same.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { SagewatchError, toMessage } from "../model/errors.ts";

/** Paths of the files in a state folder. */
export type FolderPaths = {
  readonly store: string;
  readonly lock: string;
  readonly holder: string;
  readonly reserve: string;
};

/** Names the files of a state folder. */
export function toPaths(dir: string): FolderPaths {
  const at = (name: string): string => path.join(dir, name);
  return { store: at("store.db"), lock: at("lock.db"), holder: at("lock.json"), reserve: at("reserve") };
}

/** Makes the folder 0700, with its parents. Throws store_failed when it cannot be made or others may enter it. */
export function prepareFolder(dir: string): void {
  try {
    if (fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory() === false)
      throw new Error("there is a file of that name");
    makeFolder(dir);
    if ((fs.statSync(dir).mode & 0o777) !== 0o700) tighten(dir);
  } catch (error) {
    if (error instanceof SagewatchError) throw error;
    throw new SagewatchError(
      "store_failed",
      `Cannot make the state folder ${dir}: ${toMessage(error)}. Set state.dir to a folder that this user may write.`,
      { cause: error },
    );
  }
}

/** Node's `recursive` never returns where the parent refuses with ENOENT, as those of /proc do. */
function makeFolder(dir: string): void {
  if (fs.existsSync(dir)) return;
  makeFolder(path.dirname(dir));
  fs.mkdirSync(dir, { mode: 0o700 });
}

/** A mounted volume may belong to root with a group for us: that is accepted as long as nobody else may enter. */
function tighten(dir: string): void {
  try {
    fs.chmodSync(dir, 0o700);
  } catch (error) {
    const mode = fs.statSync(dir).mode & 0o777;
    if ((mode & 0o007) === 0) return;
    throw new SagewatchError(
      "store_failed",
      `The state folder ${dir} has mode ${mode.toString(8)}, so others may enter it, and this user may not change that: ${toMessage(error)}. Let its owner run chmod 700 or chown, or set state.dir to a folder of this user.`,
      { cause: error },
    );
  }
}

/** Makes an empty file 0600, or sets the mode of the one that stands there. */
export function touchPrivate(file: string): void {
  fs.closeSync(fs.openSync(file, "a", 0o600));
  if ((fs.statSync(file).mode & 0o777) !== 0o600) fs.chmodSync(file, 0o600);
}

/** Gives `from` the name `to`, durably: contents first, then the folder's entry. */
export function renameDurably(from: string, to: string): void {
  sync(from);
  fs.renameSync(from, to);
  sync(path.dirname(to));
}

function sync(file: string): void {
  const fd = fs.openSync(file, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Fills the reserve with real blocks (a sparse file would reserve nothing). False when the disk has no room for it. */
export function fillReserve(file: string, bytes: number): boolean {
  if (bytes === 0) return false;
  if (fs.existsSync(file) && fs.statSync(file).size === bytes) return true;
  try {
    touchPrivate(file);
    const fd = fs.openSync(file, "w", 0o600);
    try {
      const block = Buffer.alloc(Math.min(bytes, 1024 * 1024));
      for (let left = bytes; left > 0; left -= block.length) fs.writeSync(fd, block, 0, Math.min(left, block.length));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    return true;
  } catch {
    fs.rmSync(file, { force: true });
    return false;
  }
}

/** Gives the reserve back to the disk. False when there was none. */
export function dropReserve(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  fs.rmSync(file, { force: true });
  return true;
}
