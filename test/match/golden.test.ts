/**
 * The golden vectors of evaluation, from the text of a rule to its answer. Each is a case that some engine in use gets
 * wrong. Vectors of parsing alone (21, 22) stand with the parser's tests, 24
 * (linear time) with those of single leaves.
 */
import { describe, expect, test } from "vitest";
import { compileRules } from "../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { eventOf, json, NO_LISTS } from "./build.ts";
import { slowMatches } from "./slow-evaluate.ts";

/** Whether the rule with this detection, in lines, matches the record. */
function holds(detection: string, record: string): boolean {
  const lines = detection.split("\n").map((line) => `  ${line}`);
  const yaml = [
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
  [1, "f: a\\", String.raw`{"f":"a\\"}`, true],
  [2, "f: a*b", String.raw`{"f":"a\nb"}`, true],
  [3, "f|endswith: '8?'", `{"f":"x81"}`, true],
  [3, "f|endswith: '8?'", `{"f":"81x"}`, false],
  [5, "errorCode: null", `{}`, true],
  [5, "errorCode: null", `{"errorCode":null}`, true],
  [5, "errorCode: null", `{"errorCode":""}`, false],
  [5, "errorCode: null", `{"errorCode":[]}`, true],
  [6, "f|exists: true", `{"f":null}`, true],
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
  [16, "a.b: 1", `{"a.b":1}`, true],
  [16, "a.b: 1", `{"a":{"b":1}}`, true],
  [16, "a.b.c: 1", `{"a":{"b.c":1}}`, true],
  [17, "a.x: 1\n  a.y: 4", `{"a":[{"x":1,"y":2},{"x":3,"y":4}]}`, true],
  [18, "f|fieldref|endswith: g", `{"f":"user/ANN","g":"ann"}`, true],
  [18, "f|fieldref|endswith: g", `{"f":"user/ann"}`, false],
  [19, "f|cidr: 2001:db8::/32", `{"f":"2001:db8::1"}`, true],
  [19, "f|cidr: 10.0.0.0/8", `{"f":"::ffff:10.1.2.3"}`, true],
  [19, "f|cidr: 10.0.0.1/8", `{"f":"10.9.9.9"}`, true],
  [23, "f|re: '^a$'", String.raw`{"f":"b\na\nc"}`, false],
  [23, "f|re|m: '^a$'", String.raw`{"f":"b\na\nc"}`, true],
  [25, "__proto__.x: a", `{"__proto__":{"x":"a"}}`, true],
  [25, "eventName: a", String.raw`{"\u0065ventName":"a"}`, true],
  [25, "f: b", `{"f":"a","f":"b"}`, true],
];

test.each(VECTORS)("vector %i: %s on %s", (...[, selection, record, want]) => {
  expect(holds(`sel:\n  ${selection}\ncondition: sel`, record)).toBe(want);
});

describe("vectors of conditions", () => {
  test.each<[number, string, string, boolean]>([
    [4, "k:\n  '|all': [one, two]\ncondition: k", `{"a":"one","b":["two"]}`, true],
    [4, "k:\n  '|all': [one, two]\ncondition: k", `{"a":"one"}`, false],
    [4, "k: [one]\ncondition: k", `{"a":"xonex"}`, true],
    [4, "k:\n  '|startswith': one\ncondition: k", `{"a":["x","oneX"]}`, true],
    [4, "k:\n  '|startswith': one\ncondition: k", `{"a":"xone"}`, false],
    [4, "k:\n  '|endswith': one\ncondition: k", `{"a":{"b":"xone"}}`, true],
    [4, "k:\n  '|endswith': one\ncondition: k", `{"a":"onex"}`, false],
    [12, "_x: {f: a}\nsel: {f: b}\ncondition: 1 of them", `{"f":"a"}`, false],
    [12, "_x: {f: a}\nsel: {f: b}\ncondition: 1 of them", `{"f":"b"}`, true],
    [13, "sel_a_b1: {f: a}\nsel_b: {f: b}\nxsel_b_b: {f: c}\ncondition: 1 of sel*_*b*", `{"f":"a"}`, true],
    [13, "sel_a_b1: {f: a}\nsel_b: {f: b}\nxsel_b_b: {f: c}\ncondition: 1 of sel*_*b*", `{"f":"c"}`, false],
    [14, "notepad: {f: a}\nnot_me: {g: b}\ncondition: notepad and not_me", `{"f":"a","g":"b"}`, true],
    [
      20,
      "late: {t|hour|gte: 22}\nearly: {t|hour|lt: 6}\ncondition: late or early",
      `{"t":"2026-03-29T03:30:00+02:00"}`,
      true,
    ],
    [
      20,
      "late: {t|hour|gte: 22}\nearly: {t|hour|lt: 6}\ncondition: late or early",
      `{"t":"2026-10-25T06:00:00Z"}`,
      false,
    ],
  ])("vector %i: %s on %s", (...[, detection, record, want]) => {
    expect(holds(detection, record)).toBe(want);
  });
});
