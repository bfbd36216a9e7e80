/**
 * The thread that reads, unpacks and splits small files ahead of the main one (file-ahead.ts).
 *
 * It is sent the next files and answers with their batches, in order; the bytes change hands and are not copied. It knows
 * nothing that the main thread does not tell, keeps nothing, and touches only the files it is told to read.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { AheadFile, AheadResult, AheadSettings } from "./file-ahead.ts";
import { readWhole } from "./file-read.ts";
import { createRecordBatcher, createRecordScanners, type RecordBatch } from "./record-batches.ts";

/** Unpacked bytes of one answer. What is left of the files then is read by the main thread: this is a bound on memory. */
const ANSWER_BYTES = 4 * 1024 * 1024;

const { source, limits } = workerData as AheadSettings;
const scanners = createRecordScanners(limits);

/** A file's batches; null when it is not one to be read in one go, or cannot be read: the main thread then says why. */
function readBatches({ path, sizeBytes }: AheadFile): AheadResult {
  let readBytes = 0;
  const onRead = (bytes: number): void => {
    readBytes += bytes;
  };
  try {
    const whole = readWhole({ path, sizeBytes, onRead });
    if (whole === null) return null;
    const batcher = createRecordBatcher({ source, path, limits, sizeHint: whole.length, skip: 0, scanners });
    return { batches: [...batcher.push(whole), ...batcher.end()], readBytes };
  } catch {
    return null;
  }
}

function buffersOf({ chunk, offsets, indexes, flags, glances }: RecordBatch): ArrayBuffer[] {
  return [chunk, offsets, indexes, flags, glances].flatMap((part) =>
    part === null || part.byteLength === 0 ? [] : [part.buffer as ArrayBuffer],
  );
}

parentPort?.on("message", (files: readonly AheadFile[]) => {
  let bytes = 0;
  const results = files.map((file): AheadResult => {
    const result = bytes < ANSWER_BYTES ? readBatches(file) : null;
    for (const { chunk } of result?.batches ?? []) bytes += chunk.byteLength;
    return result;
  });
  const buffers = results.flatMap((result) => (result?.batches ?? []).flatMap(buffersOf));
  parentPort?.postMessage(results, buffers);
});
parentPort?.postMessage("ready", []);
