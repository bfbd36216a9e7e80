/** What is remembered by number is given for records of that number by that hand alone. */
import { expect, test } from "vitest";
import { Numbered } from "../../../src/match/glance/numbered.ts";

const NOTHING = new Uint8Array(0);

function createMemory(): { see(by: number, number: number, found?: string): string | undefined } {
  const memory = new Numbered<string>({ by: 1, number: 2 });
  return {
    see: (by, number, found) => {
      const rows = Int32Array.from([7, by, number]);
      if (found !== undefined) memory.set(NOTHING, rows, { row: 0, found });
      return memory.get(NOTHING, rows, 0);
    },
  };
}

test("two hands number for themselves, and without a number nothing is remembered", () => {
  const memory = createMemory();
  expect(memory.see(0, 5)).toBeUndefined();
  expect(memory.see(0, 5, "mine")).toBe("mine");
  expect(memory.see(1, 5)).toBeUndefined();
  expect(memory.see(1, 5, "theirs")).toBe("theirs");
  expect(memory.see(0, 5)).toBe("mine");
  expect(memory.see(0, -1, "none")).toBeUndefined();
});

test("a number that shares its place with another is not taken for it, nor is the last place for no number", () => {
  const memory = createMemory();
  memory.see(0, 2047, "last");
  expect(memory.see(0, -1)).toBeUndefined();
  memory.see(0, 3, "old");
  expect(memory.see(0, 3 + 2048)).toBeUndefined();
  expect(memory.see(0, 3 + 2048, "new")).toBe("new");
  expect(memory.see(0, 3)).toBeUndefined();
});

test("of many hands each begins anew", () => {
  const memory = createMemory();
  for (let by = 0; by < 100; by += 1) expect(memory.see(by, 1, `by ${by}`)).toBe(`by ${by}`);
  expect(memory.see(0, 1)).toBeUndefined();
  expect(memory.see(99, 1)).toBe("by 99");
});
