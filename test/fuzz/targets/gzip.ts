/**
 * Any bytes as a file of the file source: packed or not, whole or damaged.
 *
 * Reading never throws and ends with one last batch. Where it finds no damage, zlib unpacks the same bytes to the same
 * records; where it finds damage in the packing, that is told as one rejected item and no bomb comes through.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Gunzip, gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { isGzip } from "../../../src/lib/gzip-frame.ts";
import { readFileBatches } from "../../../src/sources/file/read.ts";
import type { RecordBatch } from "../../../src/sources/records/batches.ts";
import { anyRecord, compact, write } from "../../sources/any-records.ts";
import { layOut, splitRecords } from "../../sources/outcomes.ts";
import { encode, type OpenTarget, seedFiles, type Target } from "../target.ts";

const GZIP_RATIO = 200;
const FAULTS: ReadonlySet<string> = new Set(["gzip_bad", "gzip_ratio", "truncated"]);
const limits = { recordBytes: 1 << 20, depth: 64, gzipRatio: GZIP_RATIO };

async function read(path: string, sizeBytes: number): Promise<RecordBatch[]> {
  const options = { source: "test", path, sizeBytes, skip: 0, limits, onRead: () => {} };
  const batches: RecordBatch[] = [];
  for await (const batch of readFileBatches(options, new AbortController().signal)) batches.push(batch);
  return batches;
}

/**
 * What zlib makes of it: the bytes, damage, or "header" where only a header's own checksum is wrong, which reading passes
 * over. zlib's gunzip ends at the first bytes that begin no member; zeros between members are padding.
 */
function unpack(input: Uint8Array): Uint8Array | "damage" | "header" {
  const pieces: Uint8Array[] = [];
  for (let rest = input; rest.length > 0;) {
    try {
      // The types do not know what `info` makes of the answer.
      const { buffer, engine } = gunzipSync(rest, { info: true, maxOutputLength: 64 << 20 }) as unknown as {
        buffer: Uint8Array;
        engine: Gunzip;
      };
      pieces.push(buffer);
      rest = rest.subarray(engine.bytesWritten);
    } catch (error) {
      return (error as Error).message === "header crc mismatch" ? "header" : "damage";
    }
    const start = rest.findIndex((byte) => byte !== 0);
    rest = start === -1 ? new Uint8Array(0) : rest.subarray(start);
  }
  return Buffer.concat(pieces);
}

function open(): Promise<OpenTarget> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-fuzz-"));
  const path = join(folder, "input");
  const check = async (input: Uint8Array): Promise<void> => {
    writeFileSync(path, input);
    const batches = await read(path, input.length);
    assert.equal(batches.filter(({ isLast }) => isLast).length, 1);
    const { outcomes, read: count } = layOut(batches);
    assert.equal(batches.at(-1)?.upTo, count);
    const held = batches.reduce((sum, { chunk }) => sum + chunk.length, 0);
    assert.ok(held < (64 << 20) + GZIP_RATIO * input.length, "memory is bounded by the ratio");
    if (!isGzip(input)) return assert.deepEqual(outcomes, splitRecords(input).outcomes);
    const isFaulty = outcomes.some(({ is }) => FAULTS.has(is));
    const whole = unpack(input);
    if (whole === "damage") assert.ok(isFaulty, "zlib finds damage that reading does not tell");
    else if (whole !== "header" && !isFaulty) assert.deepEqual(outcomes, splitRecords(whole).outcomes);
  };
  return Promise.resolve({ check, close: () => rmSync(folder, { recursive: true }) });
}

const text = fc.oneof(
  fc
    .array(anyRecord, { maxLength: 5 })
    .map((records) => records.map((record) => `${write(record, compact)}\n`).join("")),
  fc.tuple(fc.string({ maxLength: 4 }), fc.nat(200_000)).map(([piece, count]) => piece.repeat(count)),
);
const member = fc.tuple(text, fc.integer({ min: 0, max: 9 })).map(([body, level]) => gzipSync(body, { level }));

export const target: Target = {
  name: "gzip",
  limitMs: 100,
  seeds: seedFiles("gzip", ".bin"),
  words: ["\u0000", "\u0000\u0000\u0000\u0000", "\u001f", "{}\n"],
  inputs: fc
    .tuple(fc.array(member, { minLength: 1, maxLength: 3 }), fc.nat(40), fc.nat(20))
    .map(([members, cut, zeros]) => {
      const whole = Buffer.concat(members);
      return Buffer.concat([whole.subarray(0, whole.length - cut), encode("\u0000".repeat(zeros))]);
    }),
  open,
};
