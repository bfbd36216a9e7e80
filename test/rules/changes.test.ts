/**
 * What a reload changes: each kind of change by its name, and which windows warm up.
 */
import { describe, expect, test } from "vitest";
import { compareRules, type RuleChanges, tellReturned } from "../../src/rules/changes.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";

const BASE = `title: Base
name: base
level: low
logsource: {product: aws, service: cloudtrail}
detection: {look: {eventName|expand: '%calls%'}, condition: look}
`;
const MANY = `title: Many
name: many
level: high
correlation: {type: event_count, rules: [base], group-by: [awsRegion], timespan: 1h, condition: {gte: 3}}
`;

function compare(before: string, after: string, values: { old?: string[]; next?: string[] } = {}): RuleChanges {
  const [old, next] = [before, after].map((text, index) => {
    const { ruleSet } = parseRuleFiles([{ path: "r.yml", text }], { mode: "lenient" });
    const items = (index === 0 ? values.old : values.next) ?? ["X"];
    return { ruleSet, lists: new Map([["calls", { type: "string" as const, items }]]) };
  });
  return compareRules(old!, next!);
}

const both = (many: string, base = BASE): string => `${base}---\n${many}`;

describe("one change", () => {
  const cases: readonly [name: string, after: string, is: { what: Record<string, string[]>; warming: string[] }][] = [
    ["nothing", both(MANY), { what: {}, warming: [] }],
    ["a threshold", both(MANY.replace("gte: 3", "gte: 4")), { what: { many: ["threshold"] }, warming: [] }],
    ["a longer timespan", both(MANY.replace("1h", "2h")), { what: { many: ["timespan"] }, warming: ["many"] }],
    ["a shorter timespan", both(MANY.replace("1h", "30m")), { what: { many: ["timespan"] }, warming: [] }],
    [
      "timespan and threshold",
      both(MANY.replace("1h", "30m").replace("gte: 3", "gt: 3")),
      { what: { many: ["timespan", "threshold"] }, warming: [] },
    ],
    [
      "the group",
      both(MANY.replace("awsRegion", "sourceIPAddress")),
      { what: { many: ["meaning"] }, warming: ["many"] },
    ],
    ["words", both(MANY.replace("title: Many", "title: More")), { what: { many: ["text"] }, warming: [] }],
    [
      // What a correlation counts is part of its meaning.
      "the rule below",
      both(MANY, BASE.replace("eventName|expand", "eventSource|expand")),
      { what: { base: ["meaning"], many: ["meaning"] }, warming: ["many"] },
    ],
    ["its place only", `# moved\n\n${both(MANY)}`, { what: {}, warming: [] }],
  ];
  test.each(cases)("%s", (_name, after, { what, warming }) => {
    const changes = compare(both(MANY), after);
    expect(Object.fromEntries(changes.changed.map((rule) => [rule.id, rule.what]))).toEqual(what);
    expect(changes.warming.map(({ id }) => id)).toEqual(warming);
    expect(changes.kept).toBe(2 - Object.keys(what).length);
  });
});

test("another meaning whose windows have something in them is told as one that is back", () => {
  const changes = compare(both(MANY), both(MANY.replace("awsRegion", "sourceIPAddress").replace("gte: 3", "gte: 4")));
  expect(tellReturned(changes, () => false)).toStrictEqual(changes);
  const { changed, warming } = tellReturned(changes, (id) => id === "many");
  expect(changed).toStrictEqual([{ id: "many", title: "Many", what: ["returned"] }]);
  expect(warming).toStrictEqual(changes.warming);
});

test("a list that a rule reads changes that rule, its windows stay", () => {
  const { changed, warming, kept } = compare(both(MANY), both(MANY), { next: ["X", "Y"] });
  expect(changed).toEqual([{ id: "base", title: "Base", what: ["lists"] }]);
  expect([warming, kept]).toEqual([[], 1]);
});

test("rules that are new or gone; a base rule falls silent under its first correlation", () => {
  const added = compare(BASE, both(MANY));
  expect(added.added).toEqual([{ id: "many", title: "Many" }]);
  expect(added.changed).toEqual([{ id: "base", title: "Base", what: ["text"] }]);
  expect(added.warming).toEqual([{ id: "many", title: "Many", timespanMs: 3_600_000 }]);
  const removed = compare(both(MANY), BASE);
  expect(removed.removed).toEqual([{ id: "many", title: "Many" }]);
  expect(removed.warming).toEqual([]);
});

test("windows that another rule of the same meaning kept long enough need no warming", () => {
  const long = MANY.replace("name: many", "name: long").replace("1h", "3h");
  const { added, warming } = compare(both(long), both(`${long}---\n${MANY.replace("1h", "2h")}`));
  expect(added.map(({ id }) => id)).toEqual(["many"]);
  expect(warming).toEqual([]);
});
