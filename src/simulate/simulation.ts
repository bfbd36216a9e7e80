/**
 * The simulator: a day of CloudTrail of a small company, with attacks planted in it, as delivery files.
 *
 * This is what everyone else imports. Promised: the same options give the same bytes on every machine; the benign records
 * do not depend on which attacks are planted; files come one by one, so that memory stays small. It reads no clock and
 * touches no disk (commands/simulate.ts does).
 */
import { createRandom, type Random } from "../lib/random.ts";
import { SagewatchError } from "../model/errors.ts";
import { plantAttacks, type PlantedAttack } from "./attacks/catalog.ts";
import { createDelivery, type DeliveryFile } from "./delivery.ts";
import { createStream, SLOT_MS } from "./stream.ts";

/** What to simulate. */
export type SimulationOptions = {
  /** Any integer; another seed is another day. */
  readonly seed: number;
  /** Benign records; the records of attacks and the copies come on top. 1 to 20,000,000. */
  readonly records: number;
  /** Names of attacks; see `parseAttacks`. */
  readonly attacks: readonly string[];
  /** Start of the run, epoch ms, a multiple of five minutes. Default DEFAULT_START_MS. */
  readonly startMs?: number;
  /** Length, 24 to 720 hours. Default 24: nights in all three time zones are in it. */
  readonly hours?: number;
  /** Share of management records that are delivered twice, 0 to 1. Default 0.01: a second trail for a part. */
  readonly duplicateShare?: number;
};

/** Tuesday, 2026-03-10T00:00:00Z: a weekday in all three time zones for most of the run. */
export const DEFAULT_START_MS: number = Date.UTC(2026, 2, 10);

/** A simulation that is ready to be written. */
export type Simulation = {
  readonly seed: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Records without copies: the benign ones plus those of the attacks. */
  readonly total: number;
  readonly planted: readonly PlantedAttack[];
  /** The files in order of their slots. Can be gone through once or many times, always with the same result. */
  files(): Generator<DeliveryFile>;
};

const HOUR_MS = 3_600_000;
const MAX_RECORDS = 20_000_000;
/** Records in a file as in captured deliveries: half of them have fewer than about 20. */
const FILE_RECORDS = 30;
/** Regions of accounts that have traffic. */
const CELLS = 11;

/** Refuses what would not make a sound run. */
function checkOptions(options: Required<SimulationOptions>): void {
  const { records, hours, startMs, duplicateShare, seed } = options;
  const isWhole = (value: number, low: number, high: number): boolean =>
    Number.isInteger(value) && value >= low && value <= high;
  const checks: readonly (readonly [what: string, value: number, isFine: boolean, range: string])[] = [
    ["--seed", seed, Number.isSafeInteger(seed), "a whole number"],
    ["--records", records, isWhole(records, 1, MAX_RECORDS), `a whole number from 1 to ${MAX_RECORDS}`],
    ["--hours", hours, isWhole(hours, 24, 720), "a whole number from 24 to 720"],
    ["--start", startMs, Number.isInteger(startMs / SLOT_MS), "a UTC time on a full five minutes"],
    ["the share of duplicates", duplicateShare, duplicateShare >= 0 && duplicateShare <= 1, "from 0 to 1"],
  ];
  const failed = checks.find(([, , isFine]) => !isFine);
  if (failed === undefined) return;
  throw new SagewatchError("usage", `simulate: ${failed[0]} is ${failed[1]}, but must be ${failed[3]}`);
}

/** The files of one pass. */
function* deliver(
  random: Random,
  options: Required<SimulationOptions>,
  planted: readonly PlantedAttack[],
): Generator<DeliveryFile> {
  const { startMs, records } = options;
  const endMs = startMs + options.hours * HOUR_MS;
  const slots = (endMs - startMs) / SLOT_MS;
  const writers = Math.min(8, Math.max(1, Math.round(records / slots / CELLS / FILE_RECORDS)));
  const delivery = createDelivery({ random: random.fork("delivery"), writers, duplicateShare: options.duplicateShare });
  for (const { records: own } of planted) for (const record of own) delivery.add(record);
  let slotMs = startMs;
  for (const step of createStream({ random, startMs, endMs, records })) {
    for (const record of step) delivery.add(record);
    yield* delivery.flush(slotMs);
    slotMs += SLOT_MS;
  }
  yield* delivery.flush(Number.POSITIVE_INFINITY);
}

/**
 * Prepares a simulation.
 * @throws SagewatchError `usage` for an option out of its range
 */
export function createSimulation(options: SimulationOptions): Simulation {
  const full: Required<SimulationOptions> = { startMs: DEFAULT_START_MS, hours: 24, duplicateShare: 0.01, ...options };
  checkOptions(full);
  const { seed, startMs, hours, records } = full;
  const planted = plantAttacks(createRandom(seed), full.attacks, full);
  const count = planted.reduce((sum, attack) => sum + attack.records.length, 0);
  return {
    seed,
    startMs,
    endMs: startMs + hours * HOUR_MS,
    total: records + count,
    planted,
    files: () => deliver(createRandom(seed), full, planted),
  };
}

/** A record as a test or bench takes it: the bytes, and where they lie. */
export type GeneratedRecord = {
  /** Path of its file below the output folder. */
  readonly file: string;
  readonly slotMs: number;
  readonly accountId: string;
  readonly region: string;
  readonly eventId: string;
  /** The record, compact JSON in UTF-8, in a buffer of its own. */
  readonly bytes: Uint8Array;
};

/** The records in the order of files and of places in a file, copies included, without a disk. */
export function* generateRecords(options: SimulationOptions): Generator<GeneratedRecord> {
  const encoder = new TextEncoder();
  for (const file of createSimulation(options).files()) {
    for (const { text, eventId } of file.records) {
      const { path, slotMs, accountId, region } = file;
      yield { file: path, slotMs, accountId, region, eventId, bytes: encoder.encode(text) };
    }
  }
}
