/**
 * docs/rule-guide.md: what it says to type works, in the order in which it says so.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./commands/cli.ts";

const page = readFileSync(new URL("../docs/rule-guide.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```(sh|yaml)\n([^]*?)^```$/gm)].map(([, kind = "", text = ""]) => ({ kind, text }));

test(
  "its commands run in order, with the rule named and the configuration written as it says",
  { timeout: 120_000 },
  async () => {
    const cwd = mkdtempSync(join(tmpdir(), "sagewatch-guide-"));
    const rule = join(cwd, "my-rules/ml-many-notebooks.yml");
    let commands = 0;
    for (const { kind, text } of blocks) {
      if (kind === "yaml" && text.startsWith("# sagewatch.yml")) writeFileSync(join(cwd, "sagewatch.yml"), text);
      else if (kind === "yaml") {
        const engine = text.slice(text.indexOf("x_engine:"));
        writeFileSync(rule, readFileSync(rule, "utf8").replace(/^level: /m, `${engine.replace(/ +#.*$/m, "")}level: `));
      }
      for (const line of kind === "sh" ? text.trim().split("\n") : []) {
        const { code, stderr } = await run(line.split(" ").slice(1), { cwd });
        expect(code, `${line}\n${stderr}`).toBe(0);
        commands += 1;
      }
    }
    expect(commands).toBeGreaterThan(10);
    expect((await run(["rules", "check", "--strict", "my-rules"], { cwd })).code).toBe(0);
    rmSync(cwd, { recursive: true });
  },
);

test("the pages that it sends readers to are there", () => {
  const targets = [...page.matchAll(/\]\(([a-z-]+\.md)\)/g)].map(([, target = ""]) => target);
  expect(targets.length).toBeGreaterThan(6);
  for (const target of targets) expect(existsSync(new URL(`../docs/${target}`, import.meta.url)), target).toBe(true);
});
