/**
 * Memory outside the heap for packed groups: blocks of 1 MiB, written one behind the other.
 *
 * The collector never walks it, and a packed group costs its bytes and no more. What is freed leaves a hole; when holes
 * make up a sixteenth of all, the live ones of the emptiest blocks are moved together and their owner is told where they
 * are now. Each piece begins with two words: its owner's number and its length.
 */
import { Buffer } from "node:buffer";
import { createSlabs } from "./slabs.ts";

/** Block length. Addresses count units of 8 bytes, so that 32 bits reach 32 GiB. */
const [BLOCK_BYTES, UNIT, UNITS_A_BLOCK] = [1 << 20, 8, 1 << 17] as const;
/** Words before each piece. */
export const HEAD_BYTES = 8;
/** Largest piece, the words included: a 32nd of a block, so that what is lost at the ends of blocks stays below HOLES_SHARE. */
export const PIECE_MAX: number = BLOCK_BYTES / 32;
/** One part in so many may be holes. */
const HOLES_SHARE = 16;
/** Empty blocks kept for the next pieces. */
const SPARE_MAX = 4;

type Block = { readonly bytes: Buffer; end: number; live: number };

export type Arena = {
  /** Copies a piece in: `bytes` up to `length`, its first HEAD_BYTES still to be filled. Returns its address. */
  add(owner: number, bytes: Buffer, length: number): number;
  /** Where a piece is: valid until the next add or free. */
  find(address: number): { readonly bytes: Buffer; readonly start: number; readonly end: number };
  free(address: number): void;
  /** Bytes that a piece of this length takes. */
  sizeOf(length: number): number;
  /** Bytes of all blocks. */
  bytes(): number;
};

/** `moved` is told the new address of a piece's owner. */
export function createArena(moved: (owner: number, address: number) => void): Arena {
  const blocks: (Block | null)[] = [];
  const vacant: number[] = [];
  const spare: Buffer[] = [];
  const slabs = createSlabs(BLOCK_BYTES);
  let current = -1;
  let [liveBytes, blockCount] = [0, 0];
  const found: { bytes: Buffer; start: number; end: number } = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  const blockOf = (address: number): Block => blocks[Math.floor(address / UNITS_A_BLOCK)] as Block;
  const open = (): number => {
    const block = { bytes: spare.pop() ?? slabs.take(), end: 0, live: 0 };
    const index = vacant.pop() ?? blocks.length;
    blocks[index] = block;
    blockCount += 1;
    return index;
  };
  const close = (index: number): void => {
    const block = blocks[index];
    if (block === null || block === undefined) return;
    blocks[index] = null;
    vacant.push(index);
    blockCount -= 1;
    if (spare.length < SPARE_MAX) spare.push(block.bytes);
    else slabs.giveBack(block.bytes);
  };
  /** Room for `size` bytes in the current block, or in a new one; its address. */
  const reserve = (size: number): number => {
    const full = blocks[current];
    if (full === undefined || full === null || full.end + size > BLOCK_BYTES) {
      if (full?.live === 0) close(current);
      current = open();
    }
    const block = blocks[current] as Block;
    const address = current * UNITS_A_BLOCK + block.end / UNIT;
    block.end += size;
    block.live += size;
    return address;
  };
  const find = (address: number): typeof found => {
    const block = blockOf(address);
    found.bytes = block.bytes;
    found.start = (address % UNITS_A_BLOCK) * UNIT;
    found.end = found.start + block.bytes.readUInt32LE(found.start + 4);
    return found;
  };
  /** Moves the live pieces of a block away and closes it. */
  const empty = (index: number): void => {
    const block = blocks[index] as Block;
    for (let at = 0; at < block.end;) {
      const size = toSize(block.bytes.readUInt32LE(at + 4));
      const owner = block.bytes.readUInt32LE(at);
      if (owner !== FREE) {
        const address = reserve(size);
        block.bytes.copy(blockOf(address).bytes, (address % UNITS_A_BLOCK) * UNIT, at, at + size);
        moved(owner, address);
      }
      at += size;
    }
    close(index);
  };
  const compact = (): void => {
    const holes = (index: number): number => {
      const block = blocks[index];
      return block === null || block === undefined || index === current ? 0 : BLOCK_BYTES - block.live;
    };
    const order = blocks.map((_, index) => index).filter((index) => holes(index) > 0);
    for (const index of order.toSorted((a, b) => holes(b) - holes(a))) {
      // Further than to what is allowed, so that the next time comes late.
      if (blockCount * BLOCK_BYTES - liveBytes <= allowed(liveBytes) * 0.75 + BLOCK_BYTES) return;
      empty(index);
    }
  };
  return {
    add: (owner, bytes, length) => {
      const size = toSize(length);
      bytes.writeUInt32LE(owner, 0);
      bytes.writeUInt32LE(length, 4);
      const address = reserve(size);
      liveBytes += size;
      bytes.copy(blockOf(address).bytes, (address % UNITS_A_BLOCK) * UNIT, 0, length);
      return address;
    },
    find,
    free: (address) => {
      const { bytes, start, end } = find(address);
      bytes.writeUInt32LE(FREE, start);
      const size = toSize(end - start);
      const index = Math.floor(address / UNITS_A_BLOCK);
      const block = blocks[index] as Block;
      block.live -= size;
      liveBytes -= size;
      if (block.live === 0 && index !== current) close(index);
      else if (blockCount * BLOCK_BYTES - liveBytes > allowed(liveBytes) + 2 * BLOCK_BYTES) compact();
    },
    sizeOf: toSize,
    bytes: () => blockCount * BLOCK_BYTES,
  };
}

/** Owner of a hole. */
const FREE = 0xffffffff;

function toSize(length: number): number {
  return Math.ceil(length / UNIT) * UNIT;
}

function allowed(liveBytes: number): number {
  return liveBytes / HOLES_SHARE;
}
