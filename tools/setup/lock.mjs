// One set-up at a time: two commands started together on a fresh checkout must not run npm into the same folder.
//
// The lock is a file with the ids of the set-up and of the npm it started. It is held until npm has ended, and a lock
// whose processes are all gone is taken over; so a killed set-up never blocks the next one, and an npm that outlived
// its killed parent is waited for. It never kills anything.
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { at, die, read, root, say } from "./place.mjs";

const lock = at(".cache/setup.lock");
const POLL_MS = 200;

/** A lock this young may belong to a process that has created the file and not yet written its id. */
const SETTLE_MS = 1000;

/** Waits until this process holds the lock; it is given back by release(), or at exit. */
export async function acquire() {
  prepareFolder();
  let told = false;
  while (!create()) {
    const alive = readOwners().some(isAlive);
    if (!alive) dropStale();
    if (alive && !told) {
      say(`waiting for another set-up of this checkout (process ${read(lock)})`);
      told = true;
    }
    await sleep(POLL_MS);
  }
  process.on("exit", release);
}

export function release() {
  if (readOwners()[0] === process.pid) fs.rmSync(lock, { force: true });
}

/** Notes the npm that works under this lock, so that it is waited for even when this process is killed. */
export function noteNpm(pid) {
  fs.writeFileSync(lock, `${process.pid} ${pid}`);
}

function prepareFolder() {
  try {
    // Asked first: on a read-only mount a recursive mkdir reports a misleading ENOENT.
    fs.accessSync(root, fs.constants.W_OK);
    fs.mkdirSync(at(".cache"), { recursive: true });
  } catch {
    die(`${root} is not set up and not writable: run the command once in a writable copy.`);
  }
}

function create() {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function dropStale() {
  const age = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
  if (age > SETTLE_MS) fs.rmSync(lock, { force: true });
}

function readOwners() {
  return read(lock)
    .split(" ")
    .map(Number)
    .filter((pid) => pid > 0);
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
