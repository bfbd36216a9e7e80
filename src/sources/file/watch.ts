/**
 * Live reading of a spool folder: looks every half second, takes a file once it stood still.
 *
 * A file is taken when size and time of change were the same for two seconds of looking, so that a writer need not rename
 * (names with a leading dot or ending in .tmp or .part are passed over all the same). One that changes after it was taken
 * is taken again, whole. What was seen is read in the order of its time slots, and the floor of a batch is the oldest slot
 * seen and not read, so that a backlog copied in at once does not make itself late. A file without a slot may hold anything
 * when it lay there at the first look: until all such are read there is no floor. Polling, because notifications do not come
 * on network folders.
 */
import type { Batch } from "../../contracts.ts";
import { type Ahead, readAhead } from "./ahead.ts";
import { createProgress, DONE, type FileRun, followUp, countTaken, type Progress, readFile, toQuery } from "./batch.ts";
import { createForgetting } from "./gone.ts";
import { type FoundFile, listFiles } from "./list.ts";

/** Time a file must stand still. Longer than the pauses of a copy, short against the minutes that AWS takes. */
const STILL_MS = 2000;
/** Time between looks; a look that takes long is followed by a pause four times as long, to leave the machine alone. */
const POLL_MS = 500;
const REST_FACTOR = 4;
/** A file that could not be read is tried again after so long. */
const RETRY_MS = 30_000;

type Seen = { readonly key: string; readonly sinceMs: number };

/** What the watch remembers. `first`: keys found at the first look and not yet dealt with. */
type Watch = {
  readonly seen: Map<string, Seen>;
  readonly taken: Map<string, string>;
  first: Set<string> | null;
  given: number;
  settled: number;
  /** Batches that must settle before the first scan counts as done; null until all are given. */
  target: number | null;
  isTold: boolean;
};

/** Batches of a spool folder until `signal` aborts. A path that does not exist is a warning, for it may come. */
export async function* readWatched(run: FileRun, signal: AbortSignal): AsyncGenerator<Batch> {
  const { deps } = run;
  const watch: Watch = {
    seen: new Map(),
    taken: new Map(),
    first: null,
    given: 0,
    settled: 0,
    target: null,
    isTold: false,
  };
  const progress = createProgress(deps);
  const forgetGone = createForgetting(run);
  while (!signal.aborted) {
    const begunMs = deps.clock.monotonicMs();
    const look = await listFiles(toQuery(run, false));
    const { files } = look;
    forgetGone(look);
    deps.onAnswered?.();
    const tookMs = deps.clock.monotonicMs() - begunMs;
    watch.first ??= new Set(files.map(({ key }) => key));
    const still = files.filter((file) => isWaiting(file, watch, run) && isStill(file, watch, run));
    const ahead = readAhead(still, { source: run.config.name, limits: deps.limits });
    try {
      yield* takeStill(files, watch, { run, progress, ahead, signal });
    } finally {
      await ahead.close();
    }
    endFirstScan(files, watch, run);
    await deps.clock.sleep(Math.max(POLL_MS, tookMs * REST_FACTOR), signal);
  }
}

type Look = {
  readonly run: FileRun;
  readonly progress: Progress;
  readonly ahead: Ahead;
  readonly signal: AbortSignal;
};

