/**
 * Changed corpus entries as a fast-check arbitrary: flipped bits, bytes set, cuts, words put in, pieces of other entries,
 * pieces repeated.
 *
 * Places are shares of the length, so that a counterexample shrinks to fewer and smaller changes of the same entry.
 */
import fc from "fast-check";
import { encode } from "./target.ts";

/** Longest input, bytes: long enough for deep nesting, short enough for thousands of runs. */
export const INPUT_BYTES = 60_000;

type Change = {
  readonly how: "flip" | "set" | "cut" | "end" | "put" | "splice" | "repeat";
  readonly at: number;
  readonly count: number;
  readonly byte: number;
  readonly words: readonly Uint8Array[];
  readonly other: { readonly seed: number; readonly from: number };
};

/** Entries of `corpus` with up to 6 changes each, at most INPUT_BYTES long. */
export function changed(corpus: readonly Uint8Array[], words: readonly string[]): fc.Arbitrary<Uint8Array> {
  const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const word = words.length === 0 ? fc.constant(encode("")) : fc.constantFrom(...words).map(encode);
  const change: fc.Arbitrary<Change> = fc.record({
    how: fc.constantFrom("flip", "set", "cut", "end", "put", "put", "splice", "repeat"),
    at: share,
    count: fc.oneof(fc.nat(8), fc.nat(100), fc.nat(3000)),
    byte: fc.nat(255),
    words: fc.array(word, { minLength: 1, maxLength: 3 }),
    other: fc.record({ seed: fc.nat(), from: share }),
  });
  return fc
    .tuple(fc.constantFrom(...corpus), fc.array(change, { minLength: 1, maxLength: 6 }))
    .map(([entry, changes]) => changes.reduce((now, one) => apply(now, one, corpus), entry));
}

function apply(input: Uint8Array, change: Change, corpus: readonly Uint8Array[]): Uint8Array {
  const { how, count, byte } = change;
  const at = Math.floor(change.at * input.length);
  const [head, tail] = [input.subarray(0, at), input.subarray(at)];
  switch (how) {
    case "flip":
      return join(
        head,
        tail.subarray(0, 1).map((old) => old ^ (1 << (byte & 7))),
        tail.subarray(1),
      );
    case "set":
      return join(head, Uint8Array.of(byte), tail.subarray(1));
    case "cut":
      return join(head, tail.subarray(count));
    case "end":
      return head;
    case "put":
      return join(head, ...change.words, tail);
    case "splice": {
      const other = corpus[change.other.seed % corpus.length] ?? input;
      const from = Math.floor(change.other.from * other.length);
      return join(head, other.subarray(from, from + count), tail);
    }
    case "repeat": {
      const piece = tail.subarray(0, 1 + (byte % 16));
      return join(head, ...Array.from({ length: count }, () => piece), tail);
    }
  }
}

function join(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces).subarray(0, INPUT_BYTES));
}
