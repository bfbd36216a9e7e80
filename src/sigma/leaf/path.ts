/**
 * Reads a dotted field path from a record, as rules mean it.
 *
 * At each level the longest own key is tried first ("a.b" before "a"), and on failure the next shorter one. Arrays on the
 * way are walked through member by member; arrays at the end are flattened, unless they are asked for as such. Only own properties count: `__proto__` and
 * `constructor` are ordinary keys. Never throws, never writes to the record.
 */
import type { Json, JsonObject } from "../../model/event.ts";

/** Receives what a path resolves to. */
export type Collector = {
  /** The key stands on some branch, whatever its value. */
  found: boolean;
  /** Arrays at the end are given whole, not member by member. */
  readonly isWhole: boolean;
  /** A value that is no array, or with `isWhole` any value. */
  add(value: Json): void;
};

/** A way through one level: the key to read and what comes after it, null at the end of the path. */
type Turn = { readonly key: string; readonly inherited: boolean; readonly next: Level | null };
type Level = readonly Turn[];

/** Reads one path. */
export type PathReader = (record: Json, collector: Collector) => void;

/** The path that stands for the whole of what is read: inside `f[any]` the member itself. */
const SELF = ".";

/** Compiles a dotted path. */
export function compilePath(path: string): PathReader {
  if (path === SELF) {
    return (record, collector) => {
      collector.found = true;
      take(record, collector);
    };
  }
  const parts = path.split(".");
  const levels: Level[] = [];
  for (let start = parts.length - 1; start >= 0; start -= 1) {
    const turns: Turn[] = [];
    for (let end = parts.length; end > start; end -= 1) {
      const key = parts.slice(start, end).join(".");
      turns.push({
        key,
        inherited: key in Object.prototype,
        next: end === parts.length ? null : (levels[end] ?? null),
      });
    }
    levels[start] = turns;
  }
  const first = levels[0] ?? [];
  return (record, collector) => {
    walk(record, first, collector);
  };
}

function walk(value: Json, level: Level, collector: Collector): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) {
    let found = false;
    for (const member of value as readonly Json[]) if (walk(member, level, collector)) found = true;
    return found;
  }
  for (let index = 0; index < level.length; index += 1) {
    const turn = level[index] as Turn;
    const next = readOwn(value as JsonObject, turn);
    if (next === undefined) continue;
    if (turn.next === null) {
      collector.found = true;
      take(next, collector);
      return true;
    }
    if (walk(next, turn.next, collector)) return true;
  }
  return false;
}

/** A plain read is an own read for every key that Object.prototype lacks, and several times faster than hasOwn. */
function readOwn(object: JsonObject, turn: Turn): Json | undefined {
  if (turn.inherited && !Object.hasOwn(object, turn.key)) return undefined;
  return object[turn.key];
}

function take(value: Json, collector: Collector): void {
  if (collector.isWhole) collector.add(value);
  else collect(value, collector);
}

function collect(value: Json, collector: Collector): void {
  if (Array.isArray(value)) for (const member of value as readonly Json[]) collect(member, collector);
  else collector.add(value);
}
