/**
 * `rules test`: runs each case as a historic run through the engine itself.
 *
 * Events go as bytes through the splitter, the decoders, the matcher and the detector of the daemon, under the lists and
 * calendars of the case's own configuration; nothing else is configured, so that a case says the same everywhere. A case
 * fails with what was expected, what came out, and which of its events met which rule. No state is touched.
 */
import { openRules, type Rules } from "../../compose/rules.ts";
import { SHIPPED_RULES } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { type Config, createConfigSchema } from "../../config/schema.ts";
import type { AlertDraft, Batch, Match, MatchResult } from "../../contracts.ts";
import { decoders } from "../../decode/registry.ts";
import { createDetector } from "../../detect/detector.ts";
import { canonicalJson } from "../../lib/canonical.ts";
import { systemClock } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { createMatcher } from "../../match/matcher.ts";
import type { AlertContent } from "../../model/alert.ts";
import { SagewatchError } from "../../model/errors.ts";
import { type JsonObject, LOGSOURCES, type Rejected } from "../../model/event.ts";
import { expandEvents } from "../../rules/case-events.ts";
import {
  type CaseOutcome,
  type CaseReport,
  isPassed,
  renderCaseJunit,
  renderCaseText,
} from "../../rules/case-report.ts";
import {
  type Case,
  type CaseFile,
  type Expectation,
  findCaseFiles,
  readCaseFile,
  toCasesFile,
  toPath,
} from "../../rules/cases.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { createRecordBatcher } from "../../sources/records/batches.ts";

/** Where rules and cases lie (none: those that come with Sagewatch), and how to tell the result. */
export type RulesTestOptions = { readonly paths: readonly string[]; readonly format: "text" | "junit" };
/** `only`: the case files to run; left out, all below the paths. The rules are all of them in any case. */
export type CaseChoice = { readonly paths: readonly string[]; readonly only?: ReadonlySet<string> };

/** Rules by configuration: most cases share the default one. Throws rules_rejected, config_invalid. */
type OpenCaseRules = (config: Case["config"]) => { readonly rules: Rules; readonly config: Config };

/** Reads and runs the cases below the paths. Throws not_found, input_unreadable. */
export function runCases({ paths, only }: CaseChoice): CaseReport {
  const found = findCaseFiles(paths.length === 0 ? [SHIPPED_RULES] : paths);
  const chosen = only === undefined ? found.cases : found.cases.filter((file) => only.has(file));
  const { notes, ...report } = runFiles(chosen.map(readCaseFile), createOpener(found.rules));
  return { ...report, notes: only === undefined ? notes : [] };
}

/** The same as text or JUnit. 1 when a case fails or cannot be run. Throws not_found, input_unreadable. */
export async function runRulesTest({ paths, format }: RulesTestOptions): Promise<{ exitCode: 0 | 1; stdout: string }> {
  const report = runCases({ paths });
  const stdout = format === "junit" ? renderCaseJunit(report) : renderCaseText(report);
  return { exitCode: isPassed(report) ? 0 : 1, stdout };
}

/** Opens the rules once for each configuration that cases have. */
function createOpener(rulePaths: readonly string[]): OpenCaseRules {
  const opened = new Map<string, ReturnType<OpenCaseRules>>();
  return (own) => {
    const key = canonicalJson(own ?? {});
    const known = opened.get(key);
    if (known !== undefined) return known;
    const parsed = createConfigSchema(ADAPTERS).safeParse(own ?? {});
    if (!parsed.success) {
      const lines = parsed.error.issues.map(({ path, message }) => `config.${toPath(path)}: ${message}`);
      throw new SagewatchError("config_invalid", lines.join("\n"));
    }
    const made = { rules: openRules(parsed.data, rulePaths, () => undefined), config: parsed.data };
    opened.set(key, made);
    return made;
  };
}

