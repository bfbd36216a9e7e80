/**
 * The hot loop: follows one JSON object byte by byte to its end, without making anything of it.
 *
 * Why here: records must be told apart, measured and looked through for repeated keys before any of them is parsed. The
 * scanner promises that on well-formed input an object ends where a parser would end it; it checks structure (brackets,
 * commas, colons, ends of texts) and leaves numbers, literals and escapes to the parser. It can be stopped at any byte and
 * goes on when more bytes stand in the window. It never allocates for each byte, and knows no key by itself.
 *
 * Followed objects are the item (the outermost), its payload (the value of one key) and the inner object (the value of
 * another key, of the item or of the payload): their keys are looked up and checked for repetition.
 * State machine: VALUE and KEY states say what may come next; a comma leads to KEY in objects and to VALUE in arrays. Once
 * structure is broken, or nesting passes `maxDepth`, `lax` follows texts and counts brackets only, to find where the item ends.
 */
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  NEWLINE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  TEXT_STOPS,
  WORD_BYTES,
} from "./bytes.ts";
import { type KeyPlace, KeySet, type KeyTable, plainKey, plainKeyHash } from "./keys.ts";
import { HASH_PRIME, HASH_START } from "./text.ts";
import type { Facts } from "./types.ts";

/** What a run ended with: more bytes needed, the item's end, the array of a container key opened, or broken structure. */
export const STEP = { more: 0, end: 1, container: 2, broken: 3 } as const;
export type Step = (typeof STEP)[keyof typeof STEP];

/** Codes are indexes in the names of the key table. */
export type ScanKeys = {
  readonly table: KeyTable;
  /** Bit mask of codes whose array, at the item's own level, holds items. */
  readonly containers: number;
  /** Code of the key whose object is the payload. */
  readonly payload: number;
  /** Code of the key whose object is the inner one. */
  readonly inner: number;
  /** Codes below this have the range of their value kept (at the item's own level). */
  readonly ranged: number;
};

const [VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER, SCALAR] = [0, 1, 2, 3, 4, 5, 6] as const;
const [SPACE, TEXT, NAME, PAIR, COMMA, OPEN, CLOSE, WORD, BAD] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
/** What to do with a byte in a state: ACTIONS[state * 256 + byte]. */
const ACTIONS: Uint8Array = new Uint8Array(7 * 256).fill(BAD);
function allow(states: readonly number[], chars: string, action: number): void {
  for (const state of states) for (const char of chars) ACTIONS[state * 256 + char.charCodeAt(0)] = action;
}
allow([VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER, SCALAR], " \t\r\n", SPACE);
allow([VALUE, VALUE_OR_END], '"', TEXT);
allow([VALUE, VALUE_OR_END], "{[", OPEN);
for (let byte = 0; byte < 256; byte += 1) {
  for (const state of [VALUE, VALUE_OR_END, SCALAR]) if (WORD_BYTES[byte] === 1) ACTIONS[state * 256 + byte] = WORD;
}
allow([KEY, KEY_OR_END], '"', NAME);
allow([COLON], ":", PAIR);
allow([AFTER, SCALAR], ",", COMMA);
allow([AFTER, SCALAR], "}]", CLOSE);
allow([VALUE_OR_END], "]", CLOSE);
allow([KEY_OR_END], "}", CLOSE);

/** Roles of objects, and the bit that tells an object from an array in the stack of open brackets. */
const [ITEM, PAYLOAD, INNER] = [1, 2, 3] as const;
const OBJECT = 8;
/** Keys longer than this are not followed: no known name is so long, and the window must not have to hold them. */
const KEY_MAX = 4096;

/** A scanner of one window. A class: it is the one hot, stateful structure of the input path. */
export class ObjectScanner implements Facts {
  /** The window: bytes up to `end` are there. `pos` is the next byte to look at, `base` where the item begins. */
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  pos = 0;
  base = 0;
  /** Bytes of the item are no longer all in the window: keys are looked up, repetitions are not told. */
  dropped = false;
  /** A line break inside a text ends the item as broken (items that stand one a line). */
  lineEnds = false;
  /** Facts of the item: codes seen in it and in its payload (bit masks), ranges by code relative to `base`, depth. */
  seen = 0;
  seenPayload = 0;
  repeated = false;
  deepest = 0;
  readonly ranges: Int32Array;
  readonly places: null = null;

