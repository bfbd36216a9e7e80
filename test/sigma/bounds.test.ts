/**
 * What a rule file may cost: small files that stand for a lot are told so in bounded time.
 *
 * That no text at all breaks the reading is the task of test/fuzz/targets/rules.ts, whose seeds are rules.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { HEAD } from "./build.ts";
import { cpuMs } from "../support/cpu.ts";

const seeds = globSync("../fixtures/sigma/*.yml", { cwd: import.meta.dirname }).map((path) =>
  readFileSync(join(import.meta.dirname, path), "utf8"),
);

test("the seeds are rules without errors", () => {
  for (const text of seeds) {
    const { problems, ruleSet } = parseRuleFiles([{ path: "f.yml", text }], {
      mode: "lenient",
      lists: new Set(["list"]),
    });
    expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
    expect(ruleSet.detections.length).toBeGreaterThan(0);
  }
});

describe("small files that stand for a lot", () => {
  const many = (count: number, text: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => text(index)).join("");
  const sel = (line: string): string => `${HEAD}detection:\n  sel:\n    ${line}\n  condition: sel\n`;
  const named = many(44, (index) => `  d${index}: {f|contains|all: [a, b, c, d, e, f, g, h, i, j, k, l]}\n`);
  test.for<[name: string, text: string, code: string]>([
    ["windash", sel(`f|windash: [${many(900, (index) => `'-a -b -c -d ${index}', `)}]`), "rule_too_large"],
    ["bounded repetitions", sel(`f|re: [${many(2000, (index) => `'a{1,500}b{1,500}${index}', `)}]`), "rule_too_large"],
    ["wildcards to search for", sel(`f|contains: [${many(1100, (index) => `'a?a?${index}', `)}]`), "rule_too_large"],
    ["wide ranges", sel(`f|re|i: [${many(700, (index) => `'[a-\\x{ffff}]${index}', `)}]`), "rule_too_large"],
    [
      "Unicode classes",
      sel(`f|re|i: [${many(60, (index) => `'${"\\p{Lu}".repeat(100)}${index}', `)}]`),
      "rule_too_large",
    ],
    ["wide ranges in one", sel(`f|re|i: '${"[a-\uffff]".repeat(600)}'`), "rule_too_large"],
    [
      "a long detection named often",
      `${HEAD}detection:\n  a: {f|contains|all: [${many(9000, (index) => `v${index}, `)}]}\n  condition: ${"a and ".repeat(2000)}a\n`,
      "rule_too_large",
    ],
    [
      "combinations of long detections",
      `${HEAD}detection:\n${named}  condition: ${many(60, () => "2 of d* or ")}d1\n`,
      "rule_too_large",
    ],
    ["too many values", sel(`f: [${many(10_001, (index) => `${index}, `)}]`), "rule_too_large"],
    ["unknown modifiers", sel(many(9000, (index) => `f${index}|q: 1\n    `)), "problems_more"],
    [
      "unknown references",
      `title: T\nlevel: low\ncorrelation: {type: event_count, timespan: 1h, condition: {gte: 1}, rules: [${many(30_000, (index) => `z${index},`)}]}\n`,
      "problems_more",
    ],
    ["documents", "---\na: 1\n".repeat(30_000), "problems_more"],
  ])("%s", ([, text, code]) => {
    const begunMs = cpuMs();
    const { problems, ruleSet } = parseRuleFiles([{ path: "f.yml", text }], { mode: "lenient" });
    expect(cpuMs() - begunMs).toBeLessThan(5000);
    expect(problems.map((problem) => problem.code)).toContain(code);
    expect(problems.length).toBeLessThanOrEqual(500);
    expect(ruleSet.detections).toHaveLength(0);
  });
});

test("a file with more warnings than are told still loads; with an error behind them it does not", () => {
  const rule = `${HEAD}detection:\n  sel:\n    eventSource: sagemaker.amazonaws.com\n    eventName: [${Array.from({ length: 600 }, (_, index) => `Invented${index}`).join(", ")}]\n  condition: sel\n`;
  const load = (text: string): ReturnType<typeof parseRuleFiles> =>
    parseRuleFiles([{ path: "f.yml", text }], { mode: "lenient" });
  const warned = load(rule);
  expect(warned.problems.map(({ severity }) => severity)).not.toContain("error");
  expect(warned.problems.at(-1)?.code).toBe("problems_more");
  expect(warned.ruleSet.detections).toHaveLength(1);
  const refused = load(`${rule}---\ntitle: Broken\nlevel: lou\ndetection: 7\n`);
  expect(refused.problems.at(-1)).toMatchObject({ code: "problems_more", severity: "error" });
});
