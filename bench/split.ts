/**
 * How much finding the records in a file costs beside parsing it: the batcher of the file source against
 * `JSON.parse(bytes.toString())` of the same bytes in the same run.
 *
 * Two shapes: a day's delivery files one after another (half of them have fewer than 20 records), and all their records in
 * one document of one line. Nothing is parsed on the left side. The fastest round counts on both. Prints one JSON line.
 */
import { createSimulation } from "../src/simulate/simulation.ts";
import { createRecordBatcher, createRecordScanners } from "../src/sources/records/batches.ts";
import { describeMachine, print, round } from "./machine.ts";

const ROUNDS = 12;
const RECORDS = 20_000;
/** Bytes handed over at a time, as the file source reads plain files. */
const PIECE_BYTES = 256 * 1024;

type Cost = {
  readonly files: number;
  readonly bytes: number;
  readonly splitMbS: number;
  readonly parseMbS: number;
  /** Time of splitting over time of parsing. */
  readonly ratio: number;
};

const limits = { recordBytes: 1 << 20, depth: 64 };
/** Made once for all files, as the file source does. */
const scanners = createRecordScanners(limits);

function split(bytes: Uint8Array): number {
  const batcher = createRecordBatcher({
    source: "bench",
    path: "file",
    limits,
    sizeHint: bytes.length,
    skip: 0,
    scanners,
  });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) batcher.push(bytes.subarray(at, at + PIECE_BYTES));
  return batcher.end().at(-1)?.upTo ?? 0;
}

function measure(files: readonly Buffer[], records: number): Cost {
  const best = { splitMs: Infinity, parseMs: Infinity };
  for (let index = 0; index < ROUNDS; index += 1) {
    let [found, parsed] = [0, 0];
    const begunMs = performance.now();
    for (const file of files) found += split(file);
    const betweenMs = performance.now();
    for (const file of files) parsed += (JSON.parse(file.toString()) as { Records: unknown[] }).Records.length;
    const endedMs = performance.now();
    if (found !== records || parsed !== records) throw new Error(`${found} found, ${parsed} parsed, ${records} there`);
    best.splitMs = Math.min(best.splitMs, betweenMs - begunMs);
    best.parseMs = Math.min(best.parseMs, endedMs - betweenMs);
  }
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  return {
    files: files.length,
    bytes,
    splitMbS: round(bytes / best.splitMs / 1000),
    parseMbS: round(bytes / best.parseMs / 1000),
    ratio: round(best.splitMs / best.parseMs, 3),
  };
}

/** The whole result. */
export function benchSplit(): Record<string, unknown> {
  const groups = [...createSimulation({ seed: 1, records: RECORDS, attacks: [] }).files()].map((file) =>
    file.records.map((record) => record.text),
  );
  const toFile = (texts: readonly string[]): Buffer => Buffer.from(`{"Records":[${texts.join(",")}]}`);
  const records = groups.reduce((sum, texts) => sum + texts.length, 0);
  return {
    ...describeMachine("split"),
    records,
    delivery: measure(groups.map(toFile), records),
    oneLine: measure([toFile(groups.flat())], records),
  };
}

if (import.meta.main) print(benchSplit());
