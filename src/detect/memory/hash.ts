/**
 * A keyed hash of texts, for the table of packed groups.
 *
 * Group keys hold texts that strangers choose; without a secret seed they could choose a million keys of one slot and stop
 * the engine. HalfSipHash-1-3 is made for hash tables with 32-bit arithmetic (https://github.com/veorq/SipHash). The seed
 * decides where a group stands in memory and nothing that anybody can see.
 */

/** Makes a hash function from two words of seed. `lane` tells apart tables that share it. The result is a signed 32-bit integer. */
export function createHash(seed: readonly [number, number]): (text: string, lane: number) => number {
  const [k0, k1] = seed;
  return (text, lane) => {
    let v0 = k0 | 0;
    let v1 = (k1 ^ lane) | 0;
    let v2 = 0x6c796765 ^ k0;
    let v3 = 0x74656462 ^ k1;
    const { length } = text;
    const words = (length >> 1) + 1;
    for (let word = 0; word < words + 3; word += 1) {
      let m = 0;
      if (word < words - 1) m = text.charCodeAt(2 * word) | (text.charCodeAt(2 * word + 1) << 16);
      else if (word === words - 1) m = (length << 24) | ((length & 1) === 1 ? text.charCodeAt(length - 1) : 0);
      else if (word === words) v2 ^= 0xff;
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    return v1 ^ v3;
  };
}
