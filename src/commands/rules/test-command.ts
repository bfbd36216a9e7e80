/**
 * `sagewatch rules test`: the cases of rules on a terminal, for a build server, and again and again while rules are written.
 *
 * With --watch only the case files that a change of a rule, of cases or of a shipped list touches run again; a change whose reach is not plain (a list, a rule that
 * others may refer to) runs all. Whatever is wrong with the files then is told and waited over, since a file that is being
 * written is broken most of the time. No state is touched.
 */
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { SHIPPED_RULES } from "../../config/load.ts";
import { systemClock } from "../../lib/clock.ts";
import { safeLine } from "../../lib/safe-text.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import { print, remark, type Terminal } from "../../ops/terminal.ts";
import { type CaseReport, isPassed, renderCaseJunit, renderCaseText } from "../../rules/case-report.ts";
import { lookAtCases, watchCases } from "../../rules/writing/case-watch.ts";
import { findCaseFiles, toCasesFile } from "../../rules/cases.ts";
import { SHIPPED_LISTS } from "../../rules/lists.ts";
import { runCases } from "./test.ts";

export type TestRules = {
  readonly paths: readonly string[];
  readonly format: "text" | "junit";
  readonly junit?: string;
  readonly watch?: true;
};

const CASES_ENDING = ".cases.json";

/** Runs the cases of rules; 1 when one fails. Errors: usage, not_found, input_unreadable. */
export async function testRules(options: TestRules, terminal: Terminal): Promise<number> {
  const { watch, paths } = options;
  if (watch === true) return watchRulesTest(options, terminal);
  const report = runCases({ paths });
  await tell(report, options, terminal);
  return isPassed(report) ? 0 : 1;
}

/** Text or JUnit on stdout; a JUnit file beside it where one is asked for. */
async function tell(report: CaseReport, { format, junit }: TestRules, terminal: Terminal): Promise<void> {
  if (junit !== undefined && junit !== "-") writeReport(junit, renderCaseJunit(report));
  const isJunit = junit === "-" || (format === "junit" && junit === undefined);
  await print(terminal, isJunit ? renderCaseJunit(report) : renderCaseText(report));
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new SagewatchError("usage", `rules test: the report ${path} cannot be written: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

async function watchRulesTest(options: TestRules, terminal: Terminal): Promise<number> {
  const named = options.paths.length === 0 ? [SHIPPED_RULES] : options.paths;
  // A path that is wrong from the start is a slip, not a file that is being written.
  findCaseFiles(named);
  const watched = (): readonly string[] => toWatched(named);
  const since = lookAtCases(watched());
  await runOnce(options, undefined, terminal);
  remark(terminal, "Watching; Ctrl-C ends it.");
  await watchCases(
    { paths: watched, clock: systemClock, since },
    async (changed) => {
      const names = [...changed].map((path) => basename(path)).toSorted();
      remark(
        terminal,
        safeLine(`changed: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`),
      );
      await runOnce(options, reachOf(changed, named), terminal);
    },
    terminal.signal,
  );
  return 0;
}

async function runOnce(options: TestRules, only: ReadonlySet<string> | undefined, terminal: Terminal): Promise<void> {
  try {
    await tell(runCases({ paths: options.paths, ...(only === undefined ? {} : { only }) }), options, terminal);
  } catch (error) {
    if (!(error instanceof SagewatchError) || error.code === "internal") throw error;
    remark(terminal, safeLine(error.message));
  }
}

/** The case files that a change touches; undefined: all. A rule without cases of its own may be a step of any other. */
function reachOf(changed: ReadonlySet<string>, paths: readonly string[]): ReadonlySet<string> | undefined {
  const there = new Set(safely(() => findCaseFiles(paths).cases) ?? []);
  const touched = [...changed].map((path) => (path.endsWith(CASES_ENDING) ? path : toCasesFile(path)));
  return touched.every((file) => there.has(file)) ? new Set(touched) : undefined;
}

/**
 * What a watch of these paths follows: a rule that is named brings its cases with it and cases their rule, also those that
 * are not written yet, and each may use a list that is shipped.
 */
export function toWatched(named: readonly string[]): readonly string[] {
  const around = named.flatMap((path) =>
    /\.ya?ml$/i.test(path) ? [path, toCasesFile(path)] : [path, ...ruleOf(path)],
  );
  return [...new Set([...around, SHIPPED_LISTS])];
}

/** The rule files that a case file which was named belongs to. */
function ruleOf(path: string): readonly string[] {
  if (!path.endsWith(CASES_ENDING)) return [];
  const stem = path.slice(0, -CASES_ENDING.length);
  return [`${stem}.yml`, `${stem}.yaml`];
}

function safely<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof SagewatchError) return null;
    throw error;
  }
}
