/**
 * What compiling promises beyond the truth of single leaves: shared work is done once, faults are named with their place,
 * and one event leaves nothing behind for the next.
 */
import { describe, expect, test } from "vitest";
import type { Expression } from "../../src/sigma/ast.ts";
import { compileRules, type FieldTable, type ListTable } from "../../src/sigma/compile.ts";
import { createFields } from "../../src/match/fields.ts";
import { correlationOf, eventOf, json, leaf, NO_LISTS, ruleOf, setOf, text } from "../match/build.ts";
import { slowMatches } from "../match/slow-evaluate.ts";
import { HEAD, parse } from "./build.ts";
import { cpuMs } from "../support/cpu.ts";

const fields = createFields({ calendars: {}, accountCalendars: {} });

describe("faults", () => {
  const problemsOf = (expression: Expression, lists: ListTable = NO_LISTS): string[][] =>
    compileRules(setOf([ruleOf("bad", expression)]), { lists, fields }).problems.map((found) => [
      found.file,
      found.severity,
      found.code,
      found.value,
      found.remedy,
    ]);

  test.each<[string, Expression, string[]]>([
    [
      "a mistyped field",
      text("enrich.denid", "true"),
      ["field_unknown", "enrich.denid", "Did you mean enrich.denied?"],
    ],
    [
      "a calendar that is not configured",
      leaf("enrich.calendar.busines.open", { type: "boolean", value: false }),
      ["field_unknown", "enrich.calendar.busines.open", "Did you mean enrich.calendar.business.open?"],
    ],
    [
      "a field far from all",
      text("enrich.zzz", "x"),
      ["field_unknown", "enrich.zzz", "See docs/fields.md for the fields there are."],
    ],
    [
      "a field of state",
      text("state.count", "x"),
      ["field_unknown", "state.count", "Use it in a correlation or behaviour."],
    ],
    [
      "a list that is not defined",
      text("f", "%nets%"),
      [
        "expand_list_unknown",
        "%nets%",
        "Define it in the configuration or in detections/lists/; an empty list is enough.",
      ],
    ],
    [
      "look-around",
      leaf("f", { type: "regex", source: "(?<=a)b", ignoreCase: false, multiline: false, dotAll: false }),
      ["regex_unsupported", "(?<=a)b", "Write it without look-around and back-references."],
    ],
    [
      "no network",
      leaf("ip", { type: "cidr", network: "10.0.0/8" }),
      ["cidr_invalid", "10.0.0/8", "Write ADDRESS/BITS, such as 10.0.0.0/8."],
    ],
  ])("%s", (_name, expression, [code = "", value = "", remedy = ""]) => {
    expect(problemsOf(expression)).toEqual([["bad.yml", "error", code, value, remedy]]);
  });

  test("networks inside a text, entries that do not suit, and too many values", () => {
    const lists: ListTable = new Map([
      ["nets", { type: "cidr", items: ["10.0.0.0/8"] }],
      ["bad", { type: "cidr", items: ["10.0.0.0/8", "nonsense"] }],
      ["worse", { type: "regex", items: ["(a"] }],
      ["many", { type: "string", items: Array.from({ length: 200 }, (_, index) => `v${index}`) }],
    ]);
    const codes = ["x%nets%", "%bad%", "%worse%", "%many%-%many%"].map((value) =>
      problemsOf(text("f", value), lists)[0]?.slice(2, 4),
    );
    expect(codes).toEqual([
      ["expand_list_type", "%nets%"],
      ["expand_list_entry", "nonsense"],
      ["expand_list_entry", "(a"],
      ["expand_limit", "40000"],
    ]);
  });

  test("a field of a correlation", () => {
    const ruleSet = setOf(
      [ruleOf("r", text("a", "b"))],
      [correlationOf("c", ["r"], { groupBy: ["enrich.principal.ide"] })],
    );
    expect(compileRules(ruleSet, { lists: NO_LISTS, fields }).problems).toMatchObject([
      {
        file: "c.yml",
        code: "field_unknown",
        value: "enrich.principal.ide",
        remedy: "Did you mean enrich.principal.id?",
      },
    ]);
  });
});

