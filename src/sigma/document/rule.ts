/**
 * A detection document: head, log source and the `detection` section, to a draft of a rule.
 *
 * A draft has everything but the state key and whether the rule alerts: those depend on the filters and correlations of
 * the whole set (../rule-set.ts). All errors of a document are reported; null when there was one.
 */
import { lintCloudTrail, lintReadFields } from "../api/lint.ts";
import type { DetectionRule, Expression, RuleHead, RuleLogsource } from "../ast.ts";
import { parseCondition, type Condition, type Detections } from "../condition.ts";
import { parseDetection } from "../detection/detection.ts";
import { anyOf, isTorn, sizeOf } from "../detection/expression.ts";
import { type Reading, toOneField } from "../detection/target.ts";
import { lintScalars } from "../lint.ts";
import { type LeafCheck, tellReadFields } from "../plan/leaf-check.ts";
import type { Findings } from "../problems.ts";
import { isNative } from "../taxonomy/taxonomy.ts";
import { named, numbersOf, parseThresholds } from "../tuning/parse.ts";
import { valueOf, type YamlMap, type YamlNode, type YamlScalar } from "../yaml.ts";
import { type Dialect, readDialect } from "./dialect.ts";
import { required, requiredMap, textsOf, wrongType } from "./fields.ts";
import { parseHead } from "./head.ts";
import { type OwnLogsource, parseLogsource, serviceOf } from "./logsource.ts";
import { createPlaceOf, findText } from "./places.ts";

/** Nodes of one expression after the condition is resolved. The largest public rule has some 900. */
const SIZE_MAX = 50_000;

/** Options of a load that rules are read under. */
export type RuleOptions = {
  readonly findings: Findings;
  readonly lists: ReadonlySet<string> | null;
  readonly check: LeafCheck | null;
  readonly logsource: OwnLogsource;
};

/** A detection rule before the set is known. */
export type RuleDraft = {
  readonly head: RuleHead;
  readonly logsource: RuleLogsource;
  readonly expression: Expression;
  readonly conditions: DetectionRule["conditions"] | null;
  readonly findings: Findings;
  readonly at: number;
};

/** Reads a document with `detection`. */
export function parseRule(map: YamlMap, options: RuleOptions): RuleDraft | null {
  const { findings } = options;
  const before = findings.errors();
  const dialect = readDialect(map);
  const head = parseHead(map, findings);
  const logsource = parseLogsource(map, findings, options.logsource);
  const section = requiredMap(map, "detection", findings);
  let read: readonly Expression[] = [];
  const note = (expressions: readonly Expression[]): void => void (read = expressions);
  const parsed = section === null ? null : parseSection(section, [], { ...options, dialect, onRead: note });
  const engine = valueOf(map, "x_engine");
  if (head !== null) checkEngine(map, head, findings);
  checkMapped(map, { dialect, logsource }, findings);
  const group = engine?.kind === "map" ? valueOf(engine, "group-by") : undefined;
  const placeOf = (field: string): number => findText(group ?? map, field) ?? group?.at ?? map.at;
  // Read beside other errors of the head too, so that all are told at once.
  const reading: Reading = { findings, dialect, isMember: false, check: null, lists: null };
  const groupBy = toFields(textsOf(group), engine, reading);
  tellReadFields(new Set(groupBy), placeOf, options);
  if (serviceOf(map) === "cloudtrail") {
    for (const expression of read) lintCloudTrail(section ?? map, expression, findings);
    if (isNative(dialect.taxonomy)) lintReadFields(groupBy, placeOf, findings);
  }
  const thresholds = parsed === null ? [] : parseThresholds(map, numbersOf(parsed.expression), findings);
  if (head === null || logsource === null || parsed === null || findings.errors() > before) return null;
  const placed = {
    ...head,
    engine: { ...head.engine, groupBy, ...named(thresholds) },
    placeOf: createPlaceOf(findings, engine),
  };
  const { expression, conditions } = parsed;
  return { head: placed, logsource, expression, conditions, findings, at: map.at };
}