  readonly #keys: ScanKeys;
  readonly #maxDepth: number;
  readonly #stack: Uint8Array;
  #depth = 0;
  #state: number = KEY_OR_END;
  #inText = false;
  #code = -1;
  #open = -1;
  readonly #place: KeyPlace = { hash: 0, start: 0, end: 0, escaped: false };
  readonly #sets: readonly KeySet[] = [new KeySet(), new KeySet(), new KeySet(), new KeySet()];

  constructor(keys: ScanKeys, maxDepth: number) {
    this.#keys = keys;
    this.#maxDepth = maxDepth;
    this.#stack = new Uint8Array(maxDepth + 2);
    this.ranges = new Int32Array(keys.ranged * 2);
  }

  /** Starts on the bracket at `start`: an object, or an array whose end is looked for. */
  begin(start: number): void {
    const isObject = this.bytes[start] === OPEN_OBJECT;
    this.base = start;
    this.pos = start + 1;
    this.#depth = 1;
    this.#stack[1] = isObject ? OBJECT | ITEM : 0;
    this.#state = isObject ? KEY_OR_END : VALUE_OR_END;
    this.dropped = false;
    this.seen = 0;
    this.seenPayload = 0;
    this.repeated = false;
    this.deepest = 1;
    this.#inText = false;
    this.#code = -1;
    this.#open = -1;
    this.ranges.fill(-1);
    (this.#sets[ITEM] as KeySet).clear();
  }

  /** Goes on behind the array that `STEP.container` announced. */
  resume(): void {
    this.#state = AFTER;
  }

  /** Nesting passed the limit: only `lax` can find the end. */
  get isTooDeep(): boolean {
    return this.#depth > this.#maxDepth;
  }

  /** Follows the object strictly. After `broken`, `pos` stands on the offending byte. */
  run(): Step {
    const { bytes, end } = this;
    let pos = this.pos;
    while (pos < end) {
      if (this.#inText) {
        pos = this.#text(pos);
        if (pos < 0) return this.#stop(~pos, ~pos < end && bytes[~pos] === NEWLINE ? STEP.broken : STEP.more);
        continue;
      }
      const byte = bytes[pos] as number;
      switch (ACTIONS[this.#state * 256 + byte]) {
        case TEXT:
          if (this.#code !== -1) this.#beginValue(pos);
          this.#inText = true;
          pos += 1;
          break;
        case NAME:
          if ((this.#stack[this.#depth] as number) === OBJECT) this.#inText = true;
          else {
            const next = this.#name(pos);
            if (next < 0) return this.#stop(pos, STEP.more);
            pos = next - 1;
          }
          pos += 1;
          break;
        case PAIR:
          this.#state = VALUE;
          pos += 1;
          break;
        case COMMA:
          if (this.#open !== -1) this.#endValue(pos);
          this.#state = (this.#stack[this.#depth] as number) >= OBJECT ? KEY : VALUE;
          pos += 1;
          break;
        case OPEN:
          if (this.#opens(pos, byte)) return this.#stop(pos + 1, STEP.container);
          pos += 1;
          if (this.isTooDeep) return this.#stop(pos, STEP.broken);
          break;
        case CLOSE:
          if (!this.#closes(pos, byte)) return this.#stop(pos, STEP.broken);
          pos += 1;
          if (this.#depth === 0) return this.#stop(pos, STEP.end);
          break;
        case WORD:
          if (this.#code !== -1) this.#beginValue(pos);
          this.#state = SCALAR;
          pos = this.#word(pos);
          break;
        case SPACE:
          if (this.#state === SCALAR) this.#state = AFTER;
          pos += 1;
          break;
        default:
          return this.#stop(pos, STEP.broken);
      }
    }
    return this.#stop(pos, STEP.more);
  }

  /** Follows texts and counts brackets only, from wherever strict following stopped. With `lineEnds`, a line that begins with "{" breaks it. */
  lax(): Step {
    const { bytes, end } = this;
    let pos = this.pos;
    for (; pos < end; pos += 1) {
      const byte = bytes[pos];
      if (byte === NEWLINE && this.lineEnds) {
        if (pos + 1 >= end) break;
        if (bytes[pos + 1] === OPEN_OBJECT) return this.#stop(pos, STEP.broken);
      } else if (byte === QUOTE) this.#inText = !this.#inText;
      else if (this.#inText) {
        if (byte !== BACKSLASH) continue;
        if (pos + 1 >= end) break;
        pos += 1;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#depth -= 1;
        if (this.#depth === 0) return this.#stop(pos + 1, STEP.end);
      }
    }
    return this.#stop(pos, STEP.more);
  }

  #stop(pos: number, step: Step): Step {
    this.pos = pos;
    return step;
  }

  /** Follows a text; the bitwise complement of where it stopped when it cannot go on. */
  #text(from: number): number {
    const { bytes, end } = this;
    let pos = from;
    for (;;) {
      while (pos < end && TEXT_STOPS[bytes[pos] as number] === 0) pos += 1;
      if (pos >= end) return ~pos;
      const byte = bytes[pos];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        if (pos + 1 >= end) return ~pos;
        pos += 2;
      } else if (this.lineEnds) return ~pos;
      else pos += 1;
    }
    this.#inText = false;
    this.#state = this.#state === KEY || this.#state === KEY_OR_END ? COLON : AFTER;
    return pos + 1;
  }

  /** Takes in a key of a followed object whose quote is at `quote`; the position behind it, or −1 when it is cut off. */
  #name(quote: number): number {
    const { bytes, end } = this;
    const start = quote + 1;
    let pos = start;
    let hash = HASH_START;
    let escaped = false;
    for (; pos < end; pos += 1) {
      const byte = bytes[pos] as number;
      if (byte === QUOTE) {
        this.#state = COLON;
        this.#key(start, pos, escaped ? null : hash);
        return pos + 1;
      }
      if (byte === NEWLINE || pos - start > KEY_MAX) break;
      if (byte === BACKSLASH) {
        escaped = true;
        pos += 1;
      }
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    if (pos >= end && pos - start <= KEY_MAX) return -1;
    // Too long, or a line break in it: an ordinary text from here on.
    this.#inText = true;
    return start;
  }

  #key(start: number, end: number, rawHash: number | null): void {
    const escaped = rawHash === null;
    const plain = escaped ? plainKey(this.bytes, start, end) : this.bytes;
    const hash = rawHash ?? plainKeyHash(plain);
    const range = escaped ? { start: 0, end: plain.length } : { start, end };
    const code = this.#keys.table.find(hash, plain, range);
    const role = (this.#stack[this.#depth] as number) & 7;
    if (code !== -1) {
      if (role === ITEM) this.seen |= 1 << code;
      else if (role === PAYLOAD) this.seenPayload |= 1 << code;
      this.#code = role === INNER ? -1 : code;
    }
    if (this.repeated || this.dropped) return;
    const place = this.#place;
    place.hash = hash;
    place.start = start - this.base;
    place.end = end - this.base;
    place.escaped = escaped;
    this.repeated = (this.#sets[role] as KeySet).add(place, this.bytes, this.base);
  }

  #beginValue(pos: number): void {
    if (this.#depth === 1 && this.#code < this.#keys.ranged) {
      this.#open = this.#code;
      this.ranges[this.#open * 2] = pos - this.base;
    }
    this.#code = -1;
  }

  #endValue(pos: number): void {
    if (this.#depth !== 1) return;
    this.ranges[this.#open * 2 + 1] = pos - this.base;
    this.#open = -1;
  }

  /** Enters an object or array; true when it is the array of a container key. */
  #opens(pos: number, byte: number): boolean {
    const code = this.#code;
    const role = (this.#stack[this.#depth] as number) & 7;
    if (code !== -1) {
      if (role === ITEM && byte === OPEN_ARRAY && (this.#keys.containers & (1 << code)) !== 0) {
        this.#code = -1;
        return true;
      }
      this.#beginValue(pos);
    }
    this.#depth += 1;
    if (this.#depth > this.deepest) this.deepest = this.#depth;
    if (this.isTooDeep) return false;
    if (byte === OPEN_ARRAY) {
      this.#stack[this.#depth] = 0;
      this.#state = VALUE_OR_END;
      return false;
    }
    let next = 0;
    if (code !== -1)
      next = code === this.#keys.payload && role === ITEM ? PAYLOAD : code === this.#keys.inner ? INNER : 0;
    if (next !== 0) (this.#sets[next] as KeySet).clear();
    if (next === PAYLOAD) this.seenPayload = 0;
    this.#stack[this.#depth] = OBJECT | next;
    this.#state = KEY_OR_END;
    return false;
  }

  /** Leaves an object or array; false when the bracket is of the other kind. */
  #closes(pos: number, byte: number): boolean {
    const isObject = (this.#stack[this.#depth] as number) >= OBJECT;
    if (isObject !== (byte === CLOSE_OBJECT)) return false;
    if (this.#open !== -1) this.#endValue(pos);
    this.#depth -= 1;
    this.#state = AFTER;
    return true;
  }

  #word(from: number): number {
    const { bytes, end } = this;
    let pos = from;
    while (pos < end && WORD_BYTES[bytes[pos] as number] === 1) pos += 1;
    return pos;
  }
}
