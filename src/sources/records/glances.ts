/**
 * The glances of the records of a batch, gathered while it is split: for those that stand in the chunk where they are.
 *
 * One buffer, used again for each batch. What a row promises stands in model/glance.ts.
 */
import { isUtf8 } from "node:buffer";
import { threadId } from "node:worker_threads";
import { GLANCE_FIELDS, GLANCE_NUMBERED, GLANCE_WIDTH } from "../../decode/envelopes.ts";
import { Alike } from "../../lib/alike.ts";
import type { Item } from "../../lib/split/types.ts";
import { UNKNOWN_ROW } from "../../model/glance.ts";

/** Rows there is room for at first: a usual delivery file has no more records. */
const ROWS_MIN = 32;
/** Numbers of a row before who numbered it. */
const PAIRS_WIDTH = 2 * GLANCE_FIELDS.length;
/** Kinds that are numbered in the life of a thread. Those that come later are looked at each by itself. */
const NUMBERS_MAX = 2 ** 31 - 1;
/**
 * For all that the thread splits: what is alike is alike in any file. A number stands for one kind as long as the process
 * lives, since this module is there once a thread and no thread gets the id of another.
 */
const numberings = GLANCE_NUMBERED.map((fields) =>
  createNumbering(fields.map((field) => GLANCE_FIELDS.indexOf(field) * 2)),
);

/** Numbers kinds of records: −1, or the number of those before it that are alike in the fields at `places`. */
function createNumbering(places: readonly number[]): (chunk: Uint8Array, rows: Int32Array, row: number) => number {
  const known = new Alike<number>(places);
  let next = 0;
  return (chunk, rows, row) => {
    const before = known.get(chunk, rows, row);
    if (before !== undefined) return before;
    if (next === NUMBERS_MAX || !known.set(chunk, rows, { row, found: next })) return -1;
    next += 1;
    return next - 1;
  };
}

export type GlanceRows = { numbers: Int32Array; rows: number };

export function createGlanceRows(): GlanceRows {
  return { numbers: new Int32Array(0), rows: 0 };
}

/** Notes what was seen of the record after `count` others. */
export function addGlance(into: GlanceRows, count: number, { scan, start }: Item): void {
  if (scan.places === null) return;
  const end = (count + 1) * GLANCE_WIDTH;
  if (end > into.numbers.length) {
    const next = new Int32Array(Math.max(end, into.numbers.length * 2, GLANCE_WIDTH * ROWS_MIN));
    next.set(into.numbers);
    into.numbers = next;
  }
  const { numbers } = into;
  // Of the records before it that have no row nothing is known.
  if (into.rows < count) numbers.fill(UNKNOWN_ROW, into.rows * GLANCE_WIDTH, end - GLANCE_WIDTH);
  const { places } = scan;
  for (let at = 0, to = end - GLANCE_WIDTH; at < PAIRS_WIDTH; at += 1, to += 1) {
    const place = places[at] as number;
    numbers[to] = place === -1 ? -1 : start + place;
  }
  into.rows = count + 1;
}

/** The rows of a batch with records in these ranges of its chunk; null when there is none, or they are no valid UTF-8. */
export function takeGlances(from: GlanceRows, chunk: Uint8Array, offsets: readonly number[]): Int32Array | null {
  if (from.rows === 0) return null;
  // Records begin and end on ASCII: where the whole is valid, each of them is.
  if (!isUtf8(chunk.subarray(offsets[0], offsets.at(-1)))) {
    from.rows = 0;
    return null;
  }
  const count = offsets.length / 2;
  const taken = new Int32Array(count * GLANCE_WIDTH);
  taken.set(from.numbers.subarray(0, from.rows * GLANCE_WIDTH));
  taken.fill(UNKNOWN_ROW, from.rows * GLANCE_WIDTH);
  from.rows = 0;
  for (let row = 0; row < taken.length; row += GLANCE_WIDTH) {
    if (taken[row] === UNKNOWN_ROW) continue;
    taken[row + PAIRS_WIDTH] = threadId;
    for (let list = 0; list < numberings.length; list += 1)
      taken[row + PAIRS_WIDTH + 1 + list] = numberings[list]?.(chunk, taken, row) ?? -1;
  }
  return taken;
}
