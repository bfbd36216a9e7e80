/**
 * The candidate index is sound: what it finds is what trying every rule finds, on any rules and any events. And it is
 * worth having: rules on names are not tried on other events.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/event.ts";
import type { Expression, RuleLogsource, Selector, Test } from "../../src/sigma/ast.ts";
import { compileRules, type ListTable } from "../../src/sigma/compile.ts";
import { appliesTo } from "../../src/sigma/index.ts";
import { createFields } from "../../src/match/fields.ts";
import { eventOf, leaf, NO_LISTS, ruleOf, setOf, text } from "../match/build.ts";
import { slowMatches } from "../match/slow-evaluate.ts";

const fields = createFields({ calendars: {}, accountCalendars: {} });

// A small world, so that rules and events meet often.
const words = [
  "StopLogging",
  "stoplogging",
  "DeleteTrail",
  "ec2.amazonaws.com",
  "Root",
  "σΣς",
  "",
  "a",
  "-a/b",
  "ab",
  "10.1.2.3",
  "5",
  "true",
];
const paths = [
  "eventName",
  "eventSource",
  "userIdentity.type",
  "a.b",
  "a",
  "-a/b",
  "list",
  "enrich.principal.kind",
  "enrich.denied",
  "errorCode",
];
const word = fc.constantFrom(...words);
const scalar = fc.oneof(word, fc.constantFrom<number | boolean | null>(5, 5.5, -1, true, false, null));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("b", "c", "type"), tie("value"), { maxKeys: 3 }),
  ),
})).value;
const record = fc
  .dictionary(
    fc.constantFrom("eventName", "eventSource", "userIdentity", "a", "a.b", "list", "errorCode", "other"),
    value,
    { maxKeys: 7 },
  )
  .map((made) => ({ ...made }) as JsonObject);

const pattern = fc.array(fc.oneof(word, fc.constantFrom<0 | 1 | 2>(0, 1, 2)), { maxLength: 3 });
const leafTest: fc.Arbitrary<Test> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("text" as const),
      pattern: word.map((one) => (one === "" ? [] : [one])),
      cased: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("text" as const), pattern, cased: fc.boolean() }) },
  fc.constantFrom<Test>({ type: "null" }, { type: "exists", value: true }, { type: "exists", value: false }),
  fc.constantFrom<Test>({ type: "number", value: 5, text: "5" }, { type: "boolean", value: true }),
  fc.constantFrom<Test>(
    { type: "cidr", network: "10.0.0.0/8" },
    { type: "compare", operator: "gte", value: 5, part: null },
  ),
  fc.constantFrom<Test>(
    { type: "regex", source: "^[Ss]top.+g", ignoreCase: false, multiline: false, dotAll: false },
    { type: "regex", source: "trail", ignoreCase: true, multiline: false, dotAll: false },
    { type: "fieldref", field: "a", mode: "contains", cased: false },
  ),
);
const lists: ListTable = new Map([
  ["names", { type: "string", items: ["stop", "a.b"] }],
  ["shapes", { type: "regex", items: ["[Dd]el", "5|true"] }],
]);
const expandTest: fc.Arbitrary<Test> = fc
  .tuple(fc.constantFrom("names", "shapes"), fc.constantFrom("^", ""), fc.boolean())
  .map(([list, before, ignoreCase]) => ({
    type: "regex_expand",
    parts: [...(before === "" ? [] : [before]), { list }],
    ignoreCase,
    multiline: false,
    dotAll: false,
  }));
// Below an array selector names are those of its members; "." is the member itself.
const inner = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ op: fc.constant("leaf" as const), field: fc.constantFrom("b", "type", ".", "c.b"), test: leafTest }),
    fc.record({ op: fc.constant("not" as const), of: tie("tree") }),
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      of: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      op: fc.constant("member" as const),
      field: fc.constantFrom("b", "c", "."),
      which: fc.constantFrom<Selector>("any", "all", "all_or_empty", "none", 0, -1),
      of: tie("tree"),
    }),
  ),
})).tree;
const members: fc.Arbitrary<Expression> = fc.record({
  op: fc.constant("member" as const),
  field: fc.constantFrom("list", "a", "a.b", "userIdentity", "eventName"),
  which: fc.constantFrom<Selector>("any", "all", "all_or_empty", "none", 0, 1, -1, -2),
  of: inner,
});
const expression = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ op: fc.constant("leaf" as const), field: fc.constantFrom(...paths), test: leafTest }),
    fc.record({ op: fc.constant("leaf" as const), field: fc.constantFrom(...paths), test: expandTest }),
    members,
    fc.record({
      op: fc.constant("leaf" as const),
      field: fc.constant(null),
      test: leafTest.filter(({ type }) => type === "text"),
    }),
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      of: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ op: fc.constant("not" as const), of: tie("tree") }),
  ),
})).tree;

test("indexed, scanned and slow evaluation agree on random rules and events", () => {
  fc.assert(
    fc.property(
      fc.array(expression, { minLength: 1, maxLength: 8 }),
      fc.array(record, { minLength: 1, maxLength: 6 }),
      (trees, records) => {
        const ruleSet = setOf(trees.map((tree, index) => ruleOf(`r${index}`, tree)));
        const rules = compileRules(ruleSet, { lists, fields });
        for (const one of records) {
          const event = eventOf(one);
          const indexed = [...rules.evaluate(event)];
          expect(indexed).toEqual([...rules.scan(event)]);
          expect(indexed.map((rule) => ruleSet.detections[rule])).toEqual(slowMatches(ruleSet, event, lists));
          const candidates = rules.candidates(event);
          expect(indexed.every((rule) => candidates.includes(rule))).toBe(true);
        }
      },
    ),
    { numRuns: 600 },
  );
});

describe("candidates", () => {
  const ruleSet = setOf([
    ruleOf("by name", { op: "and", of: [text("eventSource", "ec2.amazonaws.com"), text("eventName", "RunInstances")] }),
    ruleOf("by either name", { op: "or", of: [text("eventName", "StopLogging"), text("eventName", "DeleteTrail")] }),
    ruleOf("by root", {
      op: "and",
      of: [text("userIdentity.type", "Root"), { op: "not", of: text("eventType", "AwsServiceEvent") }],
    }),
    ruleOf("open", text("userAgent", "*TruffleHog*")),
    ruleOf("not", { op: "not", of: text("eventName", "RunInstances") }),
    ruleOf("findings", text("type", "Recon:*"), {
      logsource: { category: null, product: "aws", service: "guardduty" },
    }),
  ]);
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields });
  const names = (one: JsonObject): string[] =>
    rules.candidates(eventOf(one)).map((rule) => ruleSet.detections[rule]?.id ?? "");

  test("rules without a witness are named and always tried", () => {
    expect(rules.openRules).toEqual(["open", "not", "findings"]);
    expect(names({})).toEqual(["open", "not"]);
  });
  test.each<[JsonObject, string[]]>([
    [{ eventName: "runinstances" }, ["by name", "open", "not"]],
    [{ eventName: "DeleteTrail", userIdentity: { type: "root" } }, ["by either name", "by root", "open", "not"]],
    [{ eventSource: "ec2.amazonaws.com", eventName: "DescribeRegions" }, ["open", "not"]],
    [{ eventName: ["x", "StopLogging"] }, ["by either name", "open", "not"]],
  ])("of %j", (one, want) => {
    expect(names(one)).toEqual(want);
  });
  test("values invented by an attacker, far beyond what is remembered, change nothing", () => {
    for (let index = 0; index < 20_000; index += 1) rules.candidates(eventOf({ eventName: `Invented${index}` }));
    expect(names({ eventName: "RUNINSTANCES" })).toEqual(["by name", "open", "not"]);
  });
});

describe("open rules on one field", () => {
  const wanted = ["kali", "pacu", "truffle", "x1", "b?t"];
  const ruleSet = setOf([
    ...wanted.map((part) => ruleOf(part, text("userAgent", `*${part}*`))),
    ruleOf("with more", { op: "and", of: [text("userAgent", "*pacu*"), { op: "not", of: text("awsRegion", "eu-*") }] }),
    ruleOf("not", { op: "not", of: text("userAgent", "*kali*") }),
    ruleOf("none", leaf("userAgent", { type: "null" })),
  ]);
  const expectAgreement = (one: JsonObject): void => {
    const event = eventOf(one);
    const names = shared.evaluate(event).map((rule) => ruleSet.detections[rule]);
    expect(names).toEqual(slowMatches(ruleSet, event, NO_LISTS));
  };
  const shared = compileRules(ruleSet, { lists: NO_LISTS, fields });

  test("answers remembered by value are those of the value", () => {
    const agents = [
      "Kali/1",
      "aws-cli",
      "PACU x1",
      "bot",
      "",
      null,
      ["kali", "bot"],
      { a: "pacu" },
      5,
      "y".repeat(600) + "pacu",
    ];
    for (let round = 0; round < 3; round += 1) {
      for (const userAgent of agents) {
        expectAgreement({ userAgent, awsRegion: "us-east-1" });
        expectAgreement({ userAgent, awsRegion: "eu-west-1" });
      }
      expectAgreement({});
    }
  });
  test("and stay so when no value ever comes again, and when they come again after that", () => {
    for (let index = 0; index < 6_000; index += 1)
      expectAgreement({ userAgent: `${wanted[index % 7] ?? "q"}/${index}` });
    for (let index = 0; index < 20_000; index += 1) shared.evaluate(eventOf({ userAgent: "aws-cli" }));
    for (let index = 0; index < 200; index += 1) expectAgreement({ userAgent: wanted[index % 7] ?? "q" });
  });
});

describe("a rule applies when every part of its log source equals the event's", () => {
  test.each<[Partial<RuleLogsource>, boolean]>([
    [{ product: "aws", service: "cloudtrail" }, true],
    [{ product: "aws" }, true],
    [{ service: "cloudtrail" }, true],
    [{ product: "azure" }, false],
    [{ product: "aws", service: "guardduty" }, false],
    [{ product: "aws", service: "cloudtrail", category: "process_creation" }, false],
    [{ product: "aws", service: "cloudtrail", custom: { tenant: "blue" } }, false],
  ])("%j", (logsource, want) => {
    expect(appliesTo({ category: null, product: null, service: null, ...logsource }, "aws/cloudtrail")).toBe(want);
  });
});
