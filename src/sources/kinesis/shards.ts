/**
 * The shards of a stream: which are read, how far, and which wait for others.
 *
 * A shard that came of a split or a merge waits until those it came of are read to their end: what is in them is older.
 * Of each is known up to which arrival time everything was handed out; the least of these is the floor, so that a shard that
 * is behind makes nothing of itself late. A shard that could not be read for an hour holds nothing back. Nothing is asked here.
 */
import type { ListedShard } from "./client.ts";
import { parsePlace, type Place } from "./place.ts";

export type Shard = {
  readonly id: string;
  /** Shards that it came of, and that are still listed. */
  readonly parents: readonly Shard[];
  /** How far it was handed out; null: not at all, so that it is read from the oldest record there is. */
  place: Place | null;
  /** All that arrived before, epoch ms, was handed out. −Infinity: as its parents. */
  completeMs: number;
  iterator: string | null;
  isDone: boolean;
  isAsked: boolean;
  /** What was in it at the start is handed out. */
  isScanned: boolean;
  /** Monotonic ms: when it may be asked again, was last read, last gave a position, and was last told of as behind. */
  dueMs: number;
  readMs: number;
  placedMs: number;
  toldMs: number;
  failures: number;
};

export type Shards = {
  /** Takes in a listing; true when there are new ones. */
  update(listed: readonly ListedShard[]): boolean;
  all(): readonly Shard[];
  /** Those that may be asked, whose turn is now or comes first. */
  ready(): readonly Shard[];
  /** Arrival time, epoch ms, up to which all was handed out; Infinity when nothing is waited for. */
  floorMs(): number;
};

export type ShardsOptions = {
  /** Saved place of a shard, as its text. */
  readonly placeOf: (id: string) => string | undefined;
  /** Where a shard begins of which nothing is saved: null, or a time. */
  readonly startOf: (shard: ListedShard) => Place | null;
  /** Oldest arrival time that may still be in the stream, epoch ms. */
  readonly horizonMs: () => number;
  readonly monotonicMs: () => number;
};

/** A shard that could not be read for so long holds nothing back, ms. */
export const HOLDS_MS = 3_600_000;

/** Shards as they are listed; none yet. */
export function createShards(options: ShardsOptions): Shards {
  const shards = new Map<string, Shard>();
  const add = (listed: ListedShard, byId: ReadonlyMap<string, ListedShard>): Shard => {
    const { ShardId: id = "", ParentShardId = "", AdjacentParentShardId = "" } = listed;
    const standing = shards.get(id);
    if (standing !== undefined) return standing;
    const parents = [ParentShardId, AdjacentParentShardId].flatMap((parent) => {
      const found = byId.get(parent);
      return found === undefined ? (shards.get(parent) ?? []) : add(found, byId);
    });
    const shard = toShard(listed, parents, options);
    shards.set(id, shard);
    return shard;
  };
  return {
    update: (listed) => {
      const before = shards.size;
      const byId = new Map(listed.map((shard) => [shard.ShardId ?? "", shard]));
      for (const shard of listed) add(shard, byId);
      for (const [id, { isDone }] of shards) if (isDone && !byId.has(id)) shards.delete(id);
      return shards.size > before;
    },
    all: () => [...shards.values()],
    ready: () =>
      [...shards.values()]
        .filter((shard) => !shard.isDone && !shard.isAsked && shard.parents.every(({ isDone }) => isDone))
        .toSorted((one, other) => one.dueMs - other.dueMs),
    floorMs: () => {
      const nowMs = options.monotonicMs();
      let floorMs = Infinity;
      for (const shard of shards.values()) {
        const isLost = shard.failures > 0 && nowMs - shard.readMs >= HOLDS_MS;
        if (!shard.isDone && !isLost) floorMs = Math.min(floorMs, completeOf(shard));
      }
      return floorMs;
    },
  };
}

/** Arrival time up to which a shard was handed out, epoch ms: what came of others begins where they end. */
export function completeOf(shard: Shard): number {
  if (shard.completeMs !== -Infinity || shard.parents.length === 0) return shard.completeMs;
  return Math.min(...shard.parents.map(completeOf));
}

function toShard(listed: ListedShard, parents: readonly Shard[], options: ShardsOptions): Shard {
  const saved = parsePlace(options.placeOf(listed.ShardId ?? ""));
  const place = saved ?? options.startOf(listed);
  const nowMs = options.monotonicMs();
  return {
    id: listed.ShardId ?? "",
    parents,
    place,
    completeMs: place?.completeMs ?? (parents.length === 0 ? options.horizonMs() : -Infinity),
    iterator: null,
    isDone: place?.is === "end",
    isAsked: false,
    isScanned: place?.is === "end",
    dueMs: nowMs,
    readMs: nowMs,
    placedMs: saved === null ? -Infinity : nowMs,
    toldMs: -Infinity,
    failures: 0,
  };
}
