/**
 * The exam that every source takes: what contracts.ts promises of batches, positions, settling and ending.
 *
 * A source's test gives the exam a way to open it anew over the same prepared input, and the records that are in it. The
 * exam reads it whole, in parts, with restarts at every commit, and ends it early.
 */
import { describe, expect, test } from "vitest";
import type { Batch, Source } from "../../src/contracts.ts";

/** One source under exam. */
export type SourceUnderExam = {
  readonly name: string;
  /** Opens the source over the prepared input; the same input each time. `close` takes it away again. */
  open(): Promise<{ readonly source: Source; readonly close: () => Promise<void> }>;
  /** Texts of the records in the input, in any order: at least three, in at least two batches. */
  readonly records: readonly string[];
  /** Rejected and skipped inputs in it. */
  readonly rejected: number;
  readonly skipped: number;
};

const never = (): AbortSignal => new AbortController().signal;

/** A batch and those that are committed with it. */
export function withAlso(batch: Batch): readonly Batch[] {
  return [batch, ...(batch.also ?? [])];
}

/** Texts of batches that were settled: their chunks may be gone. */
const noted = new WeakMap<Batch, string[]>();

/** Texts of a batch's records; of a settled one only if they were asked for before. */
export function textsOf(batch: Batch): string[] {
  const before = noted.get(batch);
  if (before !== undefined) return before;
  const texts: string[] = [];
  for (let at = 0; at < batch.offsets.length; at += 2) {
    texts.push(Buffer.from(batch.chunk.subarray(batch.offsets[at], batch.offsets[at + 1])).toString());
  }
  noted.set(batch, texts);
  return texts;
}

/** Positions that batches commit, after those that were there. */
export function commitPositions(before: ReadonlyMap<string, string>, batches: readonly Batch[]): Map<string, string> {
  const after = new Map(before);
  for (const { key, value } of batches.flatMap(({ positions }) => positions)) after.set(key, value);
  return after;
}

/**
 * Reads `max` batches, each with those that are committed with it, settling all, then ends the source as the pipeline
 * does: by abort, then return.
 */
export async function readBatches(
  source: Source,
  positions: ReadonlyMap<string, string>,
  max: number = Infinity,
): Promise<Batch[]> {
  const batches: Batch[] = [];
  const end = new AbortController();
  let taken = 0;
  for await (const batch of source.read(positions, end.signal)) {
    batches.push(...withAlso(batch));
    for (const one of withAlso(batch)) textsOf(one);
    for (const one of withAlso(batch)) one.settle();
    taken += 1;
    if (taken >= max) end.abort();
    if (taken >= max) break;
  }
  return batches;
}

/** Path and index of each record of a batch. */
export function placesOf({ path, indexes, further = [] }: Batch["origin"]): string[] {
  const pathAt = (row: number): string => further.findLast(({ from }) => from <= row)?.path ?? path;
  return [...indexes].map((index, row) => `${pathAt(row)}#${index}`);
}

const countOf = (batches: readonly Batch[]): { rejected: number; skipped: number } => ({
  rejected: batches.reduce((sum, batch) => sum + batch.rejected.length, 0),
  skipped: batches.reduce((sum, batch) => sum + Object.values(batch.skipped).reduce((all, count) => all + count, 0), 0),
});

