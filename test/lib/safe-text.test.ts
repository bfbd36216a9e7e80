import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutLine, safeJson, safeLine, safeText } from "../../src/lib/safe-text.ts";

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme-composite" }));
/** Written out here a second time, so that a hole in the product's expression shows. */
const UNSAFE =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\ufe00|\ufe0f/;

describe("a hidden character becomes visible as its code point", () => {
  test.each([
    ["escape sequence", "a\u001b[2Jb", "a\\u{1b}[2Jb"],
    ["C1 control sequence introducer", "a\u009b2Jb", "a\\u{9b}2Jb"],
    ["right-to-left override", "gpj.\u202etxt", "gpj.\\u{202e}txt"],
    ["isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"],
    ["zero-width space and joiner", "ad\u200bm\u200din", "ad\\u{200b}m\\u{200d}in"],
    ["tag characters", "x\u{e0041}", "x\\u{e0041}"],
    ["variation selector", "x\ufe0f", "x\\u{fe0f}"],
    ["line separator", "a\u2028b", "a\\u{2028}b"],
    ["lone surrogate", "a\ud800b", "a\\u{d800}b"],
    ["carriage return", "paid\rfree", "paid\\u{d}free"],
  ])("%s", (_name, text, expected) => {
    expect(safeLine(text)).toBe(expected);
    expect(safeText(text)).toBe(expected);
  });
});

test("readable text of any script stays as it is", () => {
  for (const text of ["", "role/DataScience", "Ünïcödé e\u0301", "日本語", "עברית", "🔥", "a\\u{202e}b"]) {
    expect(safeLine(text)).toBe(text);
  }
});

test("a line break stays in text of several lines and is shown in a cell", () => {
  expect(safeText("a\nb")).toBe("a\nb");
  expect(safeLine("a\nb")).toBe("a\\u{a}b");
});

test("no text whatever gives a character that steers a terminal", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(safeText(text)).not.toMatch(UNSAFE);
      expect(safeLine(text)).not.toMatch(UNSAFE);
      expect(safeLine(text)).not.toContain("\n");
    }),
    { numRuns: 2000 },
  );
});

test("a safe line of JSON parses to the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = JSON.stringify(value);
      const safe = safeJson(json);
      expect(safe).not.toMatch(UNSAFE);
      expect(JSON.parse(safe)).toEqual(JSON.parse(json));
    }),
    { numRuns: 1000 },
  );
});

test("a line that is cut says so, keeps to its length, and ends with no half of a character", () => {
  expect([cutLine("abcdef", 6), cutLine("abcdefg", 6), cutLine("abcd🔥g", 6)]).toEqual(["abcdef", "abcde…", "abcd…"]);
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, most) => {
      const cut = cutLine(text, most);
      const isWhole = safeLine(text).length > most || cut === safeLine(text);
      expect([cut.length <= most, cut.isWellFormed(), isWhole]).toEqual([true, true, true]);
    }),
  );
});
