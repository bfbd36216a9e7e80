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

/** Where a key stands, relative to the base of its item, without its quotes. */
export type KeyPlace = {
  readonly hash: number;
  readonly start: number;
  readonly end: number;
  readonly escaped: boolean;
};

/**
 * The keys of one object, to tell repetitions. A hash table that is emptied by raising its stamp, because an object of 25
 * keys comes by every two microseconds. A class: it is hot and has state.
 */
export class KeySet {
  #slots: Int32Array = new Int32Array(64);
  #stamps: Int32Array = new Int32Array(64);
  #stamp = 1;
  #keys: KeyPlace[] = [];
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
      const other = this.#keys[this.#slots[slot] as number] as KeyPlace;
      if (other.hash === key.hash && isSameKey(key, other, { bytes, base })) return true;
      slot = (slot + 1) & mask;
    }
    this.#stamps[slot] = this.#stamp;
    this.#slots[slot] = this.#count;
    this.#keys[this.#count] = key;
    this.#count += 1;
    return false;
  }

  #grow(): void {
    const size = this.#slots.length * 2;
    this.#slots = new Int32Array(size);
    this.#stamps = new Int32Array(size);
    for (let index = 0; index < this.#count; index += 1) {
      let slot = (this.#keys[index] as KeyPlace).hash & (size - 1);
      while (this.#stamps[slot] === this.#stamp) slot = (slot + 1) & (size - 1);
      this.#stamps[slot] = this.#stamp;
      this.#slots[slot] = index;
    }
  }
}

function isSameKey(one: KeyPlace, other: KeyPlace, window: { bytes: Uint8Array; base: number }): boolean {
  const { bytes, base } = window;
  if (!one.escaped && !other.escaped) {
    const text = bytes.subarray(base + other.start, base + other.end);
    return isEqual(text, bytes, base + one.start, base + one.end);
  }
  const [left, right] = [one, other].map(({ start, end }) => plainKey(bytes, base + start, base + end));
  return Buffer.compare(left as Uint8Array, right as Uint8Array) === 0;
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
