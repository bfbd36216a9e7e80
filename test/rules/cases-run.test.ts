/**
 * `rules test` as its user sees it: a passing case, each way to fail with what was expected, what came out and why, both
 * formats, and files that cannot be run.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runRulesTest } from "../../src/commands/rules/test.ts";
import { parseXml } from "../support/xml.ts";

const COUNT = "11111111-1111-4111-8111-111111111111";
const CALL = "22222222-2222-4222-8222-222222222222";
const RULE = `title: Many calls
id: ${COUNT}
correlation: {type: event_count, rules: [call], group-by: [enrich.principal.id], timespan: 1h, condition: {gte: 3}}
level: high
---
title: A call
id: ${CALL}
name: call
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: Make}, ok: {errorCode: null}, condition: call and ok}
level: low
`;
const SINGLE = `title: Outside the network, closed
id: ${CALL}
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: Make}, inside: {sourceIPAddress|expand: '%office%'}, open: {enrich.calendar.business.open: true}, condition: call and not (inside or open)}
level: low
`;
const record = {
  eventTime: "2026-03-10T08:00:00Z",
  eventID: "6f1c0a52-8d0e-4b7e-9c3a-0d9f5e2b7a11",
  eventSource: "sagemaker.amazonaws.com",
  eventName: "Make",
  userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/kim" },
  sourceIPAddress: "198.51.100.7",
  recipientAccountId: "111122223333",
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Cases = readonly Record<string, unknown>[];

/** Writes a rule and its cases, runs them and gives the output. */
async function run(
  rule: string,
  cases: Cases | null,
  format: "text" | "junit" = "text",
): ReturnType<typeof runRulesTest> {
  writeFileSync(join(folder, "many.yml"), rule);
  if (cases !== null) writeFileSync(join(folder, "many.cases.json"), JSON.stringify({ cases }));
  return runRulesTest({ paths: [folder], format });
}

const three = [record, { base: 0, at: "+1m" }, { base: 0, at: "+2m" }];
const fires = { name: "three", kind: "fires", events: three, expect: [{ ruleId: COUNT, alerts: 1, eventCount: 3 }] };

test("cases that pass say their number and nothing else", async () => {
  const near = { name: "two", kind: "near-miss", events: three.slice(0, 2), expect: [{ ruleId: COUNT, alerts: 0 }] };
  expect(await run(RULE, [fires, near])).toEqual({ exitCode: 0, stdout: "2 cases, 2 passed, 0 failed\n" });
});

test("events in any order, and events sent twice, make the same alert", async () => {
  const events = [
    record,
    { base: 0, at: "+2m" },
    { base: 0, at: "-1m" },
    { base: 0, set: { eventID: record.eventID } },
  ];
  expect((await run(RULE, [{ ...fires, events }])).exitCode).toBe(0);
});

