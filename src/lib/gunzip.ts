/**
 * Streaming gunzip that gives out all it could read before damage, and stops bombs.
 *
 * Why not a pipe: a stream that fails throws away what it had already unpacked. Here the caller pushes compressed bytes
 * and gets the unpacked pieces of each push; how it ended is a value. Members behind one another are one stream, zeros
 * behind the last are padding, anything else there is damage. Memory follows one push, times the ratio at most.
 */
import { createGunzip, type Gunzip } from "node:zlib";

/** How a gzip stream came to a bad end. `ratio`: it unpacks to more than allowed; what came before was given out. */
export type GunzipFault = { readonly fault: "bad" | "truncated" | "ratio"; readonly detail: string };

/** One stream. Pushes must be awaited one by one. */
export type Unpacker = {
  /** Unpacks the next bytes. After a fault it gives nothing more. */
  push(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The input ended. The remaining pieces, and the fault if there is one. */
  end(): Promise<{ readonly pieces: readonly Uint8Array[]; readonly fault: GunzipFault | null }>;
  /** The fault met so far. */
  fault(): GunzipFault | null;
  close(): void;
};

/** Unpacked bytes from which the ratio counts: small files of repeated text are no bombs. */
const RATIO_FREE_BYTES = 1024 * 1024;
/** Bytes unpacked at a time. Damage costs at most so much of what stands before it. */
const PIECE_BYTES = 32 * 1024;

/** True when the first two bytes are gzip's (RFC 1952, section 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Makes an unpacker. `maxRatio`: unpacked bytes for each packed one, looked at after the first MiB. */
export function createUnpacker(maxRatio: number): Unpacker {
  const gunzip: Gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  let pieces: Uint8Array[] = [];
  let wake: () => void = () => {};
  let fault: GunzipFault | null = null;
  let isEnded = false;
  let inBytes = 0;
  let outBytes = 0;

  const fail = (found: GunzipFault): void => {
    fault ??= found;
    gunzip.destroy();
    wake();
  };
  gunzip.on("data", (piece: Uint8Array) => {
    if (fault !== null) return;
    outBytes += piece.length;
    if (outBytes > RATIO_FREE_BYTES && outBytes > maxRatio * inBytes) {
      fail({ fault: "ratio", detail: `unpacks to more than ${maxRatio} times its size` });
    } else pieces.push(piece);
  });
  gunzip.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "Z_BUF_ERROR") fail({ fault: "truncated", detail: "the gzip stream ends early" });
    else fail({ fault: "bad", detail: `damaged gzip near unpacked byte ${outBytes}: ${error.message}` });
  });
  gunzip.on("end", () => {
    isEnded = true;
    wake();
  });

  /** Bytes behind the stream's end may only be zeros. */
  const checkPadding = (bytes: Uint8Array): void => {
    if (bytes.some((byte) => byte !== 0)) fail({ fault: "bad", detail: "bytes behind the end of the gzip stream" });
  };
  const take = (): readonly Uint8Array[] => {
    const taken = pieces;
    pieces = [];
    return taken;
  };

  return {
    async push(bytes) {
      if (fault !== null) return [];
      inBytes += bytes.length;
      if (isEnded) {
        checkPadding(bytes);
        return [];
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      gunzip.write(bytes, () => resolve());
      await promise;
      if (isEnded) checkPadding(bytes.subarray(bytes.length - (inBytes - gunzip.bytesWritten)));
      return take();
    },
    async end() {
      if (fault === null && !isEnded) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        gunzip.end();
        await promise;
      }
      return { pieces: take(), fault };
    },
    fault: () => fault,
    close: () => void gunzip.destroy(),
  };
}
