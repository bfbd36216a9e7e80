/**
 * `rules explain`: verdict and found value of each condition, the one that decided, exit codes, and both forms.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Verdict } from "../../../src/rules/explanation.ts";
import { call } from "../cli.ts";
import { deliver, record } from "../records.ts";

const folder = mkdtempSync(join(tmpdir(), "sagewatch-explain-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const HEAD =
  "title: T\nid: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\n";
const RULE = write(
  "rule.yml",
  `${HEAD}detection:
  call:
    eventSource: cloudtrail.amazonaws.com
    eventName: [StopLogging, DeleteTrail]
  own: {userIdentity.userName|startswith: admin-}
  condition: call and not own
`,
);

/** The lines of a rule's verdict on records, without the two lines that name rule and event. */
async function explain(rule: string, ...records: readonly Record<string, unknown>[]): Promise<string[]> {
  const { stdout } = await call("rules", "explain", rule, write("events.json", JSON.stringify({ Records: records })));
  return stdout.split("\n").slice(2, -2);
}

test("a match: every condition with what the event has, exit code 0", async () => {
  const events = write("one.json", JSON.stringify(record(1)));
  expect(await call("rules", "explain", RULE, events)).toStrictEqual({
    code: 0,
    stderr: "",
    stdout: `match: T (0e95725d-7320-415d-80f7-004da920fc11)
  cloudtrail:StopLogging at 2026-03-10T08:00:01Z, event 00000000-0000-4000-8000-000000000001, record 0 of ${events}
  matched  all of
  matched    eventSource: 'cloudtrail.amazonaws.com'  <-  "cloudtrail.amazonaws.com"
  matched    eventName: 'StopLogging' or 1 more  <-  "StopLogging"
  matched    not
  failed       userIdentity.userName|startswith: 'admin-'  <-  "mallory"

`,
  });
});

test("no match: the condition that decided comes first, exit code 1", async () => {
  const events = write("one.json", JSON.stringify(record(1, { eventName: "LookupEvents" })));
  const { code, stdout } = await call("rules", "explain", RULE, events);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^no match: T/);
  expect(stdout.split("\n")[2]).toBe(
    "  failed first: eventName: 'StopLogging' or eventName: 'DeleteTrail'  <-  \"LookupEvents\"",
  );
});

test.for([
  ["not", { userIdentity: { userName: "admin-1" } }, "  failed first: what follows `not` holds"],
  [
    "a field that is not there",
    { eventName: undefined },
    "  failed first: eventName: 'StopLogging' or eventName: 'DeleteTrail'  <-  no such field",
  ],
] as const)("the condition that decided: %s", async ([, change, line]) => {
  expect((await explain(RULE, record(1, change)))[0]).toBe(line);
});

test("values of arrays are told as the engine reads them, cut and safe to show", async () => {
  const rule = write(
    "array.yml",
    `${HEAD}detection:\n  sel: {requestParameters.tags.value|contains: gpu}\n  condition: sel\n`,
  );
  const tags = ["a\u001b[2J", "b\u202e", `c${"x".repeat(200)}`, "d", "e", "my-gpu"].map((value) => ({
    key: "k",
    value,
  }));
  const [line = ""] = await explain(rule, record(1, { requestParameters: { tags } }));
  expect(line).toBe(
    `  matched  requestParameters.tags.value|contains: 'gpu'  <-  "a\\u001b[2J", "b\\u{202e}", "c${"x".repeat(77)}…, "d", "e", 1 more`,
  );
});

