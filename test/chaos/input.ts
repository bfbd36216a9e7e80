/**
 * Inputs of the chaos runs: a simulated day with attacks in it, laid out as files, and the order in which they come.
 *
 * `delivered`: the files as CloudTrail delivers them, gzip, time slots in their names. `bundled`: the same records in a few
 * large files without a slot, so that a crash falls into the middle of a file. Some files hold records of both kinds, and
 * what is rejected or skipped among them (mixture.ts). All of it follows from the seed.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Random } from "../../src/lib/random.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { digest, type Item, mix, toTotals, type Totals } from "./mixture.ts";

/** A file that is not written yet. */
export type PlannedFile = {
  readonly path: string;
  readonly slotMs: number;
  /** Items in it, whatever becomes of them. */
  readonly records: number;
  readonly bytes: Uint8Array;
};
/** The same with what lies in it. */
export type KnownFile = PlannedFile & { readonly items: readonly Item[] };

export type Input = {
  /** Everything that is to be counted once, copies included. */
  readonly items: readonly Item[];
  /** What the counts must come to. */
  readonly totals: Totals;
  readonly files: readonly KnownFile[];
};

type Placed = Item & { readonly file: string; readonly slotMs: number };

/** Share of the files of a delivery that are mixed; bundles always are. */
const MIXED_FILES = 0.5;

/** A simulated day of about `records` records and two attacks. */
export function makeInput(random: Random, layout: "delivered" | "bundled", records: number): Input {
  const attacks = [random.pick(ATTACK_NAMES), random.pick(ATTACK_NAMES)].filter(
    (name, i, all) => all.indexOf(name) === i,
  );
  const calls = [...generateRecords({ seed: random.int(1, 1_000_000), records, attacks, duplicateShare: 0.05 })];
  const mixture = random.fork("mixture");
  const isMixed = new Map(
    [...new Set(calls.map(({ file }) => file))].map((file) => [file, mixture.chance(MIXED_FILES)]),
  );
  const placed = calls.flatMap(({ file, slotMs, bytes }): Placed[] =>
    mix(bytes, mixture, layout === "bundled" || isMixed.get(file) === true).map((item) => ({ ...item, file, slotMs })),
  );
  const { slotMs } = placed[0]!;
  for (const hour of [0, 1, 2]) placed.push({ ...digest(hour), file: `digest/${hour}.json.gz`, slotMs });
  const files = layout === "delivered" ? deliver(placed) : bundle(placed, random);
  return { items: placed, totals: toTotals(placed), files };
}

function deliver(placed: readonly Placed[]): KnownFile[] {
  const byFile = Map.groupBy(placed, ({ file }) => file);
  return [...byFile].map(([path, records]) => ({
    path,
    slotMs: records[0]!.slotMs,
    records: records.length,
    items: records,
    bytes: gzipSync(toRecordsText(records), { level: 1 }),
  }));
}

/** Three files in an order that is not that of time: one of two thirds, in one line; NDJSON; NDJSON in gzip. */
function bundle(placed: readonly Placed[], random: Random): KnownFile[] {
  const parts: [Placed[], Placed[], Placed[]] = [[], [], []];
  for (const record of placed) parts[random.pick([0, 0, 0, 0, 1, 2] as const)].push(record);
  const [most, lines, packed] = parts;
  const { slotMs } = placed[0]!;
  return [
    { path: "b/most.json", slotMs, records: most.length, items: most, bytes: Buffer.from(toRecordsText(most)) },
    { path: "a/lines.ndjson", slotMs, records: lines.length, items: lines, bytes: Buffer.from(toLines(lines)) },
    {
      path: "c/lines.ndjson.gz",
      slotMs,
      records: packed.length,
      items: packed,
      bytes: gzipSync(toLines(packed), { level: 1 }),
    },
  ];
}

/** Records as a file of S3 delivery has them. */
export function toRecordsText(records: readonly { readonly bytes: Uint8Array }[]): string {
  return `{"Records":[${records.map(({ bytes }) => Buffer.from(bytes).toString()).join(",")}]}`;
}

/** Records one a line. */
export function toLines(records: readonly { readonly bytes: Uint8Array }[]): string {
  return records.map(({ bytes }) => `${Buffer.from(bytes).toString()}\n`).join("");
}

/** Writes a file whole: under a name that sources pass over, then renamed. */
export function writeWhole(folder: string, { path, bytes }: Pick<PlannedFile, "path" | "bytes">): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.part`, bytes);
  renameSync(`${target}.part`, target);
}

/** How files come to a spool folder: before, during and after a time in which nobody reads. */
export type Drops<File extends PlannedFile> = {
  readonly before: readonly File[];
  readonly backlog: readonly File[];
  readonly after: readonly File[];
};

/** Longest time by which a file comes out of the order of its slot; with the simulator's 20 min below the lateness in use. */
const JITTER_MS = 10 * 60_000;

/**
 * Files in an order of arrival that is disordered within the bound of lateness. Those of the backlog get names without a
 * slot whose order means nothing: there the source cannot know what is old.
 */
export function planDrops<File extends PlannedFile>(files: readonly File[], random: Random): Drops<File> {
  const order = files
    .map((file) => ({ file, atMs: file.slotMs + random.int(0, JITTER_MS) }))
    .toSorted((one, other) => one.atMs - other.atMs)
    .map(({ file }) => file);
  const [first, second] = [Math.floor(order.length * 0.35), Math.floor(order.length * 0.75)];
  const backlog = order.slice(first, second).map((file) => ({ ...file, path: `backlog/${random.hex(12)}.json` }));
  return { before: order.slice(0, first), backlog, after: order.slice(second) };
}
