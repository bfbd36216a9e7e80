/** The README is what a newcomer follows: its rule must load and fire, its commands and links must be there. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "./commands/cli.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test(
  "the rule that it shows has no errors, and fires once on the day that its commands make",
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sagewatch-readme-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, "my-rule.yml"), /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? "");
    const said: string[] = [];
    for (const command of [
      "rules check my-rule.yml",
      "simulate --records 20000 --out day",
      "replay --rules my-rule.yml day/AWSLogs",
    ]) {
      expect(readme).toContain(`bin/sagewatch ${command} `);
      const { code, stdout } = await run(command.split(" "), { cwd: folder });
      expect(code).toBe(0);
      said.push(stdout);
    }
    expect(said[0]).toContain("0 errors in 2 rules");
    expect(said[2]?.match(/Endpoints created in bulk/g)).toHaveLength(1);
  },
);

test("its npm commands are scripts of the project, its links lead somewhere", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)]
    .map(([, name]) => name ?? "")
    .filter((name) => name !== "and");
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link ?? "");
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
});
