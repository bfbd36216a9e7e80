/**
 * Long rules cost no more than their length: checking names never multiplies values by values.
 */
import { expect, test } from "vitest";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { HEAD } from "../build.ts";
import { cpuMs } from "../../support/cpu.ts";

test.for([
  ["unknown names", (index: number) => `Nothing${index}`, (index: number) => `s${index % 50}.amazonaws.com`],
  ["patterns", (index: number) => `*q${index}*z*`, (index: number) => `*${index}*`],
  ["fields", (index: number) => `Get${index}`, () => "*"],
] as const)("%s: 5,000 of them in bounded time", ([kind, name, source]) => {
  const items = Array.from({ length: 5000 }, (_, index) =>
    kind === "fields"
      ? `    - {eventName: ${name(index)}, requestParameters.f${index}: x}`
      : `    - {eventName: '${name(index)}', eventSource: '${source(index)}'}`,
  );
  const text = `${HEAD}detection:\n  sel:\n${items.join("\n")}\n  condition: sel\n`;
  const begunMs = cpuMs();
  const { problems } = parseRuleFiles([{ path: "rule.yml", text }], { mode: "lenient" });
  expect(problems.length).toBeLessThanOrEqual(500);
  // Reading the YAML itself takes most of it; without bounds this takes minutes.
  expect(cpuMs() - begunMs).toBeLessThan(5000);
});