test.for([
  ["f|endswith: x", "f|endswith: 'x'"],
  ["f: a*b?c", "f: 'a*b?c'"],
  ["f|contains|cased: it's", "f|contains|cased: 'it''s'"],
  ["f|re|i: a.+b", "f|re|i: 'a.+b'"],
  ["f|expand|contains: '%approved_regions%'", "f|expand|contains: '%approved_regions%'"],
  ["f|cidr: 10.0.0.0/8", "f|cidr: 10.0.0.0/8"],
  ["f|exists: true", "f|exists: true"],
  ["f: null", "f: null"],
  ["f|gte: 5", "f|gte: 5"],
  ["f: 5", "f: 5"],
  ["f|hour: 5", "f|hour: 5"],
  ["f|fieldref: g", "f|fieldref: g"],
])("%s is told as %s", async ([item, told]) => {
  const rule = write("item.yml", `${HEAD}detection:\n  sel:\n    ${item}\n  condition: sel\n`);
  const lines = await explain(rule, record(1));
  expect(lines.at(-1)).toContain(`${told}  <-  no such field`);
});

test("of a keyword the first texts that met it are told, each with its field, a long one around what met", async () => {
  const rule = write("keyword.yml", `${HEAD}detection:\n  sel: [p5.48, nothing]\n  condition: sel\n`);
  const requestParameters = {
    note: `${"x".repeat(5000)}p5.48${"y".repeat(5000)}`,
    types: ["g5.xlarge", "P5.48xlarge"],
    "a.b": { c: "p5.48\u001b[2J" },
    last: "p5.48",
  };
  const events = record(1, { requestParameters });
  const [any, met, failed] = await explain(rule, events);
  expect(any).toBe("  matched  any of: 1 of 2 holds, line 6");
  expect(met).toMatch(
    /^ {2}matched {4}\|contains: 'p5\.48' {2}<- {2}"x*p5\.48y*" in requestParameters\.note, "P5\.48xlarge" in requestParameters\.types, "p5\.48\\u001b\[2J" in requestParameters\.a\.b\.c$/,
  );
  expect(failed).toBe("  failed     |contains: 'nothing'");
  const { stdout } = await call("rules", "explain", rule, write("k.json", JSON.stringify(events)), "--format", "json");
  const { tree } = JSON.parse(stdout) as { tree: { of: { found: { field: string; values: string[] }[] }[] } };
  const [note, types] = tree.of[0]?.found ?? [];
  expect(note?.values[0]?.length).toBeLessThanOrEqual(200);
  expect(note?.values[0]).toContain("p5.48");
  expect(types).toStrictEqual({ field: "requestParameters.types", isThere: true, values: ["P5.48xlarge"] });
  expect(tree.of[1]?.found).toStrictEqual([]);
});

test("JSON: the whole tree with every value, one object for each event", async () => {
  const events = write(
    "two.ndjson",
    `${JSON.stringify(record(1))}\n${JSON.stringify(record(2, { eventName: "X" }))}\n`,
  );
  const { code, stdout } = await call("rules", "explain", RULE, events, "--format", "json");
  const [first, second] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown> & { tree: Verdict });
  expect(code).toBe(0);
  expect(first).toMatchObject({
    rule: { id: "0e95725d-7320-415d-80f7-004da920fc11" },
    matched: true,
    failedFirst: null,
    event: { id: "00000000-0000-4000-8000-000000000001", pointer: { path: events, index: 0 } },
  });
  expect(second).toMatchObject({
    matched: false,
    failedFirst: {
      op: "or",
      of: [
        { op: "leaf", field: "eventName", test: "eventName: 'StopLogging'", matched: false },
        { op: "leaf", test: "eventName: 'DeleteTrail'", found: [{ field: "eventName", isThere: true, values: ["X"] }] },
      ],
    },
  });
});