async function* takeStill(files: readonly FoundFile[], watch: Watch, look: Look): AsyncGenerator<Batch> {
  const { run, progress, ahead, signal } = look;
  // The oldest slot passed over in this look because its file does not stand still yet.
  let waitingMs = Infinity;
  for (const [at, file] of files.entries()) {
    if (signal.aborted) return;
    if (!isDue(file, watch, run)) {
      if (isWaiting(file, watch, run)) waitingMs = Math.min(waitingMs, floorOf(file, watch));
      continue;
    }
    progress.add(file.sizeBytes);
    const outcome = yield* readFile(file, run, {
      floors: {
        during: Math.min(waitingMs, floorOf(file, watch)),
        after: Math.min(waitingMs, nextFloorMs(files, at, { watch, run })),
      },
      progress,
      read: countTaken(file, run) > 0 ? null : await ahead.take(file),
      signal,
      onGiven: () => {
        watch.given += 1;
      },
      onSettled: () => {
        watch.settled += 1;
        tellScanned(watch, run);
      },
    });
    if (outcome === "aborted") return;
    if (outcome === "done") watch.taken.set(file.path, file.key);
    else watch.seen.set(file.path, { key: file.key, sinceMs: run.deps.clock.monotonicMs() + RETRY_MS });
    watch.first?.delete(file.key);
  }
  forget(files, watch);
}

/** Whether a file is to be taken now; notes what was seen of it. */
function isDue(file: FoundFile, watch: Watch, run: FileRun): boolean {
  if (watch.taken.get(file.path) === file.key) return false;
  if (run.positions.get(file.key) === DONE) {
    watch.taken.set(file.path, file.key);
    watch.first?.delete(file.key);
    followUp(file, run);
    return false;
  }
  if (watch.seen.get(file.path)?.key === file.key) return isStill(file, watch, run);
  watch.seen.set(file.path, { key: file.key, sinceMs: run.deps.clock.monotonicMs() });
  return false;
}

/** Whether a file has looked the same for long enough. */
function isStill(file: FoundFile, watch: Watch, run: FileRun): boolean {
  const seen = watch.seen.get(file.path);
  return seen?.key === file.key && run.deps.clock.monotonicMs() - seen.sinceMs >= STILL_MS;
}

/** True for a file that will be read soon: not taken, and not one that could not be read. */
function isWaiting(file: FoundFile, watch: Watch, run: FileRun): boolean {
  if (watch.taken.get(file.path) === file.key || run.positions.get(file.key) === DONE) return false;
  const seen = watch.seen.get(file.path);
  return seen?.key !== file.key || seen.sinceMs <= run.deps.clock.monotonicMs();
}

/**
 * The floor that a waiting file is: its slot. Without one, −Infinity at the first look, since nobody knows how long the
 * file has lain there; Infinity for one that came later, since with a steady stream of such files one always waits.
 */
function floorOf(file: FoundFile, { first }: Watch): number {
  return file.slotMs ?? (first?.has(file.key) === true ? -Infinity : Infinity);
}

/** Floor of the files after `at` that wait; files are in the order of their slots, those without one first. */
function nextFloorMs(files: readonly FoundFile[], at: number, { watch, run }: { watch: Watch; run: FileRun }): number {
  for (let next = at + 1; next < files.length; next += 1) {
    const file = files[next] as FoundFile;
    const floorMs = floorOf(file, watch);
    if (floorMs !== Infinity && isWaiting(file, watch, run)) return floorMs;
  }
  return Infinity;
}

/** Drops what is known of files that are gone. */
function forget(files: readonly FoundFile[], watch: Watch): void {
  const there = new Set(files.map(({ path }) => path));
  for (const known of [watch.seen, watch.taken]) {
    for (const path of known.keys()) if (!there.has(path)) known.delete(path);
  }
}

/** The first scan is over when each file of it was taken, is gone or has changed (then it is news). */
function endFirstScan(files: readonly FoundFile[], watch: Watch, run: FileRun): void {
  if (watch.target !== null || watch.first === null) return;
  const keys = new Set(files.map(({ key }) => key));
  for (const key of watch.first) if (!keys.has(key)) watch.first.delete(key);
  if (watch.first.size > 0) return;
  watch.target = watch.given;
  tellScanned(watch, run);
}

function tellScanned(watch: Watch, run: FileRun): void {
  if (watch.isTold || watch.target === null || watch.settled < watch.target) return;
  watch.isTold = true;
  run.deps.onScanned?.();
}