/** Registers the exam's tests. For sources that end by themselves (historic). */
export function examineSource(subject: SourceUnderExam): void {
  const records = subject.records.toSorted();
  const counts = { rejected: subject.rejected, skipped: subject.skipped };
  const withSource = async (use: (source: Source) => Promise<void>): Promise<void> => {
    const { source, close } = await subject.open();
    try {
      await use(source);
    } finally {
      await close();
    }
  };

  describe(`${subject.name} keeps the contract of a source`, () => {
    test("each record of the input comes once, the rest is counted", () =>
      withSource(async (source) => {
        const batches = await readBatches(source, new Map());
        expect(batches.flatMap(textsOf).toSorted()).toEqual(records);
        expect(countOf(batches)).toEqual(counts);
        expect(batches.length).toBeGreaterThan(1);
      }));

    test("batches have one kind, bounds, a buffer of their own, and pointers that are unique", () =>
      withSource(async (source) => {
        const batches = await readBatches(source, new Map());
        const pointers = new Set<string>();
        let pointed = 0;
        for (const { kind, chunk, offsets, flags, origin, rejected } of batches) {
          expect(source.logsources).toContain(`aws/${kind}`);
          expect([chunk.byteOffset, chunk.byteLength]).toEqual([0, chunk.buffer.byteLength]);
          expect(origin.source).toBe(source.name);
          expect(origin.indexes.length * 2).toBe(offsets.length);
          expect(origin.indexes.length).toBeLessThanOrEqual(1000);
          expect(flags?.length ?? origin.indexes.length).toBe(origin.indexes.length);
          const places = placesOf(origin);
          places.push(...rejected.map(({ pointer }) => `${pointer.path}#${pointer.index}`));
          pointed += places.length;
          for (const place of places) pointers.add(place);
        }
        expect(pointers.size).toBe(pointed);
        expect(new Set(batches.map(({ chunk }) => chunk.buffer)).size).toBe(batches.length);
      }));

    test("a restart after any commit counts each record once, and after the last there is nothing", () =>
      withSource(async (source) => {
        const whole = await readBatches(source, new Map());
        for (let stop = 0; stop <= whole.length; stop += 1) {
          const first = stop === 0 ? [] : await readBatches(source, new Map(), stop);
          const rest = await readBatches(source, commitPositions(new Map(), first));
          expect([...first, ...rest].flatMap(textsOf).toSorted()).toEqual(records);
          expect(countOf([...first, ...rest])).toEqual(counts);
        }
        expect(await readBatches(source, commitPositions(new Map(), whole))).toEqual([]);
      }));

    test("a restart at every batch ends, and counts each record once", () =>
      withSource(async (source) => {
        let positions = new Map<string, string>();
        const taken: Batch[] = [];
        for (let turn = 0; turn < 1000; turn += 1) {
          const batches = await readBatches(source, positions, 1);
          if (batches.length === 0) break;
          positions = commitPositions(positions, batches);
          taken.push(...batches);
        }
        expect(taken.flatMap(textsOf).toSorted()).toEqual(records);
        expect(countOf(taken)).toEqual(counts);
        expect(await readBatches(source, positions)).toEqual([]);
      }));

    test("floors are told, and historic ones never go back", () =>
      withSource(async (source) => {
        const floors = (await readBatches(source, new Map())).map(({ floorMs }) => floorMs);
        const sorted = source.timing.mode === "historic" ? floors.toSorted((a, b) => a - b) : floors;
        expect(floors).toEqual(sorted);
        expect(floors.some(Number.isNaN)).toBe(false);
      }));

    test("an abort ends it at once: before the first batch, and while one is held", () =>
      withSource(async (source) => {
        const aborted = AbortSignal.abort();
        for await (const batch of source.read(new Map(), aborted))
          throw new Error(`a batch of ${batch.origin.path} after the abort`);
        const end = new AbortController();
        let seen = 0;
        for await (const batch of source.read(new Map(), end.signal)) {
          seen += 1;
          batch.settle(new Error("given up"));
          end.abort();
        }
        expect(seen).toBe(1);
      }));

    test("it can be read twice at the same time", () =>
      withSource(async (source) => {
        const [one, other] = await Promise.all([readBatches(source, new Map()), readBatches(source, new Map())]);
        expect(one.flatMap(textsOf)).toEqual(other.flatMap(textsOf));
        for await (const batch of source.read(new Map(), never())) for (const one of withAlso(batch)) one.settle();
      }));
  });
}
