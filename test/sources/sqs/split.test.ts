/** What is read of one object at most: 100,000 records, plain or packed, from wherever a restart goes on. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createRecordScanners, type RecordBatch } from "../../../src/sources/records/batches.ts";
import { splitObject } from "../../../src/sources/sqs-s3/split.ts";
import { LIMITS } from "../records.ts";

const MOST = 100_000;
const scanners = createRecordScanners(LIMITS);

/** An object of so many records, every fifth a finding. */
function objectOf(count: number): Uint8Array {
  const record = (at: number): string =>
    at % 5 === 0 ? `{"schemaVersion":"2.0","service":{},"id":"${at}"}` : `{"eventName":"A","eventID":"${at}"}`;
  return Buffer.from(`{"Records":[${Array.from({ length: count }, (_, at) => record(at)).join(",")}]}`);
}

async function split(bytes: Uint8Array, skip = 0): Promise<readonly RecordBatch[]> {
  const options = { source: "s", path: "s3://b/k", limits: LIMITS, skip, scanners };
  const batches: RecordBatch[] = [];
  for await (const batch of splitObject(bytes, options, new AbortController().signal)) batches.push(batch);
  return batches;
}

/** Indexes of all records in order, and what the last batch says. */
function layOut(batches: readonly RecordBatch[]): object {
  const indexes = batches.flatMap((batch) => [...batch.indexes]).toSorted((a, b) => a - b);
  const isWhole = indexes.every((index, at) => index === (indexes[0] ?? 0) + at);
  const last = batches.at(-1);
  const rejected = batches.flatMap((batch) => batch.rejected.map(({ reason, pointer }) => [reason, pointer.index]));
  return { first: indexes[0], count: indexes.length, isWhole, upTo: last?.upTo, isLast: last?.isLast, rejected };
}

describe.each([
  ["plain", (bytes: Uint8Array) => bytes],
  ["packed", (bytes: Uint8Array): Uint8Array => gzipSync(bytes)],
])("%s", (_name, pack) => {
  test("as many as may be are all read", async () => {
    const rest = { upTo: MOST, isLast: true, rejected: [] };
    expect(layOut(await split(pack(objectOf(MOST))))).toEqual({ first: 0, count: MOST, isWhole: true, ...rest });
  });

  test.each([MOST + 1, MOST + 700, MOST + 30_000])(
    "of %i the first are read, the rest is one rejected piece",
    async (count) => {
      const rest = { upTo: MOST, isLast: true, rejected: [["too_big", MOST]] };
      expect(layOut(await split(pack(objectOf(count))))).toEqual({ first: 0, count: MOST, isWhole: true, ...rest });
    },
  );

  test("a restart inside reads the same ones", async () => {
    const batches = await split(pack(objectOf(MOST + 5000)), 99_321);
    expect(layOut(batches)).toMatchObject({
      first: 99_321,
      count: MOST - 99_321,
      isWhole: true,
      rejected: [["too_big", MOST]],
    });
    for (const { offsets, indexes, glances } of batches) {
      expect(offsets.length).toBe(2 * indexes.length);
      expect((glances?.length ?? 0) % Math.max(1, indexes.length)).toBe(0);
    }
  });
});
