/**
 * The records that came nearest to a rule: those that lacked one condition, the nearest first, never more than asked for.
 *
 * Nearest is: the right call before another call, a value that is not enough before one that is missing, the smaller gap
 * before the larger; then the earlier record, by place. So the same input gives the same list in any order of files. What
 * is told of a record is taken only when it stays, so memory is bounded by the number asked for. Pure.
 */
import type { Json, Pointer, Event } from "../../model/event.ts";
import type { Lacking, Nearness } from "../../rules/nearness.ts";

/** A record that lacked one condition. */
export type NearRecord = {
  readonly timeMs: number;
  readonly action: string;
  readonly principal: string;
  readonly accountId: string;
  readonly eventId: string;
  readonly pointer: Pointer;
  readonly lacking: Lacking;
};

/** Records of one rule. */
export type NearRecords = {
  take(event: Event, pointer: Pointer, nearness: Nearness): void;
  result(): {
    readonly tried: number;
    readonly matched: number;
    readonly near: number;
    readonly nearest: readonly NearRecord[];
  };
};

/** Fields that say which call it is: one that lacks only this is another call, not a near miss of this one. */
const CALL_FIELDS = new Set(["eventName", "eventSource", "eventCategory", "type"]);
/** Values of a field that are kept. */
const VALUES_MAX = 5;
/** Characters of a value that are kept. */
const VALUE_CHARS = 200;

type Ranked = { readonly rank: readonly number[]; readonly record: NearRecord };

/** Keeps the nearest `most`. */
export function createNearRecords(most: number): NearRecords {
  const kept: Ranked[] = [];
  const counts = { tried: 0, matched: 0, near: 0 };
  return {
    take: (event, pointer, nearness) => {
      counts.tried += 1;
      if (nearness.matched) counts.matched += 1;
      if (nearness.matched || nearness.lacks !== 1) return;
      counts.near += 1;
      const lacking = nearness.lacking();
      const rank = toRank(lacking, event.timeMs);
      const last = kept.at(-1);
      if (kept.length === most && last !== undefined && compare({ rank, pointer }, toPlace(last)) >= 0) return;
      const ranked = { rank, record: toRecord(event, pointer, lacking) };
      const at = kept.findIndex((one) => compare({ rank, pointer }, toPlace(one)) < 0);
      kept.splice(at === -1 ? kept.length : at, 0, ranked);
      if (kept.length > most) kept.pop();
    },
    result: () => ({ ...counts, nearest: kept.map(({ record }) => record) }),
  };
}

function toRank({ field, isThere, gap }: Lacking, timeMs: number): readonly number[] {
  return [CALL_FIELDS.has(field) ? 1 : 0, isThere ? 0 : 1, gap ?? 1, timeMs];
}

type Placed = { readonly rank: readonly number[]; readonly pointer: Pointer };

function toPlace({ rank, record }: Ranked): Placed {
  return { rank, pointer: record.pointer };
}

function compare(a: Placed, b: Placed): number {
  for (const [index, value] of a.rank.entries()) {
    const other = b.rank[index] ?? 0;
    if (value !== other) return value - other;
  }
  if (a.pointer.path !== b.pointer.path) return a.pointer.path < b.pointer.path ? -1 : 1;
  return a.pointer.index - b.pointer.index;
}

function toRecord(event: Event, pointer: Pointer, lacking: Lacking): NearRecord {
  const found = lacking.found.slice(0, VALUES_MAX).map(shorten);
  return {
    timeMs: event.timeMs,
    action: event.evidence.action,
    principal: event.principal.id,
    accountId: event.accountId,
    eventId: event.eventId,
    pointer,
    lacking: { ...lacking, found },
  };
}

/** A value that does not hold the whole record in memory. */
function shorten(value: Json): Json {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > VALUE_CHARS ? `${text.slice(0, VALUE_CHARS)}…` : text;
}
