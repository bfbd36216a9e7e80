/**
 * From a file to batches with positions: what `once` and `watch` share.
 *
 * Adds to what was read where it stands in the file, where to go on after a restart, and what happens to the file once
 * the last of its batches is committed. A file is followed up only if none of its batches was given up. The batches of
 * one piece (a piece of mixed kinds has several) are given out together: a position between them would count some of its
 * records twice after a crash, or none of them.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Batch } from "../../contracts.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import type { FileSourceConfig } from "./settings.ts";
import { type FileQuery, type FoundFile, reasonOf, toKey } from "./list.ts";
import type { AheadResult } from "./thread.ts";
import type { JointResult } from "./joint.ts";
import { readFileBatches } from "./read.ts";
import type { RecordBatch } from "../records/batches.ts";
import type { SourceDeps } from "../settings.ts";

/** What reading needs: the settings, what compose handed in, and the positions of the last commit. */
export type FileRun = {
  readonly config: FileSourceConfig;
  readonly deps: SourceDeps;
  readonly positions: ReadonlyMap<string, string>;
  /** Records given out in this run of files that could not be read to their end, by key: they are tried again from there. */
  readonly reached: Map<string, number>;
  readonly scanners: Scanners;
};

/** What to look for. Files that `afterRead` moved are not found again where they went. */
export function toQuery({ config, deps }: FileRun, mustExist: boolean): FileQuery {
  const { paths, pattern = null, afterRead } = config;
  return {
    paths,
    pattern,
    warn: deps.warn,
    unread: mustExist ? deps.onUnread : undefined,
    mustExist,
    except: typeof afterRead === "string" ? null : resolve(afterRead.moveTo),
  };
}

/** Position of a file that was read to its end. */
export const DONE = "done";

/** Counts bytes for `onProgress`. */
export type Progress = { readonly add: (bytes: number) => void; readonly read: (bytes: number) => void };

/** A counter that tells compose of every change. */
export function createProgress(deps: SourceDeps): Progress {
  let [doneBytes, totalBytes] = [0, 0];
  const tell = (): void => deps.onProgress?.({ doneBytes, totalBytes });
  return {
    add: (bytes) => {
      totalBytes += bytes;
      tell();
    },
    read: (bytes) => {
      doneBytes += bytes;
      tell();
    },
  };
}

/** How a file was read: to its end, cut short by an abort, or not to its end (that is told already). */
export type FileOutcome = "done" | "aborted" | "unreadable";

/** Options of one file's reading. `floors`: the floor of contracts.ts during and after the file. */
export type FileReading = {
  readonly floors: { readonly during: number; readonly after: number };
  readonly progress: Progress;
  /** What was read ahead of it; null: it is read here. */
  readonly read: AheadResult;
  readonly signal: AbortSignal;
  /** Called for each batch before it is given out, and when it settled. */
  onGiven?(): void;
  onSettled?(): void;
};

/** Records of a file that are taken in already: where there are any, only the rest is read, and here. */
export function countTaken({ key }: FoundFile, { positions, reached }: FileRun): number {
  return reached.get(key) ?? Number(positions.get(key) ?? 0);
}

