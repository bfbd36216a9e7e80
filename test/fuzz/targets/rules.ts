/**
 * Any text as a rule file, in both modes: rules and problems, never an exception.
 *
 * Problems point into the text and say what to do; rules have their keys; what was accepted compiles and evaluates.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createFields } from "../../../src/match/fields.ts";
import { compileRules, leafCheckOf, type ListTable } from "../../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { eventOf } from "../../match/build.ts";
import { HEAD } from "../../sigma/build.ts";
import { decode, encode, seedFiles, stateless, type Target } from "../target.ts";

const lists: ListTable = new Map([["list", { type: "wildcard", items: ["a*", "b"] }]]);
const fields = createFields({ calendars: {}, accountCalendars: {} });
const events = [
  eventOf({ eventName: "StopLogging", f: "ab", a: [{ b: 1 }], n: 5, x: null }),
  eventOf({
    f: ["a", ["ab", 5], { f: ["x"] }],
    a: [],
    requestParameters: { a: [{ b: 1, c: ["y"] }, [5]] },
    n: [[0, {}]],
  }),
  eventOf({ f: { a: "-a /b" }, eventTime: "2026-01-05T12:00:00Z", ip: "10.0.0.1" }),
];

/** Reads a rule file and checks what is promised for any text. */
export function checkRules(text: string): void {
  const textLines = text.split("\n");
  for (const mode of ["strict", "lenient"] as const) {
    const check = leafCheckOf({ lists, fields });
    const options = { mode, lists: new Set(lists.keys()), check };
    const { ruleSet, problems } = parseRuleFiles([{ path: "f.yml", text }], options);
    for (const { line, column, message, remedy } of problems) {
      assert.ok(line >= 1 && column >= 1 && column <= (textLines[line - 1] ?? "").length + 1, "a place in the text");
      assert.ok(message !== "" && remedy !== "");
    }
    for (const { stateKey } of [...ruleSet.detections, ...ruleSet.correlations])
      assert.match(stateKey, /^[0-9a-f]{64}$/);
    const compiled = compileRules(ruleSet, { lists, fields });
    // What is wrong with single leaves was told by the parser already, which left their rules out.
    assert.deepEqual(
      compiled.problems.filter(({ code }) => code !== "field_unknown"),
      [],
    );
    for (const { line, column } of compiled.problems)
      assert.ok(line >= 1 && column >= 1 && column <= (textLines[line - 1] ?? "").length + 1, "a place in the text");
    for (const event of events) assert.deepEqual([...compiled.evaluate(event)], [...compiled.scan(event)], "index");
  }
}

const WORDS = [
  "|contains", "|all", "|re", "|i", "|base64offset", "|wide", "|windash", "|expand", "|cidr", "|hour", "|neq",
  "|fieldref", "%x%", "%list%", "*", "?", "\\", " and ", " or ", " not ", "1 of ", "all of them", "(", ")", "[", "]",
  "{", "}", ":", ": ", "- ", "\n", "\n  ", "---\n", "...\n", "&a ", "*a", "!!str ", "!x ", "<<: ", "null", "true", "~",
  "-1", "1e999", "0x1F", ".nan", "'", '"', "|\n", ">-\n", "#", "%YAML 1.1\n", "? ", "@", "`", "\t", "\u0000", "\ufeff",
  "\u2028", "é", "correlation", "filter", "detection", "condition", "action: global", "timespan: 1h",
  "sigma-version: 3\n", "taxonomy: ecs\n", "taxonomy: ocsf\n", "[any]", "[all]", "[none]", "[all_or_empty]", "[0]", "[-1]",
  "event.action", "user.name", "event.outcome", "enrich.denied", "tenant: x", "type: event_count", "x_engine", "__proto__", "constructor", "title", "rules", "any",
]; // prettier-ignore

const modifiers = fc.array(
  fc.constantFrom(
    "contains", "all", "re", "i", "base64", "base64offset", "wide", "utf16", "windash", "expand", "cidr", "gt", "hour",
    "neq", "cased", "exists", "fieldref", "",
  ), // prettier-ignore
  { maxLength: 3 },
);
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom("(", "a(?=b)", "[a-", "10.0.0.0/8", "::/0", "%list%", "-a /b", "*", "\\"),
);
const block = fc.oneof(
  fc.dictionary(
    fc.constantFrom("a", "b|contains", ".", "c[any]", "d|re|expand"),
    fc.oneof(value, fc.constant({ a: 1 })),
  ),
  fc.constant({ one: { ".": 5 }, two: ["x"], condition: "one and not two" }),
);
const selector = fc.constantFrom("", "", "", "[any]", "[all]", "[none].a", "[all_or_empty]", "[0]", "[-1].b", "[", "]");
const dialect = fc.constantFrom("", "", "sigma-version: 3\n", "taxonomy: ecs\n", "sigma-version: 3\ntaxonomy: ocsf\n");
const item = fc
  .tuple(
    fc.tuple(fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom("f", "a", "event.action", ".")), selector),
    dialect,
    modifiers,
    fc.oneof(value, fc.array(fc.oneof(value, fc.object({ maxDepth: 1 })), { maxLength: 4 }), block),
  )
  .map(([[field, which], head, chain, values]) => {
    const body = JSON.stringify({ [[field + which, ...chain].join("|")]: values });
    return `${head}${HEAD}detection:\n  sel: ${body}\n  condition: sel\n`;
  });
const heap = fc
  .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 4, unit: "binary" })), { maxLength: 40 })
  .map((words) => words.join(""));

export const target: Target = {
  name: "rules",
  // Two readings, in each of which the regular expressions alone may take about a second (rule_too_large).
  limitMs: 2500,
  seeds: seedFiles("sigma", ".yml"),
  words: WORDS,
  inputs: fc.oneof(item, heap).map(encode),
  open: stateless((input) => checkRules(decode(input))),
};
