/**
 * The canonical form: what changes a rule's keys, what does not, and golden keys that must never change.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, sha256Hex } from "../../src/lib/canonical.ts";
import { toRuleSem } from "../../src/model/alert.ts";
import type { Expression } from "../../src/sigma/ast.ts";
import { CANONICAL_FORM, toForm } from "../../src/sigma/canonical.ts";
import { correlationDocument, detectionDocument, expressionOf, HEAD, named, parse } from "./build.ts";

const keys = (text: string): { stateKey: string; ruleSem: string } => {
  const [rule] = parse(text, { mode: "lenient" }).ruleSet.detections;
  if (rule === undefined) throw new Error("no rule");
  return { stateKey: rule.stateKey, ruleSem: rule.ruleSem };
};
const rule = (detection: string, head = HEAD): string => `${head}detection:\n  ${detection}\n`;
const BASE = rule("sel: {eventName: [StopLogging, DeleteTrail], awsRegion|startswith: eu-}\n  condition: sel");

describe("nothing that leaves the meaning alone changes a key", () => {
  test.for([
    rule("sel: {awsRegion|startswith: eu-, eventName: [DeleteTrail, StopLogging]}\n  condition: sel"),
    rule("sel: {awsRegion: 'eu-*', eventName: [stoplogging, DELETETRAIL, StopLogging]}\n  condition: sel"),
    rule(
      "a: {eventName: [StopLogging, DeleteTrail]}\n  b: {awsRegion|startswith: 'eu-*'}\n  condition: not not a and (b and a)",
    ),
    rule(
      "a: {eventName: StopLogging}\n  c: {eventName: DeleteTrail}\n  b: {awsRegion|startswith: eu-}\n  condition: all of b* and 1 of [ac]".replace(
        "1 of [ac]",
        "(c or a)",
      ),
    ),
    `# a remark\n${BASE.replace("title: A rule", 'title: "Another"')
      .replace("level: low", "level: high")
      .replace(/id: .*\n/, "name: x\n")}tags: [a.b]\n`,
    BASE.replace("product: aws", "product: AWS\n  definition: some words"),
  ])("%#", (text) => {
    expect(keys(text)).toStrictEqual(keys(BASE));
  });
});

describe("what changes the meaning changes the key", () => {
  test.for([
    BASE.replace("eu-", "us-"),
    BASE.replace("startswith", "cased|startswith"),
    BASE.replace("awsRegion", "region"),
    BASE.replace("DeleteTrail", "'DeleteTrail*'"),
    BASE.replace("condition: sel", "condition: not sel"),
    BASE.replace("  service: cloudtrail\n", ""),
    BASE.replace("eventName", "eventName|all"),
  ])("%#", (text) => {
    expect(keys(text).stateKey).not.toBe(keys(BASE).stateKey);
  });

  test("suppression changes rule_sem by its bucket, its grouping the state key", () => {
    const suppressed = (options: string): ReturnType<typeof keys> => keys(`${BASE}x_engine: {suppress: ${options}}\n`);
    expect(suppressed("1h").ruleSem).toBe(toRuleSem(suppressed("1h").stateKey, 0, 3600));
    expect(suppressed("2h").stateKey).toBe(suppressed("1h").stateKey);
    expect(suppressed("2h").ruleSem).not.toBe(suppressed("1h").ruleSem);
    expect(suppressed("1h, group-by: [a]").stateKey).not.toBe(suppressed("1h").stateKey);
    expect(keys(BASE).ruleSem).toBe(toRuleSem(keys(BASE).stateKey, 0, 0));
  });
});

describe("correlations", () => {
  const COUNT = "type: event_count, rules: [aa], group-by: [u], timespan: 1h, condition: {gte: 5}";
  const of = (body: string, base = detectionDocument("aa")): { stateKey: string; ruleSem: string } => {
    const { stateKey, ruleSem } = named(
      parse([base, detectionDocument("bb"), correlationDocument("cc", body)].join("---\n")),
      "cc",
    );
    return { stateKey, ruleSem };
  };

  test("thresholds, titles and ids are in no key; the time span is in rule_sem only", () => {
    expect(of(COUNT.replace("gte: 5", "gt: 9"))).toStrictEqual(of(COUNT));
    expect(
      of(COUNT, detectionDocument("aa").replace("T aa", "Other").replace("level: low", "level: high")),
    ).toStrictEqual(of(COUNT));
    expect(of(COUNT.replace("1h", "2h")).stateKey).toBe(of(COUNT).stateKey);
    expect(of(COUNT.replace("1h", "2h")).ruleSem).not.toBe(of(COUNT).ruleSem);
    expect(of(COUNT).ruleSem).toBe(toRuleSem(of(COUNT).stateKey, 3600, 3600));
  });

  test.for([
    COUNT.replace("[u]", "[v]"),
    COUNT.replace("[u]", "[u, v]"),
    COUNT.replace("[aa]", "[bb]"),
    COUNT.replace("[aa]", "[aa, bb]"),
    COUNT.replace("event_count", "value_count").replace("gte", "field: x, gte"),
    `${COUNT}, aliases: {u: {aa: f}}`,
  ])("the state key changes with %s", (body) => {
    expect(of(body).stateKey).not.toBe(of(COUNT).stateKey);
  });

  test("the state key changes with the meaning of a referenced rule", () => {
    expect(of(COUNT, detectionDocument("aa", "eventSource")).stateKey).not.toBe(of(COUNT).stateKey);
  });
});

/** Written once, never changed: alert ids and the windows in state files hang on them. */
describe("golden forms and keys of form 1", () => {
  test("form 1", () => {
    expect(CANONICAL_FORM).toBe(1);
  });

  test.for<[string, string]>([
    ["{f: [B, a]}", '["or",["is","f",["text","a"]],["is","f",["text","b"]]]'],
    ["{f|contains|cased: 'A?*'}", '["is","f",["cased",0,"A",1,0]]'],
    ["{f|windash: '-a -b -c -d -E'}", '["is","f",["text",2,"a ",2,"b ",2,"c ",2,"d ",2,"e"]]'],
    ["{f|re|i|expand: 'a%l%'}", '["is","f",["regex",["a",{"list":"l"}],"i"]]'],
    [
      "{f|wide|base64offset|expand: 'X%l%'}",
      '["is","f",["encoded",["utf16le","base64offset","contains"],["X",{"list":"l"}],false]]',
    ],
    ["{f|expand: 'X%l%'}", '["is","f",["text","x",{"list":"l"}]]'],
    ["{f: ΟΔΟΣ}", '["is","f",["text","οδοσ"]]'],
    ["{f: 5.0}", '["is","f",["number",5]]'],
    ["{f: 12345678901234567890}", '["is","f",["number","12345678901234567890"]]'],
    ["{f: null, g: true}", '["and",["is","f",["null"]],["is","g",["boolean",true]]]'],
    ["{f|exists: false}", '["is","f",["exists",false]]'],
    ["{f|re|i|s: 'a.b'}", '["is","f",["regex","a.b","is"]]'],
    ["{f|cidr: '10.1.2.3/8'}", '["is","f",["cidr","10.0.0.0/8"]]'],
    ["{f|hour|lt: 6}", '["is","f",["compare","lt",6,"hour"]]'],
    ["{f|day: 6}", '["is","f",["timepart","day",6]]'],
    ["{f|fieldref|neq: g}", '["not",["is","f",["fieldref","g","equals",false]]]'],
    ["[word]", '["is",null,["text",0,"word",0]]'],
  ])("%s", ([body, form]) => {
    expect(canonicalJson(toForm(expressionOf(body)))).toBe(form);
  });

  test("keys", () => {
    const form =
      '{"detection":["and",["is","awsRegion",["text","eu-",0]],["or",["is","eventName",["text","deletetrail"]],["is","eventName",["text","stoplogging"]]]],"form":1,"logsource":{"category":null,"product":"aws","service":"cloudtrail"},"type":"detection"}';
    expect(keys(BASE).stateKey).toBe(sha256Hex(form));
    expect(keys(BASE)).toStrictEqual({
      stateKey: "7554c14b30975ced0df957cc5320e8c72e88b45c70040cca22b2c4153a312b93",
      ruleSem: "d150a2ace340e548ca49cb1574ff05337ad833a9d4e994a7348f163afa1f5cb8",
    });
  });
});

const leafExpression: fc.Arbitrary<Expression> = fc.record({
  op: fc.constant("leaf" as const),
  field: fc.constantFrom("f", "g"),
  test: fc.record({
    type: fc.constant("text" as const),
    pattern: fc.constantFrom(["a"], ["b"], ["A"], []),
    cased: fc.boolean(),
  }),
});
const { tree } = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leafExpression,
    fc.record({ op: fc.constant("not" as const), of: tie("tree") }),
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      of: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    }),
  ),
}));

/** The same tree with operands turned round and one of them repeated. */
function mirrored(expression: Expression): Expression {
  if (expression.op === "leaf") return expression;
  if (expression.op === "member") return { ...expression, of: mirrored(expression.of) };
  if (expression.op === "not") return { op: "not", of: { op: "not", of: { op: "not", of: mirrored(expression.of) } } };
  const turned = expression.of.map(mirrored).toReversed();
  return { op: expression.op, of: [...turned, ...turned.slice(0, 1)] };
}

test("order, repetition and double negation never show", () => {
  fc.assert(
    fc.property(tree, (expression) => {
      expect(toForm(mirrored(expression))).toStrictEqual(toForm(expression));
    }),
  );
});