describe("work is shared", () => {
  /** Counts how often a field is computed. */
  function counting(): { readonly table: FieldTable; readonly count: () => number } {
    let count = 0;
    return {
      table: new Map([["enrich.x", () => ["one", "two", (count += 1)]]]),
      count: () => count,
    };
  }

  test("a field is computed once an event, for however many rules", () => {
    const { table, count } = counting();
    const rules = compileRules(setOf([ruleOf("a", text("enrich.x", "t*")), ruleOf("b", text("enrich.x", "*ne"))]), {
      lists: NO_LISTS,
      fields: table,
    });
    expect(rules.evaluate(eventOf({}))).toEqual([0, 1]);
    expect(count()).toBe(1);
    rules.evaluate(eventOf({}));
    expect(count()).toBe(2);
  });

  test("a field is not computed when no candidate reads it", () => {
    const { table, count } = counting();
    const guarded: Expression = { op: "and", of: [text("enrich.x", "t*"), text("eventName", "A")] };
    const rules = compileRules(setOf([ruleOf("a", guarded)]), { lists: NO_LISTS, fields: table });
    expect(rules.evaluate(eventOf({ eventName: "B" }))).toEqual([]);
    expect(count()).toBe(0);
  });

  test("nothing of one event is seen by the next", () => {
    const same: Expression = { op: "or", of: [text("a.b", "*x*"), text(null, "needle")] };
    const rules = compileRules(setOf([ruleOf("a", same), ruleOf("b", same), ruleOf("c", { op: "not", of: same })]), {
      lists: NO_LISTS,
      fields,
    });
    expect(rules.evaluate(eventOf({ a: { b: ["x", "y"] } }))).toEqual([0, 1]);
    expect(rules.evaluate(eventOf({ a: { b: "q" } }))).toEqual([2]);
    expect(rules.evaluate(eventOf({ other: ["needle"] }))).toEqual([0, 1]);
    expect(rules.evaluate(eventOf({}))).toEqual([2]);
  });
});

describe("lists as keywords, from the text of a rule", () => {
  const lists: ListTable = new Map([
    ["nets", { type: "cidr", items: ["10.0.0.0/8", "2001:db8::/32"] }],
    ["shapes", { type: "regex", items: ["^p[0-9]+\\.", "curl"] }],
    ["names", { type: "string", items: ["evil", "worse"] }],
  ]);
  test.each<[string, string, boolean]>([
    ["'|expand': '%nets%'", `{"a":{"b":["10.1.2.3"]}}`, true],
    ["'|expand': '%nets%'", `{"a":"from 10.1.2.3"}`, false],
    ["'|expand': '%shapes%'", `{"a":"p4.24xlarge"}`, true],
    ["'|expand': '%shapes%'", `{"a":"xp4.24xlarge"}`, false],
    ["'|expand': '%names%'", `{"a":"so EVIL!"}`, true],
    ["'|expand|startswith': '%names%'", `{"a":"evil!"}`, true],
    ["'|expand|startswith': '%names%'", `{"a":"so evil"}`, false],
  ])("%s on %s", (keyword, record, want) => {
    const yaml = `${HEAD}detection:\n  sel:\n    ${keyword}\n  condition: sel\n`;
    const { ruleSet } = parse(yaml, { lists: new Set(lists.keys()) });
    const rules = compileRules(ruleSet, { lists, fields });
    const event = eventOf(json(record));
    expect(rules.problems).toEqual([]);
    expect(rules.evaluate(event).length === 1).toBe(want);
    expect(slowMatches(ruleSet, event, lists).length === 1, "slow evaluation").toBe(want);
  });
});

test("a long list of literals is one look-up, not one comparison each", () => {
  const items = Array.from({ length: 10_000 }, (_, index) => `arn:aws:iam::111122223333:role/r${index}`);
  const rules = compileRules(setOf([ruleOf("a", { op: "not", of: text("arn", "%known%") })]), {
    lists: new Map([["known", { type: "string", items }]]),
    fields,
  });
  const started = cpuMs();
  for (let index = 0; index < 20_000; index += 1) {
    expect(rules.evaluate(eventOf({ arn: `ARN:aws:iam::111122223333:role/R${index}` })).length).toBe(
      index < 10_000 ? 0 : 1,
    );
  }
  expect(cpuMs() - started).toBeLessThan(5000);
});

test("costs name the dearest rule first, and only with a clock", () => {
  let now = 0;
  const ruleSet = setOf([
    ruleOf("cheap", text("a", "x")),
    ruleOf("dear", text("a", "*x*")),
    ruleOf("never tried", text("eventName", "x")),
  ]);
  // Each reading is one millisecond on; the second rule's test takes ten more.
  const slow: FieldTable = new Map([["enrich.slow", () => ((now += 10), "x")]]);
  const dear = {
    ...ruleSet,
    detections: ruleSet.detections.map((rule) =>
      rule.id === "dear" ? { ...rule, expression: text("enrich.slow", "*x*") } : rule,
    ),
  };
  const rules = compileRules(dear, { lists: NO_LISTS, fields: slow, monotonicMs: () => (now += 1) });
  for (let index = 0; index < 640; index += 1) rules.evaluate(eventOf({ a: "x" }));
  expect(rules.costs()).toEqual([
    { ruleId: "dear", evaluations: 10, totalMs: 110 },
    { ruleId: "cheap", evaluations: 10, totalMs: 10 },
  ]);
  expect(compileRules(ruleSet, { lists: NO_LISTS, fields }).costs()).toEqual([]);
});