describe("a case that fails says what was expected, what came out, and why", () => {
  const failing: [string, Record<string, unknown>, string[]][] = [
    [
      "an alert that is missing",
      { events: [...three.slice(0, 2), { ...record, eventID: "x", errorCode: "AccessDenied" }] },
      [
        `Many calls (${COUNT}): expected 1 alert of 3 events, got 0 alerts of 0 events`,
        'events 0, 1 met "A call"',
        "in 1 group; it asks for event_count gte 3 within 1h",
      ],
    ],
    [
      "an alert too many",
      { kind: "near-miss", expect: [{ ruleId: COUNT, alerts: 0 }] },
      ["expected 0 alerts, got 1 alert", "alert at 2026-03-10T08:02:00Z: 3 Make in 2 min, limit 3 in 1 h"],
    ],
    [
      "a wrong number of events",
      { expect: [{ ruleId: COUNT, alerts: 1, eventCount: 4 }] },
      ["got 1 alert of 3 events"],
    ],
    [
      "an event that could not be evaluated",
      { events: [...three.slice(0, 2), { ...record, eventTime: "yesterday" }] },
      ["event 2 was not evaluated: no_event_time"],
    ],
    [
      "an event that lacks what the rule groups by",
      { events: [...three.slice(0, 2), { ...record, eventID: "x", userIdentity: null, recipientAccountId: "1" }] },
      ["events 0, 1, 2 met", "in 2 groups"],
    ],
    [
      "a rule that is not there",
      { expect: [{ ruleId: "elsewhere", alerts: 1 }] },
      ["no rule of these files has the id elsewhere"],
    ],
    ["an event that cannot be made", { events: [record, { base: 7 }] }, ["events[1].base: 7 is not the index"]],
    [
      "a configuration that is wrong",
      { config: { lists: { office: { type: "cdr", values: [] } } } },
      ["the case's configuration cannot be used", "config.lists.office.type"],
    ],
  ];
  test.each(failing)("%s", async (_what, change, parts) => {
    const { exitCode, stdout } = await run(RULE, [{ ...fires, ...change }]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^FAIL .*many\.cases\.json: three \(/);
    for (const part of parts) expect(stdout).toContain(part);
    expect(stdout).toMatch(/\n1 cases, 0 passed, 1 failed\n$/);
  });

  test("another rule of the same file must be silent without being named", async () => {
    const other = RULE.replaceAll("1111", "3333")
      .replace("Many calls", "Other calls")
      .replace(/---[^]*$/, "");
    const { exitCode, stdout } = await run(`${RULE}---\n${other}`, [fires]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("Other calls (33333333-3333-4111-8111-333333333333): expected 0 alerts, got 1 alert");
  });
});

test("lists, calendars and accounts of a case's configuration hold for that case alone", async () => {
  const config = {
    lists: { office: { type: "cidr", values: ["203.0.113.0/24"] } },
    accounts: { "111122223333": { calendar: "tokyo" } },
    calendars: { tokyo: { zone: "Asia/Tokyo", open: [{ days: ["tue"], from: "09:00", to: "17:00" }] } },
  };
  const expectNone = [{ ruleId: CALL, alerts: 0 }];
  const inside = { ...record, sourceIPAddress: "203.0.113.9" };
  const ruleWithList = SINGLE.replace("%office%", "%private_networks%");
  const cases = [
    { name: "open", kind: "legitimate", events: [record], expect: expectNone },
    { name: "closed in Tokyo", kind: "fires", config, events: [record], expect: [{ ruleId: CALL, alerts: 1 }] },
    {
      name: "open in Tokyo",
      kind: "near-miss",
      config,
      events: [{ ...record, eventTime: "2026-03-10T00:30:00Z" }],
      expect: expectNone,
    },
    {
      name: "inside",
      kind: "legitimate",
      config: { ...config, lists: { private_networks: config.lists.office } },
      events: [inside],
      expect: expectNone,
    },
  ];
  expect((await run(ruleWithList, cases)).stdout).toBe("4 cases, 4 passed, 0 failed\n");
});

describe("what cannot be run is an answer of no, not a crash", () => {
  test("a rule with an error", async () => {
    const { exitCode, stdout } = await run(RULE.replace("type: event_count", "type: event_cuont"), [fires]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^ERROR rules\n.*\n.*many\.yml:3:\d+: .*event_cuont/);
    expect(stdout).toMatch(/\n0 cases, 0 passed, 0 failed\n$/);
  });

  test("a case file of the wrong form, beside a good one that runs", async () => {
    writeFileSync(join(folder, "broken.cases.json"), '{"cases": [{"name": "x"}]}');
    const { exitCode, stdout } = await run(RULE, [fires]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/ERROR .*broken\.cases\.json\n {2}cases\[0\]\.kind: /);
    expect(stdout).toMatch(/\n1 cases, 1 passed, 0 failed\n$/);
  });

  test("a path that does not exist is a usage error", async () => {
    await expect(runRulesTest({ paths: [join(folder, "none")], format: "text" })).rejects.toMatchObject({
      code: "not_found",
    });
    writeFileSync(join(folder, "alone.cases.json"), "{}");
    await expect(runRulesTest({ paths: [join(folder, "alone.cases.json")], format: "text" })).rejects.toThrow(
      /no rule file beside/,
    );
  });
});

test("a rule without cases is noted and does not fail", async () => {
  const { exitCode, stdout } = await run(RULE, null);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^NOTE .*many\.yml has no cases beside it\n0 cases, 0 passed, 0 failed\n$/);
});

test("a rule file, or its case file, may be named alone", async () => {
  await run(RULE, [fires]);
  for (const name of ["many.yml", "many.cases.json"]) {
    const { stdout } = await runRulesTest({ paths: [join(folder, name)], format: "text" });
    expect(stdout).toBe("1 cases, 1 passed, 0 failed\n");
  }
});

test("JUnit holds each case with its verdict, and nothing that a parser would take as markup", async () => {
  const hostile = 'a "<&>" \u0000\u001b[31m\u202e]]>';
  const failing = { ...fires, name: hostile, expect: [{ ruleId: COUNT, alerts: 2 }] };
  writeFileSync(join(folder, "broken.cases.json"), "[]");
  const { exitCode, stdout } = await run(RULE, [fires, failing], "junit");
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="rules test" tests="3" failures="1" errors="1" time="\d+\.\d{3}">/,
  );
  expect(stdout).toMatch(/<testcase classname="[^"]*many\.cases\.json" name="three \(fires\)" time="\d+\.\d{3}"\/>/);
  expect(stdout).toContain('name="a &quot;&lt;&amp;&gt;&quot; \\u{0}\\u{1b}[31m\\u{202e}]]&gt; (fires)"');
  expect(stdout).toContain("expected 2 alerts, got 1 alert");
  expect(stdout).toMatch(/broken\.cases\.json.*<error type="unreadable" message="[^"]+"\/>/);
  const [suites] = parseXml(stdout);
  const tests = suites?.children.flatMap(({ children }) => children) ?? [];
  expect(suites?.children.map(({ name, attributes }) => [name, attributes["tests"], attributes["failures"]])).toEqual([
    ["testsuite", "2", "1"],
    ["testsuite", "1", "0"],
  ]);
  expect(tests.map(({ name, children }) => [name, ...children.map((child) => child.name)])).toEqual([
    ["testcase"],
    ["testcase", "failure"],
    ["testcase", "error"],
  ]);
  expect(tests[1]?.attributes["name"]).toBe('a "<&>" \\u{0}\\u{1b}[31m\\u{202e}]]> (fires)');
});

test("hostile names and values never reach a terminal raw", async () => {
  const { stdout } = await run(RULE, [
    { ...fires, name: "x\u001b]0;own\u0007\u202e", expect: [{ ruleId: "\u001b[2J", alerts: 1 }] },
  ]);
  expect(stdout).toContain("x\\u{1b}]0;own\\u{7}\\u{202e}");
  // oxlint-disable-next-line no-control-regex
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});
