/**
 * `rules check` as a person and as a machine read it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runRulesCheck } from "../../../src/commands/rules/check.ts";
import { detectionDocument } from "../../sigma/build.ts";
import { hasCorpus, unpackCorpus } from "../../sigma/corpus.ts";
import { call } from "../cli.ts";

let root = "";
let file = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sagewatch-check-"));
  file = join(root, "rule.yml");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const check = (text: string, format: "text" | "json" = "text"): ReturnType<typeof runRulesCheck> => {
  writeFileSync(file, text);
  return runRulesCheck({ paths: [root], format, mode: "strict" });
};

test("a good set", () => {
  expect(check(`${detectionDocument("aa")}---\n${detectionDocument("bb")}`)).toStrictEqual({
    exitCode: 0,
    stdout: "0 errors in 2 rules\n",
  });
});

test("an error stands under its line", () => {
  const { exitCode, stdout } = check(detectionDocument("aa").replace("eventName", "eventName|contians"));
  const lines = stdout.split("\n");
  expect(exitCode).toBe(1);
  expect(lines.slice(0, 3)).toStrictEqual([
    `${file}:6:19: error modifier_unknown: unknown modifier \`contians\`; did you mean \`contains\``,
    "  6 |   sel: {eventName|contians: aa}",
    "                        ^",
  ]);
  expect(lines[2]?.indexOf("^")).toBe(lines[1]?.indexOf("contians"));
  expect(lines.at(-2)).toBe("1 error in 0 rules that could be read");
});

test("a slip in the name of an AWS operation is told with its place and the right name", () => {
  const detection = detectionDocument("aa").replace(
    "{eventName: aa}",
    "{eventSource: sagemaker.amazonaws.com, eventName: CreateEndpiont}",
  );
  expect(check(detection)).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining(
      "6:58: error api_event_unknown: no such operation in sagemaker: CreateEndpiont; did you mean CreateEndpoint\n",
    ) as unknown,
  });
});

/** Exit code and errors of `rules check` over one file, as "line:column code value". */
async function told(text: string): Promise<readonly [number, readonly string[]]> {
  writeFileSync(file, text);
  const { code, stdout } = await call("rules", "check", "--format", "json", root);
  const { errors } = JSON.parse(stdout) as { errors: { line: number; column: number; code: string; value: string }[] };
  return [code, errors.map((found) => `${found.line}:${found.column} ${found.code} ${found.value}`)];
}

test("what lists and fields say is told with everything else, each at its own place", async () => {
  const text = `title: T
name: tt
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  a:
    enrich.denid: true
    eventName|contians: x
    sourceIPAddress|contains|expand: '%private_networks%'
    userAgent|expand: '%nowhere%'
    eventSource|fieldref: enrich.principal.ide
  condition: b
---
title: U
name: uu
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  a: {eventName: StopLogging}
  condition: a
x_engine: {suppress: 1h, group-by: [awsRegion, enrich.principle.id]}
---
title: V
name: vv
level: low
correlation:
  type: event_count
  rules: [uu]
  group-by: [enrich.principal.id, enrich.principal.nam]
  timespan: 1h
  condition: {gte: 5}
`;
  expect(await told(text)).toStrictEqual([
    1,
    [
      "7:5 field_unknown enrich.denid",
      "8:15 modifier_unknown contians",
      "9:38 expand_list_type %private_networks%",
      "10:23 expand_list_unknown %nowhere%",
      "11:27 field_unknown enrich.principal.ide",
      "12:14 condition_unknown b",
      "21:48 field_unknown enrich.principle.id",
      "28:11 correlation_rule_failed uu",
      "29:35 field_unknown enrich.principal.nam",
    ],
  ]);
});

test.for([
  ["an operator that is none", "type: value_count", "gteee: 3", "key_unknown gteee"],
  ["a type that is none", "type: value_cuont", "gte: 3", "correlation_type value_cuont"],
  ["a bound that is none", "type: value_count", "gte: many", "correlation_condition many"],
])("a correlation's fields are checked beside %s", async ([, type, bound, other]) => {
  const correlation = `title: c
correlation: {${type}, rules: [aa], timespan: 1h, group-by: [enrich.principal.ids], condition: {field: enrich.gpu.coun, ${bound}}}
`;
  const [code, errors] = await told(`${detectionDocument("aa")}---\n${correlation}`);
  expect(code).toBe(1);
  expect(new Set(errors.map((line) => line.replace(/^\S+ /, "")))).toStrictEqual(
    new Set(["field_unknown enrich.principal.ids", "field_unknown enrich.gpu.coun", other]),
  );
});

test("fields to group by are checked beside every other error of the document and of those it refers to", async () => {
  const text = `${detectionDocument("aa").replace("eventName", "eventName|contians")}x_engine: {supress: 1h, group-by: [enrich.principle.id]}
---
title: c
level: low
correlation: {type: event_count, rules: [nope, aa], timespan: 1h30m, group-by: [enrich.principal.ids], condition: {gtee: 3}}
`;
  expect(await told(text)).toStrictEqual([
    1,
    [
      "6:19 modifier_unknown contians",
      "8:12 key_unknown supress",
      "8:36 field_unknown enrich.principle.id",
      "12:42 correlation_rule_unknown nope",
      "12:48 correlation_rule_failed aa",
      "12:63 timespan_format 1h30m",
      "12:81 field_unknown enrich.principal.ids",
      "12:116 key_unknown gtee",
    ],
  ]);
});

