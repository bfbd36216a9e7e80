/** Blocks of the arena: none overlaps another, and what goes back is given out again before more memory is asked for. */
import { expect, test } from "vitest";
import { createSlabs } from "../../../src/detect/memory/slabs.ts";

const BLOCK = 1 << 20;

test("no block overlaps another, alone or out of a slab", () => {
  const slabs = createSlabs(BLOCK);
  const blocks = Array.from({ length: 50 }, (_, at) => slabs.take().fill(at + 1));
  expect(blocks.map((block) => [block.length, block[0], block[BLOCK - 1]])).toEqual(
    blocks.map((_, at) => [BLOCK, at + 1, at + 1]),
  );
});

test("a block that went back is given out again before a new slab is asked for", () => {
  const slabs = createSlabs(BLOCK);
  const blocks = Array.from({ length: 40 }, () => slabs.take());
  const memory = new Set(blocks.map(({ buffer }) => buffer));
  for (const block of blocks.slice(20, 30)) slabs.giveBack(block);
  const again = Array.from({ length: 10 }, () => slabs.take());
  expect(new Set(again.map(({ byteOffset }) => byteOffset)).size).toBe(10);
  expect(again.every(({ buffer }) => memory.has(buffer))).toBe(true);
});

test("a slab of which no block is in use goes", () => {
  const slabs = createSlabs(BLOCK);
  const blocks = Array.from({ length: 40 }, () => slabs.take());
  const slab = blocks.at(-1)?.buffer;
  for (const block of blocks) slabs.giveBack(block);
  const again = Array.from({ length: 40 }, () => slabs.take());
  expect(again.some(({ buffer }) => buffer === slab)).toBe(false);
});