describe("choosing", () => {
  test("a shipped rule by its title, an event by its id in delivered files", async () => {
    const delivered = join(folder, "delivered");
    mkdirSync(delivered);
    deliver(delivered, "0805", [record(1), record(2), record(3, { eventName: "LookupEvents" })]);
    const by = async (id: string): Promise<number> =>
      (await call("rules", "explain", "CloudTrail switched off or narrowed", id, "--in", delivered)).code;
    expect(await by("00000000-0000-4000-8000-000000000002")).toBe(0);
    expect(await by("00000000-0000-4000-8000-000000000003")).toBe(1);
  });

  test("an event that is nowhere, a rule that does not exist, a file without a record", async () => {
    const none = await call("rules", "explain", RULE, "no-such-id", "--in", folder);
    expect([none.code, none.stderr]).toStrictEqual([2, expect.stringContaining("no event with the id no-such-id")]);
    const typo = await call("rules", "explain", "CloudTrail switched off or narowed", RULE);
    expect([typo.code, typo.stderr]).toStrictEqual([
      2,
      expect.stringContaining("did you mean CloudTrail switched off"),
    ]);
    const empty = await call("rules", "explain", RULE, write("empty.json", '{"Records":[]}'));
    expect([empty.code, empty.stderr]).toStrictEqual([2, expect.stringContaining("holds no record")]);
  });

  test("of many events the first are shown, all count for the exit code", async () => {
    const records = Array.from({ length: 12 }, (_, index) =>
      record(index, index === 11 ? {} : { eventName: "LookupEvents" }),
    );
    const events = write("many.json", JSON.stringify({ Records: records }));
    const { code, stdout, stderr } = await call("rules", "explain", RULE, events, "--limit", "2");
    expect(stdout.match(/^no match/gm)).toHaveLength(2);
    expect([code, stderr]).toStrictEqual([0, expect.stringContaining("10 more events")]);
  });

  test("a record that cannot be evaluated is told, the others are explained", async () => {
    const events = write(
      "bad.ndjson",
      `${JSON.stringify(record(1, { eventTime: "never" }))}\n${JSON.stringify(record(2))}\n`,
    );
    const { code, stderr } = await call("rules", "explain", RULE, events);
    expect([code, stderr]).toStrictEqual([0, expect.stringContaining("record 0 of")]);
    expect(stderr).toContain("no_event_time");
  });
});

test("a rule of another log source is never tried", async () => {
  const rule = write(
    "gd.yml",
    `${HEAD.replace("cloudtrail", "guardduty")}detection: {sel: {eventName: '*'}, condition: sel}\n`,
  );
  const { code, stdout } = await call("rules", "explain", rule, write("one.json", JSON.stringify(record(1))));
  expect(code).toBe(1);
  expect(stdout).toContain("the rule is for another log source");
});

/** The one line of the answer that begins like this. */
const lineOf = (stdout: string, begin: string): string | undefined =>
  stdout.split("\n").find((line) => line.trimStart().startsWith(begin));