function runFiles(files: readonly CaseFile[], open: OpenCaseRules): CaseReport {
  const faults = files.flatMap((file) =>
    file.faults.map(({ path, message }) => ({
      file: file.file,
      message: path === "" ? message : `${path}: ${message}`,
    })),
  );
  const good = files.filter((file) => file.faults.length === 0);
  try {
    const { ruleSet } = open(undefined).rules;
    const outcomes = good.flatMap(({ file, cases }) => cases.map((of) => runTimed(file, of, open)));
    return { outcomes, faults, notes: toNotes(ruleSet, files) };
  } catch (thrown) {
    if (!(thrown instanceof SagewatchError) || thrown.code !== "rules_rejected") throw thrown;
    return { outcomes: [], faults: [...faults, { file: "rules", message: thrown.message }], notes: [] };
  }
}

/** Rule files that alert and have no cases. */
function toNotes(ruleSet: RuleSet, files: readonly CaseFile[]): string[] {
  const tested = new Set(files.map(({ file }) => file));
  const rules = [...ruleSet.detections, ...ruleSet.correlations].filter(({ alerts }) => alerts);
  const untested = new Set(rules.map(({ place }) => place.file).filter((file) => !tested.has(toCasesFile(file))));
  return [...untested].toSorted().map((file) => `${file} has no cases beside it`);
}

function runTimed(file: string, of: Case, open: OpenCaseRules): CaseOutcome {
  const begunMs = systemClock.monotonicMs();
  const failures = runCase(file, of, open);
  return { file, name: of.name, kind: of.kind, failures, elapsedMs: systemClock.monotonicMs() - begunMs };
}

/** What a case failed by; nothing when it passed. */
function runCase(file: string, of: Case, open: OpenCaseRules): readonly string[] {
  const { records, faults } = expandEvents(of.events);
  if (faults.length > 0) return faults.map(({ path, message }) => `${path}: ${message}`);
  try {
    const { rules, config } = open(of.config);
    return judge(of, { rules, file, run: runEvents(records, rules, config) });
  } catch (thrown) {
    if (thrown instanceof SagewatchError && ["config_invalid", "rules_rejected"].includes(thrown.code)) {
      return [`the case's configuration cannot be used\n${thrown.message}`];
    }
    throw thrown;
  }
}

/** What the engine made of a case: the last content of each alert, the matches behind them, and what was not evaluated. */
type EngineRun = {
  readonly alerts: readonly AlertContent[];
  readonly matches: readonly Match[];
  readonly rejected: readonly Rejected[];
  readonly groupless: ReadonlyMap<string, number>;
};

/** A historic run: all events, then the end of input, at which every rule decides. */
function runEvents(records: readonly JsonObject[], rules: Rules, config: Config): EngineRun {
  const matcher = createMatcher({ rules: rules.compiled, ruleSet: rules.ruleSet, decoders });
  const names = new Map(Object.entries(config.accounts).map(([id, { name }]) => [id, name]));
  const detector = createDetector(rules.ruleSet, { names });
  const results = toBatches(records, config).map((batch) =>
    matcher.match(batch, { nowMs: null, watermarkMs: Number.NEGATIVE_INFINITY }),
  );
  for (const { matches } of results) detector.apply(matches);
  for (const logsource of LOGSOURCES) {
    detector.advance(logsource, Number.POSITIVE_INFINITY);
  }
  return {
    alerts: toLast(detector.deltas().alerts),
    matches: results.flatMap(({ matches }) => matches),
    rejected: results.flatMap(({ rejected }) => rejected),
    groupless: toGroupless(results),
  };
}

/** Events as a source would bring them: lines of JSON, split and sorted by kind. The path of a pointer is of no use here. */
function toBatches(records: readonly JsonObject[], { limits }: Config): readonly Batch[] {
  const bytes = new TextEncoder().encode(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const batcher = createRecordBatcher({ source: "case", path: "case", limits, sizeHint: bytes.length, skip: 0 });
  return [...batcher.push(bytes), ...batcher.end()].map(({ indexes, ...batch }) => ({
    ...batch,
    origin: { source: "case", path: "case", indexes },
    positions: [],
    floorMs: Infinity,
    settle: () => undefined,
  }));
}

/** The last content of each alert; of several records under one event key that of the highest version, as the store keeps it. */
function toLast(drafts: readonly AlertDraft[]): readonly AlertContent[] {
  const last = new Map<string, AlertDraft>();
  for (const draft of drafts) {
    const before = last.get(draft.content.id)?.order ?? null;
    if (before === null || draft.order === null || draft.order.version > before.version)
      last.set(draft.content.id, draft);
  }
  return [...last.values()].map(({ content }) => content);
}

function toGroupless(results: readonly MatchResult[]): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const { groupless } of results) {
    for (const [ruleId, count] of groupless) all.set(ruleId, (all.get(ruleId) ?? 0) + count);
  }
  return all;
}

