/**
 * Sets of documents: heads, filters, old actions, duplicates, modes by path.
 */
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/lib/canonical.ts";
import { toForm } from "../../src/sigma/canonical.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { correlationDocument, detectionDocument, HEAD, named, parse, places } from "./build.ts";

const docs = (...documents: string[]): string => documents.join("---\n");
const formOf = (text: string, name: string): string => {
  const rule = named(parse(text, { mode: "lenient" }), name);
  return rule.type === "detection" ? canonicalJson(toForm(rule.expression)) : "";
};
const is = (value: string): unknown => ["is", "eventName", ["text", value]];

test("the head of a rule is kept", () => {
  const text = `${HEAD}name: n\ndescription: |\n  What it does.\ntags: [attack.t1078, atlas.aml.t0040]\nfalsepositives: Drills\nreferences: [https://example.com]\nauthor: Me\nour_own_key: {x: 1}\ndetection: {sel: {f: a}, condition: sel}\n`;
  expect(parse(text)).toMatchObject({
    problems: [],
    ruleSet: {
      detections: [
        {
          place: { file: "rule.yml", line: 1, column: 1 },
          id: "0e95725d-7320-415d-80f7-004da920fc11",
          name: "n",
          title: "A rule",
          level: "low",
          status: "test",
          description: "What it does.\n",
          tags: ["attack.t1078", "atlas.aml.t0040"],
          falsePositives: ["Drills"],
          references: ["https://example.com"],
          logsource: { category: null, product: "aws", service: "cloudtrail" },
          engine: { suppressMs: null, groupBy: [], bucketMs: null },
          alerts: true,
        },
      ],
    },
  });
});

test("a rule without id goes by its name, without name by its title", () => {
  const ids = (text: string): string[] => parse(text).ruleSet.detections.map(({ id }) => id);
  expect(ids(detectionDocument("aa"))).toStrictEqual(["aa"]);
  expect(ids(detectionDocument("aa").replace("name: aa\n", ""))).toStrictEqual(["title:T aa"]);
});

test("options of the engine", () => {
  const text = `${HEAD}detection: {sel: {f: a}, condition: sel}\nx_engine: {suppress: 1h, group-by: [userIdentity.arn]}\n`;
  expect(parse(text).ruleSet.detections[0]?.engine).toStrictEqual({
    suppressMs: 3_600_000,
    groupBy: ["userIdentity.arn"],
    bucketMs: null,
  });
});

