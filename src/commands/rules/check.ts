/**
 * `rules check`: every problem of rule files at once, for people or for machines.
 *
 * Text shows the line with a caret under the place; JSON has two arrays, errors and warnings. The exit code says whether
 * the set would load: 0 it would, 1 it would not. Nothing is run and no state is touched.
 */
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { loadRules } from "../../rules/load.ts";
import type { Problem } from "../../sigma/ast.ts";
import type { RuleSetOptions } from "../../sigma/rule-set.ts";

/** What to check and how to tell it. `mode` may be chosen by path: the project's own detections are strict. */
export type RulesCheckOptions = {
  readonly paths: readonly string[];
  readonly format: "text" | "json";
  readonly mode: RuleSetOptions["mode"];
  /** Names of the lists that `expand` may use; left out, they are not checked. */
  readonly lists?: ReadonlySet<string>;
  readonly retired?: boolean;
  /** What lists and fields have to say of single leaves, told beside the rest also in a rule that has other errors. */
  readonly check?: RuleSetOptions["check"];
  /** Numbers of the configuration that differ from the rules' own. */
  readonly thresholds?: RuleSetOptions["thresholds"];
  /** Log source fields that every input has. */
  readonly logsource?: RuleSetOptions["logsource"];
  /** Findings of later steps (compile) to show with these. */
  readonly more?: (loaded: ReturnType<typeof loadRules>) => readonly Problem[];
};

/** Checks rules. Throws as loadRules: not_found, input_unreadable. */
export function runRulesCheck(options: RulesCheckOptions): { readonly exitCode: 0 | 1; readonly stdout: string } {
  const { lists, retired, check, thresholds, logsource } = options;
  const loaded = loadRules(options.paths, {
    mode: options.mode,
    ...(lists === undefined ? {} : { lists }),
    ...(retired === undefined ? {} : { retired }),
    ...(check === undefined ? {} : { check }),
    ...(thresholds === undefined ? {} : { thresholds }),
    ...(logsource === undefined ? {} : { logsource }),
  });
  const problems = inOrder([...loaded.problems, ...(options.more?.(loaded) ?? [])]);
  const errors = problems.filter(({ severity }) => severity === "error");
  const warnings = problems.filter(({ severity }) => severity === "warning");
  const exitCode = errors.length === 0 ? 0 : 1;
  if (options.format === "json") {
    return {
      exitCode,
      stdout: `${safeJson(JSON.stringify({ errors: errors.map(toPlain), warnings: warnings.map(toPlain) }))}\n`,
    };
  }
  const reports = problems.map((problem) => toReport(problem, loaded.texts.get(problem.file) ?? ""));
  const total = `${count(errors.length, "error")}${warnings.length === 0 ? "" : `, ${count(warnings.length, "warning")}`} in ${count(loaded.rules, "rule")}`;
  const left = errors.length === 0 ? "" : " that could be read";
  return { exitCode, stdout: `${[...reports, `${total}${left}`].join("\n")}\n` };
}

/** File by file, each as first told, and down the file. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map([...new Set(problems.map(({ file }) => file))].map((file, index) => [file, index] as const));
  return problems.toSorted(
    (a, b) => (files.get(a.file) ?? 0) - (files.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}

function toPlain({ file, line, column, code, message, value, remedy }: Problem): Omit<Problem, "severity"> {
  return { file, line, column, code, message, value, remedy };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Characters of the line that are shown on each side of the place. */
const AROUND = 60;

/** A finding over four lines: place, the line, a caret, the remedy. */
function toReport(problem: Problem, text: string): string {
  const { file, line, column, severity, code, message, remedy } = problem;
  const whole =
    text
      .split("\n", line)
      .at(line - 1)
      ?.trimEnd() ?? "";
  const from = Math.max(0, column - 1 - AROUND);
  // Tabs and control characters would move the caret away from its place.
  const before = safeLine(whole.slice(from, column - 1));
  const behind = safeLine(whole.slice(column - 1, column - 1 + AROUND));
  const gutter = `${line} | `;
  const lines = [`${safeLine(file)}:${line}:${column}: ${severity} ${code}: ${safeLine(message)}`];
  if (whole !== "") lines.push(`  ${gutter}${before}${behind}`, `  ${" ".repeat(gutter.length + before.length)}^`);
  return [...lines, `  ${safeLine(remedy)}`, ""].join("\n");
}
