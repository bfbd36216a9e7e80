/**
 * Rule files to a rule set: every document parsed, filters applied, references resolved, meanings hashed.
 *
 * All errors of all files are told at once. A document with an error is left out, and so is whatever refers to it; the
 * caller refuses a set that has any error. A detection that a correlation names does not alert by itself unless that
 * correlation says `generate`, and a broken correlation silences its rules just the same. Pure: no files, no clock.
 */
import { lintReadFields } from "./api/lint.ts";
import type { Correlation, DetectionRule, Problem, RuleSet } from "./ast.ts";
import { toDetectionKeys } from "./canonical.ts";
import { applyActions } from "./document/actions.ts";
import { parseCorrelation, type CorrelationDraft } from "./document/correlation.ts";
import { applyFilters, parseFilter, type FilterDraft } from "./document/filter.ts";
import { inOwnNames } from "./document/correlation-dialect.ts";
import { readDialect } from "./document/dialect.ts";
import { isRetired } from "./document/head.ts";
import { type OwnLogsource, serviceOf } from "./document/logsource.ts";
import { findText } from "./document/places.ts";
import { parseRule, type RuleDraft, type RuleOptions } from "./document/rule.ts";
import { resolveCorrelations } from "./references.ts";
import { createFindings, type Findings, type Mode } from "./problems.ts";
import type { LeafCheck } from "./plan/leaf-check.ts";
import { isNative } from "./taxonomy/taxonomy.ts";
import { type Thresholds, tuneRules } from "./tuning/tune.ts";
import { parseYaml, valueOf, type YamlMap } from "./yaml.ts";

/** A rule file's text. */
export type RuleFile = { readonly path: string; readonly text: string };

/** How a set is read. */
export type RuleSetOptions = {
  /** For all files, or chosen by path. */
  readonly mode: Mode | ((path: string) => Mode);
  /** Names of the lists that `expand` may use. Left out: placeholders are not checked. */
  readonly lists?: ReadonlySet<string>;
  /** What lists and fields have to say of single leaves, so that it is told with the rest. Left out: compiling tells it. */
  readonly check?: LeafCheck;
  /** Numbers in the place of those that rules name by `x_engine.threshold`. Left out: those of the rules. */
  readonly thresholds?: Thresholds;
  /** Fields of one's own that every input has, beside category, product and service. Default: none. */
  readonly logsource?: OwnLogsource;
  /** Load deprecated and unsupported rules too. Default false: the specification says they are not to be used. */
  readonly retired?: boolean;
};

/** The rules without errors, and everything found. */
export type ParsedRules = { readonly ruleSet: RuleSet; readonly problems: readonly Problem[] };

/** Documents of the set by kind. */
export type Drafts = {
  readonly rules: RuleDraft[];
  readonly correlations: CorrelationDraft[];
  /** The documents of the correlations, in the same order. */
  readonly written: YamlMap[];
  readonly filters: FilterDraft[];
  readonly failed: Set<string>;
  /** Service of the log source by id, name and title, also of documents that failed; null for correlations. */
  readonly services: Map<string, string | null>;
};

