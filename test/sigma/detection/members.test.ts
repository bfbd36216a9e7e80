/**
 * Array selectors of `sigma-version: 3`: what each quantifier says of each array, the same member against any member, and
 * that documents of lower versions keep their brackets.
 */
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/lib/canonical.ts";
import type { JsonObject } from "../../../src/model/event.ts";
import { toForm } from "../../../src/sigma/canonical.ts";
import { compileRules } from "../../../src/sigma/compile.ts";
import { splitSelectors } from "../../../src/sigma/detection/selector.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { eventOf, NO_LISTS } from "../../match/build.ts";
import { slowMatches } from "../../match/slow-evaluate.ts";
import { HEAD, places } from "../build.ts";

/** A rule with these lines as its one detection. */
const rule = (lines: string, version: string): string =>
  `sigma-version: ${version}\n${HEAD}detection:\n  sel:\n${lines.replace(/^/gm, "    ")}\n  condition: sel\n`;

/** Whether the rule matches the record, by the compiled rules and by the slow evaluation. */
function holds(lines: string, record: JsonObject, version = "3"): boolean {
  const { ruleSet, problems } = parseRuleFiles([{ path: "m.yml", text: rule(lines, version) }], { mode: "lenient" });
  expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
  const compiled = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const event = eventOf(record);
  const answer = compiled.evaluate(event).length === 1;
  expect(compiled.scan(event).length === 1, "scan").toBe(answer);
  expect(slowMatches(ruleSet, event, NO_LISTS).length === 1, "slow evaluation").toBe(answer);
  return answer;
}

const good = { p: "tcp", ip: "10.1.2.3" };
const bad = { p: "udp", ip: "8.8.8.8" };
const crossed = [
  { p: "tcp", ip: "8.8.8.8" },
  { p: "udp", ip: "10.1.2.3" },
];

describe("quantifiers over a map", () => {
  const body = ":\n  p: tcp\n  ip|cidr: 10.0.0.0/8";
  test.each<[string, unknown, any: boolean, all: boolean, allOrEmpty: boolean, none: boolean]>([
    ["one of two meets it", [bad, good], true, false, false, false],
    ["every one meets it", [good, good], true, true, true, false],
    ["no single one meets it", crossed, false, false, false, true],
    ["an empty array", [], false, false, true, true],
    ["a missing array", undefined, false, false, true, true],
    ["null in its place", null, false, false, true, true],
    ["a value that is no array has no members", good, false, false, true, true],
    ["members that are no objects", ["tcp", 5, null, ["x"]], false, false, false, true],
  ])("%s", (_name, f, ...wants) => {
    const record = (f === undefined ? {} : { f }) as JsonObject;
    const answers = ["any", "all", "all_or_empty", "none"].map((which) => holds(`f[${which}]${body}`, record));
    expect(answers).toStrictEqual(wants);
  });
});

describe("members by place", () => {
  test.each<[string, JsonObject, boolean]>([
    ["f[0]: a", { f: ["a", "b"] }, true],
    ["f[1]: a", { f: ["a", "b"] }, false],
    ["f[-1]: b", { f: ["a", "b"] }, true],
    ["f[-2]: a", { f: ["a", "b"] }, true],
    ["f[-3]: '*'", { f: ["a", "b"] }, false],
    ["f[2]: '*'", { f: ["a", "b"] }, false],
    ["f[0]: a", { f: "a" }, false],
    ["f[0].ip: 10.1.2.3", { f: [good, bad] }, true],
    ["f[1].ip: 10.1.2.3", { f: [good, bad] }, false],
    ["f[0][1]: b", { f: [["a", "b"], ["c"]] }, true],
    ["f[0]|startswith: ab", { f: ["abc"] }, true],
    ["f[0]|contains: 'x'", { f: [{ a: ["xyz"] }] }, true],
    ["f[0]: null", { f: [null] }, true],
    ["f[0]: null", { f: ["a"] }, false],
    ["f[3]: null", { f: ["a"] }, true],
    ["f[3]|exists: false", { f: ["a"] }, true],
    ["f[0]|exists: true", { f: [null] }, true],
    ["f[3]|exists: true", { f: ["a"] }, false],
    ["f[0].x: null", { f: [] }, true],
    ["f[0]|neq: a", { f: ["b"] }, true],
    ["f[0]|neq: a", { f: ["a"] }, false],
    ["f[0]|neq: a", {}, true],
    ["f[0]:\n  p|neq: tcp", {}, false],
    ["a.f[0]: x", { a: [{ f: ["x"] }, { f: ["y"] }] }, true],
    ["a.f[0]: y", { a: [{ f: ["x"] }, { f: ["y"] }] }, true],
    ["a.f[1]: '*'", { a: [{ f: ["x"] }, { f: ["y"] }] }, false],
  ])("%j on %j", (lines, record, want) => {
    expect(holds(lines, record)).toBe(want);
  });
});

