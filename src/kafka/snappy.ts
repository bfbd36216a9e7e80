/**
 * Snappy, unpacking only: raw blocks, and the framing that Java's clients put around them.
 *
 * Pure. Throws a plain Error for what is no Snappy or would become too large; no input makes it read or write elsewhere.
 * https://github.com/google/snappy/blob/main/format_description.txt, https://github.com/xerial/snappy-java (SnappyOutputStream)
 */

const FRAME = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Behind the mark come two version numbers. */
const FRAME_BYTES = 16;

/** Unpacks. `mostBytes`: of the result. */
export function unpackSnappy(bytes: Buffer, mostBytes: number): Buffer {
  if (!bytes.subarray(0, FRAME.length).equals(FRAME)) return unpackBlock(bytes, mostBytes);
  const blocks: Buffer[] = [];
  let sum = 0;
  for (let at = FRAME_BYTES; at < bytes.length;) {
    if (at + 4 > bytes.length) throw toFault("a block's length is cut off");
    const size = bytes.readUInt32BE(at);
    at += 4;
    if (at + size > bytes.length) throw toFault("a block is cut off");
    const block = unpackBlock(bytes.subarray(at, at + size), mostBytes - sum);
    blocks.push(block);
    sum += block.length;
    at += size;
  }
  return Buffer.concat(blocks);
}

function unpackBlock(bytes: Buffer, mostBytes: number): Buffer {
  const { size, next } = readSize(bytes);
  if (size > mostBytes) throw toFault(`${size} bytes, ${mostBytes} at most`);
  const out = Buffer.alloc(size);
  let filled = 0;
  for (let at = next; at < bytes.length;) {
    const element = readElement(bytes, at);
    at = element.next;
    const end = filled + element.length;
    if (end > size) throw toFault("more bytes than it says");
    if (element.offset === 0) {
      if (at + element.length > bytes.length) throw toFault("a literal is cut off");
      bytes.copy(out, filled, at, at + element.length);
      at += element.length;
    } else {
      if (element.offset > filled) throw toFault("a copy of bytes that are not there");
      // They may overlap: what is copied is copied on.
      for (let to = filled; to < end; to += 1) out[to] = out[to - element.offset] as number;
    }
    filled = end;
  }
  if (filled < size) throw toFault("fewer bytes than it says");
  return out;
}

function readSize(bytes: Buffer): { readonly size: number; readonly next: number } {
  let size = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return { size, next: at + 1 };
  }
  throw toFault("no length");
}

/** A literal (offset 0) whose bytes follow at `next`, or a copy. */
type Element = { readonly length: number; readonly offset: number; readonly next: number };

function readElement(bytes: Buffer, at: number): Element {
  const tag = bytes[at] as number;
  const kind = tag & 3;
  const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
  const next = at + 1 + extra;
  if (next > bytes.length) throw toFault("an element is cut off");
  const number = extra === 0 ? 0 : bytes.readUIntLE(at + 1, extra);
  if (kind === 0) return { length: (extra === 0 ? tag >> 2 : number) + 1, offset: 0, next };
  const offset = kind === 1 ? ((tag >> 5) << 8) | number : number;
  if (offset === 0) throw toFault("a copy of nothing");
  return { length: kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1, offset, next };
}

function toFault(what: string): Error {
  return new Error(`broken Snappy: ${what}`);
}
