/**
 * Writing and reading the bytes of a packed group: numbers and texts, each as short as it goes, each back exactly as it was.
 *
 * A number is its count of bytes and its sign, then the bytes; what is no safe integer is a float. A text is a tag and what
 * the tag says: a code of the dictionary, a part of the group's key, 32 bytes for a sha256 in hex, 16 for a UUID, else its
 * characters. Any JavaScript text is taken, lone surrogates too. Nothing here knows what a group is.
 */
import { Buffer } from "node:buffer";
import type { Dictionary } from "./dictionary.ts";

const [EMPTY, CODE, KEY_PART, LATIN, WIDE, HASH, UUID, LAST, NULL] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const [FLOAT, NEGATIVE] = [15, 16] as const;
/** Codes of one packed group: they are told by one byte. */
const CODES_MAX = 255;
/** Shorter texts are no shorter as a reference. */
const PART_MIN = 6;
const UUID_CHARS = 36;
const HASH_CHARS = 64;
const FIRST_BYTES = 4096;

/** Value of a lower-case hex digit; 255 for every other character. */
const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(255);
const HEX_DIGITS = "0123456789abcdef";
for (let i = 0; i < 16; i += 1) HEX_VALUE[HEX_DIGITS.charCodeAt(i)] = i;
const DASH = 45;
const isDash = (at: number): boolean => at === 8 || at === 13 || at === 18 || at === 23;

/** Writes one packed group after another into a scratch buffer. */
export type Writer = {
  /** Begins a group, by its number, behind `start` bytes. */
  begin(start: number, group: number): void;
  /** The group's key, of which later texts may be a part; always its characters, so that a reader can compare it. */
  key(text: string): void;
  number(value: number): void;
  /** Null is told from "". */
  text(value: string | null): void;
  /** A text that may stand in the group's key. */
  keyText(value: string | null): void;
  /** A text that often begins the text before. */
  again(value: string): void;
  /** Appends the codes used; the scratch buffer with the whole, its end exclusive. */
  end(): { readonly bytes: Buffer; readonly length: number };
};

/** A writer whose dictionary counts the uses of each code. */
export function createWriter(dictionary: Dictionary): Writer {
  let bytes = Buffer.alloc(FIRST_BYTES);
  let at = 0;
  let groupKey = "";
  let last = "";
  let codes: number[] = [];
  let owner = -1;
  const room = (more: number): void => {
    if (at + more <= bytes.length) return;
    const grown = Buffer.alloc(Math.max(bytes.length * 2, at + more));
    bytes.copy(grown, 0, 0, at);
    bytes = grown;
  };
  const length = (value: number): void => {
    let left = value;
    for (; left > 127; left = Math.floor(left / 128)) bytes[at++] = (left % 128) + 128;
    bytes[at++] = left;
  };
  const number = (value: number): void => {
    room(9);
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      bytes[at] = FLOAT;
      at = bytes.writeDoubleLE(value, at + 1);
      return;
    }
    const head = at++;
    let left = Math.abs(value);
    for (; left > 0; left = Math.floor(left / 256)) bytes[at++] = left % 256;
    bytes[head] = (at - head - 1) | (value < 0 ? NEGATIVE : 0);
  };
  /** Characters up to U+00FF take a byte, else two each. */
  const characters = (text: string): void => {
    room(2 * text.length + 8);
    const from = at;
    bytes[at++] = LATIN;
    length(text.length);
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit > 255) return wide(text, from);
      bytes[at++] = unit;
    }
  };
  const wide = (text: string, from: number): void => {
    at = from;
    bytes[at++] = WIDE;
    length(text.length);
    for (let i = 0; i < text.length; i += 1) at = bytes.writeUInt16LE(text.charCodeAt(i), at);
  };
  const code = (text: string): boolean => {
    const found = dictionary.code(text, owner);
    if (found === -1) return false;
    let index = codes.indexOf(found);
    if (index === -1) {
      if (codes.length === CODES_MAX) return false;
      index = codes.push(found) - 1;
      dictionary.use(found);
    }
    bytes[at++] = CODE;
    bytes[at++] = index;
    return true;
  };
  const hex = (text: string, chars: number, tag: number): boolean => {
    const from = at;
    bytes[at++] = tag;
    for (let i = 0; i < chars; i += 2) {
      if (tag === UUID && isDash(i)) {
        if (text.charCodeAt(i) !== DASH) break;
        i += 1;
      }
      const high = HEX_VALUE[text.charCodeAt(i)] ?? 255;
      const low = HEX_VALUE[text.charCodeAt(i + 1)] ?? 255;
      if ((high | low) > 15) break;
      bytes[at++] = high * 16 + low;
    }
    if (at - from === (tag === UUID ? 17 : 33)) return true;
    at = from;
    return false;
  };
  const text = (value: string | null): void => {
    room(40);
    if (value === null) {
      bytes[at++] = NULL;
      return;
    }
    last = value;
    if (value.length === HASH_CHARS && hex(value, HASH_CHARS, HASH)) return;
    if (value.length >= UUID_CHARS && hex(value, UUID_CHARS, UUID)) rest(value.slice(UUID_CHARS));
    else rest(value);
  };
  const rest = (value: string): void => {
    if (value === "") bytes[at++] = EMPTY;
    else if (!code(value)) characters(value);
  };
  return {
    begin: (start, group) => {
      at = start;
      owner = group;
      last = groupKey = "";
      codes = [];
    },
    key: (value) => {
      groupKey = value;
      characters(value);
    },
    number,
    text,
    keyText: (value) => {
      const part = value === null || value.length < PART_MIN ? -1 : groupKey.indexOf(value);
      if (part === -1 || value === null) return text(value);
      room(20);
      bytes[at++] = KEY_PART;
      length(part);
      length(value.length);
    },
    again: (value) => {
      if (value.length < PART_MIN || !last.startsWith(value)) return text(value);
      room(20);
      bytes[at++] = LAST;
      length(value.length);
    },
    end: () => {
      room(2 * codes.length + 1);
      for (const found of codes) at = bytes.writeUInt16LE(found, at);
      bytes[at++] = codes.length;
      return { bytes, length: at };
    },
  };
}

