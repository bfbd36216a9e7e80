/**
 * Texts out of bytes, the ones that come again without being made again.
 *
 * Names of calls, roles and agents repeat from record to record. Comparing bytes with a text from before takes a third of
 * making a new one, and the old one also knows its hash already when it is looked up. Bounded, whatever comes.
 */

/** Texts remembered: one in each place, the last that fell there. */
const PLACES = 2048;
/** Longer texts are made each time. */
const TEXT_MAX = 256;

/** Reads texts of UTF-8 (which must be valid) from [start, end) of an array. Has a memory of its own. */
export function createByteTexts(): (bytes: Uint8Array, start: number, end: number) => string {
  const known: string[] = Array.from({ length: PLACES }, () => "");
  return (bytes, start, end) => {
    const length = end - start;
    if (length === 0) return "";
    const [first, middle, last] = [bytes[start], bytes[start + (length >> 1)], bytes[end - 1]] as [
      number,
      number,
      number,
    ];
    const place = (length * 67 + first * 31 + middle * 131 + last * 7) & (PLACES - 1);
    const before = known[place] ?? "";
    if (before.length === length && isSame(before, bytes, start)) return before;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString();
    // Of ASCII only: a character is a byte then.
    if (text.length === length && length <= TEXT_MAX) known[place] = text;
    return text;
  };
}

function isSame(text: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}
