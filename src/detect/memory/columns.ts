/**
 * What is known of each group without looking into it, in columns outside the heap: one row a group, by its number.
 *
 * A number is used again once its group is gone. The table finds the number of a packed group by its key's hash; groups on
 * the heap are found by their key in a Map of their rule and do not stand in it.
 */
import { SLAB_BYTES } from "./slabs.ts";

/** `at` of a group that stands on the heap. */
export const ON_HEAP = 0xffffffff;
/** `rule` of a number that is not in use. */
export const NO_RULE = 0xffff;
/** Bytes of a row, its places in the table and the room for growth included. */
export const ROW_BYTES = 56;
const [ROWS_FIRST, GROWTH] = [1024, 1.25] as const;
/** Bytes of a row in the columns alone. */
const WIDTH = 35;
/**
 * From so many rows on, the columns are given SLAB_BYTES at once: a mapping of its own that leaves no hole when it is
 * outgrown, and of which untouched pages cost nothing (slabs.ts).
 */
const ROWS_ALONE = 32_768;

export type Columns = {
  /** Of the key. */
  hash: Int32Array;
  /** Address in the arena, or ON_HEAP. */
  at: Uint32Array;
  rule: Uint16Array;
  account: Uint32Array;
  /** Slice of the first member. */
  slice: Float64Array;
  /** 0 to PROGRESS_FULL; of a group on the heap as it was when it was last looked at. */
  progress: Uint8Array;
  bytes: Float64Array;
  members: Uint32Array;
  /** Numbers are below this. */
  end: number;
  readonly free: number[];
};

export function createColumns(): Columns {
  return { ...allocate(ROWS_FIRST), end: 0, free: [] };
}

/** A number for a new group. */
export function takeRow(columns: Columns): number {
  const id = columns.free.pop() ?? columns.end;
  if (id === columns.end) {
    if (id === columns.rule.length) grow(columns);
    columns.end += 1;
  }
  return id;
}

/** The number may be used again. */
export function freeRow(columns: Columns, id: number): void {
  columns.rule[id] = NO_RULE;
  columns.free.push(id);
}

/** One buffer for all columns, the widest first, so that each begins where its numbers may. */
function allocate(rows: number): Omit<Columns, "end" | "free"> {
  const memory = new ArrayBuffer(rows * WIDTH);
  return {
    slice: new Float64Array(memory, 0, rows),
    bytes: new Float64Array(memory, rows * 8, rows),
    hash: new Int32Array(memory, rows * 16, rows),
    at: new Uint32Array(memory, rows * 20, rows),
    account: new Uint32Array(memory, rows * 24, rows),
    members: new Uint32Array(memory, rows * 28, rows),
    rule: new Uint16Array(memory, rows * 32, rows),
    progress: new Uint8Array(memory, rows * 34, rows),
  };
}

function toMore(rows: number): number {
  const more = Math.ceil(rows * GROWTH);
  return more < ROWS_ALONE ? more : Math.max(more, Math.floor(SLAB_BYTES / WIDTH));
}

function grow(columns: Columns): void {
  const grown = allocate(toMore(columns.rule.length));
  for (const name of Object.keys(grown) as (keyof typeof grown)[]) grown[name].set(columns[name]);
  Object.assign(columns, grown);
}

/** Finds packed groups by hash: open addressing, linear probing, places moved back on removal, at most two thirds full. */
export type Table = {
  /** The first number under `hash` of which `isIt` says yes, else −1. */
  find(hash: number, isIt: (id: number) => boolean): number;
  add(id: number): void;
  remove(id: number): void;
};

const EMPTY = 0;

export function createTable(columns: Columns): Table {
  /** Numbers + 1. */
  let places = new Int32Array(ROWS_FIRST);
  let count = 0;
  const home = (hash: number): number => (hash >>> 0) & (places.length - 1);
  const next = (at: number): number => (at + 1) & (places.length - 1);
  const hashAt = (at: number): number => columns.hash[(places[at] as number) - 1] as number;
  const put = (id: number): void => {
    let at = home(columns.hash[id] as number);
    while (places[at] !== EMPTY) at = next(at);
    places[at] = id + 1;
  };
  const resize = (size: number): void => {
    const before = places;
    places = new Int32Array(size);
    for (const place of before) if (place !== EMPTY) put(place - 1);
  };
  return {
    find: (hash, isIt) => {
      for (let at = home(hash); places[at] !== EMPTY; at = next(at))
        if (hashAt(at) === hash && isIt((places[at] as number) - 1)) return (places[at] as number) - 1;
      return -1;
    },
    add: (id) => {
      count += 1;
      if (count * 3 > places.length * 2) resize(places.length * 2);
      put(id);
    },
    remove: (id) => {
      let hole = home(columns.hash[id] as number);
      while (places[hole] !== id + 1) hole = next(hole);
      count -= 1;
      // Whoever was pushed on past the hole moves back into it.
      for (let at = next(hole); places[at] !== EMPTY; at = next(at)) {
        const wanted = home(hashAt(at));
        const isBetween = hole <= at ? hole < wanted && wanted <= at : hole < wanted || wanted <= at;
        if (isBetween) continue;
        places[hole] = places[at] as number;
        hole = at;
      }
      places[hole] = EMPTY;
      if (places.length > ROWS_FIRST && count * 8 < places.length) resize(places.length / 2);
    },
  };
}