describe("filters", () => {
  const filter = (rules: string, condition: string, logsource = "{product: aws}"): string =>
    `title: F\nlogsource: ${logsource}\nfilter:\n  rules: ${rules}\n  selection: {eventName: drill}\n  _own: {eventName: x}\n  condition: ${condition}\n`;

  test("are joined on by and, to each rule they mean, wherever they stand", () => {
    const text = docs(filter("[aa]", "not selection"), detectionDocument("aa"), detectionDocument("bb"));
    expect(formOf(text, "aa")).toBe(canonicalJson(["and", is("aa"), ["not", is("drill")]]));
    expect(formOf(text, "bb")).toBe(canonicalJson(is("bb")));
    expect(parse(text).problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
  });

  test.for(["any", "[]", "[any]"])("rules: %s means every rule of the log source", (rules) => {
    const other = detectionDocument("bb").replace("product: aws", "product: windows");
    const text = docs(filter(rules, "not selection"), detectionDocument("aa"), other);
    expect(formOf(text, "aa")).toContain("drill");
    expect(formOf(text, "bb")).not.toContain("drill");
  });

  test("selectors reach the filter's own detections only", () => {
    const rule = detectionDocument("aa").replace(
      "sel: {eventName: aa}",
      "sel: {eventName: aa}\n  selection_rule: {eventName: zz}",
    );
    expect(formOf(docs(filter("[aa]", "not 1 of sel*"), rule), "aa")).toBe(
      canonicalJson(["and", is("aa"), ["not", is("drill")]]),
    );
  });

  test("a bare positive selection is pySigma's meaning, with a warning", () => {
    const text = docs(filter("[aa]", "selection"), detectionDocument("aa"));
    expect(formOf(text, "aa")).toBe(canonicalJson(["and", is("aa"), is("drill")]));
    expect(places(parse(text).problems)).toContain("warning filter_positive 7:14");
  });

  test.for<[string, string, string]>([
    ["[ab]", "{product: aws}", "error filter_rule_unknown 4:11"],
    ["[cc]", "{product: aws}", "error filter_correlation 4:11"],
    ["[aa]", "{product: aws, category: x}", "error filter_logsource 4:11"],
  ])("rules: %s with %s is %s", ([rules, logsource, expected]) => {
    const count = correlationDocument("cc", "type: event_count, rules: [bb], timespan: 1h, condition: {gte: 5}");
    const text = docs(
      filter(rules, "not selection", logsource),
      detectionDocument("aa"),
      detectionDocument("bb"),
      count,
    );
    expect(places(parse(text).problems).filter((place) => place.startsWith("error"))).toStrictEqual([expected]);
  });
});

describe("action", () => {
  test("global overrides the documents behind it, reset ends it, repeat builds on the one before", () => {
    const text = docs(
      "action: global\nlevel: high\nlogsource: {product: aws}\ndetection: {shared: {eventName: s}}\n",
      "title: A\nname: one\nlevel: low\ndetection: {own: {eventName: o}, condition: own and shared}\n",
      "action: repeat\nname: two\ntitle: B\ndetection: {own: {eventName: p}}\n",
      "action: reset\n",
      detectionDocument("aa"),
    );
    const parsed = parse(text);
    expect(named(parsed, "one").level).toBe("high");
    expect(formOf(text, "one")).toBe(canonicalJson(["and", is("o"), is("s")]));
    expect(formOf(text, "two")).toBe(canonicalJson(["and", is("p"), is("s")]));
    expect(named(parsed, "aa").level).toBe("low");
    expect(places(parsed.problems)).toStrictEqual(["warning action_conflict 8:1"]);
  });
});

describe("sets", () => {
  const file = (path: string, text: string): { path: string; text: string } => ({ path, text });

  test("an id or name that is taken is an error at the second document", () => {
    const { problems, ruleSet } = parseRuleFiles(
      [file("a.yml", detectionDocument("aa")), file("b.yml", docs(detectionDocument("bb"), detectionDocument("aa")))],
      { mode: "strict" },
    );
    expect(problems).toMatchObject([
      { code: "duplicate_id", file: "b.yml", line: 9, message: expect.stringContaining("a.yml:1") as unknown },
    ]);
    expect(ruleSet.detections.map(({ name }) => name)).toStrictEqual(["aa", "bb"]);
  });

  test("the mode may depend on the path", () => {
    const bad = `id: x\n${detectionDocument("aa")}`;
    const { problems } = parseRuleFiles(
      [file("ours/a.yml", bad), file("theirs/b.yml", bad.replaceAll("aa", "bb").replace("id: x", "id: y"))],
      {
        mode: (path) => (path.startsWith("ours/") ? "strict" : "lenient"),
      },
    );
    expect(problems.map(({ file: path, severity }) => `${path} ${severity}`)).toStrictEqual([
      "ours/a.yml error",
      "theirs/b.yml warning",
    ]);
  });

  test("a document in which a key stands twice is left out, of whatever kind, and its rules stay silent", () => {
    const twice = "level: low\nlevel: low\n";
    const count = correlationDocument("cc", "type: event_count, rules: [bb], timespan: 1h, condition: {gte: 5}");
    const filter = `title: F\n${twice}logsource: {product: aws}\nfilter: {rules: any, s: {eventName: x}, condition: not s}\n`;
    const text = docs(
      detectionDocument("aa").replace("level: low\n", twice),
      detectionDocument("bb"),
      count.replace("level: high\n", twice),
      filter,
    );
    const { ruleSet, problems } = parse(text);
    expect(problems.filter(({ code }) => code === "yaml_duplicate_key")).toHaveLength(3);
    expect(ruleSet).toMatchObject({ detections: [{ name: "bb", alerts: false }], correlations: [] });
    expect(formOf(text, "bb")).toBe(canonicalJson(is("bb")));
  });

  test("retired rules load on request", () => {
    const text = `status: deprecated\n${detectionDocument("aa")}`;
    expect(parse(text).ruleSet.detections).toHaveLength(0);
    expect(parse(text, { retired: true }).ruleSet.detections).toHaveLength(1);
  });

  test("placeholders are checked when lists are given", () => {
    const text = detectionDocument("aa").replace("eventName: aa", "eventName|expand: 'a%names%'");
    expect(parse(text).problems).toStrictEqual([]);
    expect(parse(text, { lists: new Set(["names"]) }).problems).toStrictEqual([]);
    expect(parse(text, { lists: new Set(["mames"]) }).problems[0]?.message).toContain("did you mean `mames`");
  });
});
