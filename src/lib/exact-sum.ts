/**
 * Sums of finite numbers that are exact whatever the order: what is taken out leaves no trace, and rounding happens once,
 * when the sum is read.
 *
 * A double is a whole number times a power of two, so a sum is one big whole number times the smallest power that came.
 * Sums beyond the largest double read as ±Infinity. Nothing here knows what is summed.
 */

/** A running sum. */
export type ExactSum = {
  /** Adds a finite number. */
  add(number: number): void;
  /** Takes out a number that was added. */
  remove(number: number): void;
  /** The sum, or the sum divided by a positive whole number, rounded to the nearest double. */
  value(divisor?: number): number;
};

const bits = new DataView(new ArrayBuffer(8));
/** Bits that stay when a long sum is cut for rounding: a double has 53, and the lowest one kept tells whether the rest was zero. */
const KEPT_BITS = 64;
/** Bits added below a sum before it is divided, so that the quotient has more than a double can show. */
const DIVISION_BITS = 128n;

/** A sum of nothing. */
export function createExactSum(): ExactSum {
  let total = 0n;
  let scale = 0;
  const put = (number: number, sign: 1n | -1n): void => {
    const { mantissa, exponent } = toParts(number);
    if (exponent < scale) {
      total <<= BigInt(scale - exponent);
      scale = exponent;
    }
    total += sign * (BigInt(mantissa) << BigInt(exponent - scale));
    if (total === 0n) scale = 0;
  };
  return {
    add: (number) => put(number, 1n),
    remove: (number) => put(number, -1n),
    value: (divisor = 1) => {
      if (divisor === 1) return toNumber(total, scale);
      const shifted = total << DIVISION_BITS;
      const quotient = shifted / BigInt(divisor);
      // The cut-off remainder must not look like an exact half.
      const isExact = quotient * BigInt(divisor) === shifted;
      return toNumber((quotient << 1n) + (isExact ? 0n : total < 0n ? -1n : 1n), scale - Number(DIVISION_BITS) - 1);
    },
  };
}

/** The sum of `numbers`, all finite, rounded once. */
export function exactSum(numbers: readonly number[]): number {
  const sum = createExactSum();
  for (const number of numbers) sum.add(number);
  return sum.value();
}

/** A double as mantissa × 2^exponent, the mantissa a whole number without trailing zero bits. */
function toParts(number: number): { mantissa: number; exponent: number } {
  if (Number.isSafeInteger(number)) return { mantissa: number, exponent: 0 };
  bits.setFloat64(0, number);
  const high = bits.getUint32(0);
  const low = bits.getUint32(4);
  const biased = (high >>> 20) & 0x7ff;
  const top = (high & 0xfffff) + (biased === 0 ? 0 : 0x100000);
  const zeros = low === 0 ? 32 + trailingZeros(top) : trailingZeros(low);
  const size = (top * 0x1_0000_0000 + low) / 2 ** zeros;
  return { mantissa: number < 0 ? -size : size, exponent: (biased === 0 ? 1 : biased) - 1075 + zeros };
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function toNumber(total: bigint, scale: number): number {
  if (BigInt.asIntN(KEPT_BITS, total) === total && scale >= -1074) return Number(total) * 2 ** scale;
  const size = total < 0n ? -total : total;
  const excess = Math.max(0, size.toString(16).length * 4 - KEPT_BITS);
  const cut = size >> BigInt(excess);
  const isExact = cut << BigInt(excess) === size;
  const rounded = Number(isExact ? cut : cut | 1n);
  const exponent = scale + excess;
  // Two steps: one power of two may be out of range where the product is not.
  const half = Math.trunc(exponent / 2);
  return (total < 0n ? -rounded : rounded) * 2 ** half * 2 ** (exponent - half);
}
