/**
 * The quarantine as a source: records that could not be evaluated, tried again when somebody asks.
 *
 * A request names rows; each row's bytes are split again and tried on the matcher under today's limits and rules. What can
 * be evaluated now is yielded and leaves the quarantine once its effects are committed; what can not stays, with one more
 * try. A record that was too large to keep is read again where it was found; so is the rest of a file that was given up.
 * A crash between the two commits repeats the row, which changes nothing. It holds back no watermark: a record whose
 * windows are closed still meets single-event rules.
 */
import { statSync } from "node:fs";
import type { Batch, Matcher, QuarantineRow, Source, Views } from "../contracts.ts";
import { SagewatchError } from "../model/errors.ts";
import { type FileLimits, readFileBatches } from "./file/read.ts";
import { createRecordBatcher, type RecordBatch } from "./records/batches.ts";

/** What became of a request. `gone`: only a pointer was kept and its file is no longer there. */
export type QuarantineOutcome = {
  readonly replayed: number;
  readonly evaluated: number;
  readonly quarantinedAgain: number;
  readonly gone: number;
};

export type QuarantineSourceOptions = {
  readonly views: Pick<Views, "quarantine" | "quarantined">;
  /** Rows that may leave, and rows that had one more try. */
  readonly resolve: (done: readonly number[], failed: readonly number[]) => void;
  /** Tells whether a record can be evaluated: the pipeline's own would reject it into the quarantine again. */
  readonly matcher: Matcher;
  readonly limits: FileLimits;
  readonly nowMs: () => number;
};

export type QuarantineSource = {
  readonly source: Source;
  /** Tries rows again; resolves when their effects are committed. */
  replay(ids: readonly number[] | "all"): Promise<QuarantineOutcome>;
  /** No more requests will come: the source ends after those it has. */
  close(): void;
};

type Request = {
  readonly ids: readonly number[];
  readonly resolve: (outcome: QuarantineOutcome) => void;
  readonly reject: (error: unknown) => void;
};

export function createQuarantineSource(options: QuarantineSourceOptions): QuarantineSource {
  const requests: Request[] = [];
  let closed = false;
  let changed = Promise.withResolvers<void>();
  const notify = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  async function* read(signal: AbortSignal): AsyncGenerator<Batch> {
    signal.addEventListener("abort", notify, { once: true });
    for (;;) {
      const request = requests.shift();
      if (request !== undefined) yield* serve(request, options, signal);
      else if (closed || signal.aborted) break;
      else await changed.promise;
      if (signal.aborted) break;
    }
    closed = true;
    for (const request of requests.splice(0)) request.reject(toStopped());
  }
  return {
    source: {
      name: "quarantine",
      logsources: [],
      timing: { mode: "live", latenessMs: 0, idleMs: 0, followMs: null },
      read: (_positions, signal) => read(signal),
    },
    replay: (ids) => {
      if (closed) return Promise.reject(toStopped());
      const { promise, resolve, reject } = Promise.withResolvers<QuarantineOutcome>();
      const wanted =
        ids === "all" ? options.views.quarantine({ limit: Number.MAX_SAFE_INTEGER }).map((row) => row.id) : ids;
      requests.push({ ids: wanted, resolve, reject });
      notify();
      return promise;
    },
    close: () => {
      closed = true;
      notify();
    },
  };
}

function toStopped(): SagewatchError {
  return new SagewatchError("daemon_unreachable", "the daemon stopped before the request was served; ask again");
}

/** The books of one request: what is open, what may leave, what failed. Closes when the last batch settled. */
type Ledger = { readonly done: number[]; readonly failed: number[]; gone: number; open: number; error: unknown };

function settle(ledger: Ledger, request: Request, resolve: QuarantineSourceOptions["resolve"]): void {
  const { done, failed, gone, error } = ledger;
  ledger.open -= 1;
  if (ledger.open > 0) return;
  if (error !== undefined) return request.reject(error);
  try {
    resolve(done, failed);
  } catch (thrown) {
    request.reject(thrown);
    throw thrown;
  }
  request.resolve({
    replayed: done.length + failed.length,
    evaluated: done.length,
    quarantinedAgain: failed.length,
    gone,
  });
}

