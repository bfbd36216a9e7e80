/**
 * `rules new`: its files are right as they stand, and nothing that is there is touched.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { call } from "../cli.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-new-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each<[form: string, args: string[], rules: number]>([
  ["a detection", [], 1],
  ["a correlation", ["--correlation"], 2],
])("%s", (form, args, rules) => {
  test("passes the strict checks and its own cases as it stands", async () => {
    const dir = join(folder, form.replace(" ", "-"));
    const made = await call("rules", "new", "br-odd-region", "--dir", dir, ...args);
    expect(made.code).toBe(0);
    expect(made.stdout).toBe(`${dir}/br-odd-region.yml\n${dir}/br-odd-region.cases.json\n`);
    expect(made.stderr).toContain("rules test --watch");
    expect(await call("rules", "check", "--strict", dir)).toMatchObject({
      code: 0,
      stdout: `0 errors in ${rules} ${rules === 1 ? "rule" : "rules"}\n`,
    });
    expect(await call("rules", "test", dir)).toMatchObject({ code: 0, stdout: "3 cases, 3 passed, 0 failed\n" });
    const cases = JSON.parse(readFileSync(join(dir, "br-odd-region.cases.json"), "utf8")).cases;
    expect(cases.map(({ kind }: { kind: string }) => kind)).toEqual(["fires", "near-miss", "legitimate"]);
    expect(await call("rules", "coverage", dir, "--format", "json")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"unknown":[]'),
    });
  });

  test("has an id of its own each time", async () => {
    const idOf = async (name: string): Promise<string | undefined> => {
      await call("rules", "new", name, "--dir", folder, ...args);
      return /^id: ([\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}) /m.exec(
        readFileSync(join(folder, `${name}.yml`), "utf8"),
      )?.[1];
    };
    const [one, two] = [await idOf(`one-${rules}`), await idOf(`two-${rules}`)];
    expect(one).toMatch(/^[\da-f-]{36}$/);
    expect(one).not.toBe(two);
  });
});

test("replaces nothing, and writes both files or none", async () => {
  writeFileSync(join(folder, "there.cases.json"), "mine");
  const ended = await call("rules", "new", "there", "--dir", folder);
  expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("there already") });
  expect(existsSync(join(folder, "there.yml"))).toBe(false);
  expect(readFileSync(join(folder, "there.cases.json"), "utf8")).toBe("mine");
});

test.each<[name: string, hint: string]>([
  ["Br_Odd.yml", "such as br-odd;"],
  ["../up", "such as up;"],
  ["a--b", "such as a-b;"],
  ["-x", ""],
  ["__proto__", "such as proto;"],
  ["\u001b[2J", "\\u{1b}"],
  ["x".repeat(61), "at most 60"],
])("a name of another form is refused with the right one: %j", async (name, hint) => {
  const { code, stderr } = await call("rules", "new", "--dir", folder, "--", name);
  expect([code, stderr]).toEqual([2, expect.stringContaining(hint)]);
  // oxlint-disable-next-line no-control-regex
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(stderr).toContain("small letters, digits and single dashes");
});
