/** The README is what a newcomer follows: its rule must load and fire, its commands and links must be there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRuleFiles } from "../src/sigma/rule-set.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("the rule that it shows loads without a word", () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const { ruleSet, problems } = parseRuleFiles([{ path: "my-rule.yml", text }], { mode: "lenient" });
  expect(problems).toEqual([]);
  expect(ruleSet.correlations.map(({ title, alerts }) => [title, alerts])).toEqual([
    ["Notebook instances created in bulk", true],
  ]);
  expect(ruleSet.detections.map(({ alerts }) => alerts)).toEqual([false]);
});

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
