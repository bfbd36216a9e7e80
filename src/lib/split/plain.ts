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
 */
import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, SPACES } from "./bytes.ts";
import type { Facts } from "./types.ts";
import { escapeEnd, TEXT_BYTES, textRunEnd, toWords, wordEnd } from "./words.ts";

/** What the names mean. Codes are indexes in `names`, at most 64. */
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

const [COLON, BACKSLASH, DOT] = [0x3a, 0x5c, 0x2e] as const;
const [ITEM, INNER] = [0, 1] as const;
const NAMES_MAX = 64;
/** Guesses of a role: one behind each name, and the one of the first key. */
const GUESSES = NAMES_MAX + 1;
const SLOT_MASK = 511;
/** Unknown keys that are compared with each other; an object with more is unusual. */
const UNKNOWN_MAX = 16;
const GIVE_UP = -1;

const NO_RANGES: Int32Array = new Int32Array(0);

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

  readonly #keys: PlainKeys;
  readonly #maxDepth: number;
  readonly #names: readonly Uint8Array[];
  readonly #table: Int16Array;
  /** By role and code: the place of the value; the number of the object that the key was last seen in. */
  readonly #placeOf: Int8Array = new Int8Array(2 * NAMES_MAX).fill(-1);
  readonly #seenIn: Float64Array = new Float64Array(2 * NAMES_MAX);
  /** By role and code: the key that came next the last time. AWS writes keys in one order, so the guess is nearly always right. */
  readonly #after: Int8Array = new Int8Array(2 * GUESSES);
  readonly #unknown: Int32Array = new Int32Array(2 * UNKNOWN_MAX);
  #objects = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  #start = 0;
  #end = 0;
  #escapes = 0;
  #keyEnd = 0;

  constructor(keys: PlainKeys, maxDepth: number) {
    this.#keys = keys;
    this.#maxDepth = maxDepth;
    this.#names = keys.names.map((name) => Uint8Array.from(Buffer.from(name)));
    this.#table = createTable(this.#names);
    const { item, inner } = keys.placed;
    this.places = new Int32Array(2 * (item.length + inner.length));
    for (const [at, code] of item.entries()) this.#placeOf[ITEM * NAMES_MAX + code] = at;
    for (const [at, code] of inner.entries()) this.#placeOf[INNER * NAMES_MAX + code] = item.length + at;
  }

  /** Position behind the object that begins at `start`, or −1: it is unusual, or not over before `end`. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    if (this.#bytes !== bytes) this.#words = toWords(bytes);
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.seen = 0;
    this.deepest = 1;
    this.places.fill(-1);
    return this.#followed(start + 1, ITEM);
  }

  /** A followed object, from behind its bracket; each of these gives the position behind what it followed, or −1. */
  #followed(from: number, role: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    this.#objects += 1;
    const object = this.#objects;
    let unknown = 0;
    let last = NAMES_MAX;
    let pos = this.#space(from);
    if (pos === GIVE_UP) return GIVE_UP;
    if (bytes[pos] === CLOSE_OBJECT) return pos + 1;
    while (pos < end) {
      if (bytes[pos] !== QUOTE) {
        pos = this.#space(pos);
        if (pos === GIVE_UP || bytes[pos] !== QUOTE) return GIVE_UP;
      }
      const start = pos + 1;
      const code = this.#key(start, role * GUESSES + last);
      pos = this.#keyEnd;
      if (pos === GIVE_UP) return GIVE_UP;
      if (code === -1) {
        if ((role === ITEM && hasDot(bytes, start, pos)) || !this.#isNew(start, pos, unknown)) return GIVE_UP;
        unknown += 1;
      } else {
        last = code;
        if (this.#seenIn[role * NAMES_MAX + code] === object) return GIVE_UP;
        this.#seenIn[role * NAMES_MAX + code] = object;
      }
      pos = this.#member(pos + 1, code, role);
      if (pos === GIVE_UP) return GIVE_UP;
      if (bytes[pos] === CLOSE_OBJECT) return pos + 1;
      if (bytes[pos] !== COMMA) return GIVE_UP;
      pos += 1;
    }
    return GIVE_UP;
  }

  /** Code of the key at `start`, −1 for an unknown one; `#keyEnd` is then its closing quote. */
  #key(start: number, place: number): number {
    const guess = this.#after[place] as number;
    this.#keyEnd = this.#matchEnd(guess, start);
    if (this.#keyEnd !== GIVE_UP) return guess;
    this.#keyEnd = this.#nameEnd(start);
    const code = this.#keyEnd === GIVE_UP ? -1 : this.#find(start, this.#keyEnd);
    if (code !== -1) this.#after[place] = code;
    return code;
  }

  /** From behind a followed object's key to what follows its value: a comma or bracket, if the object is sound. */
  #member(from: number, code: number, role: number): number {
    const start = this.#colon(from);
    const end = start === GIVE_UP ? GIVE_UP : this.#memberValue(start, code, role);
    return end === GIVE_UP || (end < this.#end && this.#bytes[end] === COMMA) ? end : this.#space(end);
  }

  /** The value of a followed object's key. */
  #memberValue(from: number, code: number, role: number): number {
    const depth = role === ITEM ? 1 : 2;
    if (code === -1) return this.#value(from, depth);
    if (role === ITEM && code < this.#keys.marks) {
      this.seen |= 1 << code;
      if ((this.#keys.unusual & (1 << code)) !== 0) return GIVE_UP;
      if (code === this.#keys.inner) return this.#inner(from);
    }
    const place = this.#placeOf[role * NAMES_MAX + code] as number;
    if (place === -1) return this.#value(from, depth);
    const start = this.#space(from);
    if (start === GIVE_UP) return GIVE_UP;
    const escapes = this.#escapes;
    const end = this.#value(start, depth);
    this.places[place * 2] = start - this.#start;
    this.places[place * 2 + 1] = end - this.#start;
    return this.#escapes === escapes || this.#bytes[start] !== QUOTE ? end : GIVE_UP;
  }

  #inner(from: number): number {
    const start = this.#space(from);
    if (start === GIVE_UP) return GIVE_UP;
    const byte = this.#bytes[start];
    // An array of identities: rules would see the values of each.
    if (byte === OPEN_ARRAY) return GIVE_UP;
    if (byte !== OPEN_OBJECT) return this.#value(start, 1);
    if (this.deepest < 2) this.deepest = 2;
    return this.#maxDepth < 2 ? GIVE_UP : this.#followed(start + 1, INNER);
  }

  #value(from: number, depth: number): number {
    if (from >= this.#end) return GIVE_UP;
    const byte = this.#bytes[from] as number;
    if (byte === QUOTE) return this.#text(from + 1);
    if (byte === OPEN_OBJECT) return this.#object(from + 1, depth + 1);
    if (byte === OPEN_ARRAY) return this.#array(from + 1, depth + 1);
    if (SPACES[byte] === 0) return wordEnd(this.#bytes, from, this.#end);
    const pos = this.#space(from);
    return pos === GIVE_UP ? GIVE_UP : this.#value(pos, depth);
  }

  #object(from: number, depth: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    if (!this.#enter(depth)) return GIVE_UP;
    let pos = this.#space(from);
    if (pos === GIVE_UP) return GIVE_UP;
    if (bytes[pos] === CLOSE_OBJECT) return pos + 1;
    while (pos < end) {
      if (bytes[pos] !== QUOTE) {
        pos = this.#space(pos);
        if (pos === GIVE_UP || bytes[pos] !== QUOTE) return GIVE_UP;
      }
      pos = this.#text(pos + 1);
      if (pos === GIVE_UP) return GIVE_UP;
      pos = this.#colon(pos);
      if (pos === GIVE_UP) return GIVE_UP;
      pos = this.#value(pos, depth);
      if (pos === GIVE_UP) return GIVE_UP;
      if (pos < end && bytes[pos] !== COMMA) pos = this.#space(pos);
      if (pos === GIVE_UP || pos >= end) return GIVE_UP;
      if (bytes[pos] === CLOSE_OBJECT) return pos + 1;
      if (bytes[pos] !== COMMA) return GIVE_UP;
      pos += 1;
    }
    return GIVE_UP;
  }

  #array(from: number, depth: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    if (!this.#enter(depth)) return GIVE_UP;
    let pos = this.#space(from);
    if (pos === GIVE_UP) return GIVE_UP;
    if (bytes[pos] === CLOSE_ARRAY) return pos + 1;
    while (pos < end) {
      pos = this.#value(pos, depth);
      if (pos === GIVE_UP) return GIVE_UP;
      if (pos < end && bytes[pos] !== COMMA) pos = this.#space(pos);
      if (pos === GIVE_UP || pos >= end) return GIVE_UP;
      if (bytes[pos] === CLOSE_ARRAY) return pos + 1;
      if (bytes[pos] !== COMMA) return GIVE_UP;
      pos += 1;
    }
    return GIVE_UP;
  }

  #enter(depth: number): boolean {
    if (depth > this.deepest) this.deepest = depth;
    return depth <= this.#maxDepth;
  }

  /** A text, from behind its quote. */
  #text(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let pos = from;
    for (;;) {
      pos = textRunEnd(bytes, this.#words, pos, end);
      if (pos >= end) return GIVE_UP;
      if (bytes[pos] === QUOTE) return pos + 1;
      if (bytes[pos] !== BACKSLASH) return GIVE_UP;
      pos = escapeEnd(bytes, pos, end);
      if (pos === GIVE_UP) return GIVE_UP;
      this.#escapes += 1;
    }
  }

  /** Behind white space; −1 when nothing but that is left. */
  #space(from: number): number {
    const bytes = this.#bytes;
    let pos = from;
    while (pos < this.#end && SPACES[bytes[pos] as number] === 1) pos += 1;
    return pos < this.#end ? pos : GIVE_UP;
  }

  #colon(from: number): number {
    if (from < this.#end && this.#bytes[from] === COLON) return from + 1;
    const pos = this.#space(from);
    return pos !== GIVE_UP && this.#bytes[pos] === COLON ? pos + 1 : GIVE_UP;
  }

  /** The closing quote of the key at `start` if it is the name of `code`, else −1. */
  #matchEnd(code: number, start: number): number {
    const bytes = this.#bytes;
    const name = this.#names[code] as Uint8Array;
    const end = start + name.length;
    if (end >= this.#end || bytes[end] !== QUOTE) return GIVE_UP;
    for (let at = 0; at < name.length; at += 1) if (bytes[start + at] !== name[at]) return GIVE_UP;
    return end;
  }

  /** The closing quote of the key at `start`; −1 for one with escapes. */
  #nameEnd(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let pos = start;
    while (pos < end && TEXT_BYTES[bytes[pos] as number] === 1) pos += 1;
    return pos < end && bytes[pos] === QUOTE ? pos : GIVE_UP;
  }

  /** Code of a key, −1 for an unknown one. */
  #find(start: number, end: number): number {
    for (let slot = slotOf(this.#bytes, start, end); ; slot = (slot + 1) & SLOT_MASK) {
      const code = this.#table[slot] as number;
      if (code === -1 || (this.#names[code]?.length === end - start && this.#matchEnd(code, start) !== GIVE_UP))
        return code;
    }
  }

  /** Notes an unknown key; false when an equal one stood in the object before, or there are too many to say. */
  #isNew(start: number, end: number, count: number): boolean {
    const bytes = this.#bytes;
    const unknown = this.#unknown;
    if (count === UNKNOWN_MAX) return false;
    const length = end - start;
    for (let at = 0; at < count; at += 1) {
      if (unknown[2 * at + 1] !== length) continue;
      const from = unknown[2 * at] as number;
      let same = 0;
      while (same < length && bytes[from + same] === bytes[start + same]) same += 1;
      if (same === length) return false;
    }
    unknown[2 * count] = start;
    unknown[2 * count + 1] = length;
    return true;
  }
}

function hasDot(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] === DOT) return true;
  return false;
}

function createTable(names: readonly Uint8Array[]): Int16Array {
  const table = new Int16Array(SLOT_MASK + 1).fill(-1);
  for (const [code, name] of names.entries()) {
    let slot = slotOf(name, 0, name.length);
    while (table[slot] !== -1) slot = (slot + 1) & SLOT_MASK;
    table[slot] = code;
  }
  return table;
}

/** Where a key is looked for first: by its length and three bytes, in which the names of AWS differ. Only names we know stand in the table, so no input makes it slow. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  const middle = bytes[start + (length >> 1)] as number;
  return (length * 37 + (bytes[start] as number) * 5 + middle * 11 + (bytes[end - 1] as number) * 3) & SLOT_MASK;
}
