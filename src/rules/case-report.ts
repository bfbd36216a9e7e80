/**
 * What became of cases, as text for people and as JUnit XML for build systems. Pure.
 *
 * Text shows failures only, each with what was expected, what came out and why, and ends with the counts. Names and values
 * come from files that anyone may have written, so nothing of them reaches a terminal or a parser raw.
 */
import { safeLine } from "../lib/safe-text.ts";

/** One case and its verdict: it passed when there are no failures. `file` as the user named it. */
export type CaseOutcome = {
  readonly file: string;
  readonly name: string;
  readonly kind: string;
  /** What was expected, what came out, and why; several lines each. */
  readonly failures: readonly string[];
  readonly elapsedMs: number;
};

/** A run over case files. `faults` keep cases from being run; `notes` do not count. */
export type CaseReport = {
  readonly outcomes: readonly CaseOutcome[];
  readonly faults: readonly { readonly file: string; readonly message: string }[];
  readonly notes: readonly string[];
};

/** True when every case ran and passed. */
export function isPassed({ outcomes, faults }: CaseReport): boolean {
  return faults.length === 0 && outcomes.every(({ failures }) => failures.length === 0);
}

/** Failures and faults, then "N cases, N passed, N failed". */
export function renderCaseText(report: CaseReport): string {
  const failed = report.outcomes.filter(({ failures }) => failures.length > 0);
  const blocks = [
    ...report.faults.map(({ file, message }) => `ERROR ${safeLine(file)}\n${indent(message)}`),
    ...failed.map(({ file, name, kind, failures }) =>
      [`FAIL ${safeLine(file)}: ${safeLine(name)} (${kind})`, ...failures.map(indent)].join("\n"),
    ),
    ...report.notes.map((note) => `NOTE ${safeLine(note)}`),
  ];
  const passed = report.outcomes.length - failed.length;
  const total = `${report.outcomes.length} cases, ${passed} passed, ${failed.length} failed`;
  return `${[...blocks, total].join("\n")}\n`;
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${safeLine(line)}`)
    .join("\n");
}

/**
 * A JUnit document as build servers read it (testsuites, testsuite, testcase, failure, error; times in seconds): one suite a
 * file; a file with faults is a suite with one error.
 */
export function renderCaseJunit({ outcomes, faults }: CaseReport): string {
  const byFile = Object.groupBy(outcomes, ({ file }) => file);
  const suites = Object.entries(byFile).map(([file, of = []]) => {
    const failed = of.filter(({ failures }) => failures.length > 0).length;
    const cases = of.map((outcome) => toCase(outcome));
    return [
      `  <testsuite name="${toXml(file)}" tests="${of.length}" failures="${failed}" errors="0" skipped="0" time="${toSeconds(of)}">`,
      ...cases,
      "  </testsuite>",
    ].join("\n");
  });
  const broken = faults.map(({ file, message }) =>
    [
      `  <testsuite name="${toXml(file)}" tests="1" failures="0" errors="1" skipped="0" time="0.000">`,
      `    <testcase classname="${toXml(file)}" name="file" time="0.000"><error type="unreadable" message="${toXml(message)}"/></testcase>`,
      "  </testsuite>",
    ].join("\n"),
  );
  const total = outcomes.length + faults.length;
  const failures = outcomes.filter((outcome) => outcome.failures.length > 0).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="rules test" tests="${total}" failures="${failures}" errors="${faults.length}" time="${toSeconds(outcomes)}">`,
    ...suites,
    ...broken,
    "</testsuites>",
    "",
  ].join("\n");
}

function toSeconds(of: readonly Pick<CaseOutcome, "elapsedMs">[]): string {
  return (of.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0) / 1000).toFixed(3);
}

function toCase({ file, name, kind, failures, elapsedMs }: CaseOutcome): string {
  const head = `    <testcase classname="${toXml(file)}" name="${toXml(`${name} (${kind})`)}" time="${toSeconds([{ elapsedMs }])}"`;
  if (failures.length === 0) return `${head}/>`;
  const [first = ""] = failures.join("\n").split("\n");
  return `${head}><failure type="expectation" message="${toXml(first)}">${failures.join("\n").split("\n").map(toXml).join("\n")}</failure></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for XML: characters that XML cannot hold are made visible first. */
function toXml(text: string): string {
  return safeLine(text).replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
