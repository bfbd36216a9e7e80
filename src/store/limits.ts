/**
 * The caps of the store (delivery contract C8) and the options of openStore.
 *
 * Each cap is a plain number with its default and the reason for it, so that a test can lower it and an operator can read
 * what bounds the disk. Nothing here touches the disk.
 */
import type { Clock } from "../lib/clock.ts";

/** Caps of one state folder. Sums are bytes on disk, compressed where records are; the cap of one record is on its own bytes. */
export type StoreLimits = {
  /** Quarantine is full from here on: Store.quarantineFull turns true and the pipeline stops its sources. Default 1 GiB. */
  readonly quarantineBytes: number;
  /** The same in rows. Default 1,000,000. */
  readonly quarantineRows: number;
  /** A quarantined record above this is kept as a pointer only. Default 1 MiB, the largest record that is read at all. */
  readonly quarantineRecordBytes: number;
  /** Late matches kept for replay; above it the oldest go first. Default 1 GiB. */
  readonly lateBytes: number;
  /** The same in rows. Default 1,000,000. */
  readonly lateRows: number;
  /** Evidence, alert and late records above this are kept as a pointer only. Default 64 KiB (CloudTrail: p99 is 2 KiB). */
  readonly recordBytes: number;
  /** Alerts, dead letters and late matches are kept so long. Default 90 days, the longest time AWS can repeat an event. */
  readonly keepDays: number;
  /** Positions of files that are gone are kept so long: a disk that was away comes back within it. Default 35 days, a month and a weekend. */
  readonly positionDays: number;
  /** Space set aside for the last words of a daemon on a full disk. Default 64 MiB; 0 makes no reserve. */
  readonly reserveBytes: number;
  /** Quota of store.db and the reserve together; null leaves it to the disk. */
  readonly maxBytes: number | null;
  /** Pages in the write-ahead log that start a checkpoint; 0 never. Default 1,000 (4 MiB), SQLite's own. */
  readonly checkpointPages: number;
  /** At open, files up to this size are checked whole, larger ones in their small tables. Default 256 MiB: about a second. */
  readonly checkBytes: number;
};

const MIB = 1024 * 1024;

/** The caps of a daemon. */
export const DEFAULT_LIMITS: StoreLimits = {
  quarantineBytes: 1024 * MIB,
  quarantineRows: 1_000_000,
  quarantineRecordBytes: MIB,
  lateBytes: 1024 * MIB,
  lateRows: 1_000_000,
  recordBytes: 64 * 1024,
  keepDays: 90,
  positionDays: 35,
  reserveBytes: 64 * MIB,
  maxBytes: null,
  checkpointPages: 1_000,
  checkBytes: 256 * MIB,
};

/** What openStore needs. */
export type StoreOptions = {
  /** The state folder; null makes an empty temporary store that is gone after close. */
  readonly dir: string | null;
  readonly clock: Clock;
  /** Version of Sagewatch, written into the header. */
  readonly engine: string;
  /** Least time between two updates of an alert to one sink, ms. Default 60,000: an analyst reads no faster. */
  readonly updateEveryMs?: number;
  readonly limits?: Partial<StoreLimits>;
  /** Told when the disk has no room for the reserve: the store works, but a full disk will have no last words. */
  readonly onNoReserve?: (path: string) => void;
};
