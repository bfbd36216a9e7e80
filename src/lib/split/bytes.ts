/**
 * The bytes that JSON's structure is made of, and small looks at bytes, for the scanners of this folder. Pure.
 */
import type { Window } from "./window.ts";

export const NEWLINE = 0x0a;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const OPEN_ARRAY = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** A table with 1 at the bytes of `chars` (ASCII). */
export function tableOf(chars: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

/** 1 for white space. */
export const SPACES: Uint8Array = tableOf(" \t\r\n");
/** 1 for bytes behind which a number or literal is over. */
export const WORD_ENDS: Uint8Array = tableOf(" \t\r\n,]}");
/** 1 for bytes that may stand in a number or literal, broken ones included. */
export const WORD_BYTES: Uint8Array = tableOf(' \t\r\n,:"{}[]').map((mark) => 1 - mark);
/** 1 for bytes that end or interrupt a run of text. */
export const TEXT_STOPS: Uint8Array = tableOf('"\\\n');

/** Position behind the first line break in [from, end) that is followed by "{"; −1 when there is none. */
export function findLine(bytes: Uint8Array, from: number, end: number): number {
  const view = bytes.subarray(0, end);
  let at = view.indexOf(NEWLINE, from);
  while (at !== -1 && view[at + 1] !== OPEN_OBJECT) at = view.indexOf(NEWLINE, at + 1);
  return at === -1 ? -1 : at + 1;
}

/**
 * End of the text (from behind its quote) or word that `from` stands in; the bitwise complement of where to go on when
 * it is not there yet. With `lineEnds`, a text also ends behind a line break that is followed by "{".
 */
export function findAtomEnd(
  bytes: Uint8Array,
  from: number,
  atom: { filled: number; isText: boolean; lineEnds: boolean },
): number {
  let pos = from;
  for (; pos < atom.filled; pos += 1) {
    const byte = bytes[pos] as number;
    if (atom.isText ? byte === QUOTE : WORD_ENDS[byte] === 1) return atom.isText ? pos + 1 : pos;
    if (!atom.isText || (byte !== BACKSLASH && byte !== NEWLINE)) continue;
    if (pos + 1 >= atom.filled) break;
    if (byte === NEWLINE && atom.lineEnds && bytes[pos + 1] === OPEN_OBJECT) return pos + 1;
    if (byte === BACKSLASH && bytes[pos + 1] !== NEWLINE) pos += 1;
  }
  return ~pos;
}

/** What stands at `pos` of a window where it should not, and where that is in the stream. */
export function describeAt({ bytes, filled, start }: Window, pos: number): string {
  const byte = pos < filled ? ` ${showByte(bytes[pos] as number)}` : "";
  return `unexpected${byte} at byte ${start + pos}`;
}

/** A byte for messages: the character where it can be shown, else its number. */
function showByte(byte: number): string {
  const mark = byte === QUOTE ? "'" : '"';
  return byte > 0x20 && byte < 0x7f
    ? `${mark}${String.fromCharCode(byte)}${mark}`
    : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
