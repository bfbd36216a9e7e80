/**
 * Streaming gunzip that gives out all it could read before damage, and stops bombs.
 *
 * Why not a pipe: a stream that fails throws away what it had already unpacked. Here the caller pushes compressed bytes
 * and gets the unpacked pieces of each push; how it ended is a value. Members behind one another are one stream, zeros
 * behind the last are padding, anything else there is damage. Memory follows one push, times the ratio at most.
 * Stages: HEADER of a member, BODY (deflated), TRAILER, then BETWEEN members.
 */
import { createInflateRaw, crc32, type InflateRaw } from "node:zlib";
import { headerLength, isTrailerOf, TRAILER_BYTES } from "./gzip-frame.ts";

/** How a gzip stream came to a bad end. `ratio`: it unpacks to more than allowed; what came before was given out. */
export type GunzipFault = { readonly fault: "bad" | "truncated" | "ratio"; readonly detail: string };

/** One stream. Pushes must be awaited one by one. */
export type Unpacker = {
  /** Unpacks the next bytes. After a fault it gives nothing more. */
  push(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The input ended: the fault, if there is one. */
  end(): GunzipFault | null;
  /** The fault met so far. */
  fault(): GunzipFault | null;
  close(): void;
};

/** Unpacked bytes from which the ratio counts: small files of repeated text are no bombs. */
const RATIO_FREE_BYTES = 1024 * 1024;
/** Bytes unpacked at a time. Damage inside deflated bytes costs at most so much of what stands before it. */
const PIECE_BYTES = 16 * 1024;

const [HEADER, BODY, TRAILER, BETWEEN] = [0, 1, 2, 3] as const;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Makes an unpacker. `maxRatio`: unpacked bytes for each packed one, looked at after the first MiB. */
export function createUnpacker(maxRatio: number): Unpacker {
  let stage: number = HEADER;
  let member: Member | null = null;
  /** A header or trailer of which the end is still to come. */
  let held: Uint8Array = NOTHING;
  let fault: GunzipFault | null = null;
  let [inBytes, outBytes] = [0, 0];
  let pieces: Uint8Array[] = [];

  const fail = (kind: GunzipFault["fault"], detail: string): Uint8Array => {
    fault ??= { fault: kind, detail };
    return NOTHING;
  };
  /** Takes a piece; false when there have been too many for what was packed. */
  const give = (piece: Uint8Array): boolean => {
    outBytes += piece.length;
    if (outBytes > RATIO_FREE_BYTES && outBytes > maxRatio * inBytes) {
      fail("ratio", `unpacks to more than ${maxRatio} times its size`);
      return false;
    }
    pieces.push(piece);
    return true;
  };

  const header = (bytes: Uint8Array): Uint8Array => {
    const length = headerLength(bytes);
    if (length === -1) return fail("bad", "no gzip member where one should begin");
    if (length === 0) {
      held = Uint8Array.from(bytes);
      return NOTHING;
    }
    stage = BODY;
    member = createMember(give);
    return bytes.subarray(length);
  };
  const body = async (bytes: Uint8Array): Promise<Uint8Array> => {
    const { taken, isEnded, error } = await (member as Member).inflate(bytes);
    if (error !== null) return fail("bad", `damaged gzip near unpacked byte ${outBytes}: ${error}`);
    if (fault !== null || !isEnded) return NOTHING;
    stage = TRAILER;
    // zlib's memory goes back at once: a file may have thousands of members.
    (member as Member).close();
    return bytes.subarray(taken);
  };
  const trailer = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length < TRAILER_BYTES) {
      held = Uint8Array.from(bytes);
      return NOTHING;
    }
    const { unpacked } = member as Member;
    if (!isTrailerOf(bytes.subarray(0, TRAILER_BYTES), unpacked())) return fail("bad", "the gzip checksum is wrong");
    stage = BETWEEN;
    return bytes.subarray(TRAILER_BYTES);
  };
  const between = (bytes: Uint8Array): Uint8Array => {
    const start = bytes.findIndex((byte) => byte !== 0);
    if (start === -1) return NOTHING;
    if (bytes[start] !== 0x1f) return fail("bad", "bytes behind the end of the gzip stream");
    stage = HEADER;
    return bytes.subarray(start);
  };

  return {
    async push(bytes) {
      inBytes += bytes.length;
      let rest = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      held = NOTHING;
      while (rest.length > 0 && fault === null) {
        if (stage === HEADER) rest = header(rest);
        else if (stage === BODY) rest = await body(rest);
        else rest = stage === TRAILER ? trailer(rest) : between(rest);
      }
      const taken = pieces;
      pieces = [];
      return taken;
    },
    end() {
      if (stage !== BETWEEN) fail("truncated", "the gzip stream ends early");
      return fault;
    },
    fault: () => fault,
    close: () => member?.close(),
  };
}

/** The deflated bytes of one member. */
type Member = {
  /** Unpacks; `taken` counts the bytes of this call when the member ended in it. */
  inflate(bytes: Uint8Array): Promise<{ taken: number; isEnded: boolean; error: string | null }>;
  readonly unpacked: () => { readonly crc: number; readonly bytes: number };
  close(): void;
};

/** `give` takes each piece at once, and stops the member by false. */
function createMember(give: (piece: Uint8Array) => boolean): Member {
  const inflater: InflateRaw = createInflateRaw({ chunkSize: PIECE_BYTES });
  let wake: () => void = () => {};
  let error: string | null = null;
  let isEnded = false;
  let [inBytes, bytes, crc] = [0, 0, 0];
  inflater.on("data", (piece: Uint8Array) => {
    if (inflater.destroyed) return;
    bytes += piece.length;
    crc = crc32(piece, crc);
    if (give(piece)) return;
    inflater.destroy();
    wake();
  });
  inflater.on("error", ({ message }: Error) => {
    error = message;
    wake();
  });
  inflater.on("end", () => {
    isEnded = true;
    wake();
  });
  return {
    async inflate(input) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      inflater.write(input, () => resolve());
      await promise;
      const taken = inflater.bytesWritten - inBytes;
      inBytes += taken;
      return { taken, isEnded, error };
    },
    unpacked: () => ({ crc, bytes }),
    close: () => void inflater.destroy(),
  };
}
