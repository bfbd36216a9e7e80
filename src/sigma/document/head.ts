/**
 * The head of a rule document: identity, title, level, status, tags and the like, and the engine's own root key.
 *
 * What the specification demands of these keys is an error in strict mode and a warning in lenient mode; only a missing
 * title, an unusable id and anything wrong in `x_engine` are errors in both. Other root keys are data and pass.
 */
import { SEVERITIES, type Severity } from "../../model/alert.ts";
import type { EngineOptions, RuleHead } from "../ast.ts";
import type { Findings, ProblemCode } from "../problems.ts";
import { shownAs, toJson, valueOf, type YamlMap, type YamlNode } from "../yaml.ts";
import { checkDialect } from "./dialect.ts";
import { refuseUnknown, required, textList, textOf, wrongType } from "./fields.ts";
import { parseTimespan } from "./timespan.ts";

/** Level of a rule that states none: the middle of the five, as the level decides routing only. */
const LEVEL_DEFAULT: Severity = "medium";
const TITLE_MAX = 256;
const STATUSES = ["stable", "test", "experimental", "deprecated", "unsupported"] as const;
/** Statuses that are loaded on request only. */
const RETIRED: ReadonlySet<string> = new Set(["deprecated", "unsupported"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TAG = /^[a-z0-9_-]+\.[a-z0-9._-]+$/;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

const ENGINE_KEYS = ["suppress", "group-by", "bucket", "final", "missing", "threshold"] as const;
const NO_OPTIONS: EngineOptions = { suppressMs: null, groupBy: [], bucketMs: null };

/** The head of `map`, or null when a part that the rule cannot do without has errors. Filters have no level. */
export function parseHead(map: YamlMap, findings: Findings, of: "rule" | "filter" = "rule"): RuleHead | null {
  const before = findings.errors();
  const title = parseTitle(map, findings);
  const id = parseId(map, findings);
  const name = optionalText(map, "name", findings);
  const head: RuleHead = {
    place: findings.place(map.at),
    id: id ?? name ?? `title:${title ?? ""}`,
    name,
    title: title ?? "",
    level: of === "filter" ? LEVEL_DEFAULT : parseLevel(map, findings),
    status: parseStatus(map, findings),
    description: optionalText(map, "description", findings) ?? "",
    tags: parseTags(map, findings),
    falsePositives: optionalList(map, "falsepositives", findings),
    references: optionalList(map, "references", findings),
    engine: parseEngine(map, findings),
    ...parseMore(map, findings),
  };
  for (const key of ["date", "modified"]) checkDate(map, key, findings);
  checkDialect(map, findings);
  return title === null || findings.errors() > before ? null : head;
}

/** True for a status that is loaded on request only. */
export function isRetired(status: string | null): boolean {
  return status !== null && RETIRED.has(status);
}

function parseTitle(map: YamlMap, findings: Findings): string | null {
  const node = required(map, "title", findings);
  const title = node === null ? null : textOf(node);
  if (node !== null && (title === null || title === "")) wrongType(node, "`title` must be a text", findings);
  if (node !== null && title !== null && title.length > TITLE_MAX) {
    findings.lapse("title_length", node.at, {
      message: `the title has ${title.length} characters; ${TITLE_MAX} are allowed`,
      value: title,
      remedy: "shorten it",
    });
  }
  return title === "" ? null : title;
}

function parseId(map: YamlMap, findings: Findings): string | null {
  const node = valueOf(map, "id");
  const id = optionalText(map, "id", findings);
  if (node !== undefined && id !== null && !UUID.test(id)) {
    findings.lapse("id_format", node.at, {
      message: `the id \`${id}\` is not a UUID`,
      value: id,
      remedy: "write a UUID of version 4",
    });
  }
  return id;
}

function parseLevel(map: YamlMap, findings: Findings): Severity {
  const node = valueOf(map, "level");
  if (node === undefined) {
    findings.warning("level_missing", map.at, {
      message: `the rule has no level; ${LEVEL_DEFAULT} is used`,
      remedy: `add level: one of ${SEVERITIES.join(", ")}`,
    });
    return LEVEL_DEFAULT;
  }
  const level = SEVERITIES.find((severity) => severity === textOf(node));
  if (level === undefined) unknownValue(node, { key: "level", known: SEVERITIES, used: LEVEL_DEFAULT }, findings);
  return level ?? LEVEL_DEFAULT;
}

function parseStatus(map: YamlMap, findings: Findings): string | null {
  const node = valueOf(map, "status");
  const status = node === undefined ? null : textOf(node);
  if (node !== undefined && !STATUSES.some((known) => known === status))
    unknownValue(node, { key: "status", known: STATUSES }, findings);
  return status;
}

type Unknown = {
  readonly key: string;
  readonly known: readonly string[];
  /** What a rule that is loaded all the same gets instead. */
  readonly used?: string;
};

function unknownValue(node: YamlNode, is: Unknown, findings: Findings): void {
  const value = shownAs(node);
  const used = is.used !== undefined && findings.mode === "lenient" ? `; ${is.used} is used` : "";
  findings.lapse("value_unknown", node.at, {
    message: `${is.key} \`${value}\` does not exist${findings.suggest(value, is.known)}${used}`,
    value,
    remedy: `use one of ${is.known.join(", ")}`,
  });
}

function parseTags(map: YamlMap, findings: Findings): readonly string[] {
  const node = valueOf(map, "tags");
  const tags = optionalList(map, "tags", findings);
  for (const [index, tag] of tags.entries()) {
    const at = node?.kind === "list" ? (node.items[index]?.at ?? node.at) : (node?.at ?? map.at);
    if (TAG.test(tag)) continue;
    findings.lapse("tag_format", at, {
      message: `the tag \`${tag}\` is not of the form namespace.name in lower case`,
      value: tag,
      remedy: "write such as attack.t1078",
    });
  }
  return tags;
}

function checkDate(map: YamlMap, key: string, findings: Findings): void {
  const node = valueOf(map, key);
  if (node === undefined || DATE.test(textOf(node) ?? "")) return;
  findings.lapse("date_format", node.at, {
    message: `\`${key}\` is not of the form YYYY-MM-DD`,
    value: shownAs(node),
    remedy: "write such as 2026-01-31",
  });
}

/** Root keys that are read elsewhere; every other is kept as it stands. */
const READ_KEYS: ReadonlySet<string> = new Set([
  "title", "id", "name", "level", "status", "description", "tags", "falsepositives", "references", "x_engine",
  "logsource", "detection", "correlation", "filter", "generate",
]); // prettier-ignore
/** How rules may be related (JSON schema of the specification). */
const RELATIONS = ["derived", "obsolete", "merged", "renamed", "similar"] as const;

/** Keys for people and those of the author's own, verbatim. What the specification says of their types is checked. */
function parseMore(map: YamlMap, findings: Findings): Pick<RuleHead, "more"> {
  const own = map.entries.filter(({ key }) => !READ_KEYS.has(key));
  if (own.length === 0) return {};
  for (const key of ["author", "license"]) checkText(map, key, findings);
  for (const key of ["fields", "scope"]) optionalList(map, key, findings);
  const related = valueOf(map, "related");
  if (related !== undefined) checkRelated(related, findings);
  return { more: Object.fromEntries(own.map(({ key, value }) => [key, toJson(value)])) };
}

function checkText(map: YamlMap, key: string, findings: Findings): void {
  const node = valueOf(map, key);
  if (node === undefined || textOf(node) !== null) return;
  findings.lapse("value_type", node.at, {
    message: `\`${key}\` must be a text`,
    value: shownAs(node),
    remedy: "mend or remove it",
  });
}

function checkRelated(node: YamlNode, findings: Findings): void {
  for (const item of node.kind === "list" ? node.items : [node]) {
    const type = item.kind === "map" ? valueOf(item, "type") : undefined;
    const id = item.kind === "map" ? valueOf(item, "id") : undefined;
    if (type === undefined || id === undefined || textOf(id) === null) {
      findings.lapse("value_type", item.at, {
        message: "`related` must be a list of maps with id and type",
        value: shownAs(item),
        remedy: "write such as - {id: UUID, type: similar}",
      });
    } else if (!RELATIONS.some((known) => known === textOf(type)))
      unknownValue(type, { key: "type of relation", known: RELATIONS }, findings);
  }
}

function optionalText(map: YamlMap, key: string, findings: Findings): string | null {
  const node = valueOf(map, key);
  if (node === undefined) return null;
  const text = textOf(node);
  if (text === null || (text.trim() === "" && key !== "description")) {
    const words = { message: `\`${key}\` must be a text`, value: shownAs(node), remedy: "mend or remove it" };
    const code: ProblemCode = "value_type";
    if (key === "description") findings.lapse(code, node.at, words);
    else findings.error(code, node.at, words);
    return null;
  }
  return text;
}

/** A list of texts; what is none is a lapse, since it is shown only. */
function optionalList(map: YamlMap, key: string, findings: Findings): readonly string[] {
  const node = valueOf(map, key);
  if (node === undefined) return [];
  const items = node.kind === "list" ? node.items : [node];
  const texts = items.map(textOf);
  if (texts.includes(null))
    findings.lapse("value_type", node.at, {
      message: `\`${key}\` must be a list of texts`,
      value: shownAs(node),
      remedy: "mend or remove it",
    });
  return texts.filter((text) => text !== null);
}

function parseEngine(map: YamlMap, findings: Findings): EngineOptions {
  const node = valueOf(map, "x_engine");
  if (node === undefined) return NO_OPTIONS;
  if (node.kind !== "map") {
    wrongType(node, "`x_engine` must be a map", findings);
    return NO_OPTIONS;
  }
  const unsafe = valueOf(node, "unsafe_regex");
  if (unsafe !== undefined) {
    findings.error("engine_option", unsafe.at, {
      message: "there is no `unsafe_regex`: every regular expression runs in linear time",
      value: "unsafe_regex",
      remedy: "remove it, and write the expression without look-around and back-references",
    });
  } else refuseUnknown(node, "x_engine", { known: ENGINE_KEYS, findings });
  const duration = (key: string): number | null => {
    const value = valueOf(node, key);
    return value === undefined ? null : parseTimespan(`x_engine.${key}`, value, findings);
  };
  const groupBy = valueOf(node, "group-by");
  return {
    suppressMs: duration("suppress"),
    groupBy: groupBy === undefined ? [] : (textList(groupBy, "x_engine.group-by", findings) ?? []),
    bucketMs: duration("bucket"),
    ...(parseFinal(node, findings) ? { final: true as const } : {}),
    ...(parseMissing(node, findings) ? { missing: "group" as const } : {}),
  };
}

/** Only `true` says something: a condition that must wait cannot be told not to. */
function parseFinal(engine: YamlMap, findings: Findings): boolean {
  const node = valueOf(engine, "final");
  if (node === undefined) return false;
  if (node.kind === "scalar" && node.value === true) return true;
  wrongType(node, "`x_engine.final` can only be true", findings);
  return false;
}

/** Only `group` says something: without it such an event is in no group. */
function parseMissing(engine: YamlMap, findings: Findings): boolean {
  const node = valueOf(engine, "missing");
  if (node === undefined) return false;
  if (node.kind === "scalar" && node.value === "group") return true;
  wrongType(node, "`x_engine.missing` can only be `group`", findings);
  return false;
}
