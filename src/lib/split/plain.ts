/**
 * The quick look at an ordinary object: one pass that vouches for it, or gives up and says nothing.
 *
 * The scanner (./scan.ts) follows anything, piece by piece, and leaves much to the parser. Nearly every record needs none
 * of that: it lies whole in the window and is plain JSON. For such an object this pass says where it ends, that a parser
 * takes all of it (UTF-8 apart: the caller looks at that for many records at once) and each number exactly, that no
 * followed key stands twice, and where the values of some keys stand. It gives up, before anything is reported, at whatever is unusual: then ./scan.ts
 * decides, so that what becomes of an object never depends on this file. Property tests hold it against JSON.parse.
 *
 * Followed objects are the item and the object under its inner key, as in ./scan.ts; a payload or container is unusual.
 *
 * The pass itself is WebAssembly, made of assembly/plain.ts: it looks at sixteen bytes at once, which JavaScript cannot.
 * Bytes are copied into its memory, many records at a time.
 */
import { PLAIN_WASM } from "./plain-wasm.ts";
import type { Facts } from "./types.ts";

/** What the names mean. Codes are indexes in `names`: at most 64, of at most 31 bytes. */
export type PlainKeys = {
  readonly names: readonly string[];
  /** Codes below this are told in `seen`, by the bits of ./scan.ts. */
  readonly marks: number;
  /** Code of the key whose object is the inner one. */
  readonly inner: number;
  /** Bit mask of marks at which to give up: containers and payloads. */
  readonly unusual: number;
  /** Codes whose values have their place kept, in the order of `places`: of the item's own keys, then of the inner object's. */
  readonly placed: { readonly item: readonly number[]; readonly inner: readonly number[] };
};

/** What assembly/plain.ts exports, its numbers read. */
type Pass = {
  readonly memory: ArrayBuffer;
  readonly configure: (...meaning: [marks: number, inner: number, unusual: number, maxDepth: number]) => void;
  readonly scan: (start: number, end: number) => number;
  readonly slotOf: (start: number, length: number) => number;
  /** Where things stand in its memory, and how many there may be. */
  readonly at: Readonly<Record<(typeof NUMBERS)[number], number>>;
};
const NUMBERS = [
  "TABLE_AT", "TABLE_SLOTS", "NAMES_AT", "MASKS_AT", "NAME_BYTES", "NAMES_MAX", "LENGTHS_AT", "PLACE_OF_AT",
  "PLACES_AT", "SEEN_AT", "DEEPEST_AT", "STUCK_AT", "INPUT_AT", "INPUT_BYTES",
] as const; // prettier-ignore

const [ITEM, INNER] = [0, 1] as const;
const GIVE_UP = -1;
/** Closer to the end of its bytes than this, a pass may have given up for want of more. */
const NEAR_BYTES = 64;
const NO_RANGES: Int32Array = new Int32Array(0);

/** What is used of the global that every engine has; Node's types leave it to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};
type Exports = Pick<Pass, "configure" | "scan" | "slotOf"> & { readonly memory: { readonly buffer: ArrayBuffer } } & {
  readonly [Name in (typeof NUMBERS)[number]]: { readonly value: number };
};

let compiled: object | null = null;

/** A pass with a memory of its own. */
function createPass(): Pass {
  compiled ??= new WebAssembly.Module(Buffer.from(PLAIN_WASM, "base64"));
  const { exports } = new WebAssembly.Instance(compiled);
  const { memory, configure, scan, slotOf } = exports;
  const at = Object.fromEntries(NUMBERS.map((name) => [name, exports[name].value])) as Pass["at"];
  return { memory: memory.buffer, configure, scan, slotOf, at };
}

/** The pass. A class: hot, with state that is used again for each object. */
export class PlainScanner implements Facts {
  /** Facts of the last object that was not given up on. */
  seen = 0;
  deepest = 0;
  readonly seenPayload = 0;
  readonly repeated = false;
  readonly ranges: Int32Array = NO_RANGES;
  /** By place: start and end of the value relative to the object, −1 where the key is missing. A text is without escapes. */
  readonly places: Int32Array;

