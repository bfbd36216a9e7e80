/**
 * Remembers what was found for records that whoever split them has numbered as alike (model/glance.ts).
 *
 * Looks at no byte of a record. Bounded, whatever comes: kinds that share a place drive each other out, and the hands that
 * number are threads, of which there are few; should there be many, all is found anew.
 */
import type { Glances } from "../../model/glance.ts";

const PLACE_BITS = 13;
const PLACES = 2 ** PLACE_BITS;
const HANDS_MAX = 16;
/** Spreads numbers that are counted up from nothing over the places. Odd, so that every bit counts. */
const SPREAD = 0x9e3779b1;

/** By place: the numbers of one kind, and what was found. */
type Kept<T> = { readonly numbers: Int32Array; readonly found: (T | undefined)[] };

/** A memory for the numbers that stand at `numbers` of a row, given by the hand at `by`. A class: hot. */
export class Numbered<T> {
  readonly #by: number;
  readonly #numbers: readonly number[];
  readonly #hands = new Map<number, Kept<T>>();

  constructor({ by, numbers }: { readonly by: number; readonly numbers: readonly number[] }) {
    this.#by = by;
    this.#numbers = numbers;
  }

  /** What `set` was last given for a record with the numbers of the row. */
  get(_chunk: Uint8Array, glances: Glances, row: number): T | undefined {
    const kept = this.#hands.get(glances[row + this.#by] as number);
    if (kept === undefined) return undefined;
    const home = this.#placeOf(glances, row);
    if (this.#isAt(home, kept, { glances, row })) return kept.found[home];
    const next = home ^ 1;
    return this.#isAt(next, kept, { glances, row }) ? kept.found[next] : undefined;
  }

  set(_chunk: Uint8Array, glances: Glances, { row, found }: { readonly row: number; readonly found: T }): void {
    // What has no number would never be found again.
    for (const at of this.#numbers) if (glances[row + at] === -1) return;
    const kept = this.#handOf(glances[row + this.#by] as number);
    const home = this.#placeOf(glances, row);
    const count = this.#numbers.length;
    // Two may share a place: who was there before goes next door.
    if (kept.found[home] !== undefined) {
      kept.numbers.copyWithin((home ^ 1) * count, home * count, (home + 1) * count);
      kept.found[home ^ 1] = kept.found[home];
    }
    for (let at = 0; at < count; at += 1)
      kept.numbers[home * count + at] = glances[row + (this.#numbers[at] as number)] as number;
    kept.found[home] = found;
  }

  /** Whether the numbers of the row stand at a place. */
  #isAt(
    place: number,
    { numbers }: Kept<T>,
    { glances, row }: { readonly glances: Glances; readonly row: number },
  ): boolean {
    const count = this.#numbers.length;
    for (let at = 0; at < count; at += 1) {
      const number = glances[row + (this.#numbers[at] as number)];
      if (number === -1 || numbers[place * count + at] !== number) return false;
    }
    return true;
  }

  /** Numbers are counted up from nothing: of one list each of the first has a place of its own. */
  #placeOf(glances: Glances, row: number): number {
    if (this.#numbers.length === 1) return (glances[row + (this.#numbers[0] as number)] as number) & (PLACES - 1);
    let mark = 0;
    for (let at = 0; at < this.#numbers.length; at += 1)
      mark = Math.imul(mark + (glances[row + (this.#numbers[at] as number)] as number), SPREAD);
    return mark >>> (32 - PLACE_BITS);
  }

  #handOf(by: number): Kept<T> {
    const before = this.#hands.get(by);
    if (before !== undefined) return before;
    if (this.#hands.size === HANDS_MAX) this.#hands.clear();
    const numbers = new Int32Array(PLACES * this.#numbers.length).fill(-1);
    const made = { numbers, found: Array.from<T | undefined>({ length: PLACES }) };
    this.#hands.set(by, made);
    return made;
  }
}
