/**
 * Filter documents: conditions that are joined by `and` to every rule they name, as pySigma applies them.
 *
 * A filter has a namespace of its own, so its selectors never reach the rule's detections. It acts on detections only and
 * only where its log source agrees with the rule's; a reference that leads nowhere is an error, since a filter that
 * silently does nothing floods its readers.
 */
import { lintCloudTrail } from "../api/lint.ts";
import type { Expression, RuleLogsource } from "../ast.ts";
import { allOf } from "../detection/expression.ts";
import type { Findings } from "../problems.ts";
import { parseThresholds } from "../tuning/parse.ts";
import type { YamlMap, YamlNode } from "../yaml.ts";
import { readDialect } from "./dialect.ts";
import { required, requiredMap, textOf, wrongType } from "./fields.ts";
import { parseHead } from "./head.ts";
import { parseLogsource, serviceOf } from "./logsource.ts";
import { createPlaceOf, joinPlaces } from "./places.ts";
import { checkMapped, parseSection, type RuleDraft, type RuleOptions } from "./rule.ts";

/** A name or id of a rule as written, and where. */
export type Reference = { readonly text: string; readonly at: number };

/** A filter before it is applied. `rules` null: every rule of its log source. */
export type FilterDraft = {
  readonly rules: readonly Reference[] | null;
  readonly logsource: RuleLogsource;
  readonly expression: Expression;
  readonly findings: Findings;
};

/** What filters may refer to besides rules: both give errors of their own. */
export type OtherNames = { readonly correlations: ReadonlySet<string>; readonly failed: ReadonlySet<string> };

/** Reads a document with `filter`; null when it has errors. */
export function parseFilter(map: YamlMap, options: RuleOptions): FilterDraft | null {
  const { findings } = options;
  const before = findings.errors();
  parseHead(map, findings, "filter");
  // A filter is joined to many rules, so a number of it has no rule to be judged by.
  parseThresholds(map, [], findings);
  const logsource = parseLogsource(map, findings, options.logsource);
  const section = requiredMap(map, "filter", findings);
  if (section === null) return null;
  const rulesNode = required(section, "rules", findings);
  const rules = rulesNode === null ? [] : parseReferences(rulesNode, "filter.rules", findings);
  const dialect = readDialect(map);
  let read: readonly Expression[] = [];
  const note = (expressions: readonly Expression[]): void => void (read = expressions);
  const parsed = parseSection(section, ["rules"], { ...options, dialect, onRead: note });
  checkMapped(map, { dialect, logsource }, findings);
  if (serviceOf(map) === "cloudtrail") for (const expression of read) lintCloudTrail(section, expression, findings);
  if (parsed?.isBareName === true) {
    findings.warning("filter_positive", parsed.conditionAt, {
      message: "this filter keeps only what its selection matches",
      value: "condition",
      remedy: "write `not selection` to leave out what it matches",
    });
  }
  if (logsource === null || parsed === null || findings.errors() > before) return null;
  const any = rules.length === 0 || rules.some(({ text }) => text === "any");
  return { rules: any ? null : rules, logsource, expression: parsed.expression, findings };
}

/** A text or list of texts that names rules. */
export function parseReferences(node: YamlNode, name: string, findings: Findings): readonly Reference[] {
  const items = node.kind === "list" ? node.items : [node];
  return items.flatMap((item) => {
    const text = textOf(item);
    if (text !== null) return [{ text, at: item.at }];
    wrongType(item, `\`${name}\` must hold names or ids of rules`, findings);
    return [];
  });
}

/** The rules with every filter that means them joined on. Wrong references are reported at the filter. */
export function applyFilters(
  rules: readonly RuleDraft[],
  filters: readonly FilterDraft[],
  others: OtherNames,
): readonly RuleDraft[] {
  const byName = new Map<string, number>();
  for (const [index, { head }] of rules.entries()) {
    byName.set(head.id, index);
    if (head.name !== null) byName.set(head.name, index);
  }
  const added = new Map<number, FilterDraft[]>();
  for (const filter of filters) {
    for (const index of targets(filter, rules, { byName, others })) {
      added.set(index, [...(added.get(index) ?? []), filter]);
    }
  }
  return rules.map((rule, index) => {
    const own = added.get(index);
    return own === undefined ? rule : withFilters(rule, own);
  });
}

function withFilters(rule: RuleDraft, filters: readonly FilterDraft[]): RuleDraft {
  const { head, findings } = rule;
  const places = filters.map((filter) => createPlaceOf(filter.findings, undefined));
  return {
    ...rule,
    head: { ...head, placeOf: joinPlaces([head.placeOf ?? createPlaceOf(findings, undefined), ...places]) },
    expression: allOf([rule.expression, ...filters.map(({ expression }) => expression)]),
  };
}

type Names = { readonly byName: ReadonlyMap<string, number>; readonly others: OtherNames };

/** Indices of the rules that a filter is joined to, each once. */
function targets(filter: FilterDraft, rules: readonly RuleDraft[], { byName, others }: Names): ReadonlySet<number> {
  const { findings } = filter;
  const suits = (rule: RuleDraft | undefined): boolean =>
    rule !== undefined && agrees(filter.logsource, rule.logsource);
  if (filter.rules === null) return new Set(rules.keys().filter((index) => suits(rules[index])));
  const found = new Set<number>();
  for (const { text, at } of filter.rules) {
    const index = byName.get(text);
    if (index !== undefined && suits(rules[index])) found.add(index);
    else if (index !== undefined) {
      findings.error("filter_logsource", at, {
        message: `the filter's log source is not that of the rule \`${text}\``,
        value: text,
        remedy: "give the filter the rule's log source",
      });
    } else if (others.correlations.has(text)) {
      findings.error("filter_correlation", at, {
        message: `\`${text}\` is a correlation; filters act on detections only`,
        value: text,
        remedy: "name the detections that it correlates",
      });
    } else if (!others.failed.has(text)) {
      findings.error("filter_rule_unknown", at, {
        message: `no rule of this set has the id or name \`${text}\`${findings.suggest(text, byName.keys())}`,
        value: text,
        remedy: "mend the reference, or load the rule too",
      });
    }
  }
  return found;
}

/** True when every part that the filter states is the rule's. */
function agrees(filter: RuleLogsource, rule: RuleLogsource): boolean {
  const same = (key: "category" | "product" | "service"): boolean => filter[key] === null || filter[key] === rule[key];
  const custom = Object.entries(filter.custom ?? {});
  return (
    same("category") &&
    same("product") &&
    same("service") &&
    custom.every(([key, value]) => rule.custom?.[key] === value)
  );
}
