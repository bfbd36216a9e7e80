/**
 * A detection document: head, log source and the `detection` section, to a draft of a rule.
 *
 * A draft has everything but the state key and whether the rule alerts: those depend on the filters and correlations of
 * the whole set (../rule-set.ts). All errors of a document are reported; null when there was one.
 */
import { lintCloudTrail, lintReadFields } from "../api/lint.ts";
import type { Expression, RuleHead, RuleLogsource } from "../ast.ts";
import { parseCondition, type Condition, type Detections } from "../condition.ts";
import { parseDetection } from "../detection/detection.ts";
import { anyOf, leavesOf, sizeOf } from "../detection/expression.ts";
import { listsOf } from "../detection/pattern.ts";
import { lintScalars } from "../lint.ts";
import type { Findings } from "../problems.ts";
import { shownAs, valueOf, type YamlMap, type YamlNode, type YamlScalar } from "../yaml.ts";
import { required, requiredMap, textOf, wrongType } from "./fields.ts";
import { parseHead } from "./head.ts";

/** Nodes of one expression after the condition is resolved. The largest public rule has some 900. */
const SIZE_MAX = 50_000;

/** Options of a load that rules are read under. */
export type RuleOptions = { readonly findings: Findings; readonly lists: ReadonlySet<string> | null };

/** A detection rule before the set is known. */
export type RuleDraft = {
  readonly head: RuleHead;
  readonly logsource: RuleLogsource;
  readonly expression: Expression;
  readonly findings: Findings;
  readonly at: number;
};

/** Reads a document with `detection`. */
export function parseRule(map: YamlMap, options: RuleOptions): RuleDraft | null {
  const { findings } = options;
  const before = findings.errors();
  const head = parseHead(map, findings);
  const logsource = parseLogsource(map, findings);
  const section = requiredMap(map, "detection", findings);
  const expression = section === null ? null : parseSection(section, [], options);
  if (head !== null) checkEngine(map, head, findings);
  if (section !== null && expression !== null && logsource?.service === "cloudtrail") {
    lintCloudTrail(section, expression.expression, findings);
    lintReadFields(head?.engine.groupBy ?? [], valueOf(map, "x_engine")?.at ?? map.at, findings);
  }
  if (head === null || logsource === null || expression === null || findings.errors() > before) return null;
  return { head, logsource, expression: expression.expression, findings, at: map.at };
}

function checkEngine(map: YamlMap, head: RuleHead, findings: Findings): void {
  const at = valueOf(map, "x_engine")?.at ?? map.at;
  if (head.engine.bucketMs !== null) {
    findings.error("engine_option", at, {
      message: "`x_engine.bucket` belongs to correlations",
      value: "bucket",
      remedy: "use `suppress` for a detection",
    });
  }
  if (head.engine.groupBy.length > 0 && head.engine.suppressMs === null) {
    findings.error("engine_option", at, {
      message: "`x_engine.group-by` needs `suppress` beside it",
      value: "group-by",
      remedy: "add `suppress` with a duration",
    });
  }
}

const LOGSOURCE_KEYS = ["category", "product", "service", "definition"] as const;

/** The log source of a rule or filter. */
export function parseLogsource(map: YamlMap, findings: Findings): RuleLogsource | null {
  const section = requiredMap(map, "logsource", findings);
  if (section === null) return null;
  const before = findings.errors();
  for (const entry of section.entries) {
    if (LOGSOURCE_KEYS.some((key) => key === entry.key)) continue;
    findings.error("logsource_custom", entry.keyNode.at, {
      message: `no input declares the log source field \`${entry.key}\`${findings.suggest(entry.key, LOGSOURCE_KEYS)}`,
      value: entry.key,
      remedy: "use category, product and service",
    });
  }
  const part = (key: string): string | null => {
    const node = valueOf(section, key);
    const text = node === undefined ? null : textOf(node);
    if (node !== undefined && text === null) wrongType(node, `\`logsource.${key}\` must be a text`, findings);
    return text === null ? null : text.toLowerCase();
  };
  const logsource = { category: part("category"), product: part("product"), service: part("service") };
  if (Object.values(logsource).every((value) => value === null) && findings.errors() === before) {
    findings.lapse("logsource_empty", section.at, {
      message: "the log source states neither category, product nor service",
      remedy: "add at least one, such as product: aws, service: cloudtrail",
    });
  }
  return findings.errors() > before ? null : logsource;
}

