/**
 * The generated pages say what the code says, and whoever changes the code is told to generate them again.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makePages } from "../tools/docs/pages.ts";

const root = join(import.meta.dirname, "..");
const pages = [...makePages()];

describe("generated pages", () => {
  test.each(pages)("%s is fresh (else: npm run docs)", (path, text) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  test.each(pages)("%s has a meaning in every row", (_path, text) => {
    const rows = text.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(5);
    const empty = rows.filter(
      (line) =>
        line
          .split(/(?<!\\)\|/)
          .at(-2)
          ?.trim() === "" && !line.includes("| `type` |"),
    );
    expect(empty).toEqual([]);
  });
});
