/**
 * Where the arena's blocks come from: slabs of 32 MiB, each its own mapping of the operating system, cut into blocks.
 *
 * A block that came alone would lie in the allocator's heap between buffers that live for milliseconds, and hold the holes
 * around it open: under a cap of 128 MiB that took 40 MiB. Pages of a slab that no block has used cost nothing. The first
 * blocks do come alone, since most engines never need more. A slab of which no block is in use goes.
 */
import { Buffer } from "node:buffer";

/** glibc maps what is at least this large by itself and gives it back when it goes: its threshold never rises above. */
export const SLAB_BYTES: number = 32 << 20;
/** Blocks that come alone: 8 MiB. */
const ALONE = 8;

/** Gives blocks of one size, zeroed or used before, and takes them back. */
export type Slabs = { take(): Buffer; giveBack(block: Buffer): void };

/** `blockBytes` divides 32 MiB. */
export function createSlabs(blockBytes: number): Slabs {
  const blocksASlab = SLAB_BYTES / blockBytes;
  /** Free blocks by slab; those that came alone stand under their own memory. */
  const free = new Map<ArrayBufferLike, Buffer[]>();
  let alone = 0;
  const cut = (): Buffer[] => {
    const slab = new ArrayBuffer(SLAB_BYTES);
    const blocks = Array.from({ length: blocksASlab }, (_, at) => Buffer.from(slab, at * blockBytes, blockBytes));
    // Taken from the end: the first block first, so that pages are touched in order.
    free.set(slab, blocks.toReversed());
    return free.get(slab) as Buffer[];
  };
  return {
    take: () => {
      // The oldest slab first: the younger ones have a chance to empty.
      for (const blocks of free.values()) {
        const block = blocks.pop();
        if (block !== undefined) return block;
      }
      if (alone >= ALONE) return cut().pop() as Buffer;
      alone += 1;
      return Buffer.from(new ArrayBuffer(blockBytes));
    },
    giveBack: (block) => {
      if (block.buffer.byteLength === blockBytes) alone -= 1;
      else {
        const blocks = free.get(block.buffer) as Buffer[];
        blocks.push(block);
        if (blocks.length === blocksASlab) free.delete(block.buffer);
      }
    },
  };
}
