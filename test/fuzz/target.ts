/**
 * What a fuzz target is: a name, inputs to begin with, and a property that every input must keep.
 *
 * The engine (./engine.ts) makes inputs by changing the seeds and by drawing from `inputs`. A target never catches what it
 * does not expect: whatever `check` throws is a crash.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type fc from "fast-check";

/** A property of any bytes. */
export type Target = {
  readonly name: string;
  /** Longest time of the thread that one input may take, ms. */
  readonly limitMs: number;
  /** The committed corpus. Regressions stay in it. */
  readonly seeds: readonly Uint8Array[];
  /** Pieces that mean something to the reader of the bytes; changes put them in. */
  readonly words: readonly string[];
  /** Inputs made from nothing, where changed seeds alone would not get far. */
  readonly inputs?: fc.Arbitrary<Uint8Array>;
  /** Makes what the checks share. Most share nothing: `open: stateless(check)`. */
  open(): Promise<OpenTarget>;
};

/** `check` throws when the property does not hold. */
export type OpenTarget = { check(input: Uint8Array): Promise<void> | void; close(): Promise<void> | void };

/** `open` of a target whose checks share nothing. */
export function stateless(check: OpenTarget["check"]): Target["open"] {
  return () => Promise.resolve({ check, close: () => {} });
}

const fixtures = join(import.meta.dirname, "../fixtures");

/** Files of a folder of test/fixtures whose names end so. */
export function seedFiles(folder: string, ending: string): Uint8Array[] {
  return readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith(ending))
    .toSorted()
    .map((name) => readFileSync(join(fixtures, folder, name)));
}

/** Lines of a file of test/fixtures, one seed a line. */
export function seedLines(path: string): Uint8Array[] {
  const lines = readFileSync(join(fixtures, path), "utf8").split("\n");
  return lines.filter((line) => line !== "").map(encode);
}

/** UTF-8 bytes of a text. */
export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A text of UTF-8 bytes; wrong ones become U+FFFD. */
export function decode(input: Uint8Array): string {
  return Buffer.from(input).toString("utf8");
}