/** The record's fields that names outside detections stand for; those that stand for none are reported and left out. */
function toFields(names: readonly string[], node: YamlNode | undefined, reading: Reading): readonly string[] {
  if (isNative(reading.dialect.taxonomy)) return names;
  return names.flatMap((name) => {
    const at = node === undefined ? 0 : (findText(node, name) ?? node.at);
    return toOneField(name, { kind: "scalar", value: name, source: name, plain: true, at }, reading) ?? [];
  });
}

/** Other taxonomies are mapped to the records of CloudTrail and to no others. */
export function checkMapped(
  map: YamlMap,
  of: { readonly dialect: Dialect; readonly logsource: RuleLogsource | null },
  findings: Findings,
): void {
  const { taxonomy } = of.dialect;
  if (isNative(taxonomy) || of.logsource === null || of.logsource.service === "cloudtrail") return;
  findings.error("taxonomy_unknown", valueOf(map, "taxonomy")?.at ?? map.at, {
    message: `the taxonomy ${taxonomy} is mapped to records of CloudTrail only`,
    value: taxonomy,
    remedy: "state logsource service: cloudtrail, or use the records' own field names",
  });
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
  if (head.engine.final === true) {
    findings.error("engine_option", valueOf(map, "x_engine")?.at ?? map.at, {
      message: "`x_engine.final` belongs to correlations: a detection waits for nothing",
      value: "final",
      remedy: "remove it",
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

/** The expression of a section that holds detections and a condition, and whether the condition is one bare name. */
export type Section = {
  readonly expression: Expression;
  readonly isBareName: boolean;
  readonly conditionAt: number;
  /** Null for a single condition. */
  readonly conditions: DetectionRule["conditions"] | null;
};

/** Options of a load, and how this document writes its fields. */
export type SectionOptions = RuleOptions & {
  readonly dialect: Dialect;
  /** Called with what could be read, also where errors were told: the whole, or each detection where the condition is none. */
  readonly onRead?: (expressions: readonly Expression[]) => void;
};

/** Reads named detections and the condition; `reserved` keys of the section mean something else. */
export function parseSection(
  section: YamlMap,
  reserved: readonly string[],
  { findings, lists, dialect, check, onRead }: SectionOptions,
): Section | null {
  const reading: Reading = { findings, dialect, isMember: false, check, lists };
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
    detections.set(key, parseDetection(key, value, reading));
  }
  const each = [...detections.values()].filter((expression) => expression !== null);
  const node = required(section, "condition", findings);
  if (node === null) {
    onRead?.(each);
    return null;
  }
  const scalars = readConditions(node, findings);
  const conditions = scalars.map((scalar) => parseCondition(scalar, detections, findings));
  const expression = joinConditions(conditions);
  lintUnused(section, { detections, conditions }, findings);
  onRead?.(expression === null ? each : [expression]);
  if (expression === null || isTorn(expression)) return null;
  if (!checkSize(expression, section, findings)) return null;
  return {
    expression,
    isBareName: conditions.length === 1 && conditions[0]?.isBareName === true,
    conditionAt: node.at,
    conditions: scalars.length > 1 ? toConditions(scalars, conditions) : null,
  };
}

function toConditions(
  scalars: readonly YamlScalar[],
  conditions: readonly Condition[],
): NonNullable<DetectionRule["conditions"]> {
  return conditions.flatMap(({ expression }, index) =>
    expression === null ? [] : [{ text: scalars[index]?.source ?? "", expression }],
  );
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

function checkSize(expression: Expression, section: YamlMap, findings: Findings): boolean {
  if (sizeOf(expression, SIZE_MAX) <= SIZE_MAX) return true;
  findings.error("rule_too_large", section.at, {
    message: `the rule stands for more than ${SIZE_MAX} tests`,
    remedy: "keep long lists in a list file and use `expand`",
  });
  return false;
}
