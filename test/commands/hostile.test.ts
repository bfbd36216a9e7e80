/**
 * What a stranger wrote, through every command that shows it: nothing is evaluated, nothing moves a terminal, no line is
 * forged, no inherited name is found, no secret is told, and nothing is asked of the network.
 *
 * Each payload stands in the user agent, the resource, the session, a group and a key of a record that fires; beside it in a
 * record that cannot be evaluated, in the names of cases and in the titles of rules.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderStory } from "../../src/encode/story.ts";
import type { Alert } from "../../src/model/alert.ts";
import { parseXml } from "../support/xml.ts";
import { call, parseLines, run } from "./cli.ts";
import { ESCAPES, FORGED, NAMES, TEMPLATES } from "./payloads.ts";

const ALL = [...TEMPLATES, ...ESCAPES, ...FORGED, ...NAMES];
const SECRET = "hunter2-planted-secret";
const RULE = `title: Made
id: 11111111-1111-4111-8111-111111111111
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventSource: x.amazonaws.com, eventName: Make}, ok: {errorCode: null}, condition: call and ok}
level: high
---
title: Made twice
id: 22222222-2222-4222-8222-222222222222
correlation: {type: event_count, rules: [made], group-by: [userAgent], timespan: 1h, condition: {gte: 2}}
level: high
---
title: Made, counted
id: 33333333-3333-4333-8333-333333333333
name: made
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: Make}, condition: call}
level: low
---
title: Inherited
id: 44444444-4444-4444-8444-444444444444
logsource: {product: aws, service: cloudtrail}
detection: {any: [{constructor|exists: true}, {toString|exists: true}, {requestParameters.valueOf|exists: true}, {__proto__|exists: true}], condition: any}
level: high
`;

function record(payload: string, index: number): Record<string, unknown> {
  return {
    eventVersion: "1.11",
    eventTime: new Date(Date.UTC(2026, 2, 10, 8, 0, index)).toISOString().replace(".000Z", "Z"),
    eventID: `e${index}`,
    eventSource: "x.amazonaws.com",
    eventName: "Make",
    awsRegion: "us-east-1",
    sourceIPAddress: "198.51.100.7",
    userAgent: payload,
    userIdentity: {
      type: "AssumedRole",
      arn: `arn:aws:sts::111122223333:assumed-role/Ops/${payload}`,
      accountId: "111122223333",
      sessionContext: { sessionIssuer: { type: "Role", arn: "arn:aws:iam::111122223333:role/Ops" } },
    },
    requestParameters: JSON.parse(`{"name":${JSON.stringify(payload)},${JSON.stringify(payload)}:{"polluted":true}}`),
    recipientAccountId: "111122223333",
  };
}

/** Notes in a file what a process asks of the network, or starts. */
const WATCH = `import { subscribe } from "node:diagnostics_channel";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const note = (what) => appendFileSync(process.env.REACHED, what + "\\n");
subscribe("net.client.socket", () => note("socket"));
subscribe("child_process", () => note("process"));
for (const name of ["lookup", "resolve", "resolve4"]) {
  const real = dns[name];
  dns[name] = (...args) => { note("dns " + args[0]); return real(...args); };
}
syncBuiltinESMExports();
`;

let folder = "";
let config: string[] = [];
let log = "";
const reached: string[] = [];
const onSocket = (): void => void reached.push("socket");
const { lookup } = dns;

