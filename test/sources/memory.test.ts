/**
 * Memory of reading: a file of one line is read in the same memory whatever its size, plain or packed, and small files
 * whatever their number. Each reading is a process of its own, since the highest mark of memory cannot be set back.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { call, createFolder, delivery } from "./records.ts";

const MIB = 1024 * 1024;
const folder = createFolder();
afterAll(() => folder.remove());

/** Writes `parts` one behind the other, `times` times the middle one. */
function writeLarge(name: string, [head, block, tail]: readonly [string, string, string], times: number): string {
  const path = join(folder.path, name);
  const pack = (text: string): Uint8Array => (name.endsWith(".gz") ? gzipSync(text, { level: 1 }) : Buffer.from(text));
  const file = openSync(path, "w");
  const packed = pack(block);
  writeSync(file, pack(head));
  for (let turn = 0; turn < times; turn += 1) writeSync(file, packed);
  writeSync(file, pack(tail));
  closeSync(file);
  return path;
}

type Reading = {
  readonly records: number;
  readonly rejected: number;
  readonly maxRssBytes: number;
  readonly liveBytes: number;
};
function readApart(path: string): Reading {
  return JSON.parse(
    execFileSync(process.execPath, ["--expose-gc", join(import.meta.dirname, "read-all.ts"), path], {
      encoding: "utf8",
    }),
  ) as Reading;
}

const records = Array.from({ length: 1000 }, (_, at) => call(`id-${at}`)).join(",");
const line = ['{"Records":[', `${records},`, `${call("last")}]}`] as const;
const huge = [`{"Records":[${call("a")},{"eventID":"b","eventName":"`, "x".repeat(MIB), `"},${call("c")}]}`] as const;

test.for([
  ["a plain file of one line", ".json", line, 20, { records: 20_001, rejected: 0 }, { records: 160_001, rejected: 0 }],
  [
    "a packed file of one line",
    ".json.gz",
    line,
    20,
    { records: 20_001, rejected: 0 },
    { records: 160_001, rejected: 0 },
  ],
  ["a file with one huge record", "-huge.json", huge, 32, { records: 2, rejected: 1 }, { records: 2, rejected: 1 }],
] as const)(
  "%s takes the same memory at eight times the size",
  ([, ending, parts, times, small, large], { expect }) => {
    const one = readApart(writeLarge(`small${ending}`, parts, times));
    const eight = readApart(writeLarge(`large${ending}`, parts, times * 8));
    expect(one).toMatchObject(small);
    expect(eight).toMatchObject(large);
    expect(eight.liveBytes - one.liveBytes).toBeLessThan(32 * MIB);
    expect(eight.maxRssBytes).toBeLessThan(300 * MIB);
  },
);

test("a bomb takes little memory", () => {
  const path = folder.write("bomb.json.gz", new Uint8Array(gzipSync(Buffer.alloc(200 * MIB, 0x20))));
  const plain = readApart(folder.write("none.json", "[]"));
  const bomb = readApart(path);
  expect(bomb).toMatchObject({ records: 0, rejected: 1 });
  expect(bomb.maxRssBytes - plain.maxRssBytes).toBeLessThan(64 * MIB);
});

test("many small files take the same memory at eight times their number", () => {
  const packed = new Uint8Array(gzipSync(delivery(...Array.from({ length: 40 }, (_, at) => call(`id-${at}`)))));
  const readMany = (name: string, count: number): Reading => {
    for (let at = 0; at < count; at += 1) folder.write(`${name}/${at}.json.gz`, packed);
    return readApart(join(folder.path, name));
  };
  const [one, eight] = [readMany("some", 1000), readMany("many", 8000)];
  expect([one.records, eight.records]).toEqual([40_000, 320_000]);
  expect(eight.maxRssBytes - one.maxRssBytes).toBeLessThan(64 * MIB);
});
