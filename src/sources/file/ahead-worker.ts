/**
 * The thread that looks at files, and reads, unpacks and splits small ones ahead of the main one (thread.ts).
 *
 * It is sent the next files and answers with their batches, in order; the bytes change hands and are not copied. It knows
 * nothing that the main thread does not tell, keeps nothing but which records are alike, and touches only the files it is
 * asked about.
 */
import { type Stats, statSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { systemClock } from "../../lib/clock.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import {
  type AheadFile,
  type AheadQuestion,
  type AheadResult,
  type AheadSettings,
  LOOK_WIDTH,
  type Looks,
} from "./thread.ts";
import { countJoint, type JointReading, readJoint } from "./joint.ts";
import { readWhole } from "./read.ts";
import { createRecordBatcher, createRecordScanners, type RecordBatch, type RecordLimits } from "../records/batches.ts";

/** Unpacked bytes of one answer. What is left of the files then is read by the main thread: this is a bound on memory. */
const ANSWER_BYTES = 4 * 1024 * 1024;
/** Ends when no question came for so long, ms: a folder that is watched brings many files at once at its start, then few. */
const IDLE_MS = 60_000;

/** Scanners for the limits of the last question. */
let made: { readonly limits: RecordLimits; readonly scanners: Scanners } | null = null;
function scannersFor(limits: RecordLimits): Scanners {
  const isSame = made !== null && JSON.stringify(made.limits) === JSON.stringify(limits);
  if (made === null || !isSame) made = { limits, scanners: createRecordScanners(limits) };
  return made.scanners;
}

/** A file's batches; null when it is not one to be read in one go, or cannot be read: the main thread then says why. */
function readAlone({ path, sizeBytes }: AheadFile, reading: JointReading): AheadResult {
  let readBytes = 0;
  const onRead = (bytes: number): void => {
    readBytes += bytes;
  };
  try {
    const whole = readWhole({ path, sizeBytes, onRead });
    if (whole === null) return null;
    const batcher = createRecordBatcher({ ...reading, path, sizeHint: whole.length, skip: 0 });
    return { batches: [...batcher.take(whole), ...batcher.end()], readBytes, starts: [] };
  } catch {
    return null;
  }
}

/** The files' one batch, or null. */
function tryTogether(files: readonly AheadFile[], reading: JointReading): AheadResult {
  if (files.length < 2) return null;
  try {
    return readJoint(files, reading);
  } catch {
    return null;
  }
}

/** Results of all files, in order. What is left when the answer has its fill is null. */
function readAll(files: readonly AheadFile[], reading: JointReading): AheadResult[] {
  const results: AheadResult[] = [];
  let bytes = 0;
  const add = (result: AheadResult): void => {
    for (const { chunk } of result?.batches ?? []) bytes += chunk.byteLength;
    results.push(result);
  };
  for (let at = 0, count = 0; at < files.length; at += count) {
    count = countJoint(files, at);
    const together = files.slice(at, at + count);
    const joint = bytes < ANSWER_BYTES ? tryTogether(together, reading) : null;
    if (joint !== null) add(joint);
    else for (const file of together) add(bytes < ANSWER_BYTES ? readAlone(file, reading) : null);
  }
  return results;
}

/**
 * The same batches with all their numbers in one buffer: each buffer that changes hands costs some 2 µs, and is one more
 * for the collector.
 */
function gatherNumbers(results: readonly AheadResult[]): { results: AheadResult[]; numbers: Int32Array } {
  const batches = results.flatMap((result) => result?.batches ?? []);
  const count = (batch: RecordBatch): number =>
    batch.offsets.length + batch.indexes.length + (batch.glances?.length ?? 0);
  const numbers = new Int32Array(batches.reduce((sum, batch) => sum + count(batch), 0));
  let filled = 0;
  const move = (part: Int32Array): Int32Array => {
    numbers.set(part, filled);
    filled += part.length;
    return numbers.subarray(filled - part.length, filled);
  };
  const moveAll = (batch: RecordBatch): RecordBatch => ({
    ...batch,
    offsets: move(batch.offsets),
    indexes: move(batch.indexes),
    glances: batch.glances === null ? null : move(batch.glances),
  });
  return {
    results: results.map((result) => (result === null ? null : { ...result, batches: result.batches.map(moveAll) })),
    numbers,
  };
}

let idle = new AbortController();
function waitForMore(): void {
  idle = new AbortController();
  const { signal } = idle;
  void systemClock.sleep(IDLE_MS, signal).then(() => {
    if (!signal.aborted) parentPort?.close();
  });
}

function lookAll(paths: readonly string[]): Looks {
  const looks = new Float64Array(LOOK_WIDTH * paths.length).fill(Number.NaN);
  for (const [at, path] of paths.entries()) {
    const stats = tryStat(path);
    if (stats?.isFile() === true) looks.set([stats.ino, stats.size, stats.mtimeMs], LOOK_WIDTH * at);
  }
  return looks;
}

/** Null where there are none: the main thread looks again, and says why. */
function tryStat(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

parentPort?.on("message", (question: AheadQuestion) => {
  idle.abort();
  if ("paths" in question) answerLook(question.paths);
  else answerRead(question);
  waitForMore();
});

function answerLook(paths: readonly string[]): void {
  const looks = lookAll(paths);
  parentPort?.postMessage(looks, [looks.buffer as ArrayBuffer]);
}

function answerRead({ files, source, limits }: AheadSettings & { readonly files: readonly AheadFile[] }): void {
  const { results, numbers } = gatherNumbers(readAll(files, { source, limits, scanners: scannersFor(limits) }));
  const chunks = results.flatMap((result) => (result?.batches ?? []).map(({ chunk }) => chunk.buffer as ArrayBuffer));
  parentPort?.postMessage(results, [numbers.buffer as ArrayBuffer, ...chunks]);
}
parentPort?.postMessage("ready", []);
waitForMore();
