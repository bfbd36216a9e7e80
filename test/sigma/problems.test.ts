/**
 * Every kind of mistake in a rule file: its code, its exact place, in strict and in lenient mode.
 */
import { describe, expect, test } from "vitest";
import { PROBLEM_CODES } from "../../src/sigma/problems.ts";
import { HEAD, parse, places } from "./build.ts";

/** A rule whose detection `sel` has this line (9, from column 5). */
const item = (line: string): string => `${HEAD}detection:\n  sel:\n    ${line}\n  condition: sel\n`;
/** A rule with these lines before the log source. */
const head = (lines: string): string =>
  `${lines}logsource: {product: aws}\ndetection:\n  sel: {f: a}\n  condition: sel\n`;
const TITLE = "title: T\nlevel: low\n";
/** A rule in ECS names with this line in its detection (line 5, from column 19). */
const ecs = (line: string): string =>
  `${TITLE}taxonomy: ecs\nlogsource: {service: cloudtrail}\ndetection: {sel: {${line}}, condition: sel}\n`;
/** A rule of version 3 with this line in its detection (line 7, from column 5). */
const third = (line: string): string =>
  `sigma-version: 3\n${TITLE}logsource: {product: aws}\ndetection:\n  sel:\n    ${line}\n  condition: sel\n`;
/** A rule with this value of `x_engine` (line 12, from column 11). */
const engine = (value: string): string => `${item("f: a")}x_engine: ${value}\n`;

type Case = readonly [name: string, text: string, strict: string, lenient: string];
const same = (name: string, text: string, problem: string): Case => [name, text, problem, problem];
const lapse = (name: string, text: string, problem: string): Case => [
  name,
  text,
  `error ${problem}`,
  `warning ${problem}`,
];

