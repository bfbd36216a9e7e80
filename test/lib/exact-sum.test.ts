/** Exact sums: any order, anything taken out again, rounded once. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createExactSum, exactSum } from "../../src/lib/exact-sum.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

test.each([
  [[], 0],
  [[0.1, 0.2, 0.3], 0.6],
  [[1e100, 1, -1e100], 1],
  [[1e308, 1e308, -1e308], 1e308],
  [[1.7e308, 1.7e308], Infinity],
  [[-1.7e308, -1.7e308], -Infinity],
  [[5e-324, 5e-324], 1e-323],
  [[2 ** 53, 1, 1], 2 ** 53 + 2],
  // An exact half goes to the even neighbour, anything above it up.
  [[2 ** 53, 1], 2 ** 53],
  [[2 ** 53, 1, 2 ** -1074], 2 ** 53 + 2],
  [[-(2 ** 53), -1, -(2 ** -1074)], -(2 ** 53) - 2],
])("%j sums to %d", (numbers, sum) => {
  expect(exactSum(numbers)).toBe(sum);
});

test("sums do not hang on order, and what is taken out leaves no trace", () => {
  fc.assert(
    fc.property(fc.array(finite, { maxLength: 30 }), fc.array(finite, { maxLength: 30 }), (kept, gone) => {
      const sum = createExactSum();
      for (const number of [...gone, ...kept]) sum.add(number);
      for (const number of gone.toReversed()) sum.remove(number);
      expect(sum.value() + 0).toBe(exactSum(kept.toReversed()) + 0);
    }),
  );
});

test("whole numbers sum and divide as fractions do", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 20 }), (numbers) => {
      const total = numbers.reduce((sum, number) => sum + BigInt(number), 0n);
      const sum = createExactSum();
      for (const number of numbers) sum.add(number);
      expect(sum.value()).toBe(Number(total));
      const average = sum.value(numbers.length);
      expect(Math.abs(average - Number(total) / numbers.length)).toBeLessThanOrEqual(Math.abs(average) * 2 ** -51);
    }),
  );
});

test("an average is rounded once", () => {
  const sum = createExactSum();
  for (const number of [1, 2, 2]) sum.add(number);
  expect(sum.value(3)).toBe(5 / 3);
  const tiny = createExactSum();
  tiny.add(5e-324);
  expect(tiny.value(1)).toBe(5e-324);
  expect(tiny.value(3)).toBe(0);
  const huge = createExactSum();
  for (const number of [1.7e308, 1.7e308, 1.7e308]) huge.add(number);
  expect(huge.value(3)).toBe(1.7e308);
});
