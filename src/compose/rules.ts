/**
 * Rules as the configuration asks for them: lists and fields first, then files to a rule set to compiled plans.
 *
 * All or nothing: any error, in a file or found by compiling, refuses the whole set, since half a set detects half and
 * nobody notices. Warnings are told and nothing more.
 */
import type { CalendarConfig } from "../config/calendars.ts";
import { isShippedRule, SHIPPED_RULES } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../lib/clock.ts";
import type { Calendar, Weekday } from "../match/calendar.ts";
import { createFields } from "../match/fields.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { loadLists } from "../rules/lists.ts";
import { type LoadedRules, loadRules } from "../rules/load.ts";
import type { Problem, RuleSet } from "../sigma/ast.ts";
import { type CompiledRules, compileRules, type FieldTable, type ListTable } from "../sigma/compile.ts";

/** Errors that a refusal prints; the rest is counted. */
const ERRORS_SHOWN = 20;
/** Rules are measured on every so many-th record (sigma/compile.ts). */
const COST_SAMPLE = 64;
const DEAREST_MAX = 5;

/** A rule set and its plans. */
export type Rules = { readonly ruleSet: RuleSet; readonly compiled: CompiledRules };
/** What a rule took, over a sample of the records. */
export type RuleCost = { readonly ruleId: string; readonly title: string; readonly nsPerRecord: number };

/**
 * Loads and compiles. `paths` null: the configured ones. Errors: rules_rejected (all errors in its message), not_found (a
 * path that does not exist, or no rule in any: watching for nothing would look like peace), input_unreadable.
 */
export function openRules(config: Config, paths: readonly string[] | null, emit: Emit): Rules {
  const begunMs = systemClock.monotonicMs();
  const lists = loadLists(config.lists);
  const mode = toMode(config.rules.strict);
  const named = paths ?? config.rules.paths ?? [SHIPPED_RULES];
  const loaded = loadRules(named, { mode, lists: new Set(lists.keys()) });
  const { compiled, problems: found } = compileLoaded(config, lists, loaded);
  const problems = [...loaded.problems, ...found];
  for (const { severity, code, file, line, column, message } of problems) {
    if (severity === "warning")
      emit({ type: "rule_warning", code, place: `${file}:${line}:${column}`, detail: message });
  }
  const errors = problems.filter((problem) => problem.severity === "error");
  if (loaded.ruleSet === null || compiled === null || errors.length > 0) throw toRejected(errors);
  const { detections, correlations } = loaded.ruleSet;
  if (named.length > 0 && detections.length === 0) {
    throw new SagewatchError(
      "not_found",
      `rules: there is no rule in ${named.map((path) => `\`${path}\``).join(", ")}`,
    );
  }
  emit({
    type: "rules_loaded",
    rules: detections.length,
    correlations: correlations.length,
    warnings: problems.length,
    elapsedMs: systemClock.monotonicMs() - begunMs,
  });
  return { ruleSet: loaded.ruleSet, compiled };
}

/** The shipped rules are strict, others as asked. */
export function toMode(strict: boolean): (path: string) => "strict" | "lenient" {
  return (path) => (strict || isShippedRule(path) ? "strict" : "lenient");
}

/** Compiles a loaded set with the lists and calendars of the configuration; null when there is none. Problems come with the place of what they name. */
export function compileLoaded(
  config: Config,
  lists: ListTable,
  loaded: LoadedRules,
): { readonly compiled: CompiledRules | null; readonly problems: readonly Problem[] } {
  if (loaded.ruleSet === null) return { compiled: null, problems: [] };
  const fields = toFields(config);
  const compiled = compileRules(loaded.ruleSet, { lists, fields, monotonicMs: () => systemClock.monotonicMs() });
  return { compiled, problems: compiled.problems.map((problem) => toPlaced(problem, loaded.texts)) };
}

/** The fields `enrich.*` under the calendars of the configuration. */
export function toFields(config: Config): FieldTable {
  const calendars = Object.fromEntries(
    Object.entries(config.calendars).map(([name, calendar]) => [name, toCalendar(calendar)]),
  );
  const accountCalendars = Object.fromEntries(
    Object.entries(config.accounts).map(([id, account]) => [id, account.calendar]),
  );
  return createFields({ calendars, accountCalendars });
}

/** Compiling knows a rule's place only; the value that it names stands below, where a person looks for it. */
function toPlaced(problem: Problem, texts: LoadedRules["texts"]): Problem {
  if (problem.value === "") return problem;
  const lines = (texts.get(problem.file) ?? "").split("\n");
  const at = lines.findIndex((line, index) => index >= problem.line - 1 && line.includes(problem.value));
  return at === -1 ? problem : { ...problem, line: at + 1, column: (lines[at] ?? "").indexOf(problem.value) + 1 };
}

function toRejected(errors: readonly Problem[]): SagewatchError {
  const lines = errors
    .slice(0, ERRORS_SHOWN)
    .map(({ file, line, column, message, remedy }) => `${file}:${line}:${column}: ${message}; ${remedy}`);
  const more =
    errors.length > ERRORS_SHOWN ? [`and ${errors.length - ERRORS_SHOWN} more: run \`sagewatch rules check\``] : [];
  return new SagewatchError(
    "rules_rejected",
    [`${errors.length} errors in the rules, so none was loaded`, ...lines, ...more].join("\n"),
  );
}

/** The shape of the configuration, which groups days, to that of the matcher, which lists hours by day. */
function toCalendar({ zone, open, holidays }: CalendarConfig): Calendar {
  const hours: Partial<Record<Weekday, string[]>> = {};
  for (const { days, from, to } of open) for (const day of days) (hours[day] ??= []).push(`${from}-${to}`);
  return { zone, hours, holidays };
}

/** Titles of all rules, the operational alerts' included, for summaries. */
export function toTitles({ detections, correlations }: RuleSet): ReadonlyMap<string, string> {
  return new Map([...detections, ...correlations].map(({ id, title }) => [id, title]));
}

/** The five dearest rules of a run over `evaluated` records. */
export function dearest({ compiled, ruleSet }: Rules, evaluated: number): RuleCost[] {
  const titles = new Map(ruleSet.detections.map((rule) => [rule.id, rule.title]));
  const sampled = Math.max(1, evaluated / COST_SAMPLE);
  const costs = compiled.costs().slice(0, DEAREST_MAX);
  return costs.map(({ ruleId, totalMs }) => ({
    ruleId,
    title: titles.get(ruleId) ?? ruleId,
    nsPerRecord: (totalMs * 1e6) / sampled,
  }));
}