/** Yields a file's batches and returns how it went. */
export async function* readFile(
  file: FoundFile,
  run: FileRun,
  reading: FileReading,
): AsyncGenerator<Batch, FileOutcome> {
  const { config, deps, reached } = run;
  let skip = countTaken(file, run);
  let isGivenUp = false;
  const settle = (batch: RecordBatch, error: unknown): void => {
    isGivenUp ||= error !== undefined;
    if (batch.isLast && !isGivenUp) followUp(file, run);
    if (batch.endsPiece) reading.onSettled?.();
  };
  const options = {
    source: config.name,
    path: file.path,
    sizeBytes: file.sizeBytes,
    skip,
    limits: deps.limits,
    scanners: run.scanners,
  };
  let piece: RecordBatch[] = [];
  try {
    const { read } = reading;
    if (read !== null) reading.progress.read(read.readBytes);
    const batches = read?.batches ?? readFileBatches({ ...options, onRead: reading.progress.read }, reading.signal);
    for await (const batch of batches) {
      if (reading.signal.aborted) return "aborted";
      piece.push(batch);
      if (!batch.endsPiece) continue;
      reading.onGiven?.();
      skip = batch.upTo;
      yield toBatch(piece, { file, source: config.name, floors: reading.floors, settle });
      piece = [];
      if (reading.signal.aborted) return "aborted";
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    // A watched file is tried again; a run that reads once has to do without.
    if (config.mode === "once" && deps.onUnread !== undefined) deps.onUnread(file.path, reasonOf(error));
    else deps.warn(`Cannot read ${file.path}: ${reasonOf(error)}; what is left of it is not read.`);
    reached.set(file.key, skip);
    return "unreadable";
  }
  reached.delete(file.key);
  return reading.signal.aborted ? "aborted" : "done";
}

/** The batch of several files, each read to its end with it. `floorMs`: the floor of contracts.ts after the last. */
export function toJointBatch(files: readonly FoundFile[], joint: Joint, run: FileRun): Batch {
  const [first, ...others] = files as readonly [FoundFile, ...FoundFile[]];
  const [batch] = joint.batches as readonly [RecordBatch];
  const source = run.config.name;
  const floors = { during: joint.floorMs, after: joint.floorMs };
  const settle = (_batch: RecordBatch, error: unknown): void => {
    if (error === undefined) for (const file of files) followUp(file, run);
    // What is kept of its records was copied by the commit. Left to the collector, some 60 MB a second would wait for it,
    // and make it collect all of the heap twice as often.
    (batch.chunk.buffer as ArrayBuffer).transfer(0);
  };
  const one = toOne(batch, { file: first, source, floors, settle });
  const further = others.map(({ path }, at) => ({ path, from: joint.starts[at] ?? 0 }));
  return {
    ...one,
    origin: { ...one.origin, further },
    positions: files.map(({ key }) => ({ source, key, value: DONE })),
  };
}

type Joint = Pick<JointResult, "batches" | "starts"> & { readonly floorMs: number };

type Place = {
  readonly file: FoundFile;
  readonly source: string;
  readonly floors: FileReading["floors"];
  readonly settle: (batch: RecordBatch, error: unknown) => void;
};

/** The first of a piece's batches, with the others in it. */
function toBatch(piece: readonly RecordBatch[], place: Place): Batch {
  const [first, ...also] = piece.map((batch) => toOne(batch, place)) as [Batch, ...Batch[]];
  return also.length === 0 ? first : { ...first, also };
}

function toOne(batch: RecordBatch, { file, source, floors, settle }: Place): Batch {
  const { kind, chunk, offsets, flags, glances, indexes, rejected, skipped } = batch;
  const value = batch.isLast ? DONE : String(batch.upTo);
  return {
    kind,
    chunk,
    offsets,
    flags,
    glances,
    origin: { source, path: file.path, indexes },
    rejected,
    skipped,
    positions: batch.endsPiece ? [{ source, key: file.key, value }] : [],
    floorMs: batch.isLast ? floors.after : floors.during,
    settle: (error) => settle(batch, error),
  };
}

/** Does what `afterRead` says with a file that is committed to its end, unless it has changed since. */
export function followUp(file: FoundFile, { config, deps }: FileRun): void {
  const { afterRead } = config;
  if (afterRead === "keep") return;
  try {
    if (toKey(file.path, statSync(file.path)) !== file.key) return;
    if (afterRead === "delete") unlinkSync(file.path);
    else move(file.path, afterRead.moveTo);
  } catch (error) {
    const code = reasonOf(error);
    if (code !== "ENOENT")
      deps.warn(`Cannot ${afterRead === "delete" ? "delete" : "move"} ${file.path}: ${code}; it stays where it is.`);
  }
}

/** Moves a file into a folder, under a number of its own if the name is taken there. */
function move(path: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const name = basename(path);
  let target = join(folder, name);
  for (let count = 1; existsSync(target); count += 1) target = join(folder, `${name}.${count}`);
  try {
    renameSync(path, target);
  } catch (error) {
    if (reasonOf(error) !== "EXDEV") throw error;
    copyFileSync(path, target);
    unlinkSync(path);
  }
}
