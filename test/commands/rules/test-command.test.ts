/**
 * `rules test` for a build server and while rules are written: the report file, and the watch.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toWatched } from "../../../src/commands/rules/test-command.ts";
import { SHIPPED_LISTS } from "../../../src/rules/lists.ts";
import { lookAtCases } from "../../../src/rules/writing/case-watch.ts";
import { parseXml } from "../../support/xml.ts";
import { call, start } from "../cli.ts";

let folder = "";
let rule = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-test-"));
  await call("rules", "new", "one", "--dir", folder);
  await call("rules", "new", "two", "--dir", folder, "--correlation");
  rule = join(folder, "one.yml");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function change(from: string, to: string): void {
  writeFileSync(rule, readFileSync(rule, "utf8").replace(from, to));
}

describe("--junit", () => {
  test("writes the report beside the text, and says by the exit code what it says", async () => {
    const file = join(folder, "report.xml");
    expect(await call("rules", "test", folder, "--junit", file)).toMatchObject({
      code: 0,
      stdout: "6 cases, 6 passed, 0 failed\n",
    });
    const [suites] = parseXml(readFileSync(file, "utf8"));
    expect(suites?.attributes).toMatchObject({ tests: "6", failures: "0", errors: "0" });
    change("Enabled\n", "Disabled\n");
    expect((await call("rules", "test", folder, "--junit", file)).code).toBe(1);
    const [failed] = parseXml(readFileSync(file, "utf8"));
    const failure = failed?.children.flatMap(({ children }) => children).find(({ children }) => children.length > 0);
    expect(failure?.children[0]?.attributes["message"]).toContain("expected 1 alert, got 0 alerts");
    change("Disabled\n", "Enabled\n");
  });

  test("- is standard output, and a place that cannot be written is an error", async () => {
    const { stdout } = await call("rules", "test", rule, "--junit", "-");
    expect(parseXml(stdout)[0]?.name).toBe("testsuites");
    expect(await call("rules", "test", rule, "--junit", join(folder, "none/report.xml"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("cannot be written"),
    });
  });
});

describe("--watch", () => {
  test("runs again what changed, waits over what is broken, and ends cleanly", async () => {
    const running = start(["rules", "test", "--watch", folder]);
    await running.until(/6 cases, 6 passed, 0 failed\n[\s\S]*Ctrl-C/);
    change("Enabled\n", "Disabled\n");
    await running.until(/changed: one\.yml\n/);
    await running.until(/3 cases, 2 passed, 1 failed/);
    change("Disabled\n", "Enabled\nbroken: [\n");
    await running.until(/errors? in the rules/);
    change("broken: [\n", "");
    await running.until(/3 cases, 3 passed, 0 failed/);
    running.child.kill("SIGINT");
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout.match(/\d+ cases, .*/g)?.[0]).toBe("6 cases, 6 passed, 0 failed");
  });

  test("of one rule: its cases and the shipped lists are watched, too", async () => {
    const cases = join(folder, "one.cases.json");
    const followed = [...lookAtCases(toWatched([rule])).keys()];
    expect(followed).toEqual(expect.arrayContaining([rule, cases, join(SHIPPED_LISTS, "private_networks.yml")]));
    expect([...lookAtCases(toWatched([cases])).keys()].toSorted()).toEqual(followed.toSorted());
    const running = start(["rules", "test", "--watch", rule]);
    await running.until(/3 cases, 3 passed, 0 failed\n[\s\S]*Ctrl-C/);
    const before = readFileSync(cases, "utf8");
    writeFileSync(cases, before.replace(/"alerts": 1/, '"alerts": 2'));
    await running.until(/3 cases, 2 passed, 1 failed/);
    writeFileSync(cases, before);
    await running.until(/1 failed\n3 cases, 3 passed, 0 failed/);
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(0);
  });

  test("of what is not there is an error at once", async () => {
    expect(await call("rules", "test", "--watch", join(folder, "none"))).toMatchObject({ code: 2 });
  });
});
