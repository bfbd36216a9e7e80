/**
 * The 25 golden vectors, from the text of a rule to its answer. Each is a case that some engine in use gets wrong. Every
 * answer is given by the compiled rules and by the slow evaluation.
 */
import { describe, expect, test } from "vitest";
import { compileRules } from "../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { eventOf, json, NO_LISTS } from "../match/build.ts";
import { slowMatches } from "../match/slow-evaluate.ts";
import { detectionDocument, expressionOf, named, parse, places } from "./build.ts";

/** Whether the rule with this detection, in lines, matches the record. */
function holds(detection: string, record: string, version = 2): boolean {
  const lines = detection.split("\n").map((line) => `  ${line}`);
  const yaml = [
    `sigma-version: ${version}`,
    "title: t",
    "status: test",
    "level: high",
    "logsource: {product: aws, service: cloudtrail}",
    "detection:",
    ...lines,
  ];
  const { ruleSet, problems } = parseRuleFiles([{ path: "t.yml", text: yaml.join("\n") }], { mode: "lenient" });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const event = eventOf(json(record));
  const answer = rules.evaluate(event).length === 1;
  expect(slowMatches(ruleSet, event, NO_LISTS).length === 1, "slow evaluation").toBe(answer);
  return answer;
}

type Vector = readonly [number: number, selection: string, record: string, want: boolean];

/** The selection, alone in its rule. */
const VECTORS: Vector[] = [
  [1, String.raw`f: a\*b`, `{"f":"a*b"}`, true],
  [1, String.raw`f: a\*b`, `{"f":"axb"}`, false],
  [1, String.raw`f: a\\*b`, String.raw`{"f":"a\\xxb"}`, true],
  [1, String.raw`f: a\\\*b`, String.raw`{"f":"a\\*b"}`, true],
  [1, String.raw`f: a\\\*b`, String.raw`{"f":"a\\xb"}`, false],
  [1, String.raw`f: a\b`, String.raw`{"f":"a\\b"}`, true],
  [1, String.raw`f: a\\b`, String.raw`{"f":"a\\b"}`, true],
  [1, String.raw`f: a\\\\*b`, String.raw`{"f":"a\\\\xb"}`, true],
  [1, String.raw`f: a\\\\b`, String.raw`{"f":"a\\\\b"}`, true],
  [1, "f: a\\", String.raw`{"f":"a\\"}`, true],
  [2, "f: a*b", String.raw`{"f":"a\nb"}`, true],
  [3, "f|endswith: '8?'", `{"f":"x81"}`, true],
  [3, "f|endswith: '8?'", `{"f":"81x"}`, false],
  [5, "errorCode: null", `{}`, true],
  [5, "errorCode: null", `{"errorCode":null}`, true],
  [5, "errorCode: null", `{"errorCode":""}`, false],
  [5, "errorCode: null", `{"errorCode":[]}`, true],
  [6, "f|exists: true", `{"f":null}`, true],
  [6, "f|exists: true", `{"f":""}`, true],
  [6, "f|exists: true", `{}`, false],
  [7, "f: 'true'", `{"f":true}`, true],
  [7, "f: true", `{"f":"True"}`, true],
  [7, "f: true", `{"f":1}`, false],
  [8, "f: 5", `{"f":5}`, true],
  [8, "f: 5", `{"f":"5"}`, true],
  [8, "f: 5", `{"f":"05"}`, true],
  [8, "f: 5", `{"f":5.0}`, true],
  [8, "f: 5", `{"f":"5e0"}`, false],
  [9, "f|neq: [a, b]", `{"f":"a"}`, false],
  [9, "f|neq: [a, b]", `{"f":"c"}`, true],
  [9, "f|neq: [a, b]", `{}`, true],
  [9, "f|neq: [a, b]", `{"f":["c","b"]}`, false],
  [10, "f: suspended", `{"f":{"x":{"Status":"suspended"}}}`, false],
  [10, "f|contains: Suspended", `{"f":{"x":{"Status":"suspended"}}}`, true],
  [10, `f|contains: '"s3:GetObject"'`, `{"f":{"Action":["s3:GetObject"]}}`, true],
  [10, "f|contains: b", `{"f":["xax","xbx"]}`, true],
  [10, "f|contains: '42'", `{"f":1425}`, true],
  [11, "f|base64offset|contains: foobar", `{"f":"${Buffer.from("xfoobar-y").toString("base64")}"}`, true],
  [11, "f|base64offset|contains: foobar", `{"f":"${Buffer.from("xyfoobar-y").toString("base64")}"}`, true],
  [11, "f|base64offset|contains: foobar", `{"f":"${Buffer.from("xyzfoobar").toString("base64")}"}`, true],
  [11, "f|base64offset|contains: éa", `{"f":"${Buffer.from("xéab").toString("base64")}"}`, true],
  [15, "f: ΟΔΟΣ", `{"f":"οδοσ"}`, true],
  [15, "f: οδος", `{"f":"ΟΔΟΣ"}`, true],
  [15, "f|contains: οδος", `{"f":"x ΟΔΟΣΑ"}`, true],
  [16, "a.b: 1", `{"a.b":1}`, true],
  [16, "a.b: 1", `{"a":{"b":1}}`, true],
  [16, "a.b.c: 1", `{"a":{"b.c":1}}`, true],
  [17, "a.x: 1\n  a.y: 4", `{"a":[{"x":1,"y":2},{"x":3,"y":4}]}`, true],
  [18, "f|fieldref|endswith: g", `{"f":"user/ANN","g":"ann"}`, true],
  [18, "f|fieldref|endswith: g", `{"f":"user/ann"}`, false],
  [18, "f|fieldref|endswith: g", `{"f":"ann/user","g":"ann"}`, false],
  [19, "f|cidr: 2001:db8::/32", `{"f":"2001:db8::1"}`, true],
  [19, "f|cidr: 10.0.0.0/8", `{"f":"::ffff:10.1.2.3"}`, true],
  [19, "f|cidr: 10.0.0.1/8", `{"f":"10.9.9.9"}`, true],
  [23, "f|re: '^a$'", String.raw`{"f":"b\na\nc"}`, false],
  [23, "f|re|m: '^a$'", String.raw`{"f":"b\na\nc"}`, true],
  [25, "__proto__.x: a", `{"__proto__":{"x":"a"}}`, true],
  [25, "eventName: a", String.raw`{"\u0065ventName":"a"}`, true],
  [25, "f: b", `{"f":"a","f":"b"}`, true],
  [25, "f: a", `{"f":"a","f":"b"}`, false],
  [25, "__proto__.x: '*'", `{"x":"a"}`, false],
];

