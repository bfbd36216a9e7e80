/**
 * Whatever stands in a rule file, reading it gives rules and problems, never an exception and never a long wait.
 *
 * Seeds are the files of test/fixtures/sigma; they are cut, spliced and sprinkled with the words of the language.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { HEAD } from "./build.ts";

const seeds = globSync("../fixtures/sigma/*.yml", { cwd: import.meta.dirname }).map((path) =>
  readFileSync(join(import.meta.dirname, path), "utf8"),
);

const WORDS = [
  "|contains",
  "|all",
  "|re",
  "|i",
  "|base64offset",
  "|wide",
  "|windash",
  "|expand",
  "|cidr",
  "|hour",
  "|neq",
  "|fieldref",
  "%x%",
  "*",
  "?",
  "\\",
  " and ",
  " or ",
  " not ",
  "1 of ",
  "all of them",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ":",
  ": ",
  "- ",
  "\n",
  "\n  ",
  "---\n",
  "...\n",
  "&a ",
  "*a",
  "!!str ",
  "!x ",
  "<<: ",
  "null",
  "true",
  "~",
  "-1",
  "1e999",
  "0x1F",
  ".nan",
  "'",
  '"',
  "|\n",
  ">-\n",
  "#",
  "%YAML 1.1\n",
  "? ",
  "@",
  "`",
  "\t",
  "\u0000",
  "\ufeff",
  "\u2028",
  "\ud800",
  "é",
  "correlation",
  "filter",
  "detection",
  "condition",
  "action: global",
  "timespan: 1h",
  "type: event_count",
  "x_engine",
  "__proto__",
  "constructor",
  "title",
  "rules",
  "any",
] as const;
const word = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 4, unit: "binary" }));
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(30),
  put: fc.array(word, { maxLength: 3 }),
});

function mutate(text: string, changes: readonly { at: number; cut: number; put: readonly string[] }[]): string {
  return changes.reduce((now, { at, cut, put }) => {
    const from = Math.floor(at * now.length);
    return now.slice(0, from) + put.join("") + now.slice(from + cut);
  }, text);
}

/** Reads a text in both modes and checks what is promised for any text. */
function check(text: string): void {
  const lines = text.split("\n");
  for (const mode of ["strict", "lenient"] as const) {
    const begunMs = performance.now();
    const { ruleSet, problems } = parseRuleFiles([{ path: "f.yml", text }], { mode, lists: new Set(["list"]) });
    expect(performance.now() - begunMs).toBeLessThan(2000);
    for (const { line, column, message, remedy } of problems) {
      expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
      expect(Math.min(line, column, message.length, remedy.length)).toBeGreaterThan(0);
    }
    for (const { stateKey } of [...ruleSet.detections, ...ruleSet.correlations])
      expect(stateKey).toMatch(/^[0-9a-f]{64}$/);
  }
}

test("the seeds are rules without errors", () => {
  for (const text of seeds) {
    const { problems, ruleSet } = parseRuleFiles([{ path: "f.yml", text }], {
      mode: "lenient",
      lists: new Set(["list"]),
    });
    expect(
      problems.filter(({ severity, code }) => severity === "error" && code !== "correlation_unsupported"),
    ).toStrictEqual([]);
    expect(ruleSet.detections.length).toBeGreaterThan(0);
  }
});

test("changed rules", () => {
  const input = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(input, ([seed, changes]) => check(mutate(seed, changes))),
    { numRuns: 400 },
  );
});

test("heaps of words", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => check(words.join(""))),
    { numRuns: 300 },
  );
});

test("conditions", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "_c",
    "a*",
    "*",
    "them",
    "of",
    "1",
    "2",
    "all",
    "any",
    "and",
    "or",
    "not",
    "AND",
    "(",
    ")",
    "|",
    "count()",
    "by",
    ">",
    "5",
    "a-b",
    "é",
    "%",
    "'",
  );
  const condition = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(" "));
  fc.assert(
    fc.property(condition, (text) =>
      check(`${HEAD}detection:\n  a: {f: 1}\n  b: {f: 2}\n  _c: [x]\n  condition: ${JSON.stringify(text)}\n`),
    ),
    { numRuns: 400 },
  );
});

test("fields, modifiers and values of any kind", () => {
  const modifiers = fc.array(
    fc.constantFrom(
      "contains",
      "all",
      "re",
      "i",
      "base64",
      "base64offset",
      "wide",
      "utf16",
      "windash",
      "expand",
      "cidr",
      "gt",
      "hour",
      "neq",
      "cased",
      "exists",
      "fieldref",
      "",
    ),
    { maxLength: 3 },
  );
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("(", "a(?=b)", "[a-", "10.0.0.0/8", "::/0", "%list%", "-a /b", "*", "\\"),
  );
  const item = fc.tuple(
    fc.string({ maxLength: 5 }),
    modifiers,
    fc.oneof(value, fc.array(fc.oneof(value, fc.object({ maxDepth: 1 })), { maxLength: 4 })),
  );
  fc.assert(
    fc.property(item, ([field, chain, values]) => {
      const body = JSON.stringify({ [[field, ...chain].join("|")]: values });
      check(`${HEAD}detection:\n  sel: ${body}\n  condition: sel\n`);
    }),
    { numRuns: 400 },
  );
});

describe("small files that stand for a lot", () => {
  const many = (count: number, text: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => text(index)).join("");
  const sel = (line: string): string => `${HEAD}detection:\n  sel:\n    ${line}\n  condition: sel\n`;
  const named = many(44, (index) => `  d${index}: {f|contains|all: [a, b, c, d, e, f, g, h, i, j, k, l]}\n`);
  test.for<[name: string, text: string, code: string]>([
    ["windash", sel(`f|windash: [${many(900, (index) => `'-a -b -c -d ${index}', `)}]`), "rule_too_large"],
    ["bounded repetitions", sel(`f|re: [${many(2000, (index) => `'a{1,500}b{1,500}${index}', `)}]`), "rule_too_large"],
    [
      "a long detection named often",
      `${HEAD}detection:\n  a: {f|contains|all: [${many(9000, (index) => `v${index}, `)}]}\n  condition: ${"a and ".repeat(2000)}a\n`,
      "rule_too_large",
    ],
    [
      "combinations of long detections",
      `${HEAD}detection:\n${named}  condition: ${many(60, () => "2 of d* or ")}d1\n`,
      "rule_too_large",
    ],
    ["too many values", sel(`f: [${many(10_001, (index) => `${index}, `)}]`), "rule_too_large"],
    ["unknown modifiers", sel(many(9000, (index) => `f${index}|q: 1\n    `)), "problems_more"],
    [
      "unknown references",
      `title: T\nlevel: low\ncorrelation: {type: event_count, timespan: 1h, condition: {gte: 1}, rules: [${many(30_000, (index) => `z${index},`)}]}\n`,
      "problems_more",
    ],
    ["documents", "---\na: 1\n".repeat(30_000), "problems_more"],
  ])("%s", ([, text, code]) => {
    const begunMs = performance.now();
    const { problems, ruleSet } = parseRuleFiles([{ path: "f.yml", text }], { mode: "lenient" });
    expect(performance.now() - begunMs).toBeLessThan(5000);
    expect(problems.map((problem) => problem.code)).toContain(code);
    expect(problems.length).toBeLessThanOrEqual(500);
    expect(ruleSet.detections).toHaveLength(0);
  });
});