async function* serve(request: Request, options: QuarantineSourceOptions, signal: AbortSignal): AsyncGenerator<Batch> {
  const ledger: Ledger = { done: [], failed: [], gone: 0, open: 1, error: undefined };
  const close = (): void => settle(ledger, request, options.resolve);
  for (const id of request.ids) {
    if (signal.aborted) break;
    const row = options.views.quarantined(id);
    if (row === null) continue;
    const batches = isRest(row)
      ? serveRest(row, ledger, { options, signal })
      : serveRow(row, ledger, { options, signal });
    for await (const { batch, isLast } of batches) {
      ledger.open += 1;
      yield {
        ...batch,
        settle: (fault) => {
          ledger.error ??= fault;
          // The row leaves with the last of its batches: they are committed in this order.
          if (isLast) ledger.done.push(id);
          close();
        },
      };
    }
  }
  close();
}

type Serving = { readonly options: QuarantineSourceOptions; readonly signal: AbortSignal };
/** A batch of a row; with the last one the row may leave. */
type Served = { readonly batch: Batch; readonly isLast: boolean };

async function* serveRow(row: QuarantineRow, ledger: Ledger, { options, signal }: Serving): AsyncGenerator<Served> {
  const found = await readRow(row, options, signal);
  if (found === null) ledger.gone += 1;
  const batches = (found ?? []).map((batch) =>
    toBatch({ ...batch, indexes: batch.indexes.map(() => row.index) }, row.path),
  );
  if (batches.length === 0 || !batches.every((batch) => isEvaluable(batch, options))) {
    ledger.failed.push(row.id);
    return;
  }
  for (const [at, batch] of batches.entries()) yield { batch, isLast: at === batches.length - 1 };
}

/** The rest of a file streams; records that are broken by themselves go into the quarantine under their own reasons. */
async function* serveRest(row: QuarantineRow, ledger: Ledger, { options, signal }: Serving): AsyncGenerator<Served> {
  let isSound = false;
  for await (const batch of readRest(row, options, signal)) {
    // The same fault again is this row, not a new one.
    const rejected = batch.rejected.filter(({ reason }) => reason !== row.reason);
    isSound = batch.isLast && rejected.length === batch.rejected.length;
    yield { batch: { ...toBatch(batch, row.path), rejected }, isLast: isSound };
  }
  if (!isSound) ledger.failed.push(row.id);
}

/** The row's record as batches, or null when it is to be had no more. */
async function readRow(
  row: QuarantineRow,
  options: QuarantineSourceOptions,
  signal: AbortSignal,
): Promise<RecordBatch[] | null> {
  const { limits } = options;
  if (row.record !== null && row.record !== undefined) {
    const batcher = createRecordBatcher({
      source: "quarantine",
      path: row.path,
      limits,
      sizeHint: row.record.length,
      skip: 0,
    });
    return [...batcher.push(row.record), ...batcher.end()];
  }
  try {
    for await (const batch of readFileBatches(toReading(row, limits), signal)) {
      const at = batch.indexes.indexOf(row.index);
      if (at >= 0) return [only(batch, at)];
      if (batch.upTo > row.index) return [];
    }
  } catch {
    return null;
  }
  return null;
}

/** The file of a row from the row's place on. Throws what the file system throws. */
function toReading({ path, index }: QuarantineRow, limits: FileLimits): Parameters<typeof readFileBatches>[0] {
  return { source: "quarantine", path, sizeBytes: statSync(path).size, skip: index, limits, onRead: () => undefined };
}

/** One record of a batch, without what became of its neighbours. */
function only(batch: RecordBatch, at: number): RecordBatch {
  return {
    ...batch,
    offsets: batch.offsets.slice(2 * at, 2 * at + 2),
    indexes: batch.indexes.slice(at, at + 1),
    flags: batch.flags?.slice(at, at + 1) ?? null,
    rejected: [],
    skipped: {},
  };
}

/** True when the batch holds records and each of them can be evaluated now. */
function isEvaluable(batch: Batch, { matcher, nowMs }: QuarantineSourceOptions): boolean {
  const { evaluated, rejected } = matcher.match(batch, { nowMs: nowMs(), watermarkMs: -Infinity });
  return evaluated > 0 && rejected.length === 0;
}

/** A row that stands for all of a file behind a place. */
function isRest({ reason }: QuarantineRow): boolean {
  return reason === "gzip_ratio";
}

/** What stands in the file from the row's place on; nothing when the file is gone. */
async function* readRest(
  row: QuarantineRow,
  { limits }: QuarantineSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  try {
    yield* readFileBatches(toReading(row, limits), signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

function toBatch(batch: RecordBatch, path: string): Batch {
  const { kind, chunk, offsets, flags, rejected, skipped, indexes } = batch;
  return {
    kind,
    chunk,
    offsets,
    flags,
    rejected,
    skipped,
    origin: { source: "quarantine", path, indexes },
    positions: [],
    floorMs: Infinity,
    settle: () => undefined,
  };
}
