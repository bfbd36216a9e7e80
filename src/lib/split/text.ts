/**
 * The inside of JSON texts as bytes: classes of bytes for the scanners, and unescaping without making strings.
 *
 * Needed where a JSON document stands escaped inside a text of another one, and for keys written with escapes. Pure.
 */

/** FNV-1a, 32 bits: offset basis and prime (http://www.isthe.com/chongo/tech/comp/fnv/). */
export const HASH_START: number = 0x811c9dc5 | 0;
export const HASH_PRIME = 0x01000193;

const ESCAPES = new Map<number, number>(
  ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]),
);

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Code unit of the four hex digits at `at`, −1 when they are none or reach beyond `end`. */
function hexUnit(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  let unit = 0;
  for (let index = 0; index < 4; index += 1) {
    const digit = hexDigit(bytes[at + index] as number);
    if (digit === -1) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/** Writes a code point as UTF-8 (a lone surrogate as three bytes, which a strict decoder refuses later). */
function putUtf8(code: number, out: Uint8Array, at: number): number {
  let next = at;
  if (code < 0x80) out[next++] = code;
  else if (code < 0x800) {
    out[next++] = 0xc0 | (code >> 6);
    out[next++] = 0x80 | (code & 63);
  } else {
    if (code < 0x10000) out[next++] = 0xe0 | (code >> 12);
    else {
      out[next++] = 0xf0 | (code >> 18);
      out[next++] = 0x80 | ((code >> 12) & 63);
    }
    out[next++] = 0x80 | ((code >> 6) & 63);
    out[next++] = 0x80 | (code & 63);
  }
  return next;
}

/**
 * Resolves the escapes of the text body in [start, end) (without quotes) into `out`, which must be as long.
 * @returns the bytes written, or −1 when an escape is broken.
 */
export function unescapeText(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  out: Uint8Array,
): number {
  const { end } = range;
  let written = 0;
  for (let at = range.start; at < end;) {
    const byte = bytes[at++] as number;
    if (byte !== 0x5c) {
      out[written++] = byte;
      continue;
    }
    const letter = at < end ? (bytes[at++] as number) : 0;
    if (letter !== 0x75) {
      const plain = ESCAPES.get(letter);
      if (plain === undefined) return -1;
      out[written++] = plain;
      continue;
    }
    let code = hexUnit(bytes, at, end);
    if (code === -1) return -1;
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && bytes[at] === 0x5c && bytes[at + 1] === 0x75) {
      const low = hexUnit(bytes, at + 2, end);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
    }
    written = putUtf8(code, out, written);
  }
  return written;
}
