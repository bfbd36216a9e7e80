/**
 * Keys of JSON objects as bytes: which are known, and which stand twice.
 *
 * The scanner (./scan.ts) meets every key of the objects it follows. Here a key is hashed, looked up among the few
 * names that mean something to the caller, and compared with the keys before it in the same object, so that `"a"` and
 * `"\u0061"` are seen as one. No texts are made. What the names mean is not known here.
 */
import { HASH_PRIME, HASH_START, unescapeText } from "./text.ts";

/** Hash of raw bytes (FNV-1a, 32 bits): the scanner computes the same on the way. */
function hashOf(bytes: Uint8Array): number {
  let hash = HASH_START;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}

/** Looks keys up among known names. */
export type KeyTable = {
  /** Index of the name whose bytes stand in [start, end), −1 when there is none. `hash` is theirs. */
  find(hash: number, bytes: Uint8Array, range: { readonly start: number; readonly end: number }): number;
};

/** A table of at most 31 names, found by hash and then compared byte by byte. */
export function createKeyTable(names: readonly string[]): KeyTable {
  const encoded = names.map((name) => Buffer.from(name));
  const slots = new Int16Array(256).fill(-1);
  const hashes = encoded.map(hashOf);
  for (const [code, hash] of hashes.entries()) {
    let slot = hash & 255;
    while (slots[slot] !== -1) slot = (slot + 1) & 255;
    slots[slot] = code;
  }
  return {
    find(hash, bytes, { start, end }) {
      for (let slot = hash & 255; ; slot = (slot + 1) & 255) {
        const code = slots[slot] as number;
        if (code === -1) return -1;
        if (hashes[code] === hash && isEqual(encoded[code] as Uint8Array, bytes, start, end)) return code;
      }
    },
  };
}

function isEqual(name: Uint8Array, bytes: Uint8Array, ...[start, end]: [number, number]): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at += 1) if (name[at] !== bytes[start + at]) return false;
  return true;
}

/** Where a key stands, relative to the base of its item, without its quotes. Filled anew for each key, never kept. */
export type KeyPlace = { hash: number; start: number; end: number; escaped: boolean };

/** Numbers kept of a key: hash, start, end, whether it has escapes. */
const [HASH, START, END, ESCAPED, WIDTH] = [0, 1, 2, 3, 4] as const;
const FIRST_SLOTS = 64;

/**
 * The keys of one object, to tell repetitions. A hash table that is emptied by raising its stamp, because an object of 25
 * keys comes by every two microseconds, and that keeps numbers only, for the same reason. A class: it is hot and has state.
 */
export class KeySet {
  #slots: Int32Array = new Int32Array(FIRST_SLOTS);
  #stamps: Int32Array = new Int32Array(FIRST_SLOTS);
  #stamp = 1;
  #keys: Int32Array = new Int32Array((FIRST_SLOTS / 2) * WIDTH);
  #count = 0;

  /** Forgets all keys: a new object begins. */
  clear(): void {
    this.#stamp += 1;
    this.#count = 0;
  }

  /** Adds a key; true when an equal one was there. `base` is where the item begins in `bytes` now. */
  add(key: KeyPlace, bytes: Uint8Array, base: number): boolean {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    let slot = key.hash & mask;
    while (this.#stamps[slot] === this.#stamp) {
      const at = (this.#slots[slot] as number) * WIDTH;
      if (this.#keys[at + HASH] === key.hash && this.#isSame(key, at, { bytes, base })) return true;
      slot = (slot + 1) & mask;
    }
    this.#stamps[slot] = this.#stamp;
    this.#slots[slot] = this.#count;
    const at = this.#count * WIDTH;
    this.#keys[at + HASH] = key.hash;
    this.#keys[at + START] = key.start;
    this.#keys[at + END] = key.end;
    this.#keys[at + ESCAPED] = key.escaped ? 1 : 0;
    this.#count += 1;
    return false;
  }

  /** Doubles the table; a key of 32 bits of hash stays where the longer mask puts it. */
  #grow(): void {
    const size = this.#slots.length * 2;
    const keys = new Int32Array((size / 2) * WIDTH);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#slots = new Int32Array(size);
    this.#stamps = new Int32Array(size);
    for (let index = 0; index < this.#count; index += 1) {
      let slot = (keys[index * WIDTH + HASH] as number) & (size - 1);
      while (this.#stamps[slot] === this.#stamp) slot = (slot + 1) & (size - 1);
      this.#stamps[slot] = this.#stamp;
      this.#slots[slot] = index;
    }
  }

  #isSame(one: KeyPlace, at: number, { bytes, base }: { bytes: Uint8Array; base: number }): boolean {
    const [start, end] = [base + (this.#keys[at + START] as number), base + (this.#keys[at + END] as number)];
    if (!one.escaped && this.#keys[at + ESCAPED] === 0) {
      return isEqual(bytes.subarray(start, end), bytes, base + one.start, base + one.end);
    }
    const left = plainKey(bytes, base + one.start, base + one.end);
    return Buffer.compare(left, plainKey(bytes, start, end)) === 0;
  }
}

/** The bytes of a key with its escapes resolved; a key with a broken escape stays as it is. */
export function plainKey(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const out = new Uint8Array(end - start);
  const length = unescapeText(bytes, { start, end }, out);
  return length === -1 ? bytes.subarray(start, end) : out.subarray(0, length);
}

/** Hash of a key with escapes, after they were resolved. */
export function plainKeyHash(key: Uint8Array): number {
  return hashOf(key);
}
