/**
 * A correlation document: type, rules, grouping, time span, condition and aliases, read but not yet resolved.
 *
 * References stay as written until the whole set is known (../references.ts). A draft is made even of a broken document,
 * because the rules that it names must not begin to alert by themselves when their correlation fails. Unknown keys are
 * errors: a condition that is silently dropped is a weaker rule.
 */
import type { CorrelationType, RuleHead } from "../ast.ts";
import type { Findings } from "../problems.ts";
import { boundsOf, named, parseThresholds } from "../tuning/parse.ts";
import { shownAs, valueOf, type YamlMap, type YamlNode, type YamlScalar } from "../yaml.ts";
import { parseCorrelationCondition, type CorrelationCondition } from "./correlation-condition.ts";
import { wordsOf } from "./correlation-names.ts";
import { refuseUnknown, required, requiredMap, textList, textOf, textsOf, wrongType } from "./fields.ts";
import { parseReferences, type Reference } from "./filter.ts";
import { parseHead } from "./head.ts";
import { parseTimespan } from "./timespan.ts";

/** Types of the specification, and the median that pySigma and rsigma have beside them. */
const TYPES = [
  "event_count",
  "value_count",
  "temporal",
  "temporal_ordered",
  "value_sum",
  "value_avg",
  "value_percentile",
  "value_median",
] as const satisfies readonly CorrelationType[];
const KEYS = ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"] as const;

/** An alias as written: which field stands for it in which rule. */
export type AliasDraft = {
  readonly name: string;
  readonly at: number;
  readonly fields: readonly (Reference & { readonly field: string })[];
};

/** The body of a correlation without errors of its own. */
export type CorrelationBody = CorrelationCondition & {
  readonly kind: CorrelationType;
  readonly groupBy: readonly string[];
  readonly aliases: readonly AliasDraft[];
  readonly timespanMs: number;
};

/** The names of fields in a body. */
export type CorrelationReads = Pick<CorrelationBody, "groupBy" | "fields" | "aliases">;

/** A correlation before its references are resolved. `head` or `body` null: it has errors. */
export type CorrelationDraft = {
  readonly head: RuleHead | null;
  readonly body: CorrelationBody | null;
  readonly references: readonly Reference[];
  /** The field names that it reads, as far as they stand there: they are checked also beside other errors. */
  readonly reads: CorrelationReads;
  /** Rules that must not alert by themselves, as far as they are there: also of a text condition that could not be read. */
  readonly silences: readonly Reference[];
  /** False where the references are those of the text condition. */
  readonly isListed: boolean;
  readonly generate: boolean;
  readonly findings: Findings;
  readonly at: number;
  /** Place of the correlation's type, for findings about the whole. */
  readonly typeAt: number;
  /** Place of `x_engine.bucket`, or of the type without it. */
  readonly bucketAt: number;
};

/** Reads a document with `correlation`. */
export function parseCorrelation(map: YamlMap, findings: Findings): CorrelationDraft {
  const before = findings.errors();
  const head = parseHead(map, findings);
  if (head !== null) checkEngine(map, head, findings);
  const section = requiredMap(map, "correlation", findings);
  const text = section === null ? null : textCondition(section);
  const listed = section === null ? null : parseList(section, text !== null, findings);
  const generate = parseGenerate(map, findings) || (section !== null && parseGenerate(section, findings));
  const { body, reads } = section === null ? { body: null, reads: NOTHING_READ } : parseBody(section, findings);
  const thresholds = parseThresholds(map, boundsOf(body), findings);
  const isGood = findings.errors() === before && head !== null;
  const typeAt = (section === null ? undefined : valueOf(section, "type"))?.at ?? map.at;
  const references = listed ?? body?.text?.names ?? [];
  const silences = text === null ? references : [...references, ...wordsOf(text)];
  const isListed = listed !== null;
  const parts = {
    references,
    reads,
    silences,
    isListed,
    generate,
    findings,
    at: map.at,
    typeAt,
    bucketAt: bucketOf(map)?.at ?? typeAt,
  };
  const placed = isGood ? { ...head, engine: { ...head.engine, ...named(thresholds) } } : null;
  return { head: placed, body: isGood ? body : null, ...parts };
}

