/**
 * The condition language, against a second tiny evaluator and by table.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Expression } from "../../src/sigma/ast.ts";
import { selects } from "../../src/sigma/condition.ts";
import { HEAD, parse, places } from "./build.ts";

/** A rule whose detection NAME is the test `f: NAME`. */
function rule(names: readonly string[], condition: string): string {
  const detections = names.map((name) => `  ${JSON.stringify(name)}: {f: ${JSON.stringify(name)}}\n`).join("");
  return `${HEAD}detection:\n${detections}  condition: ${JSON.stringify(condition)}\n`;
}

/** Truth of an expression whose leaves `f: NAME` are true for the names in `on`. */
function holds(expression: Expression, on: ReadonlySet<string>): boolean {
  if (expression.op === "not") return !holds(expression.of, on);
  if (expression.op === "member") throw new Error("no detection here has one");
  if (expression.op !== "leaf")
    return expression.op === "and"
      ? expression.of.every((part) => holds(part, on))
      : expression.of.some((part) => holds(part, on));
  const { test } = expression;
  return test.type === "text" && on.has(test.pattern.map(String).join(""));
}

/** The truth that a condition has when the detections in `on` are true. */
function truth(names: readonly string[], condition: string, on: readonly string[]): boolean {
  const { ruleSet, problems } = parse(rule(names, condition), { mode: "lenient" });
  const [detection] = ruleSet.detections;
  if (detection === undefined) throw new Error(JSON.stringify(problems));
  return holds(detection.expression, new Set(on));
}

const NAMES = ["sel_a", "sel-b", "notepad", "filter_1", "or_2"];
type Truth = { readonly text: string; readonly of: (on: ReadonlySet<string>) => boolean };
const { tree } = fc.letrec<{ tree: Truth; atom: Truth }>((tie) => ({
  atom: fc.oneof(
    fc.constantFrom(...NAMES).map((name) => ({ text: name, of: (on: ReadonlySet<string>) => on.has(name) })),
    fc.constant({ text: "1 of sel*", of: (on: ReadonlySet<string>) => on.has("sel_a") || on.has("sel-b") }),
    fc.constant({
      text: "all of *e*",
      of: (on: ReadonlySet<string>) => ["sel_a", "sel-b", "notepad", "filter_1"].every((name) => on.has(name)),
    }),
    fc.constant({ text: "any of them", of: (on: ReadonlySet<string>) => on.size > 0 }),
  ),
  tree: fc.oneof(
    { maxDepth: 5 },
    tie("atom"),
    tie("tree").map((part) => ({ text: `not (${part.text})`, of: (on: ReadonlySet<string>) => !part.of(on) })),
    fc.tuple(tie("tree"), tie("tree")).map(([a, b]) => ({
      text: `(${a.text}) and (${b.text})`,
      of: (on: ReadonlySet<string>) => a.of(on) && b.of(on),
    })),
    fc
      .tuple(tie("tree"), tie("tree"))
      .map(([a, b]) => ({ text: `(${a.text})or\n(${b.text})`, of: (on: ReadonlySet<string>) => a.of(on) || b.of(on) })),
    // Without parentheses: or binds looser than and, and looser than not.
    fc.tuple(tie("atom"), tie("atom"), tie("atom"), tie("atom")).map(([a, b, c, d]) => ({
      text: `${a.text} or not ${b.text} and ${c.text} or ${d.text}`,
      of: (on: ReadonlySet<string>) => a.of(on) || (!b.of(on) && c.of(on)) || d.of(on),
    })),
  ),
}));

test("random conditions mean what a second evaluator says", () => {
  fc.assert(
    fc.property(tree, fc.subarray(NAMES), ({ text, of }, on) => {
      expect(truth(NAMES, text, on)).toBe(of(new Set(on)));
    }),
    { numRuns: 300 },
  );
});