const CASES: readonly Case[] = [
  same("empty file", "# nothing\n", "warning document_empty 1:1"),
  same("scalar document", "just text\n", "error document_kind 1:1"),
  same("list document", "- a\n- b\n", "error document_kind 1:1"),
  same("two kinds", `${HEAD}detection: {a: {f: b}, condition: a}\nfilter: {}\n`, "error document_kind 1:1"),
  same("behavior", `${TITLE}behavior: {type: rare}\n`, "error behavior_unsupported 3:11"),
  same("broken YAML", "title: [a\nb: c\n", "error yaml_syntax 2:1"),
  same("tab", "title: a\n\tb: c\n", "error yaml_syntax 2:1"),
  same(
    "duplicate key",
    item("f: a").replace("level: low\n", "level: low\nlevel: low\n"),
    "error yaml_duplicate_key 5:1",
  ),
  same(
    "duplicate key beside another mistake",
    item("f: a\n    f: b\n    g|contians: c"),
    "error yaml_duplicate_key 11:5, error modifier_unknown 12:7",
  ),
  same("duplicate number key", item("1: a\n    '1': b"), "error yaml_duplicate_key 11:5"),
  same("map as key", item("{a: b}: c"), "error yaml_key 10:5"),
  same("merge key", `${TITLE}x: &a {b: c}\ny: {<<: *a}\n`, "error yaml_key 4:5"),
  same("custom tag", item("f: !ruby/object a"), "error yaml_tag 10:21"),
  same("unknown alias", item("f: *nowhere"), "error yaml_alias 10:8"),
  same("alias into itself", item("f: &a [*a]"), "error yaml_alias 10:12"),
  same("unknown action", `action: globl\n${TITLE}`, "error action_unknown 1:9"),
  same("no title", head("id: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: low\n"), "error key_missing 1:1"),
  same("empty title", head("title: ''\nlevel: low\n"), "error value_type 1:8"),
  same("no detection", `${TITLE}logsource: {product: aws}\n`, "error key_missing 1:1"),
  same("no log source", `${TITLE}detection: {a: {f: b}, condition: a}\n`, "error key_missing 1:1"),
  same("no condition", `${HEAD}detection:\n  sel: {f: a}\n`, "error key_missing 9:3"),
  same("condition is a map", `${HEAD}detection:\n  sel: {f: a}\n  condition: {a: b}\n`, "error value_type 10:14"),
  same("no level", item("f: a").replace("level: low\n", ""), "warning level_missing 1:1"),
  same(
    "custom log source",
    item("f: a").replace("service: cloudtrail", "servise: cloudtrail"),
    "error logsource_custom 7:3",
  ),
  lapse(
    "log source field of one's own",
    item("f: a").replace("service: cloudtrail", "tenant: blue"),
    "logsource_custom 7:3",
  ),
  lapse("author is a list", head(`${TITLE}author: [a]\n`), "value_type 3:9"),
  lapse("related is a text", head(`${TITLE}related: abc\n`), "value_type 3:10"),
  lapse("related in an unknown way", head(`${TITLE}related: [{id: a, type: like}]\n`), "value_unknown 3:25"),
  lapse(
    "empty log source",
    `${TITLE}logsource: {definition: x}\ndetection: {a: {f: b}, condition: a}\n`,
    "logsource_empty 3:12",
  ),
  lapse("long title", head(`title: ${"x".repeat(257)}\nlevel: low\n`), "title_length 1:8"),
  lapse("bad id", head(`id: abc\n${TITLE}`), "id_format 1:5"),
  lapse("bad status", head(`status: tested\n${TITLE}`), "value_unknown 1:9"),
  lapse("bad level", head("title: T\nlevel: hihg\n"), "value_unknown 2:8"),
  lapse("bad tag", head(`${TITLE}tags:\n  - attack.t1078\n  - Attack T1\n`), "tag_format 5:5"),
  lapse("bad date", head(`${TITLE}date: 2026/01/31\n`), "date_format 3:7"),
  lapse("references are maps", head(`${TITLE}references: [{a: b}]\n`), "value_type 3:13"),
  same("retired", head(`status: deprecated\n${TITLE}`), "warning status_retired 1:9"),
  same("later version", head(`sigma-version: 4\n${TITLE}`), "error version_unsupported 1:16"),
  same("version that is no number", head(`sigma-version: 3x\n${TITLE}`), "error version_unsupported 1:16"),
  same("foreign taxonomy", head(`taxonomy: cim\n${TITLE}`), "error taxonomy_unknown 1:11"),
  same("unknown field of a taxonomy", ecs("event.acton: a"), "error taxonomy_field 5:19"),
  same("field that records have otherwise", ecs("cloud.provider: aws"), "error taxonomy_field 5:19"),
  same("outcome that cannot be told", ecs("event.outcome: unknown"), "error taxonomy_field 5:34"),
  same("outcome by part of a text", ecs("event.outcome|contains: fail"), "error taxonomy_field 5:43"),
  same("fieldref to a name of several fields", ecs("user.id|fieldref: user.name"), "error taxonomy_field 5:37"),
  same(
    "taxonomy without a map for the log source",
    ecs("event.action: a").replace("cloudtrail", "guardduty"),
    "error taxonomy_unknown 3:11",
  ),
  same("empty detection", `${HEAD}detection:\n  sel: {}\n  condition: sel\n`, "error detection_empty 9:8"),
  same("null detection", `${HEAD}detection:\n  sel:\n  condition: sel\n`, "error detection_empty 9:7"),
  same(
    "unused detection",
    `${HEAD}detection:\n  sel: {f: a}\n  other: {f: b}\n  condition: sel\n`,
    "warning detection_unused 10:3",
  ),
  same("empty list", item("f: []"), "error detection_empty 10:8"),
  same("map value", item("f: {g: a}"), "error detection_map_value 10:8"),
  same(
    "array selector without version",
    item("f[any]: {g: a}"),
    "warning version_selector 10:5, error detection_map_value 10:13",
  ),
  same("array selector without version, on a value", item("f[0]: a"), "warning version_selector 10:5"),
  same("no array selector", third("f[some]: a"), "error array_selector 7:6"),
  same("bracket that is not closed", third("f[any: a"), "error array_selector 7:6"),
  same("bracket that is not opened", third("f]: a"), "error array_selector 7:6"),
  same("selector without a dot behind", third("f[0]g: a"), "error array_selector 7:9"),
  same("selector without a field", third("'[any]': {g: a}"), "error array_selector 7:6"),
  same("member outside of an array", third("'.': a"), "error array_selector 7:6"),
  same("map below a selected path", third("f[any].g: {h: a}"), "error detection_map_value 7:15"),
  same("modifier on what members must meet", third("f[any]|contains: {g: a}"), "error modifier_chain 7:5"),
  same("members that must meet nothing", third("f[any]: {}"), "error detection_empty 7:13"),
  same("two lines over one array", third("f[any].g: a\n    f[any].h: b"), "warning array_scopes 8:5"),
  same(
    "condition of members that names nothing",
    third("f[any]: {a: {g: x}, condition: b}"),
    "error condition_unknown 7:36",
  ),
  same(
    "detection of members that is unused",
    third("f[any]: {a: {g: x}, b: {g: z}, condition: a}"),
    "warning detection_unused 7:25",
  ),
  same("list in list", item("f: [a, [b]]"), "error detection_value 10:12"),
  same("infinite number", item("f: .inf"), "error detection_value 10:8"),
  lapse("null in list", item("f: [a, null]"), "detection_null_in_list 10:12"),
  same("null keyword", `${HEAD}detection:\n  sel: [a, null]\n  condition: sel\n`, "error keyword_value 9:12"),
  same("cidr without field", item("'|cidr': 10.0.0.0/8"), "error keyword_value 10:5"),
  same("YAML 1.1 boolean", item("f: NO"), "warning yaml_version 10:8"),
  same("YAML 1.1 octal", item("f: 0755"), "warning yaml_version 10:8"),
  same("YAML 1.1 base 60", item("f: 12:30:45"), "warning yaml_version 10:8"),
  same("YAML 1.1 leading zero", item("f: [08, 7]"), "warning yaml_version 10:9"),
  same("YAML 1.1 date", item("f: [a, 2026-01-31]"), "warning yaml_version 10:12"),
  same("case of a field", item("useridentity.type: Root"), "warning field_case 10:5"),
  same("unknown modifier", item("f|contians: a"), "error modifier_unknown 10:7"),
  same(
    "two unknown modifiers",
    item("f|contains|foo|bar: a"),
    "error modifier_unknown 10:16, error modifier_unknown 10:20",
  ),
  same("quoted key", item("'f|contians': a"), "error modifier_unknown 10:8"),
  lapse("number under contains", item("f|contains: 5"), "modifier_value 10:17"),
  same("null under contains", item("f|contains: null"), "error modifier_value 10:17"),
  lapse("text under exists", item("f|exists: 'true'"), "modifier_value 10:15"),
  same("word under exists", item("f|exists: maybe"), "error modifier_value 10:15"),
  lapse("digits as text under gt", item("f|gt: '5'"), "modifier_value 10:11"),
  same("text under gt", item("f|gt: abc"), "error modifier_value 10:11"),
  same("hour 24", item("f|hour: 24"), "error modifier_value 10:13"),
  same("hour below 24", item("f|hour|lt: 24"), "warning modifier_value 10:16"),
  same("fieldref without name", item("f|fieldref: 5"), "error modifier_value 10:17"),
  lapse("all with one value", item("f|all: a"), "modifier_all_single 10:5"),
  same("wildcard in base64", item("f|base64: a*b"), "error encoding_wildcard 10:15"),
  same("nothing in base64", item("f|base64: ''"), "error encoding_wildcard 10:15"),
  same("one byte at three alignments", item("f|base64offset|contains: x"), "error modifier_value 10:30"),
  same("utf16 alone", item("f|wide: a"), "warning encoding_alone 10:13"),
  same("base64offset alone", item("f|base64offset: abc"), "warning encoding_alone 10:21"),
  same("bad regex", item("f|re: 'a('"), "error regex_invalid 10:11"),
  same("placeholder in a class", item("f|re|expand: '[%known%]'"), "error modifier_value 10:18"),
  same("placeholder in quoted text", item(String.raw`f|re|expand: '\Qa%known%\E'`), "error modifier_value 10:18"),
  same("unknown list in an expression", item("f|re|expand: 'a%nowhere%'"), "error expand_list_unknown 10:18"),
  same("bad expression around a placeholder", item("f|re|expand: '(%known%'"), "error regex_invalid 10:18"),
  same("expression without a placeholder", item("f|re|expand: abc"), "warning expand_no_placeholder 10:18"),
  same("look-ahead", item("f|re: 'a(?=b)'"), "error regex_unsupported 10:11"),
  same("look-behind", item("f|re: '(?<!a)b'"), "error regex_unsupported 10:11"),
  same("back-reference", item(String.raw`f|re: '(a)\1'`), "error regex_unsupported 10:11"),
  same("possessive", item("f|re: 'a++'"), "error regex_unsupported 10:11"),
  same("long regex", item(`f|re: '${"a".repeat(4097)}'`), "error regex_too_long 10:11"),
  same("no network", item("f|cidr: 10.0.0.300/8"), "error cidr_invalid 10:13"),
  same("leading zero", item("f|cidr: 010.0.0.0/8"), "error cidr_invalid 10:13"),
  lapse("host bits", item("f|cidr: 10.0.0.1/8"), "cidr_host_bits 10:13"),
  same("unknown list", item("f|expand: '%nowhere%'"), "error expand_list_unknown 10:15"),
  same("no placeholder", item("f|expand: abc"), "warning expand_no_placeholder 10:15"),
  same(
    "timeframe",
    `${HEAD}detection:\n  sel: {f: a}\n  timeframe: 5m\n  condition: sel\n`,
    "error condition_aggregation 10:3",
  ),
  same("unknown engine key", engine("{supress: 1h}"), "error key_unknown 12:12"),
  same("engine duration", engine("{suppress: 1 hour}"), "error timespan_format 12:22"),
  same("engine is text", engine("fast"), "error value_type 12:11"),
  same("unsafe regex", engine("{unsafe_regex: true}"), "error engine_option 12:26"),
  same("bucket on a detection", engine("{bucket: 1h}"), "error engine_option 12:11"),
  same("group-by without suppress", engine("{group-by: [a]}"), "error engine_option 12:11"),
  same("zero duration", engine("{suppress: 0s}"), "error timespan_format 12:22"),
  same("months", engine("{suppress: 1M}"), "warning timespan_unit 12:22"),
];