describe("values, `.` and conditions of members", () => {
  test.each<[string, JsonObject, boolean]>([
    ["f[any]: [a, b]", { f: ["c", "b"] }, true],
    ["f[all]: [a, b]", { f: ["a", "b"] }, true],
    ["f[all]: [a, b]", { f: ["a", "c"] }, false],
    ["f[any]|contains|all: [x, y]", { f: ["ax", "ay"] }, false],
    ["f[any]|contains|all: [x, y]", { f: ["axy"] }, true],
    ["f[any]|neq: a", { f: ["a", "b"] }, true],
    ["f[any]|neq: a", { f: ["a"] }, false],
    ["f[all]|neq: a", { f: ["a", "b"] }, false],
    ["f[none]: a", { f: ["b"] }, true],
    ["f[any]:\n  .|gte: 500\n  .|lt: 600", { f: [200, 503] }, true],
    ["f[any]:\n  .|gte: 500\n  .|lt: 600", { f: [200, 700] }, false],
    ["f[any]:\n  err:\n    .|gte: 500\n  gw: {.: 504}\n  condition: err and not gw", { f: [200, 504] }, false],
    ["f[any]:\n  err:\n    .|gte: 500\n  gw: {.: 504}\n  condition: err and not gw", { f: [504, 501] }, true],
    ["f[any]:\n  a1: {p: tcp}\n  a2: {p: udp}\n  condition: 1 of a*", { f: [{ p: "udp" }] }, true],
    ["f[all]:\n  a1: {p: tcp}\n  a2: {p: udp}\n  condition: [a1, a2]", { f: [{ p: "udp" }, { p: "tcp" }] }, true],
    ["f[any]:\n  - p: tcp\n    ip: x\n  - p: udp", { f: [{ p: "tcp" }, { p: "udp" }] }, true],
    ["f[any]:\n  - p: tcp\n    ip: x\n  - p: icmp", { f: [{ p: "tcp" }, { p: "udp" }] }, false],
    ["r[any]:\n  type: allow\n  ip[all]|startswith: '123.'", { r: [{ type: "allow", ip: ["123.1", "123.2"] }] }, true],
    ["r[any]:\n  type: allow\n  ip[all]|startswith: '123.'", { r: [{ type: "allow", ip: ["123.1", "9.2"] }] }, false],
    ["r[any].ip[0]: x", { r: [{ ip: ["y"] }, { ip: ["x", "z"] }] }, true],
    ["r[any].ip[0]: z", { r: [{ ip: ["y"] }, { ip: ["x", "z"] }] }, false],
    [
      "f[any]:\n  a|fieldref: b",
      {
        f: [
          { a: 1, b: 2 },
          { a: 3, b: 3 },
        ],
        b: 1,
      },
      true,
    ],
    ["f[any]:\n  a|fieldref: b", { f: [{ a: 1 }], b: 1 }, false],
    ["f[any]:\n  sel: [needle]\n  condition: sel", { f: [{ a: { b: "a needle" } }], g: "x" }, true],
    ["f[any]:\n  sel: [needle]\n  condition: sel", { f: [{ a: 1 }], g: "needle" }, false],
    ["f[any]:\n  .[any]: b", { f: [["a"], ["b"]] }, true],
    ["f[any].a.b: 1", { f: [{ "a.b": 1 }] }, true],
    ["'a.b[any]': x", { "a.b": ["x"] }, true],
    [String.raw`f\[0\]: x`, { "f[0]": "x" }, true],
    [String.raw`f\[0\]: x`, { f: ["x"] }, false],
    ["f: x", { f: ["y", "x"] }, true],
  ])("%j on %j", (lines, record, want) => {
    expect(holds(lines, record)).toBe(want);
  });
});

