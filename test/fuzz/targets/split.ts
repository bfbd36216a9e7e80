/**
 * Any bytes as a file of records: split, sorted, decoded.
 *
 * Each item ends in exactly one of record, rejected, skipped; cutting the bytes in other places changes nothing; what
 * stands before a place is not touched by what stands behind it; a whole record on the next line is found, if one line
 * of damage is all there is. Decoders answer every record with an event or a known reason.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decoders } from "../../../src/decode/registry.ts";
import { REASONS } from "../../../src/model/event.ts";
import type { RecordBatch } from "../../../src/sources/records/batches.ts";
import { anyRecord, anyWriting, layouts } from "../../sources/any-records.ts";
import { type SplitResult, splitRecords } from "../../sources/outcomes.ts";
import { encode, seedFiles, stateless, type Target } from "../target.ts";

const WHOLE = 1 << 20;
const NEIGHBOUR = '{"eventVersion":"1.08","eventID":"n-1","eventName":"Neighbour"}';

function check(input: Uint8Array): void {
  const result = splitRecords(input, WHOLE);
  const pieces = splitRecords(input, 1 + (input.length % 61));
  assert.deepEqual(pieces.outcomes, result.outcomes);
  assert.deepEqual(pieces.skipped, result.skipped);
  checkBatches(result);
  checkBefore(input, result);
  checkBehind(input);
  const [first] = splitRecords(Buffer.concat([encode(`${NEIGHBOUR}\n`), input]), WHOLE).outcomes;
  assert.equal(first?.text, NEIGHBOUR, "the record on the line before");
}

function checkBatches({ batches, outcomes, read }: SplitResult): void {
  const last = batches.at(-1);
  assert.ok(last?.isLast === true && last.upTo === read, "the last batch counts all");
  assert.equal(batches.filter(({ isLast }) => isLast).length, 1);
  const indexes = new Set(outcomes.map(({ index }) => index));
  assert.equal(indexes.size, outcomes.length, "each item has one outcome");
  assert.ok([...indexes].every((index) => index >= 0 && index < read));
  for (const batch of batches) checkRecords(batch);
}

function checkRecords({ kind, chunk, offsets, indexes }: RecordBatch): void {
  assert.ok(indexes.length <= 1000 && offsets.length === indexes.length * 2);
  for (let at = 0; at < offsets.length; at += 2) {
    const [start = -1, end = -1] = [offsets[at], offsets[at + 1]];
    assert.ok(start >= 0 && start < end && end <= chunk.length, "a range inside the chunk");
    const decoded = decoders[kind].decode(chunk.subarray(start, end), { nowMs: null, duplicateKeys: false });
    if ("reason" in decoded) assert.ok(Object.hasOwn(REASONS, decoded.reason) && decoded.detail !== "");
    else assert.ok(Number.isFinite(decoded.timeMs) && decoded.key !== "", "an event has a time and a key");
  }
}

/** Records that end before a place come out alike, whatever stands behind it. */
function checkBefore(input: Uint8Array, { outcomes }: SplitResult): void {
  const head = splitRecords(input.subarray(0, Math.floor(input.length * 0.7)), WHOLE).outcomes;
  const end = head.findIndex(({ is }) => !Object.hasOwn(decoders, is));
  const before = end === -1 ? head : head.slice(0, end);
  assert.deepEqual(outcomes.slice(0, before.length), before);
}

/** One line, whatever stands in it, costs no record on the next line. */
function checkBehind(input: Uint8Array): void {
  const line = input.filter((byte) => byte !== 10 && byte !== 13);
  const { outcomes } = splitRecords(Buffer.concat([line, encode(`\n${NEIGHBOUR}\n`)]), WHOLE);
  assert.ok(
    outcomes.some(({ text }) => text === NEIGHBOUR),
    "the record on the line behind",
  );
}

export const target: Target = {
  name: "split",
  limitMs: 100,
  seeds: seedFiles("split", ".bin"),
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "\\",
    "\n",
    "\r",
    "\t",
    " ",
    "0",
    '{"Records":[',
    '{"Events":[{"CloudTrailEvent":"{',
    '"detail":',
    '"detail-type":"AWS API Call via CloudTrail"',
    '"eventID":1,"eventName":',
    '"schemaVersion":"2.0","service":{},',
    '"eventTime":"2026-01-05T12:00:00Z"',
    '"digestStartTime":1,"digestEndTime":2',
    "\n{",
    "\\u0000",
    "\\ud800",
    "null",
    "1e400",
    "\ufeff",
  ],
  inputs: fc
    .tuple(fc.array(anyRecord, { maxLength: 6 }), anyWriting)
    .map(([records, { layout, style }]) => encode((layouts[layout] as (typeof layouts)[string])(records, style))),
  open: stateless(check),
};