beforeAll(async () => {
  subscribe("net.client.socket", onSocket);
  const watched = ((...args: unknown[]) => {
    reached.push(`dns ${String(args[0])}`);
    return (lookup as (...rest: unknown[]) => unknown)(...args);
  }) as typeof dns.lookup;
  dns.lookup = watched;
  syncBuiltinESMExports();
  folder = mkdtempSync(join(tmpdir(), "sagewatch-hostile-"));
  mkdirSync(join(folder, "in"));
  mkdirSync(join(folder, "rules"));
  writeFileSync(join(folder, "rules/made.yml"), RULE);
  writeFileSync(
    join(folder, "good.ndjson"),
    ALL.map((text, index) => `${JSON.stringify(record(text, index))}\n`).join(""),
  );
  // Each payload again in a record that is no JSON, and one that is of no kind.
  const bad = ALL.map(
    (text) => `{"eventName":"${text.replace(/[\n\r]/g, " ")}",}\n${JSON.stringify({ unknown: text })}\n`,
  );
  writeFileSync(
    join(folder, "in/all.ndjson"),
    [...ALL.map((text, index) => `${JSON.stringify(record(text, index))}\n`), ...bad].join(""),
  );
  process.env["HOSTILE_TEST_SECRET"] = SECRET;
  writeFileSync(
    join(folder, "sagewatch.yml"),
    `state: {dir: ${folder}/state}
rules: {paths: [${folder}/rules]}
log: {level: trace}
sources: [{type: file, name: trail, paths: [${folder}/in], mode: once}]
sinks: [{type: file, name: out, path: ${folder}/out.ndjson}]
`,
  );
  config = ["--config", join(folder, "sagewatch.yml")];
  const watch = join(folder, "watch.mjs");
  writeFileSync(watch, WATCH);
  const env = { NODE_OPTIONS: `--import ${watch}`, REACHED: join(folder, "reached"), HOSTILE_TEST_SECRET: SECRET };
  const ended = await run(["run", ...config], { env });
  log = ended.code === 0 ? ended.stderr : "";
}, 60_000);
afterAll(() => {
  unsubscribe("net.client.socket", onSocket);
  dns.lookup = lookup;
  syncBuiltinESMExports();
  delete process.env["HOSTILE_TEST_SECRET"];
  rmSync(folder, { recursive: true, force: true });
});

/** No byte below U+0020 but the line feed, no other control, nothing hidden or turned round; and not the secret. */
function expectClean(text: string): void {
  expect(text).not.toBe("");
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u);
  expect(text).not.toContain(SECRET);
}