/** Reads a set of rule files. Never throws for any text. Problems are ordered by file, as given, then by place. */
export function parseRuleFiles(files: readonly RuleFile[], options: RuleSetOptions): ParsedRules {
  const problems: Problem[] = [];
  const drafts: Drafts = {
    rules: [],
    correlations: [],
    written: [],
    filters: [],
    failed: new Set(),
    services: new Map(),
  };
  for (const file of files) {
    const mode = typeof options.mode === "function" ? options.mode(file.path) : options.mode;
    parseFile(file, { findings: createFindings(file, mode, problems), options, drafts });
  }
  const { rules: unique, correlations: sole } = refuseDuplicates(drafts);
  const drafted = sole.map((draft, index) => lintCorrelation(draft, drafts.written[index], drafts));
  const correlations = new Set(
    drafts.correlations.flatMap(({ head }) => (head === null ? [] : [head.id, head.name ?? head.id])),
  );
  const rules = applyFilters(unique, drafts.filters, { correlations, failed: drafts.failed });
  const detections = rules.map((draft) => ({
    ...draft.head,
    ...toDetectionKeys({ ...draft, engine: draft.head.engine }),
    type: "detection" as const,
    logsource: draft.logsource,
    expression: draft.expression,
    ...(draft.conditions === null || draft.conditions === undefined ? {} : { conditions: draft.conditions }),
    alerts: true,
  }));
  const resolved = resolveCorrelations({ correlations: drafted, failed: drafts.failed }, detections);
  const tuned = tuneRules(
    {
      detections: silence(detections, resolved.silenced),
      correlations: silence(resolved.correlations, resolved.silenced),
    },
    options.thresholds ?? new Map(),
  );
  problems.push(...tuned.problems);
  const order = new Map(files.map((file, index) => [file.path, index]));
  problems.sort(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
  return { ruleSet: tuned.ruleSet, problems };
}

/**
 * Checks what a correlation reads of records, where all its rules that are known are for CloudTrail, also beside other
 * errors; without head and body when that was an error.
 */
function lintCorrelation(draft: CorrelationDraft, map: YamlMap | undefined, drafts: Drafts): CorrelationDraft {
  const { findings, reads } = draft;
  const known = draft.references.filter(({ text }) => drafts.services.has(text));
  const isCloudTrail = known.length > 0 && known.every(({ text }) => drafts.services.get(text) === "cloudtrail");
  if (map === undefined || !isCloudTrail || !isNative(readDialect(map).taxonomy)) return draft;
  const before = findings.errors();
  const aliases = new Set(reads.aliases.map(({ name }) => name));
  const own = [...reads.groupBy, ...reads.fields].filter((field) => !aliases.has(field));
  const aliased = reads.aliases.flatMap(({ fields }) => fields.map(({ field }) => field));
  const section = valueOf(map, "correlation");
  const placeOf = (field: string): number => (section === undefined ? null : findText(section, field)) ?? map.at;
  lintReadFields([...own, ...aliased], placeOf, findings);
  if (findings.errors() === before) return draft;
  noteFailed(map, drafts);
  return { ...draft, head: null, body: null };
}

function silence<R extends DetectionRule | Correlation>(
  rules: readonly R[],
  silenced: ReadonlySet<string>,
): readonly R[] {
  return rules.map((rule) => (silenced.has(rule.id) ? { ...rule, alerts: false } : rule));
}

type Reading = { readonly findings: Findings; readonly options: RuleSetOptions; readonly drafts: Drafts };

function parseFile(file: RuleFile, reading: Reading): void {
  const { findings } = reading;
  const roots = parseYaml(file.text, findings);
  if (roots.length === 0 && findings.errors() === 0) {
    findings.warning("document_empty", 0, {
      message: "the file holds no rule",
      remedy: "write a rule or remove the file",
    });
  }
  for (const map of applyActions(roots, findings)) {
    noteService(map, reading.drafts);
    parseDocument(map, reading);
  }
}

function noteService(map: YamlMap, { services }: Drafts): void {
  const service = valueOf(map, "correlation") === undefined ? serviceOf(map) : null;
  for (const name of namesOf(map)) if (!services.has(name)) services.set(name, service);
}

function toRuleOptions(findings: Findings, { lists, check, logsource }: RuleSetOptions): RuleOptions {
  return { findings, lists: lists ?? null, check: check ?? null, logsource: logsource ?? {} };
}

function parseDocument(map: YamlMap, { findings, options, drafts }: Reading): void {
  const kinds = ["correlation", "filter", "behavior", "detection"].filter((key) => valueOf(map, key) !== undefined);
  if (kinds.length > 1) {
    findings.error("document_kind", map.at, {
      message: `a document cannot hold both \`${kinds.join("` and `")}\``,
      value: kinds.join(", "),
      remedy: "make one document of each, divided by ---",
    });
    return noteFailed(map, drafts);
  }
  const ruleOptions = toRuleOptions(findings, options);
  if (kinds[0] === "behavior") {
    findings.error("behavior_unsupported", valueOf(map, "behavior")?.at ?? map.at, {
      message: "behaviors are not run by this engine yet",
      value: "behavior",
      remedy: "remove the document, or write a detection or correlation",
    });
    return noteFailed(map, drafts);
  }
  if (kinds[0] === "filter") {
    const filter = parseFilter(map, ruleOptions);
    if (filter !== null && map.isBroken !== true) drafts.filters.push(filter);
    return;
  }
  if (kinds[0] === "correlation") {
    const read = inOwnNames(parseCorrelation(map, findings), map, ruleOptions.check);
    const draft = map.isBroken === true ? { ...read, head: null, body: null } : read;
    if (draft.head === null) noteFailed(map, drafts);
    drafts.correlations.push(draft);
    drafts.written.push(map);
    return;
  }
  const rule = parseRule(map, ruleOptions);
  if (rule === null || map.isBroken === true) return noteFailed(map, drafts);
  if (isRetired(rule.head.status) && options.retired !== true) {
    findings.warning("status_retired", valueOf(map, "status")?.at ?? map.at, {
      message: `the rule is ${rule.head.status} and is not loaded`,
      value: rule.head.status ?? "",
      remedy: "remove the file, set another status, or load such rules with `rules: {retired: true}`",
    });
    return noteFailed(map, drafts);
  }
  drafts.rules.push(rule);
}

/** How a document may be referred to, as far as it says. */
function namesOf(map: YamlMap): readonly string[] {
  return ["id", "name", "title"].flatMap((key) => {
    const node = valueOf(map, key);
    return node?.kind === "scalar" && typeof node.value === "string" ? [node.value] : [];
  });
}

/** Remembers how a failed document may be referred to, so that a reference to it is told as what it is. */
function noteFailed(map: YamlMap, drafts: Drafts): void {
  for (const name of namesOf(map)) drafts.failed.add(name);
}

/** An id or name that two documents claim is an error at the second, which is left out. */
function refuseDuplicates(drafts: Drafts): Pick<Drafts, "rules" | "correlations"> {
  const seen = new Map<string, string>();
  const isNew = (draft: {
    head: { id: string; name: string | null; place: { file: string; line: number } } | null;
    findings: Findings;
    at: number;
  }): boolean => {
    if (draft.head === null) return true;
    const { id, name, place } = draft.head;
    const claims = new Set([id, ...(name === null ? [] : [name])]);
    const taken = [...claims].find((claim) => seen.has(claim));
    if (taken !== undefined) {
      draft.findings.error("duplicate_id", draft.at, {
        message: `\`${taken}\` is already taken by the rule at ${seen.get(taken)}`,
        value: taken,
        remedy: "give each rule an id and name of its own",
      });
      return false;
    }
    for (const claim of claims) seen.set(claim, `${place.file}:${place.line}`);
    return true;
  };
  const rules = drafts.rules.filter(isNew);
  // A second correlation of that name still silences the rules it refers to.
  const correlations = drafts.correlations.map((draft) =>
    isNew(draft) ? draft : { ...draft, head: null, body: null },
  );
  return { rules, correlations };
}
