/**
 * Placeholders of `expand` put into texts and regular expressions, for every type of list.
 */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/model/event.ts";
import { compileRules, type ListTable } from "../../../src/sigma/compile.ts";
import { splitPlaceholders } from "../../../src/sigma/detection/regex-placeholders.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { eventOf } from "../../match/build.ts";
import { slowMatches } from "../../match/slow-evaluate.ts";
import { HEAD } from "../build.ts";

const lists: ListTable = new Map([
  ["names", { type: "string", items: ["Alice", "b.b", "x|y"] }],
  ["globs", { type: "wildcard", items: ["dev-*", "x?z"] }],
  ["shapes", { type: "regex", items: ["p\\d", "trn|inf"] }],
  ["accounts", { type: "account", items: ["012345678901", "111122223333"] }],
  ["nets", { type: "cidr", items: ["10.0.0.0/8"] }],
  ["one", { type: "string", items: ["scalar"] }],
  ["empty", { type: "string", items: [] }],
  ["half", { type: "regex", items: ["a(", ")b"] }],
  ["long", { type: "string", items: Array.from({ length: 1000 }, (_, index) => `${index}-${"v".repeat(60)}`) }],
]);
const fileOf = (item: string): { path: string; text: string } => ({
  path: "e.yml",
  text: `${HEAD}detection:\n  sel:\n    ${item}\n  condition: sel\n`,
});

function holds(item: string, record: JsonObject): boolean {
  const { ruleSet, problems } = parseRuleFiles([fileOf(item)], { mode: "lenient", lists: new Set(lists.keys()) });
  expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
  const compiled = compileRules(ruleSet, { lists, fields: new Map() });
  expect(compiled.problems).toStrictEqual([]);
  const event = eventOf(record);
  const answer = compiled.evaluate(event).length === 1;
  expect(slowMatches(ruleSet, event, lists).length === 1, "slow evaluation").toBe(answer);
  return answer;
}

describe("in a regular expression", () => {
  test.each<[string, string, boolean]>([
    ["f|re|expand: '^%names%$'", "Alice", true],
    ["f|re|expand: '^%names%$'", "alice", false],
    ["f|re|i|expand: '^%names%$'", "ALICE", true],
    ["f|re|expand: '^%names%$'", "bxb", false],
    ["f|re|expand: '^%names%$'", "x|y", true],
    ["f|re|expand: '^%names%$'", "x", false],
    ["f|re|expand: '^role/%globs%/[0-9]+$'", "role/dev-a/b/7", true],
    ["f|re|expand: '^%globs%$'", "xyz", true],
    ["f|re|expand: '^%globs%$'", "xyyz", false],
    ["f|re|expand: '^%globs%$'", "dev-a\nb", true],
    ["f|re|expand: '^%shapes%[0-9]\\.'", "p45.large", true],
    ["f|re|expand: '^%shapes%[0-9]\\.'", "trn1.2xlarge", true],
    ["f|re|expand: '^%shapes%[0-9]\\.'", "inf1.large", true],
    ["f|re|expand: 'arn:aws:iam::%accounts%:role/%shapes%-.+'", "arn:aws:iam::111122223333:role/p4-x", true],
    ["f|re|expand: 'arn:aws:iam::%accounts%:role/%shapes%-.+'", "arn:aws:iam::999922223333:role/p4-x", false],
    ["f|re|expand|startswith: '%names%|q'", "Alice!", true],
    ["f|re|expand|startswith: '%names%|q'", "xAlice", false],
    ["f|re|expand|endswith: '%names%|q'", "xAlice", true],
    ["f|re|expand|endswith: '%names%|q'", "Alice!", false],
    ["f|re|expand|contains: '%one%'", "a scalar b", true],
    ["f|re|expand: '%one%{2}'", "scalarscalar", true],
    ["f|re|expand: '%empty%'", "", false],
    ["f|re|expand: 'a|%empty%'", "a", false],
    [String.raw`f|re|expand: '100\% %one%'`, "100% scalar", true],
    [String.raw`f|re|expand: '[%]x %one%'`, "%x scalar", true],
    ["f|re|expand|neq: '^%names%$'", "Alice", false],
    ["f|re|expand: ['^%one%$', 'zzz']", "zzz", true],
  ])("%s on %j", (item, f, want) => {
    expect(holds(item, { f })).toBe(want);
  });

  test("as keyword it is sought in every value", () => {
    expect(holds("'|re|expand': '^%one%$'", { a: { b: ["x", "scalar"] } })).toBe(true);
  });

  test.each([
    ["%nets%", "expand_list_type", "%nets%"],
    ["%half%", "expand_list_entry", "a("],
    ["%long%", "expand_limit", expect.any(String)],
    ["%gone%", "expand_list_unknown", "%gone%"],
  ])("%s is refused when rules are compiled: %s", (placeholder, code, value) => {
    const { ruleSet } = parseRuleFiles([fileOf(`f|re|expand: 'x${placeholder}'`)], { mode: "lenient" });
    expect(compileRules(ruleSet, { lists, fields: new Map() }).problems).toMatchObject([
      { code, value: value as string, line: 10, column: 18 },
    ]);
  });
});

