/**
 * A seeded random number generator (sfc32), for everything that must come out the same on every run.
 *
 * The simulator, benches and tests draw from it. It promises that the same seed gives the same sequence on every machine
 * and Node version: integer arithmetic only, no dependence on time or platform. It is never used for secrets, ids of
 * real things or retry jitter (see ./clock.ts for the last).
 * sfc32 is by Chris Doty-Humphrey (PractRand, public domain).
 */

/** Draws from one seeded sequence. Two generators never influence each other. */
export type Random = {
  /** Uniform integer in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1) with 32 bits. */
  float(): number;
  /** Uniform integer in [low, high], both included. */
  int(low: number, high: number): number;
  /** True with probability `share` (0 to 1). */
  chance(share: number): boolean;
  /** One item, uniformly. The list must not be empty. */
  pick<T>(items: readonly T[]): T;
  /** One item by weight. Weights are finite and at least 0, and their sum is above 0. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T;
  /** `length` characters of `alphabet`. */
  text(alphabet: string, length: number): string;
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** A UUID of version 4 in its usual lower-case form. */
  uuid(): string;
  /** A new generator that depends on this one's seed and the label alone, not on how much was drawn. */
  fork(label: string): Random;
};

const BYTE_HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Eight hexadecimal digits of a 32-bit integer. */
function hex8(word: number): string {
  return (
    (BYTE_HEX[word >>> 24] ?? "") +
    (BYTE_HEX[(word >>> 16) & 255] ?? "") +
    (BYTE_HEX[(word >>> 8) & 255] ?? "") +
    (BYTE_HEX[word & 255] ?? "")
  );
}

/** Spreads a text over 128 bits (four FNV-1a lanes with different offsets); enough to tell seeds apart. */
function spread(text: string): [number, number, number, number] {
  const lanes: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35];
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    lanes[0] = Math.imul(lanes[0] ^ unit, 0x01000193);
    lanes[1] = Math.imul(lanes[1] ^ (unit + 1), 0x01000193);
    lanes[2] = Math.imul(lanes[2] ^ (unit + 2), 0x01000193);
    lanes[3] = Math.imul(lanes[3] ^ (unit + 3), 0x01000193);
  }
  return lanes;
}

/** The raw sfc32 step over a state made from `seed`; the first 20 draws only mix the state. */
function createSfc32(seed: string): () => number {
  let [a, b, c, counter] = spread(seed);
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 20; round += 1) next();
  return next;
}

/**
 * Makes a generator.
 * @param seed any text or number; `1` and `"1"` are the same seed.
 */
export function createRandom(seed: string | number): Random {
  const name = String(seed);
  const uint32 = createSfc32(name);
  const float = (): number => uint32() / 4294967296;
  const int = (low: number, high: number): number => low + Math.floor(float() * (high - low + 1));
  const pick = <T>(items: readonly T[]): T => items[int(0, items.length - 1)] as T;
  const weighted = <T>(items: readonly (readonly [number, T])[]): T => {
    let left = float() * items.reduce((sum, [weight]) => sum + weight, 0);
    const hit = items.findIndex(([weight]) => (left -= weight) < 0);
    const [, item] = items.at(hit) as readonly [number, T];
    return item;
  };
  const text = (alphabet: string, length: number): string => {
    let out = "";
    for (let index = 0; index < length; index += 1) out += alphabet.charAt(int(0, alphabet.length - 1));
    return out;
  };
  const hex = (length: number): string => {
    let out = "";
    while (out.length < length) out += hex8(uint32());
    return out.slice(0, length);
  };
  const uuid = (): string => {
    const [second, third] = [hex8(uint32()), hex8((uint32() & 0x3fffffff) | 0x80000000)];
    return `${hex8(uint32())}-${second.slice(0, 4)}-4${second.slice(5)}-${third.slice(0, 4)}-${third.slice(4)}${hex8(uint32())}`;
  };
  return {
    uint32,
    float,
    int,
    pick,
    weighted,
    text,
    hex,
    uuid,
    chance: (share) => float() < share,
    fork: (label) => createRandom(`${name}/${label}`),
  };
}
