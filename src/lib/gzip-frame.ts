/**
 * The frame of a gzip member: its header and trailer (RFC 1952). Pure.
 *
 * Kept by ourselves, because zlib's own gunzip drops what it unpacked last when a checksum is wrong or junk follows.
 */

/** True when the first two bytes are gzip's. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Bytes of a trailer: checksum and size of the unpacked bytes. */
export const TRAILER_BYTES = 8;
/** Headers have a name and a comment of any length; longer than this they are taken for damage. */
const HEADER_MAX_BYTES = 128 * 1024;
const [HAS_CHECKSUM, HAS_EXTRA, HAS_NAME, HAS_COMMENT] = [2, 4, 8, 16] as const;

/** Length of the header that `bytes` begin with; 0 when more bytes are needed, −1 when they are no header. */
export function headerLength(bytes: Uint8Array): number {
  const starts = bytes.length < 2 ? bytes[0] === undefined || bytes[0] === 0x1f : isGzip(bytes);
  // Method 8 is deflate, the only one; the upper three flags are reserved.
  if (!starts || (bytes.length > 2 && bytes[2] !== 8) || ((bytes[3] ?? 0) & 0xe0) !== 0) return -1;
  const more = bytes.length > HEADER_MAX_BYTES ? -1 : 0;
  if (bytes.length < 10) return more;
  const flags = bytes[3] as number;
  let at = 10;
  if ((flags & HAS_EXTRA) !== 0) at += 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256;
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end === -1) return more;
    at = end + 1;
  }
  if ((flags & HAS_CHECKSUM) !== 0) at += 2;
  return at > bytes.length ? more : at;
}

/** Whether a trailer tells of these unpacked bytes: their CRC-32, and their number modulo 2^32. */
export function isTrailerOf(trailer: Uint8Array, unpacked: { readonly crc: number; readonly bytes: number }): boolean {
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength);
  return view.getUint32(0, true) === unpacked.crc && view.getUint32(4, true) === unpacked.bytes % 2 ** 32;
}
