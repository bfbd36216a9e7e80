/**
 * LZ4 frames, unpacking only. Checksums are passed over: the broker has checked the batch around it.
 *
 * Pure. Throws a plain Error for what is no LZ4 or would become too large; no input makes it read or write elsewhere.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */

const MAGIC = 0x184d2204;
/** Largest block by the three bits that tell of it. */
const BLOCK_BYTES: readonly number[] = [0, 0, 0, 0, 65_536, 262_144, 1_048_576, 4_194_304];
const FLAG = { blockChecksum: 0x10, size: 0x08, dictionary: 0x01 } as const;
const UNPACKED = 0x80000000;

/** What was unpacked so far: a block may copy out of those before it. */
type Out = { bytes: Buffer; filled: number; readonly mostBytes: number };

/** Unpacks. `mostBytes`: of the result. */
export function unpackLz4(bytes: Buffer, mostBytes: number): Buffer {
  const { at: first, blockBytes, hasChecksums } = readHead(bytes);
  const out: Out = { bytes: Buffer.alloc(blockBytes), filled: 0, mostBytes };
  for (let at = first; ;) {
    if (at + 4 > bytes.length) throw toFault("its end is missing");
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return out.bytes.subarray(0, out.filled);
    const end = at + (word % UNPACKED);
    if (end > bytes.length) throw toFault("a block is cut off");
    const block = bytes.subarray(at, end);
    if (word >= UNPACKED) append(block, out);
    else unpackBlock(block, out);
    at = end + (hasChecksums ? 4 : 0);
  }
}

type Head = { readonly at: number; readonly blockBytes: number; readonly hasChecksums: boolean };

function readHead(bytes: Buffer): Head {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== MAGIC) throw toFault("no frame");
  const [flags, sizes] = [bytes[4] as number, bytes[5] as number];
  const blockBytes = BLOCK_BYTES[(sizes >> 4) & 7] ?? 0;
  if (flags >> 6 !== 1 || blockBytes === 0) throw toFault("a frame of another version");
  const at = 7 + ((flags & FLAG.size) > 0 ? 8 : 0) + ((flags & FLAG.dictionary) > 0 ? 4 : 0);
  return { at, blockBytes, hasChecksums: (flags & FLAG.blockChecksum) > 0 };
}

function unpackBlock(block: Buffer, out: Out): void {
  let at = 0;
  /** A length whose first four bits were in the token. */
  const readLength = (bits: number): number => {
    let length = bits;
    for (let byte = bits === 15 ? 255 : 0; byte === 255;) {
      byte = block[at] ?? -1;
      if (byte === -1) throw toFault("a length is cut off");
      at += 1;
      length += byte;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at] as number;
    at += 1;
    const literal = readLength(token >> 4);
    if (at + literal > block.length) throw toFault("a literal is cut off");
    append(block.subarray(at, at + literal), out);
    at += literal;
    // The last sequence is a literal only.
    if (at === block.length) return;
    if (at + 2 > block.length) throw toFault("an offset is cut off");
    const offset = block.readUInt16LE(at);
    at += 2;
    repeat(offset, readLength(token & 15) + 4, out);
  }
}

function append(piece: Buffer, out: Out): void {
  reserve(piece.length, out);
  piece.copy(out.bytes, out.filled);
  out.filled += piece.length;
}

/** Copies bytes that were unpacked before; they may overlap: what is copied is copied on. */
function repeat(offset: number, length: number, out: Out): void {
  if (offset === 0 || offset > out.filled) throw toFault("a copy of bytes that are not there");
  reserve(length, out);
  const end = out.filled + length;
  for (let to = out.filled; to < end; to += 1) out.bytes[to] = out.bytes[to - offset] as number;
  out.filled = end;
}

function reserve(length: number, out: Out): void {
  const needed = out.filled + length;
  if (needed > out.mostBytes) throw toFault(`more than ${out.mostBytes} bytes`);
  if (needed <= out.bytes.length) return;
  const next = Buffer.alloc(Math.min(out.mostBytes, Math.max(needed, 2 * out.bytes.length)));
  out.bytes.copy(next, 0, 0, out.filled);
  out.bytes = next;
}

function toFault(what: string): Error {
  return new Error(`broken LZ4: ${what}`);
}