describe("a correlation is explained by each step, with the group and value that the event adds", () => {
  const base = (name: string, event: string): string =>
    `title: ${name}\nname: ${name}\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection: {sel: {eventName: ${event}}, condition: sel}\n`;
  const events = write("step.json", JSON.stringify(record(1)));
  const correlated = (name: string, body: string): string =>
    write(
      `${name}.yml`,
      `${base("first", "StopLogging")}---\n${base("second", "DeleteTrail")}---\ntitle: Both\nlevel: high\ncorrelation:\n  timespan: 5m\n  ${body}\n`,
    );

  test("steps, with aliases", async () => {
    const rule = correlated(
      "temporal",
      "type: temporal\n  rules: [first, second]\n  group-by: [who]\n  aliases: {who: {first: userIdentity.arn, second: userIdentity.userName}}",
    );
    const { code, stdout } = await call("rules", "explain", rule, events);
    expect(code).toBe(0);
    expect(stdout.split("\n").filter((line) => /^\S/.test(line))).toStrictEqual([
      'match: first (first), step 1 of 2 of the correlation "Both" (temporal within 5 min)',
      'no match: second (second), step 2 of 2 of the correlation "Both" (temporal within 5 min)',
    ]);
    expect(stdout).toContain(
      '  feeds the group userIdentity.arn = "arn:aws:iam::111122223333:user/mallory"\n  matched  eventName',
    );
    expect(stdout).toContain("  feeds nothing: the rule did not match\n  failed first: eventName: 'DeleteTrail'");
    expect(stdout).toContain('reads userIdentity.userName: "mallory"');
  });

  test("a value that is counted", async () => {
    const rule = correlated(
      "count",
      "type: value_count\n  rules: first\n  group-by: [awsRegion, eventSource]\n  condition: {field: eventName, gte: 3}",
    );
    const { stdout } = await call("rules", "explain", rule, events);
    expect(lineOf(stdout, "feeds")).toBe(
      '  feeds the group awsRegion = "us-east-1", eventSource = "cloudtrail.amazonaws.com"',
    );
    expect(lineOf(stdout, "with")).toBe('  with the value "StopLogging"');
    const { stdout: lines } = await call("rules", "explain", rule, events, "--format", "json");
    expect(JSON.parse(lineOf(lines, '{"rule":{"id":"first"') ?? "")).toMatchObject({
      matched: true,
      rule: { id: "first", correlations: [{ title: "Both", type: "value_count", step: 1, steps: 1 }] },
      feeds: { counts: true, value: "StopLogging", groups: [[{ field: "awsRegion", value: "us-east-1" }, {}]] },
    });
  });

  test.each([
    ["group-by: [errorCode]\n  condition: {gte: 3}", "event_count", "errorCode"],
    ["condition: {field: additionalEventData.x, gte: 3}", "value_count", "additionalEventData.x"],
  ])("an event that matches and lacks what is read: %s", async (body, type, field) => {
    const rule = correlated("lacking", `type: ${type}\n  rules: first\n  ${body}`);
    const { code, stdout } = await call("rules", "explain", rule, events);
    expect([code, lineOf(stdout, "feeds")]).toStrictEqual([0, `  feeds nothing: the event has no value for ${field}`]);
  });

  test("one group of everything", async () => {
    const rule = correlated("global", "type: event_count\n  rules: first\n  condition: {gte: 3}");
    expect(lineOf((await call("rules", "explain", rule, events)).stdout, "feeds")).toBe(
      "  feeds the one group of everything",
    );
  });
});

test("of several conditions it is told which one is met", async () => {
  const rule = write(
    "conditions.yml",
    `${HEAD}detection:\n  a: {eventName: LookupEvents}\n  b: {eventName: StopLogging}\n  condition: [a, b and not a]\n`,
  );
  const lines = await explain(rule, record(1));
  expect(lines.slice(0, 2)).toStrictEqual(["  condition not met: a", "  condition met: b and not a"]);
});

test("members of an array: those that decide, with what each has", async () => {
  const rule = write(
    "members.yml",
    `sigma-version: 3\n${HEAD}detection:\n  sel:\n    requestParameters.tags[any]: {key: env, value|startswith: te}\n    requestParameters.ids[0]: a\n  condition: sel\n`,
  );
  const tags = [
    { key: "team", value: "te" },
    { key: "env", value: "test" },
  ];
  expect(await explain(rule, record(1, { requestParameters: { tags, ids: ["a"] } }))).toStrictEqual([
    "  matched  all of",
    "  matched    requestParameters.tags[any]:  <-  2 members",
    "  matched      member 1:",
    "  matched        all of",
    `  matched          key: 'env'  <-  "env"`,
    `  matched          value|startswith: 'te'  <-  "test"`,
    "  failed       member 0:",
    "  failed         all of",
    `  failed           key: 'env'  <-  "team"`,
    `  matched          value|startswith: 'te'  <-  "te"`,
    "  matched    requestParameters.ids[0]:  <-  there",
    "  matched      member 0:",
    `  matched        .: 'a'  <-  "a"`,
  ]);
  const [reason, , , array] = await explain(rule, record(1, { requestParameters: { ids: [] } }));
  expect([reason, array]).toStrictEqual([
    "  failed first: requestParameters.tags[any]:  <-  no such array",
    "  failed     requestParameters.ids[0]:  <-  no such member",
  ]);
});