test("below version 3 brackets are part of the name", () => {
  for (const version of ["2", "2.1.0"]) {
    expect(holds("f[any]: x", { "f[any]": "x" }, version)).toBe(true);
    expect(holds("f[0]: x", { f: ["x"] }, version)).toBe(false);
  }
  expect(holds("f[0]: x", { f: ["x"] }, "3.1")).toBe(true);
});

test("a version above 3 is not read", () => {
  const { problems, ruleSet } = parseRuleFiles([{ path: "m.yml", text: rule("f: x", "4") }], { mode: "lenient" });
  expect(places(problems)).toContain("error version_unsupported 1:16");
  expect(ruleSet.detections).toStrictEqual([]);
});

test("filters have a version of their own", () => {
  const filter = `---\ntitle: F\nsigma-version: 3\nlogsource: {product: aws}\nfilter:\n  rules: any\n  own:\n    tags[any]: {key: env, value: test}\n  condition: not own\n`;
  const text = rule("eventName: a", "2") + filter;
  const { ruleSet } = parseRuleFiles([{ path: "m.yml", text }], { mode: "lenient" });
  const compiled = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const event = (...tags: JsonObject[]): number => compiled.evaluate(eventOf({ eventName: "a", tags })).length;
  expect(event({ key: "env", value: "test" })).toBe(0);
  expect(event({ key: "env", value: "prod" }, { key: "x", value: "test" })).toBe(1);
});

test("fields that are computed are not those of a member", () => {
  const { ruleSet } = parseRuleFiles([{ path: "m.yml", text: rule("f[any]:\n  enrich.denied: true", "3") }], {
    mode: "lenient",
  });
  const fields = new Map([["enrich.denied", () => true]]);
  expect(compileRules(ruleSet, { lists: NO_LISTS, fields }).problems).toMatchObject([
    { code: "field_unknown", line: 12, column: 7, value: "enrich.denied" },
  ]);
});

test("arrays of 20,000 members, nested, in bounded time", () => {
  const inner = Array.from({ length: 100 }, (_, index) => index);
  const record = { f: Array.from({ length: 200 }, () => ({ g: inner })) };
  const begun = process.threadCpuUsage().user;
  expect(holds("f[all]:\n  g[none]: 100", record)).toBe(true);
  expect(process.threadCpuUsage().user - begun).toBeLessThan(3_000_000);
});

test("the canonical form of members", () => {
  const formOf = (lines: string): string => {
    const [detection] = parseRuleFiles([{ path: "m.yml", text: rule(lines, "3") }], { mode: "lenient" }).ruleSet
      .detections;
    return detection === undefined ? "" : canonicalJson(toForm(detection.expression));
  };
  expect(formOf("f[any]: {b: X, a: y}")).toBe(
    '["each","any","f",["and",["is","a",["text","y"]],["is","b",["text","x"]]]]',
  );
  expect(formOf("f[-1]: 5")).toBe('["each",-1,"f",["is",".",["number",5]]]');
});

test.each<[string, unknown]>([
  ["a.b", { steps: [], rest: "a.b" }],
  ["a[any]", { steps: [{ path: "a", which: "any" }], rest: "." }],
  ["a.b[-0].c", { steps: [{ path: "a.b", which: 0 }], rest: "c" }],
  [
    "a[0][none].b",
    {
      steps: [
        { path: "a", which: 0 },
        { path: ".", which: "none" },
      ],
      rest: "b",
    },
  ],
  ["a[0].", { index: 4, message: "the path ends with a dot" }],
  [String.raw`a\b\[`, { steps: [], rest: String.raw`a\b[` }],
])("the name %j taken apart", (name, want) => {
  expect(splitSelectors(name)).toMatchObject(want as object);
});