const K = "k:\n  '|all': [one, two]\ncondition: k";
const THEM = "_x: {f: a}\nsel: {f: b}\ncondition: 1 of them";
const GLOB = "sel_a_b1: {f: a}\nsel_b: {f: b}\nxsel_b_b: {f: c}\ncondition: 1 of sel*_*b*";
const NOT_ME = "notepad: {f: a}\nnot_me: {g: b}\ncondition: notepad and not_me";
/** Whole detections with their conditions. */
const CONDITIONS: Vector[] = [
  [4, K, `{"a":"one","b":["two"]}`, true],
  [4, K, `{"a":"one"}`, false],
  [4, K, `{"one":"x","two":"y"}`, false],
  [12, THEM, `{"f":"a"}`, false],
  [12, THEM, `{"f":"b"}`, true],
  [13, GLOB, `{"f":"a"}`, true],
  [13, GLOB, `{"f":"c"}`, false],
  [14, NOT_ME, `{"f":"a","g":"b"}`, true],
  [14, NOT_ME, `{"f":"a","g":"c"}`, false],
];

test.each(VECTORS)("vector %i: %s on %s", (...[, selection, record, want]) => {
  expect(holds(`sel:\n  ${selection}\ncondition: sel`, record)).toBe(want);
});

test.each(CONDITIONS)("vector %i: %s on %s", (...[, detection, record, want]) => {
  expect(holds(detection, record)).toBe(want);
});