/** The expression of a section that holds detections and a condition, and whether the condition is one bare name. */
export type Section = { readonly expression: Expression; readonly isBareName: boolean; readonly conditionAt: number };

/** Reads named detections and the condition; `reserved` keys of the section mean something else. */
export function parseSection(
  section: YamlMap,
  reserved: readonly string[],
  { findings, lists }: RuleOptions,
): Section | null {
  const detections = new Map<string, Expression | null>();
  for (const { key, keyNode, value } of section.entries) {
    if (key === "condition" || reserved.includes(key)) continue;
    if (key === "timeframe") {
      findings.error("condition_aggregation", keyNode.at, {
        message: "`timeframe` is no longer part of Sigma",
        value: key,
        remedy: "use a correlation document with `timespan`",
      });
      continue;
    }
    lintScalars(value, findings);
    detections.set(key, parseDetection(key, value, findings));
  }
  const node = required(section, "condition", findings);
  if (node === null) return null;
  const conditions = readConditions(node, findings).map((scalar) => parseCondition(scalar, detections, findings));
  const expression = joinConditions(conditions);
  lintUnused(section, { detections, conditions }, findings);
  if (expression === null) return null;
  if (!checkExpression(expression, section, { findings, lists })) return null;
  return {
    expression,
    isBareName: conditions.length === 1 && conditions[0]?.isBareName === true,
    conditionAt: node.at,
  };
}

function readConditions(node: YamlNode, findings: Findings): readonly YamlScalar[] {
  const items = node.kind === "list" ? node.items : [node];
  const scalars = items.filter((item): item is YamlScalar => item.kind === "scalar" && item.value !== null);
  if (scalars.length === items.length && items.length > 0) return scalars;
  wrongType(node, "`condition` must be a text or a list of texts", findings);
  return [];
}

/** Several conditions are alternatives of one rule. */
function joinConditions(conditions: readonly Condition[]): Expression | null {
  const good = conditions.flatMap(({ expression }) => expression ?? []);
  return good.length === 0 || good.length < conditions.length ? null : anyOf(good);
}

function lintUnused(
  section: YamlMap,
  of: { detections: Detections; conditions: readonly Condition[] },
  findings: Findings,
): void {
  if (of.conditions.length === 0 || of.conditions.some(({ expression }) => expression === null)) return;
  for (const { key, keyNode } of section.entries) {
    if (!of.detections.has(key) || of.conditions.some(({ used }) => used.has(key))) continue;
    findings.warning("detection_unused", keyNode.at, {
      message: `the condition does not use \`${key}\``,
      value: key,
      remedy: "use it or remove it",
    });
  }
}

function checkExpression(expression: Expression, section: YamlMap, { findings, lists }: RuleOptions): boolean {
  if (sizeOf(expression, SIZE_MAX) > SIZE_MAX) {
    findings.error("rule_too_large", section.at, {
      message: `the rule stands for more than ${SIZE_MAX} tests`,
      remedy: "keep long lists in a list file and use `expand`",
    });
    return false;
  }
  const before = findings.errors();
  const missing = new Set<string>();
  for (const { test } of leavesOf(expression)) {
    if (test.type !== "text" || lists === null) continue;
    for (const list of listsOf(test.pattern)) if (!lists.has(list)) missing.add(list);
  }
  for (const list of missing) {
    findings.error("expand_list_unknown", placeOf(section, `%${list}%`), {
      message: `no list is called \`${list}\`${findings.suggest(list, lists ?? [])}`,
      value: `%${list}%`,
      remedy: `define \`${list}\` under \`lists\` in the configuration; it may be empty`,
    });
  }
  return findings.errors() === before;
}

/** Offset of the first scalar below `node` that holds `text`, or of the node. */
function placeOf(node: YamlNode, text: string): number {
  const search = (inner: YamlNode): number | null => {
    if (inner.kind === "scalar") return shownAs(inner).includes(text) ? inner.at : null;
    const children = inner.kind === "list" ? inner.items : inner.entries.map((entry) => entry.value);
    for (const child of children) {
      const found = search(child);
      if (found !== null) return found;
    }
    return null;
  };
  return search(node) ?? node.at;
}
