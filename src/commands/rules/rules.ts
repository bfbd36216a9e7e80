/**
 * `sagewatch rules check`, `test` and `list`: rules before they run. No state is touched.
 */
import { basename } from "node:path";
import { compileLoaded, openRules, toFields, toMode } from "../../compose/rules.ts";
import { loadConfig, SHIPPED_RULES } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { renderColumns } from "../../lib/text-table.ts";
import { print, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import { loadLists } from "../../rules/lists.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { leafCheckOf } from "../../sigma/compile.ts";
import { runRulesCheck } from "./check.ts";
import { runRulesTest, type RulesTestOptions } from "./test.ts";

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
  const lists = loadLists(config.lists);
  const { exitCode, stdout } = runRulesCheck({
    paths: paths.length === 0 ? [SHIPPED_RULES] : paths,
    format,
    mode: toMode(strict === true),
    lists: new Set(lists.keys()),
    check: leafCheckOf({ lists, fields: toFields(config) }),
    more: (loaded) => compileLoaded(config, lists, loaded).problems,
  });
  await print(terminal, stdout);
  return exitCode;
}

/** Runs the cases of rules; 1 when one fails. Errors: not_found, input_unreadable. */
export async function testRules(options: RulesTestOptions, terminal: Terminal): Promise<number> {
  const { exitCode, stdout } = await runRulesTest(options);
  await print(terminal, stdout);
  return exitCode;
}

/** Lists the configured rules. Errors: config_*, rules_rejected. */
export async function listRules({ config: path, format }: ListRules, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path, adapters: ADAPTERS, secrets: "unread" });
  const rules = toRules(openRules(config, null, () => undefined).ruleSet);
  if (format === "ndjson")
    await print(terminal, rules.map((rule) => `${safeJson(JSON.stringify(toLine(rule)))}\n`).join(""));
  else await print(terminal, renderRules(rules, widthOf(terminal.stdout)));
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

function toLine(rule: DetectionRule | Correlation): Readonly<Record<string, unknown>> {
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
    file: place.file,
    line: place.line,
    name,
    falsepositives: falsePositives,
    references,
    more: more ?? {},
  };
}

function kindOf(rule: DetectionRule | Correlation): string {
  return rule.type === "detection" ? "detection" : rule.kind;
}

function logsourceOf(rule: DetectionRule | Correlation): string {
  if (rule.type === "correlation") return `over ${rule.rules.length} ${rule.rules.length === 1 ? "rule" : "rules"}`;
  const { category, product, service } = rule.logsource;
  return [category, product, service].filter((part) => part !== null).join("/");
}

function renderRules(rules: readonly (DetectionRule | Correlation)[], width: number): string {
  const cells = rules.map((rule) =>
    [rule.level, kindOf(rule), logsourceOf(rule), rule.title, basename(rule.place.file), rule.id].map(safeLine),
  );
  return renderColumns(TITLES, cells, { floors: FLOORS, width });
}