test("a slip in a correlation's field of CloudTrail is told although a rule of it has errors and another is not there", () => {
  const correlation =
    "title: c\ncorrelation: {type: event_count, rules: [nope, aa], timespan: 1h, group-by: [userIdentity.arnn], condition: {gte: 3}}\n";
  const { stdout } = check(
    `${detectionDocument("aa").replace("eventName", "eventName|contians")}---\n${correlation}`,
    "json",
  );
  expect(stdout).toContain("CloudTrail records have no field userIdentity.arnn; did you mean userIdentity.arn");
});

test("a folder without rules is told: it may be the wrong one", () => {
  expect(runRulesCheck({ paths: [root], format: "text", mode: "strict" })).toStrictEqual({
    exitCode: 0,
    stdout: `${root}:1:1: warning document_empty: the folder holds no rule file\n  name a folder with *.yml or *.yaml files in it, or put rules there\n\n0 errors, 1 warning in 0 rules\n`,
  });
});

test("warnings alone pass", () => {
  const { exitCode, stdout } = check(detectionDocument("aa").replace("{eventName: aa}", "{eventName: NO}"));
  expect(exitCode).toBe(0);
  expect(stdout).toContain("warning yaml_version");
  expect(stdout.endsWith("0 errors, 1 warning in 1 rule\n")).toBe(true);
});

test.for([
  ["08", "the number 8", "the text 08"],
  ["056392974792", "the number 56392974792", "the text 056392974792"],
  ["1e3", "the number 1000", "the text 1e3"],
  ["1.5e3", "the number 1500", "the text 1.5e3"],
  ["0o10", "the number 8", "the text 0o10"],
  ["0755", "the number 755", "the number 493"],
  ["-0x1F", "the text -0x1F", "the number -31"],
  ["0b11", "the text 0b11", "the number 3"],
  ["1_0.5", "the text 1_0.5", "the number 10.5"],
  ["1_000", "the text 1_000", "the number 1000"],
  ["12:30:45", "the text 12:30:45", "the number 45045"],
  ["-.5", "the number -0.5", "the text -.5"],
  ["NO", "the text NO", "the boolean false"],
  ["2026-01-31", "the text 2026-01-31", "a date"],
] as const)("a value that YAML 1.1 reads otherwise is told with both readings: %s", ([source, here, there]) => {
  expect(check(detectionDocument("aa").replace("{eventName: aa}", `{eventName: ${source}}`)).stdout).toContain(
    `warning yaml_version: \`${source}\` is ${here} here and ${there} in tools that read YAML 1.1\n`,
  );
});

test.for([
  "0",
  "-1",
  "+12",
  "0x1F",
  "1.5",
  "1.5e+3",
  ".5",
  "0.0",
  "010.5",
  ".inf",
  "0:30",
  "1:60",
  "1.2.3",
  "_1",
  "0o8",
])("a value that both read alike is not told: %s", (source) => {
  expect(check(detectionDocument("aa").replace("{eventName: aa}", `{eventName: ${source}}`)).stdout).not.toContain(
    "yaml_version",
  );
});

test("JSON holds errors and warnings with all their parts", () => {
  const { exitCode, stdout } = check(
    detectionDocument("aa").replace("{eventName: aa}", "{f: NO, g|contians: a}"),
    "json",
  );
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toStrictEqual({
    errors: [
      {
        file,
        line: 6,
        column: 18,
        code: "modifier_unknown",
        message: "unknown modifier `contians`; did you mean `contains`",
        value: "contians",
        remedy: expect.any(String) as unknown,
      },
    ],
    warnings: [
      {
        file,
        line: 6,
        column: 9,
        code: "api_field_unknown",
        message: "CloudTrail records have no field f",
        value: "f",
        remedy: expect.any(String) as unknown,
      },
      {
        file,
        line: 6,
        column: 12,
        code: "yaml_version",
        message: expect.any(String) as unknown,
        value: "NO",
        remedy: "quote it",
      },
      {
        file,
        line: 6,
        column: 16,
        code: "api_field_unknown",
        message: "CloudTrail records have no field g",
        value: "g",
        remedy: expect.any(String) as unknown,
      },
    ],
  });
});

test("what a rule's author wrote cannot move the terminal's cursor, and far columns stay in sight", () => {
  const { stdout } = check(
    detectionDocument("aa").replace("{eventName: aa}", `{f: "${"x".repeat(500)}\u202e", "g|\u001b[2Jfoo": 1}`),
  );
  expect(Array.from(stdout).filter((char) => char < " " && char !== "\n")).toStrictEqual([]);
  expect(stdout).not.toContain("\u202e");
  expect(
    Math.max(
      ...stdout
        .split("\n")
        .filter((line) => line.includes(" | "))
        .map((line) => line.length),
    ),
  ).toBeLessThan(250);
});

test.skipIf(!hasCorpus)("the public rules are read from disk, all of them (needs ../shared/data/sigmahq)", async () => {
  unpackCorpus("rules", root);
  const { code, stdout } = await call("rules", "check", root);
  expect(stdout).toMatch(/^0 errors, \d+ warnings in 3141 rules$/m);
  expect(code).toBe(0);
});
