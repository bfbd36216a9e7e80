/**
 * Puts records into S3-delivery files with the disorder that real ones have.
 *
 * CloudTrail cuts each Region of an account into five-minute files, several at a time and not on the same second: a file
 * of slot S holds what one writer collected in the five minutes that end `phase` seconds before S. So files of a slot
 * overlap, and a record is 3 to 583 s older than the slot. On top of that: records change places inside a file, a few go
 * one or two slots late (never more than 20 minutes after their time), a small share comes twice (byte for byte, never in
 * the same file), and some us-east-1 records of global services lie with another Region's files.
 * Figures measured on captured deliveries: slot minus event time p50 about 200 s, p90 about 410 s, below 10 minutes.
 */
import type { Random } from "../lib/random.ts";
import type { SimulatedRecord } from "./record.ts";
import { SLOT_MS } from "./stream.ts";
import { ACCOUNTS, ALPHANUMERIC } from "./world.ts";

/** A delivered file. */
export type DeliveryFile = {
  /** Key below the output folder, with forward slashes. */
  readonly path: string;
  readonly slotMs: number;
  readonly accountId: string;
  /** The Region of the file; a record of a global service in it may say us-east-1. */
  readonly region: string;
  /** In file order. */
  readonly records: readonly SimulatedRecord[];
  /** How many of `records` are copies of a record in another file. */
  readonly copies: number;
};

/** How delivery is to look. */
export type DeliveryOptions = {
  readonly random: Random;
  /** Writers for each Region of an account, 1 to 8. */
  readonly writers: number;
  /** Share of management records that come twice, 0 to 1. */
  readonly duplicateShare: number;
};

/** Takes records, gives the files that are complete. */
export type Delivery = {
  add(record: SimulatedRecord): void;
  /** Files of all slots up to `slotMs`; later records must have a later time. */
  flush(slotMs: number): Iterable<DeliveryFile>;
};

type Entry = { readonly record: SimulatedRecord; readonly orderMs: number; readonly isCopy: boolean };
type Pending = { readonly cell: Cell; readonly slotMs: number; readonly entries: Entry[] };
type Cell = {
  readonly folder: string;
  readonly accountId: string;
  readonly region: string;
  readonly random: Random;
  readonly phasesMs: readonly number[];
};

const FOLDERS: Readonly<Record<SimulatedRecord["kind"], string>> = {
  management: "CloudTrail",
  data: "CloudTrail",
  insight: "CloudTrail-Insight",
  network: "CloudTrail-NetworkActivity",
};

/** Share of global-service records that go with another Region's files. */
const STRAY_SHARE = 0.05;
/** Share of records that come one or two slots late. */
const LATE_SHARE = 0.0006;

/** How far from its place by time a record is written, ms: mostly not at all, sometimes seconds, rarely a minute. */
function shiftMs(random: Random): number {
  const draw = random.float();
  if (draw < 0.72) return 0;
  if (draw < 0.95) return -Math.log(1 - random.float()) * 7000;
  return random.float() * 60_000;
}

/** The Region whose files take the record. */
function fileRegion(record: SimulatedRecord, random: Random): string {
  if (!record.isGlobal || !random.chance(STRAY_SHARE)) return record.region;
  const regions = ACCOUNTS.find(({ id }) => id === record.accountId)?.regions ?? [];
  return regions.length < 2 ? record.region : random.weighted(regions);
}

/** Makes an empty delivery. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { random } = options;
  const cells = new Map<string, Cell>();
  const pending = new Map<number, Map<string, Pending>>();

  const cellOf = (record: SimulatedRecord): Cell => {
    const folder = FOLDERS[record.kind];
    const region = fileRegion(record, random);
    const key = `${record.accountId}/${folder}/${region}`;
    const known = cells.get(key);
    if (known !== undefined) return known;
    const own = random.fork(`cell/${key}`);
    const count = folder === "CloudTrail" ? options.writers : 1;
    const phasesMs = Array.from({ length: count }, () => (3 + Math.floor(280 * own.float() * own.float())) * 1000);
    const cell = { folder, accountId: record.accountId, region, random: own, phasesMs };
    cells.set(key, cell);
    return cell;
  };

  const put = (cell: Cell, place: { slotMs: number; writer: number }, entry: Entry): void => {
    const slot = pending.get(place.slotMs) ?? new Map<string, Pending>();
    pending.set(place.slotMs, slot);
    const key = `${cell.accountId}/${cell.folder}/${cell.region}/${place.writer}`;
    const file = slot.get(key) ?? { cell, slotMs: place.slotMs, entries: [] };
    slot.set(key, file);
    file.entries.push(entry);
  };

  const add = (record: SimulatedRecord): void => {
    const cell = cellOf(record);
    const writer = random.int(0, cell.phasesMs.length - 1);
    let slotMs = Math.ceil((record.timeMs + (cell.phasesMs[writer] as number)) / SLOT_MS) * SLOT_MS;
    if (random.chance(LATE_SHARE)) slotMs += random.int(1, 2) * SLOT_MS;
    const orderMs = record.timeMs + shiftMs(random);
    put(cell, { slotMs, writer }, { record, orderMs, isCopy: false });
    if (record.kind !== "management" || !random.chance(options.duplicateShare)) return;
    const other = (writer + 1) % cell.phasesMs.length;
    const isLater = other === writer || random.chance(0.5);
    put(cell, { slotMs: isLater ? slotMs + SLOT_MS : slotMs, writer: other }, { record, orderMs, isCopy: true });
  };

  function* flush(slotMs: number): Generator<DeliveryFile> {
    const due = [...pending.keys()].filter((key) => key <= slotMs).toSorted((a, b) => a - b);
    for (const key of due) {
      const files = pending.get(key) as Map<string, Pending>;
      pending.delete(key);
      for (const name of [...files.keys()].toSorted()) yield toFile(files.get(name) as Pending);
    }
  }
  return { add, flush };
}

/** Orders the records of a file and gives it its name. */
function toFile(file: Pending): DeliveryFile {
  const { cell, slotMs } = file;
  const ordered = file.entries.toSorted((a, b) => a.orderMs - b.orderMs);
  const digits = new Date(slotMs).toISOString().replaceAll(/[-:]/gu, "");
  const day = `${digits.slice(0, 4)}/${digits.slice(4, 6)}/${digits.slice(6, 8)}`;
  const name = `${cell.accountId}_${cell.folder}_${cell.region}_${digits.slice(0, 13)}Z_${cell.random.text(ALPHANUMERIC, 16)}.json.gz`;
  return {
    path: `AWSLogs/${cell.accountId}/${cell.folder}/${cell.region}/${day}/${name}`,
    slotMs,
    accountId: cell.accountId,
    region: cell.region,
    records: ordered.map(({ record }) => record),
    copies: ordered.filter(({ isCopy }) => isCopy).length,
  };
}
