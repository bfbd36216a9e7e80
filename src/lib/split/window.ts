/**
 * The window: one growing stretch of a byte stream, in an ArrayBuffer of its own, that a splitter works in.
 *
 * Bytes are appended; what is still needed is carried into the next chunk when a chunk is full or handed over. Why here:
 * ranges of records must point into one buffer that can be given away whole, and memory must stay bounded however long a
 * line is. Nothing here looks at the bytes.
 */

import type { SplitLimits } from "./types.ts";

/** A window on a stream. `start` is the offset in the stream of the window's first byte. */
export type Window = {
  bytes: Uint8Array;
  filled: number;
  start: number;
};

/** A window without a buffer yet. */
export function createWindow(): Window {
  return { bytes: new Uint8Array(0), filled: 0, start: 0 };
}

/** Appends as much of `input` as fits and returns how much that was. */
export function fillWindow(window: Window, input: Uint8Array): number {
  const count = Math.min(input.length, window.bytes.length - window.filled);
  window.bytes.set(count === input.length ? input : input.subarray(0, count), window.filled);
  window.filled += count;
  return count;
}

/**
 * Keeps the bytes from `from` on and makes room behind them: in the same buffer when it may be reused, else in a new one.
 * A full buffer doubles up to `usual`, so that short streams cost little; one that would be more than half full with what
 * is kept doubles up to `max`.
 */
export function moveWindow(
  window: Window,
  from: number,
  { reuse, limits }: { readonly reuse: boolean; readonly limits: SplitLimits },
): void {
  const { length } = window.bytes;
  const kept = window.filled - from;
  const limit =
    kept * 2 > length
      ? limits.chunkMaxBytes
      : window.filled === length
        ? Math.max(length, limits.chunkUsualBytes)
        : length;
  const wanted = Math.min(limit, length * 2);
  if (reuse && wanted === length) window.bytes.copyWithin(0, from, window.filled);
  else {
    const next = new Uint8Array(wanted);
    next.set(window.bytes.subarray(from, window.filled));
    window.bytes = next;
  }
  window.filled = kept;
  window.start += from;
}
