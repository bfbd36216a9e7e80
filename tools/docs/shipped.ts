/**
 * The shipped rules, their cases and their lists, as the pages about them need them.
 */
import { basename, join } from "node:path";
import { parse } from "yaml";
import { readdirSync, readFileSync } from "node:fs";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import { toDataSources } from "../../src/rules/data-sources.ts";
import { SHIPPED_LISTS } from "../../src/rules/lists.ts";
import { loadRules } from "../../src/rules/load.ts";
import { listsOf } from "../../src/rules/reads.ts";
import type { Correlation, DetectionRule } from "../../src/sigma/ast.ts";

export type Rule = DetectionRule | Correlation;

/** A rule that alerts, with all that it reads itself or through the rules behind it. */
export type Shipped = {
  readonly name: string;
  readonly rule: Rule;
  readonly needs: readonly string[];
  readonly lists: readonly string[];
  readonly thresholds: readonly string[];
  /** Fields `enrich.calendar.NAME.open` that it asks. */
  readonly asksCalendar: boolean;
};

/** A list as its file has it. */
export type ListFile = {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly values: readonly string[];
};

/** What is shipped: rules that alert by file name, every rule by id, lists by name. */
export function loadShipped(): {
  readonly shipped: readonly Shipped[];
  readonly byId: ReadonlyMap<string, Rule>;
  readonly lists: readonly ListFile[];
} {
  const { ruleSet, problems } = loadRules([SHIPPED_RULES], { mode: "strict" });
  if (ruleSet === null)
    throw new Error(problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n"));
  const rules: readonly Rule[] = [...ruleSet.detections, ...ruleSet.correlations];
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const needs = toDataSources(ruleSet);
  const shipped = rules
    .filter(({ alerts }) => alerts)
    .map((rule): Shipped => {
      const whole = withBehind(rule, byId);
      return {
        name: basename(rule.place.file, ".yml"),
        rule,
        needs: needs.get(rule.id) ?? [],
        lists: sorted(whole.flatMap((one) => [...listsOf(one)])),
        thresholds: sorted(whole.flatMap(({ engine }) => (engine.thresholds ?? []).map(({ name }) => name))),
        asksCalendar: whole.some((one) => JSON.stringify(one).includes("enrich.calendar.")),
      };
    });
  return { shipped: shipped.toSorted((a, b) => (a.name < b.name ? -1 : 1)), byId, lists: readListFiles() };
}

function withBehind(rule: Rule, byId: ReadonlyMap<string, Rule>): readonly Rule[] {
  if (rule.type === "detection") return [rule];
  return [rule, ...rule.rules.flatMap((id) => byId.get(id) ?? []).flatMap((one) => withBehind(one, byId))];
}

function readListFiles(): readonly ListFile[] {
  return readdirSync(SHIPPED_LISTS)
    .toSorted()
    .map((file) => parse(readFileSync(join(SHIPPED_LISTS, file), "utf8")) as ListFile);
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted();
}