test("vector 11: the parts of base64offset, by hand", () => {
  const parts = (body: string): unknown[] => {
    const expression = expressionOf(body);
    const leaves = expression.op === "or" ? expression.of : [expression];
    return leaves.map((part) => part.op === "leaf" && part.test.type === "text" && part.test.pattern[1]);
  };
  expect(parts("{f|base64offset|contains: foobar}")).toStrictEqual(["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
  expect(parts("{f|base64offset|contains: é}")).toStrictEqual(["w6", "Op", "Dq"]);
});

test("vector 17: x and y of one member, with and without an array selector", () => {
  const record = `{"a":[{"x":1,"y":2},{"x":3,"y":4}]}`;
  expect(holds("sel:\n  a.x: 1\n  a.y: 4\ncondition: sel", record)).toBe(true);
  expect(holds("sel:\n  a[any]: {x: 1, y: 4}\ncondition: sel", record, 3)).toBe(false);
  expect(holds("sel:\n  a[any]: {x: 3, y: 4}\ncondition: sel", record, 3)).toBe(true);
});

describe("vector 20: hours are UTC, also in the nights in which clocks change", () => {
  const NIGHT = "late: {t|hour|gte: 22}\nearly: {t|hour|lt: 6}\ncondition: late or early";
  // Berlin puts its clocks forward at 01:00 UTC on 29 March 2026 and back at 01:00 UTC on 25 October.
  test.each([
    ["2026-03-29T06:59:59+01:00", true],
    ["2026-03-29T07:59:59+02:00", true],
    ["2026-03-29T08:00:00+02:00", false],
    ["2026-03-28T22:59:59+01:00", false],
    ["2026-03-28T23:00:00+01:00", true],
    ["2026-10-25T02:30:00+02:00", true],
    ["2026-10-25T02:30:00+01:00", true],
    ["2026-10-25T06:59:59+01:00", true],
    ["2026-10-25T07:00:00+01:00", false],
    ["2026-10-24T23:59:59+02:00", false],
    ["2026-10-25T00:00:00+02:00", true],
    ["2026-10-25T22:59:59+01:00", false],
    ["2026-10-25T22:00:00Z", true],
  ])("%s", (t, want) => {
    expect(holds(NIGHT, JSON.stringify({ t }))).toBe(want);
  });

  test("every half hour of both days", () => {
    for (const day of [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25)]) {
      for (let half = -4; half < 52; half += 1) {
        const at = new Date(day + half * 1_800_000);
        const hour = at.getUTCHours();
        expect([at, holds(NIGHT, JSON.stringify({ t: at.toISOString() }))]).toStrictEqual([at, hour >= 22 || hour < 6]);
      }
    }
  });
});

test("vector 21: a filter with a bare selection keeps what it matches, and is told", () => {
  const filter = `---\ntitle: F\nlogsource: {product: aws}\nfilter:\n  rules: [aa]\n  selection: {f|startswith: adm_}\n  condition: selection\n`;
  const parsed = parse(detectionDocument("aa") + filter);
  expect(places(parsed.problems)).toContain("warning filter_positive 14:14");
  const rule = named(parsed, "aa");
  const compiled = compileRules(parsed.ruleSet, { lists: NO_LISTS, fields: new Map() });
  expect(rule.type).toBe("detection");
  expect(compiled.evaluate(eventOf(json(`{"eventName":"aa","f":"adm_x"}`)))).toStrictEqual([0]);
  expect([...compiled.evaluate(eventOf(json(`{"eventName":"aa","f":"bob"}`)))]).toStrictEqual([]);
});

test("vector 22: a selector that matches no detection is an error, not a dropped term", () => {
  const text = detectionDocument("aa").replace("condition: sel", "condition: sel and 1 of none*");
  const parsed = parse(text, { mode: "lenient" });
  expect(places(parsed.problems)).toStrictEqual(["error condition_no_match 7:22"]);
  expect(parsed.ruleSet.detections).toStrictEqual([]);
});

test("vector 24: '.+X.+' on texts of 100 KB and 200 KB in linear time", () => {
  const text = detectionDocument("aa").replace("{eventName: aa}", "{f|re: '.+X.+'}");
  const compiled = compileRules(parse(text).ruleSet, { lists: NO_LISTS, fields: new Map() });
  const spent = (length: number): number => {
    const event = eventOf({ f: `${"a".repeat(length)}Y` });
    const { user } = process.threadCpuUsage();
    for (let round = 0; round < 20; round += 1) expect([...compiled.evaluate(event)]).toStrictEqual([]);
    return process.threadCpuUsage().user - user;
  };
  expect(spent(100_000)).toBeLessThan(1_000_000);
  expect(spent(200_000)).toBeLessThan(2_000_000);
  // The letter is there, so that no shortcut answers.
  expect([...compiled.evaluate(eventOf({ f: `${"a".repeat(100_000)}Xb` }))]).toStrictEqual([0]);
  expect([...compiled.evaluate(eventOf({ f: `${"a\n".repeat(50_000)}\nX\n` }))]).toStrictEqual([]);
});

test("all 25 are here", () => {
  const elsewhere = [11, 17, 20, 21, 22, 24];
  const numbers = new Set([...VECTORS, ...CONDITIONS].map(([number]) => number).concat(elsewhere));
  expect([...numbers].toSorted((a, b) => a - b)).toStrictEqual(Array.from({ length: 25 }, (_, index) => index + 1));
});
