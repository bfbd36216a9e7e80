/** However Sagewatch is started, its heap is the same: what it takes of memory was measured with these flags. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const flagsOf = (path: string): readonly string[] =>
  readFileSync(join(root, path), "utf8").match(/--(?:max|heap)-[a-z-]+=\d+/g) ?? [];

test.each(["bin/sagewatch", "Dockerfile", "test/support/heap-flags.ts"])(
  "%s has the heap flags of tools/run.mjs",
  (path) => {
    const flags = flagsOf("tools/run.mjs");
    expect(flags).toHaveLength(2);
    expect(flagsOf(path)).toEqual(flags);
  },
);