/** Reads what a Writer wrote, in the same order. */
export type Reader = {
  /** Begins at `start`; the packed group ends before `end`. */
  begin(bytes: Buffer, start: number, end: number): void;
  key(): string;
  number(): number;
  text(): string | null;
};

export function createReader(dictionary: Dictionary): Reader {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  let codesAt = 0;
  let groupKey = "";
  let last = "";
  const uuid = Buffer.alloc(UUID_CHARS, DASH);
  const length = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const number = (): number => {
    const head = bytes[at++] as number;
    if (head === FLOAT) {
      at += 8;
      return bytes.readDoubleLE(at - 8);
    }
    const count = head & 15;
    let value = 0;
    for (let i = count - 1; i >= 0; i -= 1) value = value * 256 + (bytes[at + i] as number);
    at += count;
    return head >= NEGATIVE ? -value : value;
  };
  const characters = (tag: number): string => {
    const units = length();
    const from = at;
    at += tag === LATIN ? units : 2 * units;
    return tag === LATIN ? bytes.toString("latin1", from, at) : bytes.toString("utf16le", from, at);
  };
  const readUuid = (): string => {
    for (let i = 0; i < UUID_CHARS; i += 2) {
      if (isDash(i)) i += 1;
      const byte = bytes[at++] as number;
      uuid[i] = HEX_DIGITS.charCodeAt(byte >> 4);
      uuid[i + 1] = HEX_DIGITS.charCodeAt(byte & 15);
    }
    return uuid.toString("latin1");
  };
  const part = (): string => {
    const from = length();
    return groupKey.slice(from, from + length());
  };
  const read = (tag: number): string | null => {
    switch (tag) {
      case EMPTY:
        return "";
      case CODE:
        return dictionary.text(bytes.readUInt16LE(codesAt + 2 * (bytes[at++] as number)));
      case KEY_PART:
        return part();
      case HASH:
        at += 32;
        return bytes.toString("hex", at - 32, at);
      case UUID:
        return readUuid() + (read(bytes[at++] as number) ?? "");
      case LAST:
        return last.slice(0, length());
      case NULL:
        return null;
      default:
        return characters(tag);
    }
  };
  return {
    begin: (from, start, end) => {
      bytes = from;
      at = start;
      codesAt = end - 1 - 2 * (bytes[end - 1] as number);
      last = groupKey = "";
    },
    key: () => {
      groupKey = characters(bytes[at++] as number);
      return groupKey;
    },
    number,
    text: () => {
      const tag = bytes[at++] as number;
      const value = read(tag);
      if (value !== null && tag !== KEY_PART && tag !== LAST) last = value;
      return value;
    },
  };
}

/** True when the packed group that begins at `start` has this key. */
export function hasKey(bytes: Buffer, start: number, key: string): boolean {
  const tag = bytes[start];
  let at = start + 1;
  let units = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++] as number;
    units += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (units !== key.length) return false;
  for (let i = 0; i < units; i += 1) {
    const unit = tag === LATIN ? bytes[at + i] : bytes.readUInt16LE(at + 2 * i);
    if (unit !== key.charCodeAt(i)) return false;
  }
  return true;
}

/** Gives back the codes that a packed group uses. */
export function releaseCodes(bytes: Buffer, end: number, dictionary: Dictionary): void {
  const count = bytes[end - 1] as number;
  for (let at = end - 1 - 2 * count; at < end - 1; at += 2) dictionary.release(bytes.readUInt16LE(at));
}
