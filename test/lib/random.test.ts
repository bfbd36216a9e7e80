/**
 * The seeded generator: the same seed for ever gives the same draws, and draws lie where they are said to lie.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/lib/random.ts";

describe("createRandom", () => {
  test("a seed gives the draws that it has always given", () => {
    const random = createRandom(1);
    const first = [random.uint32(), random.uint32(), random.int(1, 100), random.hex(10), random.uuid()];
    expect(first).toMatchInlineSnapshot(`
      [
        4115462103,
        333889751,
        74,
        "51bb137c09",
        "7cc1b8cf-441c-4f89-aef4-7cf18daae5cb",
      ]
    `);
  });

  test("1 and '1' are one seed, 1 and 2 are not", () => {
    expect(createRandom("1").hex(32)).toBe(createRandom(1).hex(32));
    expect(createRandom(2).hex(32)).not.toBe(createRandom(1).hex(32));
  });

  test("a fork depends on seed and label, not on what was drawn before", () => {
    const drawn = createRandom(7);
    drawn.hex(100);
    expect(drawn.fork("a").hex(32)).toBe(createRandom(7).fork("a").hex(32));
    expect(drawn.fork("a").hex(32)).not.toBe(drawn.fork("b").hex(32));
  });

  test("int keeps its bounds and reaches both", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 0, max: 5 }),
        (seed, low, width) => {
          const random = createRandom(seed);
          const seen = new Set(Array.from({ length: 200 }, () => random.int(low, low + width)));
          expect([...seen].every((value) => value >= low && value <= low + width)).toBe(true);
          expect(seen.size).toBe(width + 1);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("float, chance and weighted follow their shares", () => {
    const random = createRandom(3);
    const draws = Array.from({ length: 20_000 }, () => random.float());
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    expect(mean).toBeCloseTo(0.5, 1);
    const hits = draws.filter(() => random.chance(0.1)).length;
    expect(hits / draws.length).toBeCloseTo(0.1, 1);
    const picked = draws.map(() =>
      random.weighted([
        [3, "often"],
        [1, "seldom"],
        [0, "never"],
      ] as const),
    );
    expect(picked.filter((item) => item === "often").length / picked.length).toBeCloseTo(0.75, 1);
    expect(picked).not.toContain("never");
  });

  test("uuid, hex and text have their forms, and uuids do not repeat", () => {
    const random = createRandom(4);
    const uuids = Array.from({ length: 5000 }, () => random.uuid());
    expect(new Set(uuids).size).toBe(uuids.length);
    expect(
      uuids.every((uuid) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u.test(uuid)),
    ).toBe(true);
    expect(random.hex(7)).toMatch(/^[0-9a-f]{7}$/u);
    expect(random.text("xyz", 40)).toMatch(/^[xyz]{40}$/u);
  });
});
