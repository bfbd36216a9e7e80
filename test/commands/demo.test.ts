/**
 * The demo as a newcomer runs it: every planted attack is found, nothing else is reported, and only what is named stays.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseLines, run, start } from "./cli.ts";
import { deliver, record } from "./records.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-demo-test-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder that stands for the machine's temporary folder. */
function makeTemp(name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  return path;
}

describe("demo", () => {
  test("finds what was planted in a simulated day, and keeps the alert file and the answers only", async () => {
    const temp = makeTemp("day");
    const { code, stdout } = await run(["demo", "--records", "20000", "--seed", "11"], { env: { TMPDIR: temp } });
    expect(code).toBe(0);
    expect(stdout).toContain("6 of 6 planted attacks found; 0 alerts about anything else.");
    expect(stdout).toMatch(/read 2\d,\d{3} = evaluated 2\d,\d{3} \+ quarantined 0 \+ skipped 0/);
    const [folder = ""] = readdirSync(temp);
    const kept = (readdirSync(join(temp, folder), { recursive: true }) as string[]).toSorted((left, right) =>
      left.localeCompare(right),
    );
    expect(kept).toEqual(["alerts.ndjson", "input", join("input", "answers.json")]);
    for (const name of ["alerts.ndjson", join("input", "answers.json")])
      expect(stdout).toContain(join(temp, folder, name));
    const alerts = parseLines(readFileSync(join(temp, folder, "alerts.ndjson"), "utf8"));
    expect(new Set(alerts.map(({ accountName }) => accountName)).size).toBeGreaterThan(2);
  });

  test("says each alert through the console sink while it runs, then all of them once more in the table", async () => {
    const temp = makeTemp("console");
    const { code, stdout } = await run(["demo", "--records", "20000", "--seed", "11", "--tz", "Europe/Berlin"], {
      env: { TMPDIR: temp, COLUMNS: "100" },
    });
    expect(code).toBe(0);
    const [live = "", table = ""] = stdout.split(/^In all \d+ alerts, the oldest first$/m);
    const lines = live.trim().split("\n");
    expect(lines[0]).toBe("Found so far");
    for (const line of lines.slice(1))
      expect(line).toMatch(/^2026-03-1\dT[\d:]{8}\+01:00 {2}(critical|high|medium|low) +\S.{10,}$/);
    const [folder = ""] = readdirSync(temp);
    const sent = parseLines(readFileSync(join(temp, folder, "alerts.ndjson"), "utf8"));
    const titles = new Set(sent.map(({ ruleName }) => String(ruleName)));
    for (const title of titles) expect([live.includes(title), table.includes(title)]).toEqual([true, true]);
    expect(
      Math.max(...`${live}${table.slice(0, table.indexOf("PLANTED"))}`.split("\n").map(({ length }) => length)),
    ).toBe(100);
  });

  test("whose reader has seen enough ends at once, quietly, and leaves nothing", async () => {
    const temp = makeTemp("left");
    const demo = start(["demo", "--records", "20000"], { env: { TMPDIR: temp } });
    demo.child.stdout?.destroy();
    const { code, stderr } = await demo.ended;
    expect([code, readdirSync(temp)]).toEqual([0, []]);
    expect(stderr).not.toMatch(/EPIPE|unexpected|sagewatch:/);
  });

  test("runs over the user's own files and leaves them alone", async () => {
    const [temp, own] = [makeTemp("own-temp"), makeTemp("own")];
    const file = deliver(own, "0805", [record(1), "null"]);
    const before = readFileSync(file);
    const { code, stdout } = await run(["demo", own], { env: { TMPDIR: temp } });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Found so far\n2026\S+ {2}critical +CloudTrail switched off or narrowed by mallory in 111122223333\n/,
    );
    expect(stdout).toMatch(/\nIn all 1 alert, the oldest first\n[^]*critical +CloudTrail switched off/);
    expect(stdout).toContain("read 2 = evaluated 1 + quarantined 1");
    expect(stdout).toMatch(
      /\nNot evaluated\n {2}\S+_0123456789abcdef\.json\.gz record 1\n {4}bad_json: from byte \d+: \S.*\n\n/,
    );
    expect(stdout).not.toContain("planted");
    expect([readdirSync(own).length, readFileSync(file)]).toEqual([1, before]);
  });

  test("over very many alerts shows the first, as they come and in the table, and says where all are", async () => {
    const [temp, own] = [makeTemp("many-temp"), makeTemp("many")];
    deliver(
      own,
      "0805",
      Array.from({ length: 120 }, (_, index) => record(index)),
    );
    const { code, stdout } = await run(["demo", own], { env: { TMPDIR: temp } });
    expect(code).toBe(0);
    const [live = "", table = ""] = stdout.split("In all 120 alerts, the oldest first\n");
    expect(live.match(/ by mallory in 111122223333$/gm)).toHaveLength(50);
    expect(live).toContain("\n… whatever else is found stands in the alert file\n");
    expect(table).toContain("… and 70 more in the alert file\n");
    const [folder = ""] = readdirSync(temp);
    expect(parseLines(readFileSync(join(temp, folder, "alerts.ndjson"), "utf8"))).toHaveLength(120);
  });

  test("over files without alerts it leaves nothing and names no file that is not there", async () => {
    const [temp, own] = [makeTemp("calm-temp"), makeTemp("calm")];
    deliver(own, "0805", [record(1, { eventName: "DescribeTrails", readOnly: true })]);
    const { code, stdout } = await run(["demo", own], { env: { TMPDIR: temp } });
    expect([code, readdirSync(temp)]).toEqual([0, []]);
    expect(stdout).toMatch(/^\nNo alerts\.\n/);
    expect(stdout).not.toContain("alerts.ndjson");
  });

  test("a path that is not there is said at once, and nothing stays", async () => {
    const temp = makeTemp("nothing");
    expect(await run(["demo", join(root, "none")], { env: { TMPDIR: temp } })).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("none"),
    });
    expect(readdirSync(temp)).toEqual([]);
  });

  test("stopped half-way it takes its folder with it", async () => {
    const temp = makeTemp("stopped");
    const demo = start(["demo", "--records", "200000"], { env: { TMPDIR: temp } });
    while (readdirSync(temp).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    demo.child.kill("SIGINT");
    expect(await demo.ended).toMatchObject({ code: 0, stdout: "" });
    expect(readdirSync(temp)).toEqual([]);
  });
});
