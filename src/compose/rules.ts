/**
 * Rules as the configuration asks for them: lists and fields first, then files to a rule set to compiled plans.
 *
 * All or nothing: any error, in a file or found by compiling, refuses the whole set, since half a set detects half and
 * nobody notices. Warnings are told and nothing more.
 */
import { type CalendarConfig, DEFAULT_BUSINESS } from "../config/calendars.ts";
import { isShippedRule, SHIPPED_RULES } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { THRESHOLD_NAMES, THRESHOLDS } from "../config/tuning/thresholds.ts";
import { toUnknown } from "../config/tuning/tuning.ts";
import { canonicalJson, sha256Hex } from "../lib/canonical.ts";
import { systemClock } from "../lib/clock.ts";
import type { Calendar, Weekday } from "../match/calendar.ts";
import { BUSINESS_CALENDAR, createFields } from "../match/fields.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { type LoadedRules, loadRules, loadTexts } from "../rules/load.ts";
import { fieldsOf } from "../rules/reads.ts";
import type { Problem, RuleHead, RuleSet } from "../sigma/ast.ts";
import {
  type CompiledRules,
  compileRules,
  type FieldTable,
  leafCheckOf,
  type ListTable,
  type TypedList,
} from "../sigma/compile.ts";
import type { RuleFile } from "../sigma/rule-set.ts";
import { type Thresholds, thresholdsOf } from "../sigma/tuning/tune.ts";
import { openLists } from "./own/needs.ts";

/** Errors that a refusal prints; the rest is counted. More than a person mends in one go, and a message that stays a message. */
const ERRORS_SHOWN = 500;
/** Characters of one error. */
const ERROR_CHARS = 500;
/** Rules are measured on every so many-th record (sigma/compile.ts). */
const COST_SAMPLE = 64;
const DEAREST_MAX = 5;

/** A rule set, its plans, and what it was made of. */
export type Rules = {
  readonly ruleSet: RuleSet;
  readonly compiled: CompiledRules;
  readonly lists: ListTable;
  readonly sources: RuleSources;
  /** sha256 over `sources`: two sets with one hash detect the same. */
  readonly hash: string;
  readonly warnings: number;
};
/** All that a set is made of, as plain values: enough to make it again where its files are gone or broken. */
export type RuleSources = {
  readonly strict: boolean;
  readonly files: readonly RuleFile[];
  readonly lists: readonly (readonly [name: string, list: TypedList])[];
  readonly calendars: Config["calendars"];
  readonly accounts: Config["accounts"];
  /** Those of the rules that the configuration changes. Not there in a set that was kept before there were any. */
  readonly thresholds?: readonly (readonly [name: string, value: number])[];
  /** Log source fields that every input has; not there where there are none. */
  readonly logsource?: Config["rules"]["logsource"];
  /** Deprecated and unsupported rules are in use too. */
  readonly retired?: boolean;
};
/** What a rule took, over a sample of the records. */
export type RuleCost = { readonly ruleId: string; readonly title: string; readonly nsPerRecord: number };

/**
 * Loads and compiles. `paths` null: the configured ones. Errors: rules_rejected (all errors in its message), not_found (a
 * path that does not exist, or no rule in any: watching for nothing would look like peace), input_unreadable.
 */
export function openRules(config: Config, paths: readonly string[] | null, emit: Emit): Rules {
  const begunMs = systemClock.monotonicMs();
  const rules = readRules(config, paths, emit);
  tellLoaded(rules, systemClock.monotonicMs() - begunMs, emit);
  return rules;
}

