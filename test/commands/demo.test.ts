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

  test("runs over the user's own files and leaves them alone", async () => {
    const [temp, own] = [makeTemp("own-temp"), makeTemp("own")];
    const file = deliver(own, "0805", [record(1), "null"]);
    const before = readFileSync(file);
    const { code, stdout } = await run(["demo", own], { env: { TMPDIR: temp } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/critical +CloudTrail switched off/);
    expect(stdout).toContain("read 2 = evaluated 1 + quarantined 1");
    expect(stdout).not.toContain("planted");
    expect([readdirSync(own).length, readFileSync(file)]).toEqual([1, before]);
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
