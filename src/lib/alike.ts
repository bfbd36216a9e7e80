/**
 * Remembers what was found for records that are alike in a few fields, by the bytes of these fields.
 *
 * A day's records are of some hundred kinds: the same call of the same service by the same sort of caller. What depends on
 * nothing else is found once for each kind, and comparing some fifty bytes with those of a record before takes a fifth of
 * making texts of them and looking these up. Bounded, whatever comes: kinds that share a place drive each other out, and where
 * records are hardly ever alike (a stranger can see to that) nothing is remembered for a while.
 */
const PLACE_BITS = 12;
const PLACES = 2 ** PLACE_BITS;
/** Odd, so that every bit of what it multiplies counts. */
const SPREAD = 0x9e3779b1;
/** Of each field some 2 ** 3 bytes say where a kind stands, and its last ones: three characters and a quote. */
const SAMPLES_BITS = 3;
const LAST_BYTES = 4;
/** Bytes of the fields of one kind; a record with longer ones is looked at each time. */
const BYTES_MAX = 512;
const MISSING = -1;
/** Looks over which misses are counted, and those for which a memory that misses more than half is left alone. */
const TRIAL = 1_024;
const REST = 16_384;

/** What is known of one kind of record: the length of each field, their bytes one behind the other, and what was found. */
type Kept<T> = { readonly lengths: Int32Array; readonly bytes: Uint8Array; readonly found: T };

/**
 * A memory for the fields whose places in a row of glances are given: where a value begins in the chunk, behind it where it
 * ends, −1 for a missing one. A class: hot.
 */
export class Alike<T> {
  readonly #places: readonly number[];
  readonly #kept: (Kept<T> | undefined)[] = Array.from({ length: PLACES });
  #looks = 0;
  #misses = 0;

  constructor(places: readonly number[]) {
    this.#places = places;
  }

  /** What `set` was last given for a record like that of the row. */
  get(chunk: Uint8Array, glances: Int32Array, row: number): T | undefined {
    this.#looks += 1;
    if (this.#looks === TRIAL) this.#looks = this.#misses * 2 > TRIAL ? -REST : 0;
    if (this.#looks === 0) this.#misses = 0;
    if (this.#looks < 0) return undefined;
    const place = this.#placeOf(chunk, glances, row);
    for (let at = 0; at < 2; at += 1) {
      const kept = this.#kept[place ^ at];
      if (kept !== undefined && this.#isAlike(kept, { chunk, glances, row })) return kept.found;
    }
    this.#misses += 1;
    return undefined;
  }

  /** False: it is not remembered, for it rests or the fields are too long. */
  set(chunk: Uint8Array, glances: Int32Array, at: { readonly row: number; readonly found: T }): boolean {
    if (this.#looks < 0) return false;
    const { row, found } = at;
    const ranges = this.#places.map(
      (place) => [glances[row + place] ?? MISSING, glances[row + place + 1] ?? 0] as const,
    );
    const lengths = Int32Array.from(ranges, ([start, end]) => (start === MISSING ? MISSING : end - start));
    const bytes = Buffer.concat(ranges.map(([start, end]) => chunk.subarray(start, start === MISSING ? start : end)));
    if (bytes.length > BYTES_MAX) return false;
    const place = this.#placeOf(chunk, glances, row);
    // Two may share a place: who was there before goes next door.
    const before = this.#kept[place];
    if (before !== undefined) this.#kept[place ^ 1] = before;
    this.#kept[place] = { lengths, bytes, found };
    return true;
  }

  #isAlike(
    { lengths, bytes }: Kept<T>,
    { chunk, glances, row }: { chunk: Uint8Array; glances: Int32Array; row: number },
  ): boolean {
    let filled = 0;
    for (let field = 0; field < lengths.length; field += 1) {
      const place = row + (this.#places[field] as number);
      const start = glances[place] as number;
      const length = start === MISSING ? MISSING : (glances[place + 1] as number) - start;
      if (length !== lengths[field]) return false;
      for (let at = 0; at < length; at += 1) if (chunk[start + at] !== bytes[filled + at]) return false;
      if (length > 0) filled += length;
    }
    return true;
  }

  /** By the length of each field and a dozen of its bytes: spread over it (accounts differ in an ARN's middle), and its last ones. */
  #placeOf(chunk: Uint8Array, glances: Int32Array, row: number): number {
    let mark = 0;
    for (let field = 0; field < this.#places.length; field += 1) {
      const place = row + (this.#places[field] as number);
      const start = glances[place] as number;
      if (start === MISSING) {
        mark = Math.imul(mark + 7, SPREAD);
        continue;
      }
      const end = glances[place + 1] as number;
      const length = end - start;
      mark = Math.imul(mark ^ length, SPREAD);
      const step = (length >> SAMPLES_BITS) + 1;
      for (let at = start; at < end; at += step) mark = Math.imul(mark ^ (chunk[at] as number), SPREAD);
      for (let at = Math.max(start, end - LAST_BYTES); at < end; at += 1)
        mark = Math.imul(mark ^ (chunk[at] as number), SPREAD);
    }
    return mark >>> (32 - PLACE_BITS);
  }
}