describe("selectors", () => {
  test.for<[string, string, boolean]>([
    ["sel*_*b*", "sel_b", true],
    ["sel*_*b*", "selx_ab1", true],
    ["sel*_*b*", "selb_", false],
    ["ab*bc", "abc", false],
    ["ab*bc", "abbc", true],
    ["a*a", "a", false],
    ["*sel*", "my_sel", true],
    ["*", "_x", false],
    ["_*", "_x", true],
    ["them", "_x", false],
    ["them", "x", true],
    ["a*b*b", "ab", false],
    ["a.c", "abc", false],
  ])("%s and %s: %s", ([pattern, name, expected]) => {
    expect(selects(pattern, name)).toBe(expected);
  });

  test("1 of them leaves out names with an underscore", () => {
    expect(truth(["a", "_x"], "1 of them", ["_x"])).toBe(false);
    expect(truth(["a", "_x"], "1 of them", ["a"])).toBe(true);
    expect(truth(["a", "_x"], "a or 1 of _*", ["_x"])).toBe(true);
  });

  test.for<[string[], boolean]>([
    [[], true],
    [["f1"], false],
    [["f1", "f2"], false],
  ])("not 1 of f* with %j true: %s", ([on, expected]) => {
    expect(truth(["f1", "f2"], "not 1 of f*", on)).toBe(expected);
  });

  test.for<[string[], boolean]>([
    [["a"], false],
    [["a", "c"], true],
    [["a", "b", "c"], true],
  ])("2 of them with %j true: %s", ([on, expected]) => {
    expect(truth(["a", "b", "c"], "2 of them", on)).toBe(expected);
  });
});

test("words are whole tokens", () => {
  expect(truth(["notepad", "not_me", "order"], "notepad and not_me or order", ["order"])).toBe(true);
  expect(truth(["notepad", "not_me", "order"], "notepad and not_me", ["notepad"])).toBe(false);
});

test("a list of conditions is one rule that any of them fires", () => {
  const text = `${HEAD}detection:\n  a: {f: a}\n  b: {f: b}\n  condition: [a, b]\n`;
  const [detection] = parse(text).ruleSet.detections;
  expect(detection && holds(detection.expression, new Set(["b"]))).toBe(true);
});

describe("faults and their places", () => {
  test.for<[string, string]>([
    ["sel and", "error condition_syntax 11:20"],
    ["sel sel", "error condition_syntax 11:18"],
    ["(sel", "error condition_syntax 11:17"],
    ["sel)", "error condition_syntax 11:17"],
    ["and sel", "error condition_syntax 11:14"],
    ["sel && sel", "error condition_syntax 11:18"],
    ["1 of", "error condition_syntax 11:17"],
    ["0 of them", "error condition_syntax 11:14"],
    ["some of them", "error condition_syntax 11:14"],
    ["not", "error condition_syntax 11:16"],
    ["sle", "error condition_unknown 11:14"],
    ["sel and 1 of none*", "error condition_no_match 11:22"],
    ["sel | count() > 5", "error condition_aggregation 11:18"],
    ["sel and 2 of sel*", "error condition_n_of 11:22"],
    ["sel AND sel", "error condition_case 11:18"],
    [`${"(".repeat(80)}sel${")".repeat(80)}`, "error condition_too_deep 11:79"],
    ["not ".repeat(70) + "sel", "error condition_too_deep 11:274"],
  ])("%s", ([condition, expected]) => {
    const text = `${HEAD}detection:\n  sel: {f: a}\n  sel2: {f: b}\n  condition: ${condition}\n`;
    expect(places(parse(text).problems).filter((place) => place.startsWith("error"))).toStrictEqual([expected]);
  });

  test("inside quotes, and at the start where folding hides the place", () => {
    const at = (condition: string): string[] =>
      places(parse(`${HEAD}detection:\n  sel: {f: a}\n  condition: ${condition}\n`).problems).filter((place) =>
        place.includes("unknown"),
      );
    expect(at('"sel or sol"')).toStrictEqual(["error condition_unknown 10:22"]);
    expect(at("sel or\n    sol")).toStrictEqual(["error condition_unknown 10:14"]);
    expect(at(">\n    sel or\n    sol")).toStrictEqual(["error condition_unknown 10:14"]);
  });

  test("an aggregation is told as the correlation that replaces it", () => {
    const [problem] = parse(`${HEAD}detection:\n  sel: {f: a}\n  condition: sel | count(user) by host >= 5\n`).problems;
    expect(problem?.remedy).toContain(
      "correlation: {type: value_count, rules: [NAME], group-by: [host], timespan: 5m, condition: {field: user, gte: 5}}",
    );
  });

  test("a condition that expands beyond measure is refused, not built", () => {
    const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
    expect(places(parse(rule(names, "20 of s*"), { mode: "lenient" }).problems)).toContain(
      "error condition_no_match 49:15",
    );
  });
});