describe("mistakes", () => {
  test.for(CASES)("%s", ([, text, strict, lenient]) => {
    const lists = new Set(["known"]);
    expect(places(parse(text, { lists }).problems).join(", ")).toBe(strict);
    expect(places(parse(text, { lists, mode: "lenient" }).problems).join(", ")).toBe(lenient);
  });

  test("an error leaves the rule out, a warning does not", () => {
    for (const [name, text, strict] of CASES) {
      const { ruleSet } = parse(text, { lists: new Set(["known"]) });
      const isOut = strict.includes("error") || strict.includes("retired") || strict.includes("empty 1:1");
      expect([name, ruleSet.detections.length]).toStrictEqual([name, isOut ? 0 : 1]);
    }
  });
});

test("a level that does not exist is told with what a lenient rule gets instead, and strict loads none", () => {
  const text = head("title: T\nlevel: hihg\n");
  const lenient = parse(text, { mode: "lenient" });
  expect(lenient.problems[0]!.message).toBe("level `hihg` does not exist; did you mean `high`; medium is used");
  expect(lenient.ruleSet.detections[0]!.level).toBe("medium");
  expect(parse(text).problems[0]!.message).toBe("level `hihg` does not exist; did you mean `high`");
});

test("all mistakes of a file are told at once, in order of place", () => {
  const text = `${HEAD.replace("low", "hihg")}detection:\n  sel:\n    f|contians: x\n    g: []\n  condition: slt\n`;
  expect(places(parse(text).problems)).toStrictEqual([
    "error value_unknown 4:8",
    "error modifier_unknown 10:7",
    "error detection_empty 11:8",
    "error condition_unknown 12:14",
  ]);
});

