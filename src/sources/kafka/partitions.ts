/**
 * How far each partition was read: the positions of the `kafka` source, its floor, and what is missing.
 *
 * A position's key is "TOPIC/PARTITION", its value "NEXT|TIME|ID": the offset to be read next, the broker's time (epoch ms)
 * of the record before it, empty where there is none, and the id of the topic, where the brokers tell it: a topic that was
 * deleted and made anew has another. Nothing is asked here. Offsets are counted as numbers: 2^53 records are enough for a
 * partition.
 */
import type { Position } from "../../contracts.ts";

/** A partition, and where its reader stands. */
export type Partition = {
  readonly topic: string;
  readonly id: number;
  readonly key: string;
  /** Offset to be handed out next; null: none is known, whatever comes is taken. */
  next: number | null;
  /** Id of the topic that was read; null where it is not known. */
  topicId: string | null;
  /** End of the log when it was last looked at. */
  high: number;
  /** Broker's time of the newest record handed out, epoch ms; −Infinity before the first. */
  timeMs: number;
  /** Monotonic ms of the last look that moved it, or found it at its end. */
  movedMs: number;
  /** End of the log at the start. What is below it was there. */
  readonly first: number;
  /** Next offset of what was handed out last, and of what is committed. */
  given: number;
  settled: number;
};

/** What the broker says of a partition: first offset that it still has, the one behind its last, and the topic's id. */
export type Bounds = {
  readonly topic: string;
  readonly id: number;
  readonly low: number;
  readonly high: number;
  readonly topicId: string | null;
};

/**
 * Records that were gone before they were read, or a log that is not the one that was read. `sinceMs`: broker's time of the
 * last record before, epoch ms; −Infinity where it is not known.
 */
export type LogGap = { readonly key: string; readonly why: string; readonly sinceMs: number };

export type PartitionsOptions = {
  readonly source: string;
  readonly positions: ReadonlyMap<string, string>;
  readonly start: "earliest" | "latest";
  readonly monotonicMs: () => number;
  readonly onGap: (gap: LogGap) => void;
};

export type Partitions = {
  /**
   * Takes in what the broker says: at the start, and whenever a partition may be new. Returns the places that are to be
   * committed at once, because no record may ever come that would bring them.
   */
  learn(bounds: readonly Bounds[]): readonly Position[];
  /** The partition; made, with nothing known, where it is new. */
  get(topic: string, id: number): Partition;
  /** The log begins at `low` now: says what is gone, and goes on there. */
  lose(partition: Partition, low: number): void;
  /** The log ends before what was read of it: says so, and takes what comes. */
  restart(partition: Partition, high: number): void;
  /** Of these ids by topic, a topic whose id is not the one that was read; null when there is none. */
  findRenewed(ids: ReadonlyMap<string, string>): string | null;
  /** Broker's time up to which all was handed out, epoch ms; Infinity when nothing waits. */
  floorMs(): number;
  /** True when all that was there at the start is committed, or cannot be read. */
  isScanned(): boolean;
};

/** A partition that could not be read for so long holds nothing back, ms. */
const HOLDS_MS = 3_600_000;

