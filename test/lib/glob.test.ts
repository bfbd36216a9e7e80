/** File name patterns: what each matches and what it does not, and where a search must begin. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlob, globRoot, isGlob } from "../../src/lib/glob.ts";

test.for([
  ["*.json", ["a.json", ".json"], ["a.json.gz", "d/a.json"]],
  ["**/*.json", ["a.json", "d/a.json", "d/e/a.json"], ["a.jsonx"]],
  ["/logs/**", ["/logs/a", "/logs/d/a"], ["/log/a"]],
  ["/a/**/b", ["/a/b", "/a/x/b", "/a/x/y/b"], ["/a/xb", "/ab"]],
  ["a?c", ["abc"], ["ac", "a/c"]],
  ["[a-c]x", ["ax", "cx"], ["dx", "/x"]],
  ["[!a]x", ["bx"], ["ax", "/x"]],
  ["{a,b*}.gz", ["a.gz", "bcd.gz"], ["c.gz"]],
  ["a+(b).$^|\\", ["a+(b).$^|\\"], ["aab"]],
  ["[z-a]", ["z", "a", "-"], ["b"]],
  ["[", ["["], []],
  ["{a", ["{a"], []],
] as const)("%s", ([pattern, yes, no], { expect }) => {
  const matches = compileGlob(pattern);
  expect(yes.filter((path) => !matches(path))).toEqual([]);
  expect(no.filter((path) => matches(path))).toEqual([]);
});

test("a pattern is told from a path, and says where to search", () => {
  expect(["a/b.json", "a/*.json", "a/[b]"].map(isGlob)).toEqual([false, true, true]);
  expect(["*.x", "a/b/*.x", "/*/x", "/a/**/x", "a/b"].map(globRoot)).toEqual([".", "a/b", "/", "/a", "a"]);
});

test("no pattern throws", () => {
  const anyPattern = fc.string({ unit: fc.constantFrom(..."[ ] { } ! ^ - * ? / \\ , a .".split(" ")) });
  fc.assert(
    fc.property(anyPattern, (pattern) =>
      ["", "a", "a/b"].map(compileGlob(pattern)).every((is) => typeof is === "boolean"),
    ),
  );
});
