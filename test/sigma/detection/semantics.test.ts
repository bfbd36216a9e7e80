/**
 * From the text of a detection to its answer on a record: combinations of modifiers and values whose parts are tested
 * elsewhere. Every answer is given by the compiled rules and by the slow evaluation.
 */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/model/event.ts";
import { compileRules } from "../../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { eventOf, NO_LISTS } from "../../match/build.ts";
import { slowMatches } from "../../match/slow-evaluate.ts";
import { HEAD } from "../build.ts";

/** Whether a rule with this detection `sel` (flow YAML) matches. */
function holds(sel: string, record: JsonObject, condition = "sel"): boolean {
  const text = `${HEAD}detection:\n  sel: ${sel}\n  condition: ${condition}\n`;
  const { ruleSet, problems } = parseRuleFiles([{ path: "s.yml", text }], { mode: "lenient" });
  expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const event = eventOf(record);
  const answer = rules.evaluate(event).length === 1;
  expect(slowMatches(ruleSet, event, NO_LISTS).length === 1, "slow evaluation").toBe(answer);
  return answer;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("neq turns the whole line round, whatever stands with it", () => {
  test.each<[string, JsonObject, boolean]>([
    ["{f|contains|neq: [a, b]}", { f: "xbx" }, false],
    ["{f|contains|neq: [a, b]}", { f: "xcx" }, true],
    ["{f|neq|contains|all: [a, b]}", { f: "xbx" }, true],
    ["{f|neq|contains|all: [a, b]}", { f: "ab" }, false],
    ["{f|re|neq: '^a'}", { f: "ab" }, false],
    ["{f|re|neq: '^a'}", {}, true],
    ["{f|cidr|neq: [10.0.0.0/8, 192.168.0.0/16]}", { f: "192.168.3.4" }, false],
    ["{f|cidr|neq: 10.0.0.0/8}", { f: "AWS Internal" }, true],
    ["{f|fieldref|neq: g}", { f: "a", g: "A" }, false],
    ["{f|fieldref|neq: g}", { f: "a" }, true],
    ["{f|gte|neq: 5}", { f: 5 }, false],
    ["{f|gte|neq: 5}", { f: "none" }, true],
    ["{f|neq: null}", { f: "a" }, true],
    ["{f|neq: null}", {}, false],
    ["{f|neq: 5}", { f: "05" }, false],
    ["{t|hour|neq: 5}", { t: "2026-01-01T05:59:59Z" }, false],
    ["{f|cased|neq: Abc}", { f: "abc" }, true],
    ["{'|neq': word}", { a: { b: "a word" } }, false],
    ["{'|neq': word}", { a: { b: "a sword" } }, false],
    ["{'|neq': word}", { word: "x" }, true],
  ])("%s on %j", (sel, record, want) => {
    expect(holds(sel, record)).toBe(want);
  });
});

describe("cased, lists and null", () => {
  test.each<[string, JsonObject, boolean]>([
    ["{f|cased|contains: Abc}", { f: "xabcx" }, false],
    ["{f|contains|cased: Abc}", { f: "xAbcx" }, true],
    ["{f|cased: [Abc, abc]}", { f: "abc" }, true],
    ["{'|cased': Word}", { a: "a word" }, false],
    ["{'|cased|contains': Word}", { a: ["a Word"] }, true],
    ["{f|fieldref: [g, h]}", { f: "x", g: "y", h: "X" }, true],
    ["{f|fieldref|cased: [g, h]}", { f: "x", g: "y", h: "X" }, false],
    ["{f|fieldref|all: [g, h]}", { f: "x", g: "X", h: "y" }, false],
    ["{f: [a, null]}", {}, true],
    ["{f: [a, null]}", { f: "b" }, false],
    ["{f|all: [a, null]}", { f: "a" }, false],
    ["{f|exists: true, f: null}", { f: null }, true],
    ["{f|exists: true, f: null}", {}, false],
    ["{f: [1, 'a*', true]}", { f: "TRUE" }, true],
    ["{f: [1, 'a*', true]}", { f: "yes" }, false],
    ["{f|all: ['*a*', '*b*']}", { f: ["xa", "bx"] }, true],
    ["[[{f: a}], [[x, {g: b}]]]", { g: "b" }, true],
    ["[433, true, 5.5]", { a: { b: [14331] } }, true],
    ["[433, true, 5.5]", { a: true }, true],
    ["[433, true, 5.5]", { a: 15.57 }, true],
    ["[433, true, 5.5]", { true: 4 }, false],
    ["{a.f|exists: true}", { a: [{ g: 1 }, { f: null }] }, true],
    ["{a.f|exists: false}", { a: [{ g: 1 }, { f: null }] }, false],
    ["{a.b.c: x}", { "a.b": { d: 1 }, a: { "b.c": "x" } }, true],
    ["{a.b: x}", { "a.b": null, a: { b: "x" } }, false],
  ])("%s on %j", (sel, record, want) => {
    expect(holds(sel, record)).toBe(want);
  });
});

describe("encodings and dashes", () => {
  test.each<[string, string, boolean]>([
    ["{f|base64offset|contains|all: [ab, cd]}", base64("xx ab yy cd"), true],
    ["{f|base64offset|contains|all: [ab, cd]}", base64("xx ab yy"), false],
    ["{f|base64offset|contains: zz}", base64("abcd"), false],
    ["{f|base64: ping}", base64("ping"), true],
    ["{f|base64|contains: abc}", `x${base64("abc")}y`, true],
    ["{f|wide|base64offset|contains: pïng}", Buffer.from("a pïng b", "utf16le").toString("base64"), true],
    ["{f|utf16be|base64offset|contains: ping}", Buffer.from("xping", "utf16le").swap16().toString("base64"), true],
    ["{f|utf16|base64: p}", Buffer.from([0xff, 0xfe, 0x70, 0]).toString("base64"), true],
    ["{f|windash|contains: ' -enc '}", "powershell /enc x", true],
    ["{f|windash|contains: ' -enc '}", "powershell \u2013ENC x", true],
    ["{f|windash|contains: ' /enc '}", "powershell \u2015enc x", true],
    ["{f|windash|contains: ' -enc '}", "powershell \u2012enc x", false],
    ["{f|windash|contains: 'a-b'}", "a/b", false],
    ["{f|windash: '-a -b -c -d -e'}", "/a –b —c ―D -e", true],
    ["{f|windash: '-a -b -c -d -e'}", "/a –b —c ―d +e", false],
    ["{f|windash|contains: '-a* -b -c -d? -e'}", "x /axx /b /c /d1 /e y", true],
    ["{f|windash|startswith: '-a -b -c -d -e'}", "/a /b /c /d /ex", true],
    ["{f|windash|endswith: '-a -b -c -d -e'}", "x/a /b /c /d /e", true],
    ["{f|windash|endswith: '-a -b -c -d -e'}", "/a", false],
    ["{f|windash|endswith|all: [' -a', '*-b*']}", "x /b -a", true],
    ["{f|windash|endswith|all: [' -a', '*-b*']}", "x /c -a", false],
    ["{f|windash|contains|all: [' -a', ' -b']}", "x /b \u2014a", true],
  ])("%s on %j", (sel, f, want) => {
    expect(holds(sel, { f })).toBe(want);
  });
});

describe("times and comparisons", () => {
  test.each<[string, JsonObject, boolean]>([
    ["{t|week|gte: 53}", { t: "2027-01-03T12:00:00Z" }, true],
    ["{t|week|gte: 53}", { t: "2027-01-04T12:00:00Z" }, false],
    ["{t|month: [6, 7]}", { t: 1_783_000_000 }, true],
    ["{t|day|lte: 3}", { t: "2026-07-03T23:59:59-00:30" }, false],
    ["{t|minute|gt: 58}", { t: "2026-07-03T23:59:00Z" }, true],
    ["{t|year|lt: 2026}", { t: "2025-12-31T23:30:00-01:00" }, false],
    ["{f|lt: [5, 10]}", { f: 7 }, true],
    ["{f|lt|all: [5, 10]}", { f: 7 }, false],
    ["{f|gte: -1.5}", { f: "-1.50" }, true],
    ["{f|gt: 5}", { f: [1, "x", 6] }, true],
    ["{f|gt: 5}", { f: "6e3" }, false],
    ["{f|gt: 5}", { f: { a: 6 } }, false],
  ])("%s on %j", (sel, record, want) => {
    expect(holds(sel, record)).toBe(want);
  });
});

test("not 1 of filter*, with none, one and both of them true", () => {
  const text = `${HEAD}detection:\n  sel: {f: a}\n  filter_1: {g: 1}\n  filter_2: {h: 1}\n  condition: sel and not 1 of filter*\n`;
  const { ruleSet } = parseRuleFiles([{ path: "s.yml", text }], { mode: "strict" });
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const matches = [{}, { g: 1 }, { h: 1 }, { g: 1, h: 1 }].map(
    (more) => rules.evaluate(eventOf({ f: "a", ...more })).length,
  );
  expect(matches).toStrictEqual([1, 0, 0, 0]);
});

test("keys of the author's own and of the specification are kept verbatim", () => {
  const text = `${HEAD}author: Me\ndate: 2026-01-31\nrelated: [{id: 0e95725d-7320-415d-80f7-004da920fc12, type: derived}]\nour_key: {x: [1, yes, null, 1.5], __proto__: a}\ndetection: {sel: {f: a}, condition: sel}\n`;
  const [rule] = parseRuleFiles([{ path: "s.yml", text }], { mode: "strict" }).ruleSet.detections;
  expect(JSON.stringify(rule?.more)).toBe(
    '{"author":"Me","date":"2026-01-31","related":[{"id":"0e95725d-7320-415d-80f7-004da920fc12","type":"derived"}],"our_key":{"x":[1,"yes",null,1.5],"__proto__":"a"}}',
  );
});