function bucketOf(map: YamlMap): YamlNode | undefined {
  const engine = valueOf(map, "x_engine");
  return engine?.kind === "map" ? valueOf(engine, "bucket") : undefined;
}

/** The list of rules; null when there is none, which only a text condition can do without: it names the rules itself. */
function parseList(section: YamlMap, isNamed: boolean, findings: Findings): readonly Reference[] | null {
  if (isNamed && valueOf(section, "rules") === undefined) return null;
  const rules = required(section, "rules", findings);
  if (rules === null) return null;
  const listed = parseReferences(rules, "correlation.rules", findings);
  if (listed.length === 0) wrongType(rules, "`correlation.rules` must name at least one rule", findings);
  return listed;
}

function textCondition(section: YamlMap): YamlScalar | null {
  const node = valueOf(section, "condition");
  return node?.kind === "scalar" && typeof node.value === "string" ? node : null;
}

function checkEngine(map: YamlMap, { engine }: RuleHead, findings: Findings): void {
  if (engine.suppressMs === null && engine.groupBy.length === 0) return;
  findings.error("engine_option", valueOf(map, "x_engine")?.at ?? map.at, {
    message: "`suppress` and `group-by` of `x_engine` belong to detections",
    value: engine.suppressMs === null ? "group-by" : "suppress",
    remedy: "a correlation has `correlation.group-by`, and `x_engine.bucket` for the length of an alert",
  });
}

function parseGenerate(map: YamlMap, findings: Findings): boolean {
  const node = valueOf(map, "generate");
  if (node === undefined) return false;
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  wrongType(node, "`generate` must be true or false", findings);
  return false;
}

const NOTHING_READ: CorrelationReads = { groupBy: [], fields: [], aliases: [] };

function parseBody(
  section: YamlMap,
  findings: Findings,
): { readonly body: CorrelationBody | null; readonly reads: CorrelationReads } {
  refuseUnknown(section, "correlation", { known: KEYS, findings });
  const kind = parseType(section, findings);
  const timespan = required(section, "timespan", findings);
  const timespanMs = timespan === null ? null : parseTimespan("timespan", timespan, findings);
  const group = valueOf(section, "group-by");
  const groupBy = group === undefined || isNothing(group) ? [] : textList(group, "group-by", findings);
  const aliases = parseAliases(section, findings);
  const condition = parseCorrelationCondition(section, kind, findings);
  const written = valueOf(section, "condition");
  const fields = written?.kind === "map" ? textsOf(valueOf(written, "field")) : [];
  const reads = { groupBy: textsOf(group), fields, aliases };
  if (kind === null || timespanMs === null || groupBy === null || condition === null) return { body: null, reads };
  return { body: { kind, timespanMs, groupBy: [...new Set(groupBy)], aliases, ...condition }, reads };
}

function isNothing(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

function parseType(section: YamlMap, findings: Findings): CorrelationType | null {
  const node = required(section, "type", findings);
  if (node === null) return null;
  const text = textOf(node) ?? "";
  const kind = TYPES.find((type) => type === text) ?? null;
  if (kind === null) {
    findings.error("correlation_type", node.at, {
      message: `correlation type \`${shownAs(node)}\` does not exist${findings.suggest(text, TYPES)}`,
      value: shownAs(node),
      remedy: `use one of ${TYPES.join(", ")}`,
    });
  }
  return kind;
}

function parseAliases(section: YamlMap, findings: Findings): readonly AliasDraft[] {
  const node = valueOf(section, "aliases");
  if (node === undefined || isNothing(node)) return [];
  if (node.kind !== "map") {
    wrongType(node, "`aliases` must be a map of alias to {rule: field}", findings);
    return [];
  }
  return node.entries.map(({ key, keyNode, value }) => {
    if (value.kind !== "map") wrongType(value, `alias \`${key}\` must be a map of rule to field`, findings);
    const entries = value.kind === "map" ? value.entries : [];
    const fields = entries.flatMap((entry) => {
      const field = textOf(entry.value);
      if (field === null) wrongType(entry.value, `alias \`${key}\` must name a field of \`${entry.key}\``, findings);
      return field === null ? [] : [{ text: entry.key, at: entry.keyNode.at, field }];
    });
    return { name: key, at: keyNode.at, fields };
  });
}