describe("in a text", () => {
  test.each<[string, string, boolean]>([
    ["f|expand: '%accounts%-%names%'", "111122223333-ALICE", true],
    ["f|expand: '%accounts%-%names%'", "111122223333-bob", false],
    ["f|contains|expand: '%names%'", "an alice b", true],
    ["f|cased|expand: '%names%'", "alice", false],
    ["f|windash|expand|contains: ' -x%one%'", "cmd /xscalar", true],
    ["f|expand|all: ['%globs%', '*z']", "dev-z", true],
    ["f|expand|neq: '%nets%'", "10.1.1.1", false],
    ["f|expand: '%one%'", "scalar", true],
  ])("%s on %j", (item, f, want) => {
    expect(holds(item, { f })).toBe(want);
  });
});

describe("under an encoding: the entries are encoded, with the text around them", () => {
  const base64 = (text: string, encoding: "utf8" | "utf16le" = "utf8"): string =>
    Buffer.from(text, encoding).toString("base64");
  test.each<[string, string, boolean]>([
    ["f|base64|expand: '%names%'", base64("Alice"), true],
    ["f|base64|expand: '%names%'", base64("%names%"), false],
    ["f|base64|expand: '%names%'", `x${base64("Alice")}`, false],
    ["f|base64|expand|endswith: '%names%'", `x${base64("Alice")}`, true],
    ["f|base64|expand: 'is %names%!'", base64("is x|y!"), true],
    ["f|base64|expand: '%accounts%-%names%'", base64("012345678901-Alice"), true],
    ["f|utf16le|base64|expand: '%names%'", base64("Alice", "utf16le"), true],
    ["f|wide|base64offset|expand|contains: '%one%'", base64("a scalar b", "utf16le"), true],
    ["f|base64offset|expand|contains: '%names%'", base64("1Alice"), true],
    ["f|base64offset|expand|contains: '%names%'", base64("12Alice3"), true],
    ["f|base64offset|expand: '%names%'", base64("123Alice"), true],
    ["f|base64offset|expand|contains: '%names%'", base64("1Bob"), false],
    ["f|base64offset|windash|expand|contains: '%names%'", base64("1Alice"), true],
    ["f|base64|contains|expand: '%names%'", `x${base64("b.b")}`, true],
    ["f|base64|expand|cased: '%names%'", base64("Alice").toLowerCase(), false],
    ["f|base64|expand|neq: '%names%'", base64("Alice"), false],
    ["f|base64|expand: '%empty%'", "", false],
    ["f|wide|expand: '%one%'", "s\0c\0a\0l\0a\0r\0", true],
    [String.raw`f|base64|expand: 'a\%one\%'`, base64("a%one%"), true],
  ])("%s on %j", (item, f, want) => {
    expect(holds(item, { f })).toBe(want);
  });

  test("as keyword it is sought in every value", () => {
    expect(holds("'|base64|expand': '%one%'", { a: [`x${base64("scalar")}x`] })).toBe(true);
  });

  test.each([
    ["f|base64|expand: 'a*%one%'", "encoding_wildcard"],
    ["f|base64|expand: '%globs%'", "expand_list_entry"],
    ["f|base64|expand: '%nets%'", "expand_list_type"],
    ["f|base64|expand: '%gone%'", "expand_list_unknown"],
  ])("%s is refused: %s", (item, code) => {
    const { ruleSet, problems } = parseRuleFiles([fileOf(item)], { mode: "lenient" });
    const compiled = compileRules(ruleSet, { lists, fields: new Map() });
    const errors = [...problems, ...compiled.problems].filter(({ severity }) => severity === "error");
    expect(errors.map((problem) => problem.code)).toStrictEqual([code]);
  });
});

test.each<[string, ReturnType<typeof splitPlaceholders>]>([
  ["a%b%c", ["a", { list: "b" }, "c"]],
  ["%a%%b%", [{ list: "a" }, { list: "b" }]],
  [String.raw`\%a%`, ["%a%"]],
  [String.raw`\\%a%`, [String.raw`\\`, { list: "a" }]],
  ["[%a%]", null],
  ["[]%a%]", null],
  ["[^]a]%a%", ["[^]a]", { list: "a" }]],
  ["[[:alpha:]]%a%", ["[[:alpha:]]", { list: "a" }]],
  [String.raw`\Q[%\E%a%`, [String.raw`\Q[%\E`, { list: "a" }]],
  ["", []],
])("the expression %j in pieces", (source, want) => {
  expect(splitPlaceholders(source)).toStrictEqual(want);
});