/** As openRules, without telling that the set is in use. */
export function readRules(config: Config, paths: readonly string[] | null, emit: Emit): Rules {
  const lists = openLists(config);
  const named = paths ?? config.rules.paths ?? [SHIPPED_RULES];
  const check = leafCheckOf({ lists, fields: toFields(config) });
  const thresholds = toThresholds(config);
  const mode = toMode(config.rules.strict);
  const { logsource, strict, retired } = config.rules;
  const loaded = loadRules(named, { mode, lists: new Set(lists.keys()), check, thresholds, logsource, retired });
  const from = { ...config, strict, lists, thresholds: [...thresholds], logsource, retired };
  const rules = toRules(loaded, from, emit);
  checkThresholds(thresholds, rules.ruleSet);
  if (named.length > 0 && rules.ruleSet.detections.length === 0) {
    throw new SagewatchError(
      "not_found",
      `rules: there is no rule in ${named.map((path) => `\`${path}\``).join(", ")}`,
    );
  }
  return rules;
}

/** Makes a set again from what it was made of. Errors: rules_rejected. */
export function remakeRules(sources: RuleSources, emit: Emit): Rules {
  const lists: ListTable = new Map(sources.lists);
  const thresholds = new Map(sources.thresholds ?? []);
  const { strict, logsource = {}, retired = false } = sources;
  const loaded = loadTexts(sources.files, {
    mode: toMode(strict),
    lists: new Set(lists.keys()),
    thresholds,
    logsource,
    retired,
  });
  return toRules(loaded, { ...sources, lists }, emit);
}

/** Says that a set is in use now. */
export function tellLoaded({ ruleSet, hash, warnings }: Rules, elapsedMs: number, emit: Emit): void {
  const { detections, correlations } = ruleSet;
  const counts = { rules: detections.length, correlations: correlations.length, warnings };
  emit({ type: "rules_loaded", ...counts, hash, elapsedMs });
}

/** True while a rule asks for business hours and some account has those that nobody set. */
export function usesDefaultCalendar({ calendars, accounts }: Config, { ruleSet }: Rules): boolean {
  if (calendars[BUSINESS_CALENDAR] !== DEFAULT_BUSINESS) return false;
  const named = Object.values(accounts);
  if (named.length > 0 && named.every(({ calendar }) => calendar !== BUSINESS_CALENDAR)) return false;
  return [...fieldsOf(ruleSet)].some((field) => field.startsWith(`enrich.calendar.${BUSINESS_CALENDAR}.`));
}

/** Compiles what was loaded; throws rules_rejected with all errors. */
function toRules(
  loaded: LoadedRules,
  from: Pick<RuleSources, "strict" | "calendars" | "accounts" | "thresholds" | "logsource" | "retired"> & {
    readonly lists: ListTable;
  },
  emit: Emit,
): Rules {
  const { lists, strict, calendars, accounts } = from;
  const { compiled, problems: found } = compileLoaded(from, lists, loaded);
  const problems = [...loaded.problems, ...found];
  const errors = problems.filter((problem) => problem.severity === "error");
  const warnings = problems.filter((problem) => problem.severity === "warning");
  for (const { code, file, line, column, message } of warnings)
    emit({ type: "rule_warning", code, place: `${file}:${line}:${column}`, detail: message });
  if (loaded.ruleSet === null || compiled === null || errors.length > 0) throw toRejected(errors);
  const files = [...loaded.texts].map(([path, text]) => ({ path, text }));
  const changed = from.thresholds ?? [];
  const own = from.logsource ?? {};
  const more = {
    ...(changed.length === 0 ? {} : { thresholds: changed }),
    ...(Object.keys(own).length === 0 ? {} : { logsource: own }),
    ...(from.retired === true ? { retired: true as const } : {}),
  };
  const sources: RuleSources = { strict, files, lists: [...lists], calendars, accounts, ...more };
  const hash = sha256Hex(canonicalJson(sources));
  return { ruleSet: loaded.ruleSet, compiled, lists, sources, hash, warnings: warnings.length };
}

/** The shipped rules are strict, others as asked. */
export function toMode(strict: boolean): (path: string) => "strict" | "lenient" {
  return (path) => (strict || isShippedRule(path) ? "strict" : "lenient");
}

/** Compiles what could be read, so that its problems are told beside those of the rest; null where the set has errors already. */
export function compileLoaded(
  config: Pick<Config, "calendars" | "accounts">,
  lists: ListTable,
  loaded: Pick<LoadedRules, "ruleSet" | "readable">,
): { readonly compiled: CompiledRules | null; readonly problems: readonly Problem[] } {
  const fields = toFields(config);
  const compiled = compileRules(loaded.readable, { lists, fields, monotonicMs: () => systemClock.monotonicMs() });
  return { compiled: loaded.ruleSet === null ? null : compiled, problems: compiled.problems };
}

/** The fields `enrich.*` under the calendars of the configuration. */
export function toFields(config: Pick<Config, "calendars" | "accounts">): FieldTable {
  const calendars = Object.fromEntries(
    Object.entries(config.calendars).map(([name, calendar]) => [name, toCalendar(calendar)]),
  );
  const accountCalendars = Object.fromEntries(
    Object.entries(config.accounts).map(([id, account]) => [id, account.calendar]),
  );
  return createFields({ calendars, accountCalendars });
}

/** Thresholds that differ from their default: a default is what the rule says itself. */
export function toThresholds({ tuning }: Pick<Config, "tuning">): Thresholds {
  return new Map(Object.entries(tuning.thresholds).filter(([name, value]) => THRESHOLDS[name]?.value !== value));
}

/** A number under a name that no rule has would look like a setting. Errors: config_invalid. */
function checkThresholds(given: Thresholds, ruleSet: RuleSet): void {
  const known = [...new Set([...THRESHOLD_NAMES, ...thresholdsOf(ruleSet).keys()])];
  const lines = [...given.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => `\`tuning.thresholds.${name}\`: ${toUnknown(name, known)}`);
  if (lines.length > 0) throw new SagewatchError("config_invalid", lines.join("\n"));
}

function toRejected(errors: readonly Problem[]): SagewatchError {
  const lines = errors
    .slice(0, ERRORS_SHOWN)
    .map(({ file, line, column, message, remedy }) =>
      `${file}:${line}:${column}: ${message}; ${remedy}`.slice(0, ERROR_CHARS),
    );
  const more =
    errors.length > ERRORS_SHOWN ? [`and ${errors.length - ERRORS_SHOWN} more: run \`sagewatch rules check\``] : [];
  return new SagewatchError(
    "rules_rejected",
    [
      `${errors.length} error${errors.length === 1 ? "" : "s"} in the rules, so none was loaded`,
      ...lines,
      ...more,
    ].join("\n"),
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

const byId = new WeakMap<RuleSet, ReadonlyMap<string, RuleHead>>();
/** Every rule of a set by its id; made once a set. */
export function rulesById(ruleSet: RuleSet): ReadonlyMap<string, RuleHead> {
  const known =
    byId.get(ruleSet) ?? new Map([...ruleSet.detections, ...ruleSet.correlations].map((rule) => [rule.id, rule]));
  byId.set(ruleSet, known);
  return known;
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
