/**
 * Numbers, literals and escapes as JSON has them (RFC 8259, sections 3, 6 and 7), told on bytes. Pure.
 *
 * Strict, unlike the rest of this folder, which leaves them to the parser: ./plain.ts vouches for a parser's yes.
 */
import { tableOf } from "./bytes.ts";

/** 1 for bytes that a parser takes inside a text as they are: no quote, no backslash, no control character. */
export const TEXT_BYTES: Uint8Array = tableOf('"\\').map((mark, byte) => (byte < 0x20 ? 0 : 1 - mark));
/** Characters that may follow a backslash, `u` apart. */
const ESCAPED: Uint8Array = tableOf('"\\/bfnrt');
const HEX_DIGITS: Uint8Array = tableOf("0123456789abcdefABCDEF");
const [MINUS, POINT, ZERO] = [0x2d, 0x2e, 0x30] as const;
const [LETTER_E, LETTER_F, LETTER_N, LETTER_T, LETTER_U] = [0x65, 0x66, 0x6e, 0x74, 0x75] as const;
const [ONES, SPACES_4, HIGH_BITS] = [0x01010101, 0x20202020, 0x80808080 | 0] as const;
const [TRUE, FALSE, NULL] = ["true", "false", "null"].map((text) => Uint8Array.from(Buffer.from(text))) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** Four bytes at a time of an array: a view on its buffer, as far as whole words go; empty where it does not begin on one. */
export function toWords(bytes: Uint8Array): Int32Array {
  const isAligned = (bytes.byteOffset & 3) === 0;
  return isAligned ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : new Int32Array(0);
}

/**
 * Position of the first byte from `from` on that is no TEXT_BYTE, or `end`. Texts are most of a record: looking at four
 * bytes at once, for any that is a quote, a backslash or below a space (Hacker's Delight, 6-1), took a quarter of the
 * time off the whole pass. A word that may hold one is looked at byte by byte.
 */
export function textRunEnd(bytes: Uint8Array, words: Int32Array, ...[from, end]: [number, number]): number {
  let pos = from;
  while ((pos & 3) !== 0 && pos < end && TEXT_BYTES[bytes[pos] as number] === 1) pos += 1;
  if ((pos & 3) !== 0) return pos;
  const last = Math.min(end >> 2, words.length);
  let at = pos >> 2;
  for (; at < last; at += 1) {
    const word = words[at] as number;
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const isHit = ((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes) | ((word - SPACES_4) & ~word);
    if ((isHit & HIGH_BITS) !== 0) break;
  }
  pos = Math.max(pos, at << 2);
  while (pos < end && TEXT_BYTES[bytes[pos] as number] === 1) pos += 1;
  return pos;
}

/** Position behind the escape whose backslash is at `at`; −1 when it is none or not over before `end`. */
export function escapeEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1;
  const letter = bytes[at + 1] as number;
  if (letter !== LETTER_U) return ESCAPED[letter] === 1 ? at + 2 : -1;
  if (at + 6 > end) return -1;
  for (let digit = at + 2; digit < at + 6; digit += 1) if (HEX_DIGITS[bytes[digit] as number] === 0) return -1;
  return at + 6;
}

/** More digits in a row may be more than a double holds. */
const DIGITS_MAX = 15;

/**
 * Position behind the number or literal that begins at `from`; −1 when none does, or it is not over before `end`, or it
 * is a number that a parser may not take exactly: with an exponent, or more than DIGITS_MAX digits in a row.
 */
export function wordEnd(bytes: Uint8Array, from: number, end: number): number {
  const first = bytes[from];
  if (first === LETTER_T) return literalEnd(TRUE, bytes, from, end);
  if (first === LETTER_F) return literalEnd(FALSE, bytes, from, end);
  if (first === LETTER_N) return literalEnd(NULL, bytes, from, end);
  let at = first === MINUS ? from + 1 : from;
  // A leading zero stands alone; what follows it is then no end of a word.
  at = bytes[at] === ZERO ? at + 1 : digitsEnd(bytes, at, end);
  if (at !== -1 && at < end && bytes[at] === POINT) at = digitsEnd(bytes, at + 1, end);
  return at < end && ((bytes[at] as number) | 0x20) !== LETTER_E ? at : -1;
}

function literalEnd(literal: Uint8Array, bytes: Uint8Array, ...[from, end]: [number, number]): number {
  if (from + literal.length >= end) return -1;
  for (let at = 1; at < literal.length; at += 1) if (bytes[from + at] !== literal[at]) return -1;
  return from + literal.length;
}

/** Position behind a run of digits; −1 when there is none, or it is too long. */
function digitsEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at += 1;
  return at === from || at - from > DIGITS_MAX ? -1 : at;
}
