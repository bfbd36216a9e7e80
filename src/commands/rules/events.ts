/**
 * Events of files for commands that look at rules: read, split and decoded as `replay` does it, in order.
 *
 * Only for commands that run no pipeline. What cannot be evaluated is told to the caller and passed over.
 */
import { createReadStream } from "node:fs";
import type { Config } from "../../config/schema.ts";
import { decoders } from "../../decode/registry.ts";
import type { Event, Pointer } from "../../model/event.ts";
import { listFiles } from "../../sources/file/list.ts";
import { readFileBatches } from "../../sources/file/read.ts";
import { createRecordBatcher, type RecordBatch } from "../../sources/records/batches.ts";

/** An event and where it was read. */
export type ReadEvent = { readonly event: Event; readonly pointer: Pointer };

/** Where to read ("-": standard input), under which limits, and whom to tell of records that cannot be evaluated. */
export type ReadEventsOptions = {
  readonly paths: readonly string[];
  readonly limits: Config["limits"];
  readonly signal: AbortSignal;
  readonly onRejected: (detail: string) => void;
};

const SOURCE = "file";

/** All events. Errors: not_found; input_unreadable comes as the file system throws it. */
export async function* readEvents(options: ReadEventsOptions): AsyncGenerator<ReadEvent> {
  const { paths, limits, signal, onRejected } = options;
  for (const path of paths) {
    if (path === "-") {
      yield* toEvents(readInput(limits, signal), "-", onRejected);
      continue;
    }
    const { files } = await listFiles({
      paths: [path],
      pattern: null,
      warn: onRejected,
      mustExist: true,
      except: null,
    });
    for (const { path: file, sizeBytes } of files) {
      const read = { source: SOURCE, path: file, sizeBytes, skip: 0, limits, onRead: () => undefined };
      yield* toEvents(readFileBatches(read, signal), file, onRejected);
    }
  }
}

async function* readInput(limits: Config["limits"], signal: AbortSignal): AsyncGenerator<RecordBatch> {
  const batcher = createRecordBatcher({ source: SOURCE, path: "-", limits, sizeHint: 0, skip: 0 });
  for await (const piece of createReadStream("", { fd: 0, autoClose: false, signal })) {
    yield* batcher.push(piece as Uint8Array);
  }
  yield* batcher.end();
}

async function* toEvents(
  batches: AsyncIterable<RecordBatch>,
  path: string,
  onRejected: (detail: string) => void,
): AsyncGenerator<ReadEvent> {
  for await (const { kind, chunk, offsets, flags, indexes, rejected } of batches) {
    for (const { reason, detail, pointer } of rejected) {
      onRejected(`record ${pointer.index} of ${path} cannot be evaluated: ${reason}: ${detail}`);
    }
    for (const [place, index] of indexes.entries()) {
      const bytes = chunk.subarray(offsets[2 * place] ?? 0, offsets[2 * place + 1] ?? 0);
      const duplicateKeys = ((flags?.[place] ?? 0) & 1) === 1;
      const event = decoders[kind].decode(bytes, { nowMs: null, duplicateKeys });
      if ("reason" in event)
        onRejected(`record ${index} of ${path} cannot be evaluated: ${event.reason}: ${event.detail}`);
      else yield { event, pointer: { source: SOURCE, path, index } };
    }
  }
}
