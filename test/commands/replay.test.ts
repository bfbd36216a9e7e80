/**
 * `sagewatch replay` as a real process over real files: what goes to stdout, what to stderr, which rules, odd records.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseLines, run, start } from "./cli.ts";
import { deliver, record } from "./records.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-replay-"));
const input = join(root, "input");
afterAll(() => rmSync(root, { recursive: true }));

beforeAll(() => {
  mkdirSync(input);
  deliver(input, "0805", [record(1), record(2, { eventName: "DescribeTrails", readOnly: true })]);
  deliver(input, "0810", [record(301), "[1,2]", record(1), record(302, { eventTime: "soon" })]);
});

describe("replay", () => {
  test("prints alerts alone to stdout, ordered, and the whole account to stderr", async () => {
    const { code, stdout, stderr } = await run(["replay", "--format", "ndjson", input], { cwd: root });
    expect(code).toBe(0);
    const alerts = parseLines(stdout);
    expect(alerts.map(({ lastEventTime }) => lastEventTime)).toEqual(["2026-03-10T08:00:01Z", "2026-03-10T08:05:01Z"]);
    expect(stderr).toMatch(/read 6 = evaluated 4 \+ quarantined 2 \(.*no_event_time 1.*\) \+ skipped 0/);
    expect(stderr).toMatch(/late 0/);
    expect(stderr).toMatch(/records\/s/);
    expect(stderr).toMatch(/2 {2}CloudTrail switched off/);
  });

  test("the table is for people, ocsf for SIEMs", async () => {
    const table = await run(["replay", input], { cwd: root });
    expect(table.stdout.split("\n")[0]).toMatch(/^TIME +SEVERITY +TITLE/);
    const narrow = await run(["replay", input], { cwd: root, env: { COLUMNS: "70" } });
    expect(Math.max(...table.stdout.split("\n").map(({ length }) => length))).toBeGreaterThan(70);
    expect(Math.max(...narrow.stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(70);
    const ocsf = parseLines((await run(["replay", "--format", "ocsf", input], { cwd: root })).stdout);
    expect(ocsf).toMatchObject([
      { class_uid: 2004, activity_id: 1 },
      { class_uid: 2004, activity_id: 1 },
    ]);
  });

  test("--rules takes the place of the shipped rules", async () => {
    const rule = join(root, "own.yml");
    writeFileSync(
      rule,
      "title: Anybody looked\nid: 22222222-2222-4222-8222-222222222222\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  look: {eventName: DescribeTrails}\n  condition: look\n",
    );
    const { code, stdout } = await run(["replay", "--rules", rule, "--format", "ndjson", input], { cwd: root });
    expect([code, parseLines(stdout).map(({ ruleName }) => ruleName)]).toEqual([0, ["Anybody looked"]]);
  });

  test("rules that are no rules are refused: no alerts would look like peace", async () => {
    const empty = join(root, "no-rules");
    mkdirSync(empty);
    expect(await run(["replay", "--rules", empty, input], { cwd: root })).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(`there is no rule in \`${empty}\``),
    });
  });

  test("records with keys of Object.prototype are records like others", async () => {
    const hostile = join(root, "hostile");
    mkdirSync(hostile);
    const keys =
      '"__proto__":{"eventName":"x","polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":[],"valueOf":{}';
    const texts = [record(1), record(2, { eventName: "Other" })].map((item) => {
      const text = JSON.stringify({
        ...item,
        requestParameters: "HERE",
        userIdentity: { type: "IAMUser", accountId: "111122223333" },
      });
      return `${text.slice(0, -1).replace('"HERE"', `{${keys}}`)},${keys}}`;
    });
    deliver(hostile, "0805", texts);
    const { code, stdout, stderr } = await run(["replay", "--format", "ndjson", hostile], { cwd: root });
    expect([code, parseLines(stdout).length]).toEqual([0, 1]);
    expect(stderr).toMatch(/read 2 = evaluated 2/);
  });

  test("leaves no state behind and ends quietly when its reader leaves", async () => {
    const many = join(root, "many");
    mkdirSync(many);
    deliver(
      many,
      "0900",
      Array.from({ length: 3000 }, (_, index) => record(index)),
    );
    const reading = start(["replay", "--format", "ndjson", many], { cwd: many });
    onTestFinished(() => void reading.child.kill("SIGKILL"));
    reading.child.stdout?.destroy();
    const { code, stderr } = await reading.ended;
    expect([code, /unexpected|EPIPE/.test(stderr)]).toEqual([0, false]);
    expect(() => statSync(join(many, "sagewatch-state"))).toThrow(/ENOENT/);
  });
});
