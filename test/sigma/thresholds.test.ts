/**
 * Named numbers of rules: which places they may stand for, what another number changes, and that it changes no key.
 */
import { describe, expect, test } from "vitest";
import { parseRuleFiles, type ParsedRules } from "../../src/sigma/rule-set.ts";

const detection = (engine: string, leaf = "cpu|gte: 8"): string =>
  `title: Big\nid: 22222222-2222-4222-8222-222222222222\nname: big\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  large:\n    enrich.gpu.count|gt: 0\n    requestParameters.${leaf}\n  condition: large\n${engine}`;
const correlation = (engine: string, condition = "gte: 3", type = "event_count"): string =>
  `title: Many\nname: many\nlevel: high\ncorrelation:\n  type: ${type}\n  rules: [big]\n  group-by: [userIdentity.arn]\n  timespan: 1h\n  condition: {${condition}}\n${engine}`;

function read(texts: readonly string[], thresholds: Readonly<Record<string, number>> = {}): ParsedRules {
  const text = texts.join("\n---\n");
  return parseRuleFiles([{ path: "r.yml", text }], {
    mode: "lenient",
    thresholds: new Map(Object.entries(thresholds)),
  });
}

const bothNamed = [
  detection("x_engine: {threshold: {big_cpu: 8}}\n"),
  correlation("x_engine: {threshold: many_big}\n"),
];

describe("another number", () => {
  test("takes the place of the one that is named, and of no other", () => {
    const { ruleSet, problems } = read(bothNamed, { big_cpu: 32, many_big: 7, other: 1 });
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(ruleSet.correlations[0]).toMatchObject({
      bounds: [{ operator: "gte", value: 7 }],
      engine: { thresholds: [{ name: "many_big", written: 3, value: 7 }] },
    });
    const numbers = JSON.stringify(ruleSet.detections[0]?.expression).match(/"value":\d+/g);
    expect(numbers).toEqual(['"value":0', '"value":32']);
  });

  test("leaves state key, rule_sem and bucket as they are: windows and ids stay", () => {
    const keysOf = ({ ruleSet }: ParsedRules): unknown =>
      [...ruleSet.detections, ...ruleSet.correlations].map(({ id, stateKey, ruleSem }) => [id, stateKey, ruleSem]);
    const plain = read([detection(""), correlation("")]);
    expect(keysOf(read(bothNamed))).toEqual(keysOf(plain));
    expect(keysOf(read(bothNamed, { big_cpu: 32, many_big: 7 }))).toEqual(keysOf(plain));
  });

  test("without one, the rule's own holds", () => {
    expect(read(bothNamed).ruleSet.correlations[0]?.bounds).toEqual([{ operator: "gte", value: 3 }]);
  });

  test("two names may change places", () => {
    const text = correlation("x_engine: {threshold: {least: 3, most: 9}}\n", "gte: 3, lte: 9");
    const { ruleSet } = read([detection(""), text], { least: 9, most: 3 });
    expect(ruleSet.correlations[0]?.bounds).toEqual([
      { operator: "gte", value: 9 },
      { operator: "lte", value: 3 },
    ]);
  });

  test.each([0, 2.5, -1])("a count cannot be %d", (value) => {
    const { problems } = read(bothNamed, { many_big: value });
    expect(problems.find(({ code }) => code === "threshold_value")).toMatchObject({
      severity: "error",
      value: String(value),
    });
  });

  test("a sum may be any number", () => {
    const sum = correlation("x_engine: {threshold: spend}\n", "field: enrich.gpu.count, gte: 3", "value_sum");
    expect(read([detection(""), sum], { spend: 2.5 }).ruleSet.correlations[0]?.bounds[0]?.value).toBe(2.5);
  });
});

describe("refused", () => {
  const many = (engine: string): readonly string[] => [
    detection(""),
    correlation(`x_engine: {threshold: ${engine}}\n`),
  ];
  test.each<[string, readonly string[], string]>([
    ["a number that the rule does not have", many("{many: 4}"), "`many` stands for 4; the rule compares with 3"],
    [
      "one name for several numbers",
      [detection("x_engine: {threshold: big}\n")],
      "`big` must stand for one number; the rule compares with 0 and 8",
    ],
    ["two names for one number", many("{one: 3, two: 3}"), "`two` stands for a number that has a name already"],
    [
      "a rule without a number",
      [
        detection("", "cpu: x"),
        correlation("x_engine: {threshold: none}\n", "gte: 3")
          .replace("  condition: {gte: 3}\n", "")
          .replace("event_count", "temporal"),
      ],
      "`none` must stand for one number; the rule compares with no number",
    ],
    ["a name with capitals", many("Many"), "the name of a threshold is of lower-case letters"],
    [
      "a text in place of the number",
      many('{many: "3"}'),
      "`x_engine.threshold.many` must be the number that it stands for",
    ],
    ["a list", many("[many]"), "`x_engine.threshold` must be a name, or a map"],
    [
      "one name with two defaults",
      [detection("x_engine: {threshold: {n: 8}}\n"), correlation("x_engine: {threshold: n}\n")],
      "the threshold `n` is 3 here and 8 in another rule",
    ],
    [
      "a filter, whose numbers belong to many rules",
      [
        detection(""),
        "title: F\nlogsource: {product: aws, service: cloudtrail}\nfilter:\n  rules: [big]\n  small: {requestParameters.n|lt: 4}\n  condition: not small\nx_engine: {threshold: small}\n",
      ],
      "`small` must stand for one number; the rule compares with no number",
    ],
  ])("%s", (_what, texts, message) => {
    const errors = read(texts).problems.filter(({ severity }) => severity === "error");
    expect(errors.map((problem) => problem.message).join("\n")).toContain(message);
  });
});
