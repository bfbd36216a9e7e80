/**
 * `sagewatch rules check` and `list`: rules before they run. No state is touched.
 */
import { basename } from "node:path";
import { openLists } from "../../compose/own/needs.ts";
import { compileLoaded, openRules, toFields, toMode, toThresholds } from "../../compose/rules.ts";
import { readWarming } from "../../compose/warming.ts";
import { loadConfig, SHIPPED_RULES } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { systemClock, toUtcText } from "../../lib/clock.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { renderColumns } from "../../lib/text-table.ts";
import { print, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { leafCheckOf } from "../../sigma/compile.ts";
import { runRulesCheck } from "./check.ts";

export type CheckRules = {
  readonly paths: readonly string[];
  readonly format: "text" | "json";
  readonly strict?: true;
  readonly config?: string;
};
export type ListRules = { readonly config?: string; readonly format: "table" | "ndjson" };

const TITLES = ["LEVEL", "KIND", "LOGSOURCE", "TITLE", "FILE", "ID"] as const;
/** Columns that may be cut, and to how little. The file comes last before the id, whose end nobody reads. */
const FLOORS = { TITLE: 24, FILE: 16, ID: 8 };

/** Checks rules as `run` would take them, with the lists and calendars of the configuration; 1 when there are errors. Errors: not_found, input_unreadable, config_*. */
export async function checkRules(options: CheckRules, terminal: Terminal): Promise<number> {
  const { paths, format, strict, config: path } = options;
  const { config } = loadConfig({ path, adapters: ADAPTERS, secrets: "unread" });
  const lists = openLists(config);
  const { exitCode, stdout } = runRulesCheck({
    paths: paths.length === 0 ? [SHIPPED_RULES] : paths,
    format,
    mode: toMode(strict === true),
    lists: new Set(lists.keys()),
    check: leafCheckOf({ lists, fields: toFields(config) }),
    thresholds: toThresholds(config),
    logsource: config.rules.logsource,
    retired: config.rules.retired,
    more: (loaded) => compileLoaded(config, lists, loaded).problems,
  });
  await print(terminal, stdout);
  return exitCode;
}

/** Lists the configured rules, and until when those of the daemon's state folder are warming up. Errors: config_*, rules_rejected. */
export async function listRules({ config: path, format }: ListRules, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path, adapters: ADAPTERS, secrets: "unread" });
  const rules = toRules(openRules(config, null, () => undefined).ruleSet);
  const warming = readWarming(config.state.dir, systemClock.nowMs());
  if (format === "ndjson")
    await print(terminal, rules.map((rule) => `${safeJson(JSON.stringify(toLine(rule, warming)))}\n`).join(""));
  else await print(terminal, renderRules(rules, warming, widthOf(terminal.stdout)));
  const count = rules.filter(({ id }) => warming.has(id)).length;
  if (count > 0)
    remark(terminal, `${count} warming up: until then their windows may know less than their time span asks for.`);
  if (rules.length === 0) remark(terminal, "There are no rules.");
  return 0;
}

/** All rules of a set, by file and place. */
export function toRules({ detections, correlations }: RuleSet): readonly (DetectionRule | Correlation)[] {
  return [...detections, ...correlations].toSorted((left, right) =>
    left.place.file < right.place.file
      ? -1
      : left.place.file > right.place.file
        ? 1
        : left.place.line - right.place.line,
  );
}

/** Rule id → until when it warms up, epoch ms. */
type WarmingUntil = ReadonlyMap<string, number>;

function toLine(rule: DetectionRule | Correlation, warming: WarmingUntil): Readonly<Record<string, unknown>> {
  const { id, name, title, level, status, description, tags, falsePositives, references, alerts, place, more } = rule;
  return {
    id,
    title,
    level,
    kind: kindOf(rule),
    logsource: logsourceOf(rule),
    status,
    description,
    tags,
    alerts,
    warmingUntil: toUntil(rule, warming),
    file: place.file,
    line: place.line,
    name,
    falsepositives: falsePositives,
    references,
    more: more ?? {},
  };
}

function toUntil({ id }: { readonly id: string }, warming: WarmingUntil): string | null {
  const untilMs = warming.get(id);
  return untilMs === undefined ? null : toUtcText(untilMs);
}

function kindOf(rule: DetectionRule | Correlation): string {
  return rule.type === "detection" ? "detection" : rule.kind;
}

function logsourceOf(rule: DetectionRule | Correlation): string {
  if (rule.type === "correlation") return `over ${rule.rules.length} ${rule.rules.length === 1 ? "rule" : "rules"}`;
  const { category, product, service } = rule.logsource;
  return [category, product, service].filter((part) => part !== null).join("/");
}

/** The column of what is warming stands only where something is. */
function renderRules(rules: readonly (DetectionRule | Correlation)[], warming: WarmingUntil, width: number): string {
  const isAny = rules.some(({ id }) => warming.has(id));
  const cells = rules.map((rule) => [
    rule.level,
    ...(isAny ? [toUntil(rule, warming) ?? ""] : []),
    ...[kindOf(rule), logsourceOf(rule), rule.title, basename(rule.place.file), rule.id].map(safeLine),
  ]);
  const [level, ...others] = TITLES;
  return renderColumns([level, ...(isAny ? ["WARMING UNTIL"] : []), ...others], cells, { floors: FLOORS, width });
}
