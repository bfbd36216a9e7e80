import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cutText,
  fitColumns,
  fitText,
  formatRow,
  renderColumns,
  textWidth,
  wrapText,
} from "../../src/lib/text-table.ts";

describe("width in screen cells", () => {
  test.each([
    ["", 0],
    ["abc", 3],
    ["日本語", 6],
    ["ｆｕｌｌ", 8],
    ["e\u0301", 1],
    ["🔥", 2],
    ["한글", 4],
  ])("%j takes %i", (text, width) => expect(textWidth(text)).toBe(width));

  test("a stack of marks does not hide: beyond two, each takes a cell", () => {
    expect(textWidth(`a${"\u0301".repeat(10)}`)).toBe(9);
  });
});

describe("cutting", () => {
  test.each([
    ["abcdef", 6, "abcdef"],
    ["abcdef", 5, "abcd…"],
    ["abcdef", 1, "…"],
    ["abcdef", 0, ""],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["", 3, ""],
  ])("%j in %i cells is %j", (text, width, expected) => expect(cutText(text, width)).toBe(expected));

  test("never wider than asked, never more than one wide character short, and whole where it fits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const cut = cutText(text, width);
        expect(textWidth(cut)).toBeLessThanOrEqual(width);
        expect(cut === text).toBe(textWidth(text) <= width);
        expect(textWidth(cut)).toBeGreaterThanOrEqual(Math.min(textWidth(text), width - 1));
        expect(textWidth(fitText(text, width))).toBe(width);
      }),
    );
  });
});

describe("a whole table", () => {
  const rows = [
    ["1", "a long place that may be cut", "x"],
    ["1000", "short", ""],
  ];
  const lines = (width: number): string[] =>
    renderColumns(["ID", "WHERE", "END"], rows, { floors: { WHERE: 10 }, width }).split("\n");

  test("columns are as wide as their widest cell, titles included", () => {
    expect(lines(80)).toEqual([
      "ID    WHERE                         END",
      "1     a long place that may be cut  x",
      "1000  short",
      "",
    ]);
  });

  test("where there is no room, the column with a floor gives way", () => {
    expect(lines(25)).toEqual(["ID    WHERE           END", "1     a long place …  x", "1000  short", ""]);
  });
});

describe("columns", () => {
  test("with room enough, each has what it wants", () => {
    expect(
      fitColumns(
        [
          { want: 5, floor: 5 },
          { want: 30, floor: 4 },
        ],
        80,
      ),
    ).toEqual([5, 30]);
  });

  test("the widest gives way first, none below its floor, and no cell is wasted", () => {
    const columns = [
      { want: 20, floor: 20 },
      { want: 60, floor: 10 },
      { want: 12, floor: 10 },
    ];
    expect(fitColumns(columns, 64)).toEqual([20, 28, 12]);
    expect(fitColumns(columns, 49)).toEqual([20, 13, 12]);
  });

  test("when all stand on their floors, all give way", () => {
    expect(
      fitColumns(
        [
          { want: 20, floor: 20 },
          { want: 20, floor: 10 },
        ],
        18,
      ),
    ).toEqual([8, 8]);
  });

  test("no row is wider than the screen, whatever the cells and however narrow it is", () => {
    const anyColumn = fc.record({ want: fc.integer({ min: 0, max: 50 }), floor: fc.integer({ min: 0, max: 60 }) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyColumn, fc.string({ unit: "grapheme" })), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 120 }),
        (cells, width) => {
          const widths = fitColumns(
            cells.map(([column]) => column),
            width,
          );
          const row = formatRow(
            cells.map(([, cell]) => cell),
            widths,
            width,
          );
          expect(textWidth(row)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe("wrapping", () => {
  test.each([
    ["", 5, 2, []],
    ["abc", 5, 2, ["abc"]],
    ["one two three", 7, 2, ["one two", "three"]],
    ["one two three", 8, 2, ["one two", "three"]],
    ["one two three four", 7, 2, ["one two", "three …"]],
    ["abcdefgh ij", 5, 3, ["abcde", "fgh", "ij"]],
    ["日本語 abc", 4, 2, ["日本", "語 …"]],
    ["abc", 0, 2, []],
  ])("%j in %i cells, %i lines: %j", (...[text, width, most, expected]) =>
    expect(wrapText(text, width, most)).toEqual(expected),
  );

  test("no line is wider than asked, no more lines than asked, and no word is lost where all fits", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: "grapheme", maxLength: 9 }).map((word) => word.replaceAll(/\s/g, "")),
          { maxLength: 8 },
        ),
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        (words, width, most) => {
          const text = words.filter((word) => word !== "").join(" ");
          const lines = wrapText(text, width, most);
          expect(lines.length).toBeLessThanOrEqual(most);
          for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
          expect(lines.every((line) => line !== "")).toBe(true);
          expect(lines.length <= 1 && (lines[0] ?? "") === text).toBe(textWidth(text) <= width);
        },
      ),
    );
  });
});
