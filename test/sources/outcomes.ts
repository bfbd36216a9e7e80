/**
 * Runs bytes through a record batcher in given pieces and lays out what became of each record, in order of its index.
 */
import { createRecordBatcher, type RecordBatch } from "../../src/sources/records/batches.ts";

/** One record of the input: what it became, and its text where there is one. */
export type Outcome = {
  readonly index: number;
  readonly is: string;
  readonly text: string;
  readonly repeated: boolean;
};

export type SplitResult = {
  readonly outcomes: readonly Outcome[];
  readonly skipped: Readonly<Record<string, number>>;
  readonly batches: readonly RecordBatch[];
  /** Records of any outcome, as the batches count them. */
  readonly read: number;
};

export type SplitOptions = {
  readonly recordBytes?: number;
  readonly depth?: number;
  readonly skip?: number;
  readonly sizeHint?: number;
  readonly cut?: { reason: "truncated"; detail: string };
};

/** Splits `input`, fed in pieces of `pieceBytes`, or given away as a whole. */
export function splitRecords(
  input: Uint8Array | string,
  pieceBytes: number | "whole" = "whole",
  options: SplitOptions = {},
): SplitResult {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const batcher = createRecordBatcher({
    source: "test",
    path: "input",
    limits: { recordBytes: options.recordBytes ?? 1 << 20, depth: options.depth ?? 64 },
    sizeHint: options.sizeHint ?? 0,
    skip: options.skip ?? 0,
  });
  const batches: RecordBatch[] = [];
  if (pieceBytes === "whole") batches.push(...batcher.take(Uint8Array.from(bytes)));
  else
    for (let at = 0; at < bytes.length; at += pieceBytes)
      batches.push(...batcher.push(bytes.slice(at, at + pieceBytes)));
  batches.push(...batcher.end(options.cut));
  return layOut(batches);
}

/** Outcomes of batches. */
export function layOut(batches: readonly RecordBatch[]): SplitResult {
  const outcomes: Outcome[] = [];
  const skipped: Record<string, number> = {};
  for (const batch of batches) {
    for (let at = 0; at < batch.indexes.length; at += 1) {
      const [start, end] = [batch.offsets[at * 2]!, batch.offsets[at * 2 + 1]!];
      const text = Buffer.from(batch.chunk.subarray(start, end)).toString("latin1");
      outcomes.push({ index: batch.indexes[at]!, is: batch.kind, text, repeated: batch.flags?.[at] === 1 });
    }
    for (const { reason, pointer, bytes } of batch.rejected) {
      const text = bytes === null ? "" : Buffer.from(bytes).toString("latin1");
      outcomes.push({ index: pointer.index, is: reason, text, repeated: false });
    }
    for (const [reason, count] of Object.entries(batch.skipped)) skipped[reason] = (skipped[reason] ?? 0) + count;
  }
  const read = outcomes.length + Object.values(skipped).reduce((sum, count) => sum + count, 0);
  return { outcomes: outcomes.toSorted((a, b) => a.index - b.index), skipped, batches, read };
}

/** "kind or reason" of each outcome, in order. */
export function summary(result: SplitResult): string[] {
  return result.outcomes.map(({ is }) => is);
}