test("a finding names value, remedy and the nearest known name", () => {
  expect(parse(item("f|contians: a")).problems[0]).toMatchObject({
    file: "rule.yml",
    message: "unknown modifier `contians`; did you mean `contains`",
    value: "contians",
    remedy: expect.stringContaining("startswith") as unknown,
  });
  expect(parse(`${HEAD}detecton: {}\n`).problems[0]?.message).toContain(
    "did you mean `detection` where `detecton` stands",
  );
});

test("long offending values are cut", () => {
  expect(parse(item(`f|cidr: ${"x".repeat(5000)}`)).problems[0]?.value).toHaveLength(201);
});

test("an alias that blows up is refused, a plain alias is followed", () => {
  const laughs = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [from, to] of ["ab", "bc", "cd", "de", "ef", "fg", "gh"].map((pair) => pair.split("")))
    laughs.push(`${to}: &${to} [${Array.from({ length: 10 }, () => `*${from}`).join(", ")}]`);
  expect(places(parse(`${HEAD}x:\n  ${laughs.join("\n  ")}\n`).problems)[0]).toMatch(/^error yaml_alias/);
  const { ruleSet } = parse(`${HEAD}detection:\n  a: {f: &names [x, y]}\n  b: {g: *names}\n  condition: a or b\n`);
  expect(ruleSet.detections).toHaveLength(1);
});

test("deep nesting is refused", () => {
  for (const depth of [70, 5000, 60_000]) {
    const codes = parse(`${HEAD}x: ${"[".repeat(depth)}${"]".repeat(depth)}\n`).problems.map(({ code }) => code);
    expect(codes).toStrictEqual(["yaml_too_deep"]);
  }
});

test("each code has a sentence", () => {
  for (const meaning of Object.values(PROBLEM_CODES)) expect(meaning).toMatch(/^[A-Z].*\.$/);
});