describe(`${ALL.length} payloads`, () => {
  test("are as many as are said, each once", () => {
    expect(TEMPLATES.length).toBeGreaterThanOrEqual(500);
    expect(new Set(ALL).size).toBe(ALL.length);
  });

  test("make an alert each, and the log of the daemon has one line a happening", () => {
    expectClean(log);
    const lines = parseLines(log);
    const written = lines.filter(({ signal }) => signal === "alert_written");
    expect(written.filter(({ ruleId }) => String(ruleId).startsWith("1111"))).toHaveLength(ALL.length);
    expect(
      lines.filter((line) => "forged" in line || line["msg"] === "forged" || line["alertId"] === "forged"),
    ).toEqual([]);
  });

  test("alerts list: a line or a few each as a table, byte for byte the same as JSON", async () => {
    const { stdout } = await call("alerts", "list", ...config, "--limit", "9999", "--json");
    expectClean(stdout);
    const alerts = parseLines(stdout).filter(({ ruleId }) => String(ruleId).startsWith("1111"));
    const agents = new Set(alerts.map(({ evidence }) => (evidence as { userAgent: string }[])[0]?.userAgent));
    const short = ALL.filter((text) => Buffer.byteLength(text) < 80);
    expect(short.length).toBeGreaterThan(ALL.length * 0.95);
    expect(short.filter((text) => !agents.has(text))).toEqual([]);
    for (const format of ["table", "ocsf"])
      expectClean((await call("alerts", "list", ...config, "--limit", "9999", "--format", format)).stdout);
  });

  test("alerts show: as a story, as JSON", async () => {
    const alerts = parseLines((await call("alerts", "list", ...config, "--limit", "9999", "--json")).stdout);
    for (const [index, alert] of alerts.entries()) {
      const id = String(alert["id"]);
      // The story of all; the command itself, with the records and the rule, of every eighth.
      expectClean(
        renderStory(
          alert as unknown as Alert,
          { who: [["session", (alert["evidence"] as { userAgent: string }[]).map(({ userAgent }) => userAgent)]] },
          { width: 80 },
        ),
      );
      if (index % 8 !== 0) continue;
      expectClean((await call("alerts", "show", ...config, id)).stdout);
      expectClean((await call("alerts", "show", ...config, id, "--json")).stdout);
    }
  }, 120_000);

  test("rules explain, replay and its near misses", async () => {
    const records = join(folder, "good.ndjson");
    const rules = ["--rules", join(folder, "rules")];
    for (const format of ["text", "json"])
      expectClean(
        (await call("rules", "explain", "Made twice", records, ...rules, "--limit", "9999", "--format", format)).stdout,
      );
    expectClean((await call("replay", records, ...rules)).stdout);
    expectClean((await call("replay", records, ...rules, "--near-misses", "1000")).stdout);
    const json = (await call("replay", records, ...rules, "--near-misses", "1000", "--json")).stdout;
    expectClean(json);
    const groups = parseLines(json).filter(({ type }) => type === "group");
    const values = new Set(groups.map(({ group }) => (group as Record<string, string>)["userAgent"]));
    expect(ALL.filter((text) => !values.has(text))).toEqual([]);
  });

  test("quarantine list and show", async () => {
    const { stdout } = await call("quarantine", "list", ...config, "--limit", "9999", "--format", "ndjson");
    expectClean(stdout);
    const rows = parseLines(stdout);
    expect(rows.length).toBeGreaterThanOrEqual(ALL.length * 2);
    expectClean((await call("quarantine", "list", ...config, "--limit", "9999")).stdout);
    for (const { id } of rows) expectClean((await call("quarantine", "show", ...config, String(id))).stdout);
  }, 60_000);

  test("rules test and its JUnit, rules list and coverage", async () => {
    const own = join(folder, "own");
    mkdirSync(own);
    const documents = ALL.map(
      (text, index) =>
        `title: ${JSON.stringify(text.slice(0, 60))}\nid: ${`${index}`.padStart(8, "0")}-1111-4111-8111-111111111111\ntags: [attack.t1485]\nlogsource: {product: aws, service: cloudtrail}\ndetection: {call: {eventName: ${JSON.stringify(text)}}, condition: call}\nlevel: low\n`,
    );
    const parts = Map.groupBy(documents, (_, index) => Math.floor(index / 100));
    for (const [part, of] of parts) writeFileSync(join(own, `part-${part}.yml`), of.join("---\n"));
    const cases = ALL.map((name, index) => ({
      name,
      kind: "fires",
      events: [record(name, index)],
      expect: [{ ruleId: name, alerts: 1 }],
    }));
    writeFileSync(join(own, "part-0.cases.json"), JSON.stringify({ cases }));
    expectClean((await call("rules", "test", own)).stdout);
    const junit = (await call("rules", "test", own, "--junit", "-")).stdout;
    expectClean(junit);
    expect(parseXml(junit)[0]?.children.flatMap(({ children }) => children)).toHaveLength(ALL.length);
    expectClean((await call("rules", "coverage", own)).stdout);
    expectClean((await call("rules", "coverage", own, "--format", "json")).stdout);
    expectClean((await call("rules", "check", own)).stdout);
    writeFileSync(join(folder, "own.yml"), `rules: {paths: [${own}]}\n`);
    expectClean((await call("rules", "list", "--config", join(folder, "own.yml"))).stdout);
  }, 60_000);

  test("of inherited names none is found, and no prototype was written to", async () => {
    const { stdout } = await call(
      "rules",
      "explain",
      "Inherited",
      join(folder, "good.ndjson"),
      "--rules",
      join(folder, "rules"),
      "--limit",
      "1",
    );
    expect(stdout).toMatch(/^no match/);
    expect(stdout.match(/no such field/g)?.length).toBeGreaterThanOrEqual(4);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("nothing was asked of the network", () => {
    expect(reached).toEqual([]);
    expect(existsSync(join(folder, "reached"))).toBe(false);
  });
});
