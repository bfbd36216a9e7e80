/** What is remembered by number is given for records of that number by that hand alone. */
import { expect, test } from "vitest";
import { Numbered } from "../../../src/match/glance/numbered.ts";

const NOTHING = new Uint8Array(0);

function createMemory(): { see(by: number, number: number, found?: string): string | undefined } {
  const memory = new Numbered<string>({ by: 1, numbers: [2] });
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

test("kinds that share a place are told apart, by each of their numbers", () => {
  const memory = new Numbered<string>({ by: 0, numbers: [1, 3] });
  const known = new Map<string, string>();
  let remembered = 0;
  for (let at = 0; at < 100_000; at += 1) {
    // Some 30,000 kinds in 8,192 places.
    const [one, other] = [at % 173, Math.floor(at / 3) % 179];
    const rows = Int32Array.from([5, one, at, other]);
    const name = `${one} ${other}`;
    const found = memory.get(NOTHING, rows, 0);
    if (found !== undefined) remembered += 1;
    expect([undefined, known.get(name)]).toContain(found);
    memory.set(NOTHING, rows, { row: 0, found: name });
    known.set(name, name);
    expect(memory.get(NOTHING, rows, 0)).toBe(name);
  }
  expect(remembered).toBeGreaterThan(1_000);
});

test("of many hands each begins anew", () => {
  const memory = createMemory();
  for (let by = 0; by < 100; by += 1) expect(memory.see(by, 1, `by ${by}`)).toBe(`by ${by}`);
  expect(memory.see(0, 1)).toBeUndefined();
  expect(memory.see(99, 1)).toBe("by 99");
});

test("of some hundred kinds each is remembered, by one number or by two", () => {
  for (const numbers of [[1], [1, 2]]) {
    const memory = new Numbered<number>({ by: 0, numbers });
    const rows = Array.from({ length: 400 }, (_, at) =>
      numbers.length === 1 ? Int32Array.from([0, at]) : Int32Array.from([0, at % 25, Math.floor(at / 25)]),
    );
    for (const [found, row] of rows.entries()) memory.set(NOTHING, row, { row: 0, found });
    expect(rows.filter((row, at) => memory.get(NOTHING, row, 0) !== at)).toHaveLength(0);
  }
});