  readonly #scan: Pass["scan"];
  readonly #input: Uint8Array;
  readonly #inputAt: number;
  readonly #facts: Int32Array;
  /** What of which bytes stands in the memory of the pass. */
  #bytes: Uint8Array | null = null;
  #from = 0;
  #to = 0;

  constructor(keys: PlainKeys, maxDepth: number) {
    const pass = createPass();
    const { memory, at } = pass;
    pass.configure(keys.marks, keys.inner, keys.unusual, maxDepth);
    writeNames(pass, keys.names);
    const placeOf = new Int8Array(memory, at.PLACE_OF_AT, 2 * at.NAMES_MAX).fill(-1);
    const { item, inner } = keys.placed;
    for (const [place, code] of item.entries()) placeOf[ITEM * at.NAMES_MAX + code] = place;
    for (const [place, code] of inner.entries()) placeOf[INNER * at.NAMES_MAX + code] = item.length + place;
    this.places = new Int32Array(memory, at.PLACES_AT, 2 * (item.length + inner.length));
    this.#facts = new Int32Array(memory, at.SEEN_AT, 3);
    this.#scan = pass.scan;
    this.#inputAt = at.INPUT_AT;
    this.#input = new Uint8Array(memory, at.INPUT_AT, at.INPUT_BYTES);
  }

  /**
   * Position behind the object that begins at `start`, or −1: it is unusual, or not over before `end`, or larger than
   * 256 KiB. Of the same array, bytes that were before an `end` must stay as they are, until `forget`.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const isHere = bytes === this.#bytes && start >= this.#from && start < this.#to;
    if (!isHere) this.#load(bytes, start, end);
    const after = this.#run(start);
    const isMore = this.#to < end && this.#to < start + this.#input.length;
    if (after !== GIVE_UP || !isMore || !this.#isStuckAtEnd()) return after;
    this.#load(bytes, start, end);
    return this.#run(start);
  }

  /** The bytes that were scanned last will change. */
  forget(): void {
    this.#bytes = null;
  }

  #load(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#from = start;
    this.#to = Math.min(end, start + this.#input.length);
    this.#input.set(bytes.subarray(start, this.#to));
  }

  #run(start: number): number {
    const shift = this.#inputAt - this.#from;
    const after = this.#scan(start + shift, this.#to + shift);
    this.seen = this.#facts[0] as number;
    this.deepest = this.#facts[1] as number;
    return after === GIVE_UP ? GIVE_UP : after - shift;
  }

  #isStuckAtEnd(): boolean {
    return (this.#facts[2] as number) - this.#inputAt > this.#to - this.#from - NEAR_BYTES;
  }
}

function writeNames({ memory, at, slotOf }: Pass, names: readonly string[]): void {
  if (names.length > at.NAMES_MAX) throw new Error(`${names.length} names, at most ${at.NAMES_MAX}`);
  const all = new Uint8Array(memory);
  const table = new Int16Array(memory, at.TABLE_AT, at.TABLE_SLOTS).fill(-1);
  for (const [code, name] of names.entries()) {
    const bytes = Buffer.from(`${name}"`);
    if (bytes.length > at.NAME_BYTES) throw new Error(`the name ${name} has more than ${at.NAME_BYTES - 1} bytes`);
    const place = code * at.NAME_BYTES;
    all.set(bytes, at.NAMES_AT + place);
    all.fill(0xff, at.MASKS_AT + place, at.MASKS_AT + place + bytes.length);
    all[at.LENGTHS_AT + code] = bytes.length - 1;
    let slot = slotOf(at.NAMES_AT + place, bytes.length - 1);
    while (table[slot] !== -1) slot = (slot + 1) % at.TABLE_SLOTS;
    table[slot] = code;
  }
}