type Judged = { readonly rules: Rules; readonly file: string; readonly run: EngineRun };

/** Holds the alerts against the expectations, and against none for the other rules of the same file. */
function judge(of: Case, { rules, file, run }: Judged): readonly string[] {
  const all: readonly (DetectionRule | Correlation)[] = [...rules.ruleSet.detections, ...rules.ruleSet.correlations];
  const byId = new Map(all.map((rule) => [rule.id, rule]));
  const expected = new Set(of.expect.map(({ ruleId }) => ruleId));
  const own = all.filter(({ id, alerts, place }) => alerts && toCasesFile(place.file) === file && !expected.has(id));
  const wanted: readonly Expectation[] = [...of.expect, ...own.map(({ id }) => ({ ruleId: id, alerts: 0 }))];
  return wanted.flatMap((expectation) => {
    const rule = byId.get(expectation.ruleId);
    if (rule === undefined) return [`no rule of these files has the id ${expectation.ruleId}`];
    const alerts = run.alerts.filter(({ ruleId }) => ruleId === rule.id);
    const eventCount = alerts.reduce((sum, alert) => sum + alert.eventCount, 0);
    const isCount = expectation.eventCount === undefined || expectation.eventCount === eventCount;
    if (alerts.length === expectation.alerts && isCount) return [];
    const want = tell(expectation.alerts, expectation.eventCount);
    const got = tell(alerts.length, expectation.eventCount === undefined ? undefined : eventCount);
    const reasons = [
      ...alerts.map(({ why, lastEventTime }) => `alert at ${lastEventTime}: ${why}`),
      ...explain(rule, { rules, run }),
    ];
    return [
      [`${rule.title} (${rule.id}): expected ${want}, got ${got}`, ...reasons.map((line) => `  ${line}`)].join("\n"),
    ];
  });
}

function tell(alerts: number, events: number | undefined): string {
  return `${alerts} alert${alerts === 1 ? "" : "s"}${events === undefined ? "" : ` of ${events} events`}`;
}

/** Which events met the rule, step by step, and which could not be evaluated. */
function explain(rule: DetectionRule | Correlation, { rules, run }: Pick<Judged, "rules" | "run">): readonly string[] {
  const matches = run.matches.filter(({ ruleId }) => ruleId === rule.id);
  const titles = new Map(rules.ruleSet.detections.map(({ id, title }) => [id, title]));
  const steps =
    rule.type === "detection"
      ? [[-1, rule.title] as const]
      : rule.rules.map((id, step) => [step, titles.get(id) ?? id] as const);
  const met = steps.map(
    ([step, title]) => `${toEvents(matches.filter((match) => match.step === step))} met "${title}"`,
  );
  const groups = new Set(matches.map(({ group }) => group)).size;
  const groupless = run.groupless.get(rule.id) ?? 0;
  return [
    ...met,
    ...(rule.type === "correlation" ? [`in ${groups} group${groups === 1 ? "" : "s"}; ${toDemand(rule)}`] : []),
    ...(groupless > 0 ? [`${groupless} events lack a field of group-by`] : []),
    ...run.rejected.map(
      ({ pointer, reason, detail }) => `event ${pointer.index} was not evaluated: ${reason}: ${detail}`,
    ),
  ];
}

function toEvents(matches: readonly Match[]): string {
  const indexes = [...new Set(matches.map(({ pointer }) => pointer.index))].toSorted((a, b) => a - b);
  if (indexes.length === 0) return "no event";
  return `${indexes.length === 1 ? "event" : "events"} ${indexes.join(", ")}`;
}

/** What a correlation asks of a group. */
function toDemand({ kind, bounds, timespanMs }: Correlation): string {
  const asked = bounds.map(({ operator, value }) => `${operator} ${value}`).join(" and ");
  return `it asks for ${[kind, asked].filter((part) => part !== "").join(" ")} within ${formatDuration(timespanMs)}`;
}
