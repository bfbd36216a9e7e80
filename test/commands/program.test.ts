/**
 * The command line's manners: exit codes, one clear line for each error with its remedy, results apart from remarks.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { call, run } from "./cli.ts";

const folder = mkdtempSync(join(tmpdir(), "sagewatch-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string, text?: string): string => {
  if (text !== undefined) writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("mistakes", () => {
  const none = join(folder, "none");
  const cases: readonly [name: string, args: readonly string[], stderr: string][] = [
    ["unknown command", ["replya"], "unknown command 'replya'; did you mean replay?\n  See `sagewatch --help`."],
    [
      "unknown option",
      ["replay", "--formt", "x", "y"],

      "unknown option '--formt'; did you mean --format?\n  See `sagewatch replay --help`.",
    ],
    ["missing argument", ["replay"], "missing required argument 'path'\n  See `sagewatch replay --help`."],
    ["no duration", ["replay", "--lateness", "soon", "x"], 'Write a duration such as "30m"'],
    ["no such format", ["alerts", "list", "--format", "csv"], "Allowed choices are table, ndjson, ocsf."],
    ["no time", ["alerts", "list", "--from", "yesterday"], "Write a time such as 2026-03-10T08:00:00Z"],
    ["no zone", ["alerts", "list", "--tz", "Mars"], "Write an IANA time zone"],
    ["no number", ["demo", "--records", "many"], "Write a whole number of 20000 or more"],
    ["files that are not there", ["replay", none], none],
    ["rules that are not there", ["rules", "check", none], `\`${none}\` does not exist`],
    ["a state that is no folder", ["alerts", "list", "--state", at("file", "x")], "file is no folder. Name the folder"],
    ["no state", ["alerts", "list", "--state", none], `There is no state file in ${none}`],
    [
      "a config that is not there",
      ["config", "print", "--config", none],

      `--config names ${none}, which does not exist`,
    ],
    ["nothing to replay", ["quarantine", "replay", "--state", none], "name the records, or give --all"],
    [
      "a simulated folder that is taken",
      ["simulate", "--out", folder, "--attacks", "nope"],

      'unknown attack "nope"',
    ],
    [
      "a daemon without input",
      ["run", "--config", at("empty.yml", "sinks: [{type: console}]")],

      "`sources` is empty, so there is nothing to read; types: file",
    ],
    [
      "a daemon without output",
      ["run", "--config", at("dumb.yml", "sources: [{type: file, paths: [x]}]")],

      "`sinks` is empty, so there is nowhere for alerts to go",
    ],
    [
      "a broken config",
      ["run", "--config", at("broken.yml", "soures: []")],

      "broken.yml:1:1: `soures`: unknown key; did you mean `sources`?",
    ],
  ];
  test.each(cases)("%s", async (_name, args, stderr) => {
    const ended = await call(...args);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(stderr) });
    expect(ended.stderr).toMatch(/^sagewatch: /);
    expect(ended.stderr).not.toMatch(/ {4}at |unexpected/);
  });

  test("what to do is told once, and the code never stands alone", async () => {
    const state = join(folder, "damaged");
    mkdirSync(state);
    writeFileSync(join(state, "store.db"), "this is no database, and long enough for a header".repeat(99));
    const { code, stderr } = await call("alerts", "list", "--state", state);
    expect(code).toBe(3);
    expect(stderr.match(/restore a backup/gi)).toHaveLength(1);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/docs\/runbook\.md\)\. \(store_corrupt\)$/);
  });

  test("a hostile argument cannot steer the terminal", async () => {
    const { stderr } = await call("replay\u001B[2J\u202E");
    expect(stderr).not.toMatch(/[\u001B\u202E]/);
  });
});

test.each(["--version", "-V"])("%s is the command version", async (option) => {
  expect(await call(option)).toEqual(await call("version"));
  expect((await call(option)).stdout).toMatch(/^sagewatch \d+\.\d+\.\d+ /);
});

describe("help", () => {
  test.each([
    [["--help"]],
    [["run", "--help"]],
    [["replay", "--help"]],
    [["quarantine", "replay", "--help"]],
    [["help", "demo"]],
  ])("%j goes to stdout and is no error", async (args) => {
    const { code, stdout, stderr } = await call(...args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^Usage: sagewatch /);
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  test.each([[[]], [["rules"]], [["alerts"]]])(
    "%j without its command shows help on stderr and is a mistake",
    async (args) => {
      const { code, stdout, stderr } = await call(...args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^Usage: sagewatch/);
    },
  );

  test("every command says what it does", async () => {
    const { stdout } = await call("--help");
    for (const line of stdout.slice(stdout.indexOf("Commands:")).split("\n").slice(1, 12))
      expect(line).toMatch(/^ {2}\w+.* {2,}\w/);
  });
});

describe("small commands", () => {
  test("init writes a configuration that is valid and complete, and replaces nothing unasked", async () => {
    const path = join(folder, "sagewatch.yml");
    expect(await call("init", path)).toMatchObject({ code: 0, stdout: "" });
    const before = readFileSync(path, "utf8");
    expect(await call("init", path)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is there already; --force replaces it"),
    });
    writeFileSync(path, "mine");
    expect(await call("init", path, "--force")).toMatchObject({ code: 0 });
    expect(readFileSync(path, "utf8")).toBe(before);
    const { code, stdout } = await call("config", "print", "--config", path);
    expect(code).toBe(0);
    expect(parse(stdout)).toMatchObject({
      sources: [{ type: "file", mode: "watch" }],
      sinks: [{ type: "console" }, { type: "file" }],
      log: { level: "info" },
    });
  });

  test("config print gives a file that loads again and prints the same", async () => {
    const first = await call(
      "config",
      "print",
      "--config",
      at("a.yml", "accounts: {'012345678901': {name: lab}}\nupdateEvery: 90s\n"),
    );
    const again = await call("config", "print", "--config", at("b.yml", first.stdout));
    expect(again.stdout.split("\n").slice(1)).toEqual(first.stdout.split("\n").slice(1));
  });

  test("version --json names engine, canonical form and schema", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
    const { code, stdout } = await run(["version", "--json"]);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { engine: version, canonicalForm: "v1", schema: 7, node: process.versions.node },
    ]);
  });

  test("rules check answers no with 1, as JSON for tools", async () => {
    const rule = at(
      "rule.yml",
      "title: A\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  a: {eventName|contians: X}\n  condition: a\n",
    );
    const { code, stdout } = await call("rules", "check", "--format", "json", rule);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ errors: [{ file: rule, line: 5 }], warnings: expect.any(Array) });
    expect(await call("rules", "check")).toMatchObject({ code: 0 });
  });

  test.each([
    ["a regular expression that the engine does not run", "eventName|re: (?=a)b"],
    ["a list that nobody defined", "eventName|expand: '%nobody%'"],
    ["a field that does not exist", "enrich.principal.idd: x"],
  ])("what run would refuse, rules check refuses too: %s", async (_name, condition) => {
    const rule = at(
      "refused.yml",
      `title: A\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  a: {${condition}}\n  condition: a\n`,
    );
    const checked = await call("rules", "check", rule);
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(/refused\.yml:\d+:\d+: error /)]);
    expect(await call("replay", "--rules", rule, folder)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("rules_rejected"),
    });
  });

  test("rules check knows the lists of the configuration", async () => {
    const rule = at(
      "listed.yml",
      "title: A\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  a: {eventName|expand: '%mine%'}\n  condition: a\n",
    );
    const config = at("lists.yml", "lists: {mine: {values: [StopLogging]}}");
    expect(await call("rules", "check", "--config", config, rule)).toMatchObject({ code: 0 });
  });

  test("rules test answers for the shipped rules", async () => {
    const { code, stdout } = await call("rules", "test");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/(\d+) cases, \1 passed, 0 failed\n$/)]);
  });

  test("rules list names every shipped rule", async () => {
    const { code, stdout } = await call("rules", "list", "--format", "ndjson");
    const ids = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id);
    expect(code).toBe(0);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(9);
  });
});

describe("the process", () => {
  test("exit codes and streams are those of the program", async () => {
    expect(await run(["bogus"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("unknown command"),
    });
    expect(await run(["--help"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("Object.prototype cannot be written to while a command runs", async () => {
    const probe = 'process.on("exit",()=>process._rawDebug("frozen",Object.isFrozen(Object.prototype)))';
    const { code, stderr } = await run(["rules", "list"], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(probe)}` },
    });
    expect([code, stderr]).toEqual([0, "frozen true\n"]);
  });

  test.each([
    ["lists: {constructor: {values: [x]}}", "1:9: `lists.constructor`: is a reserved word; choose another name"],
    ["accounts: {'111122223333': {__proto__: {name: y}}}", "1:29: `accounts.111122223333.__proto__`: unknown key"],
    ["toString: 1", "1:1: `toString`: unknown key"],
  ])("keys with names of Object.prototype are refused like others: %s", async (text, message) => {
    const { code, stderr } = await run(["config", "print", "--config", at("proto.yml", text)]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test.each([
    ["hunter2-very-secret", "a secret stands in plain text; put {env: NAME} or {file: PATH} there instead"],
    ["{env: NOT_SET}", "the variable NOT_SET is not set"],
  ])("what is wrong with a password is told whole, without the password: %s", async (password, message) => {
    const sink = `{type: kafka, brokers: ['b:9'], topic: t, tls: {}, sasl: {mechanism: plain, username: u, password: ${password}}}`;
    const { code, stdout, stderr } = await run(["run", "--config", at("secret.yml", `sinks: [${sink}]`)]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`\`sinks[0].sasl.password\`: ${message}`);
    expect(stderr).not.toContain("hunter2");
  });

  test("a command that delivers nothing does not ask for secrets", async () => {
    const sink = `{type: kafka, brokers: ['b:9'], topic: t, tls: {}, sasl: {mechanism: plain, username: u, password: {env: NOT_SET}}}`;
    const config = at("unread.yml", `sinks: [${sink}]\nstate: {dir: ${join(folder, "none")}}`);
    expect(await run(["replay", "--config", config, at("no-records.json", "")])).toMatchObject({ code: 0, stdout: "" });
    expect(await run(["rules", "list", "--config", config])).toMatchObject({ code: 0, stderr: "" });
    const { stderr } = await run(["alerts", "list", "--config", config]);
    expect(stderr).toContain("There is no state file");
  });

  test("a configuration is found in the folder, by the variable, by the option", async () => {
    at("sagewatch.yml", "log: {level: warn}");
    const other = at("other.yml", "log: {level: error}");
    expect((await run(["config", "print"], { cwd: folder })).stdout).toContain("level: warn");
    expect((await run(["config", "print"], { cwd: folder, env: { SAGEWATCH_CONFIG: other } })).stdout).toContain(
      "level: error",
    );
  });
});
