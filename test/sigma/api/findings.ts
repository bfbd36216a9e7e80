/** What is told of a CloudTrail rule with a given detection. */
import type { Problem } from "../../../src/sigma/ast.ts";
import type { Mode } from "../../../src/sigma/problems.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { HEAD } from "../build.ts";

export const check = (text: string, mode: Mode = "strict"): readonly Problem[] =>
  parseRuleFiles([{ path: "rule.yml", text }], { mode }).problems;

/** Findings of a rule with this detection, as "severity code line:column message", in the given mode. */
export function findings(detection: string, mode: Mode = "strict", condition = "sel"): string[] {
  return check(`${HEAD}detection:\n${detection}\n  condition: ${condition}\n`, mode).map(
    ({ severity, code, line, column, message }) => `${severity} ${code} ${line}:${column} ${message}`,
  );
}

/** A detection of one map, lines from 9 on. */
export const sel = (...lines: string[]): string => ["  sel:", ...lines.map((line) => `    ${line}`)].join("\n");
