/**
 * Remembers what was found for records that whoever split them has numbered as alike (model/glance.ts).
 *
 * Looks at no byte of a record. Bounded, whatever comes: of the numbers by one hand the last PLACES are remembered, and
 * hands are threads, of which there are few; should there be many, all is found anew.
 */
import type { Glances } from "../../model/glance.ts";

const PLACES = 2048;
const HANDS_MAX = 16;

type Kept<T> = { readonly numbers: Int32Array; readonly found: (T | undefined)[] };

/** A memory for the numbers at `number` of a row, given by the hand at `by`. A class: hot. */
export class Numbered<T> {
  readonly #by: number;
  readonly #number: number;
  readonly #hands = new Map<number, Kept<T>>();

  constructor({ by, number }: { readonly by: number; readonly number: number }) {
    this.#by = by;
    this.#number = number;
  }

  /** What `set` was last given for a record with the number of the row. */
  get(_chunk: Uint8Array, glances: Glances, row: number): T | undefined {
    const number = glances[row + this.#number] as number;
    const kept = this.#hands.get(glances[row + this.#by] as number);
    const place = number & (PLACES - 1);
    return number !== -1 && kept?.numbers[place] === number ? kept.found[place] : undefined;
  }

  set(_chunk: Uint8Array, glances: Glances, at: { readonly row: number; readonly found: T }): void {
    const number = glances[at.row + this.#number] as number;
    if (number === -1) return;
    const kept = this.#handOf(glances[at.row + this.#by] as number);
    const place = number & (PLACES - 1);
    kept.numbers[place] = number;
    kept.found[place] = at.found;
  }

  #handOf(by: number): Kept<T> {
    const before = this.#hands.get(by);
    if (before !== undefined) return before;
    if (this.#hands.size === HANDS_MAX) this.#hands.clear();
    const made = { numbers: new Int32Array(PLACES).fill(-1), found: Array.from<T | undefined>({ length: PLACES }) };
    this.#hands.set(by, made);
    return made;
  }
}