/** Partitions of which nothing is known yet but what was committed. */
export function createPartitions(options: PartitionsOptions): Partitions {
  const { source, positions, start, monotonicMs, onGap } = options;
  const partitions = new Map<string, Partition>();
  const isKnownTopic = (topic: string): boolean => positions.keys().some((key) => key.startsWith(`${topic}/`));
  const make = (topic: string, id: number, high: number): Partition => {
    const key = toKey(topic, id);
    const { next, timeMs, topicId } = parsePlace(positions.get(key));
    const rest = { movedMs: monotonicMs(), given: next ?? 0, settled: next ?? 0 };
    const partition: Partition = { topic, id, key, next, topicId, high, first: high, timeMs, ...rest };
    partitions.set(key, partition);
    return partition;
  };
  const lose = (partition: Partition, low: number): void => {
    const { key, next, timeMs } = partition;
    if (next !== null) onGap({ key, why: toLost(partition, next, low), sinceMs: timeMs });
    partition.next = low;
  };
  const restart = (partition: Partition, high: number): void => {
    const { key, next, timeMs } = partition;
    const why = `The log of ${key} ends at offset ${high}, before ${next}, to which it was read: the topic was made anew, or its newest records were lost with a broker. It is read from its beginning.`;
    onGap({ key, why, sinceMs: timeMs });
    Object.assign(partition, { next: null, timeMs: -Infinity, topicId: null });
  };
  const renew = (partition: Partition, { low }: Bounds): void => {
    const { key, next, timeMs } = partition;
    const why = `The topic of ${key} was deleted and made anew (its id is another). What stood behind offset ${next} of the old one is gone; the new one is read from its beginning.`;
    if (next !== null) onGap({ key, why, sinceMs: timeMs });
    Object.assign(partition, { next: low, timeMs: -Infinity, settled: 0 });
  };
  const place = (partition: Partition, bound: Bounds): boolean => {
    const { low, high, topicId } = bound;
    const isRenewed = isOther(partition, topicId);
    partition.high = high;
    partition.topicId = topicId ?? partition.topicId;
    if (isRenewed) {
      renew(partition, bound);
      return true;
    }
    if (partition.next === null) {
      const isLatest = start === "latest" && !isKnownTopic(partition.topic);
      partition.next = isLatest ? high : low;
      return isLatest;
    }
    // An offset behind the end may be one that a new leader has not heard of yet: only a fetch tells.
    if (partition.next >= low) return false;
    lose(partition, low);
    return true;
  };
  return {
    learn: (bounds) =>
      bounds.flatMap((bound) => {
        const partition = partitions.get(toKey(bound.topic, bound.id)) ?? make(bound.topic, bound.id, bound.high);
        if (!place(partition, bound)) return [];
        partition.given = partition.next ?? 0;
        return [toPosition(partition, source)];
      }),
    get: (topic, id) => partitions.get(toKey(topic, id)) ?? make(topic, id, 0),
    lose,
    restart,
    findRenewed: (ids) =>
      partitions.values().find((partition) => isOther(partition, ids.get(partition.topic) ?? null))?.topic ?? null,
    floorMs: () => {
      let floorMs = Infinity;
      for (const partition of partitions.values())
        if (isBehind(partition) && monotonicMs() - partition.movedMs < HOLDS_MS)
          floorMs = Math.min(floorMs, partition.timeMs);
      return floorMs;
    },
    isScanned: () => partitions.values().every((partition) => isThrough(partition, monotonicMs())),
  };
}

function toLost({ key }: Partition, next: number, low: number): string {
  return `Offsets ${next} to ${low - 1} of ${key} were deleted before they were read: at most ${low - next} records. Keep the topic's records for longer (retention.ms), and see why Sagewatch was behind.`;
}

function isOther(partition: Partition, topicId: string | null): boolean {
  return partition.topicId !== null && topicId !== null && partition.topicId !== topicId;
}

function isBehind({ next, high }: Partition): boolean {
  return (next ?? 0) < high;
}

/** All that was there at the start is handed out, and what was handed out by then is committed. */
function isThrough({ next, first, given, settled, movedMs }: Partition, nowMs: number): boolean {
  if (nowMs - movedMs >= HOLDS_MS) return true;
  return (next ?? 0) >= first && settled >= Math.min(given, first);
}

function toKey(topic: string, id: number): string {
  return `${topic}/${id}`;
}

/** The position at which a partition stands. */
export function toPosition({ key, next, timeMs, topicId }: Partition, source: string): Position {
  const id = topicId === null ? "" : `|${topicId}`;
  return { source, key, value: `${next ?? 0}|${Number.isFinite(timeMs) ? timeMs : ""}${id}` };
}

function parsePlace(text: string | undefined): Pick<Partition, "next" | "timeMs" | "topicId"> {
  const [offset = "", time = "", topicId = ""] = text?.split("|") ?? [];
  const next = Number(offset);
  const timeMs = Number(time);
  return {
    next: offset === "" || !Number.isSafeInteger(next) || next < 0 ? null : next,
    timeMs: time === "" || Number.isNaN(timeMs) ? -Infinity : timeMs,
    topicId: topicId === "" ? null : topicId,
  };
}
