/**
 * One named detection (search identifier) of a rule to an expression: maps are `and`, lists are `or`, bare texts are
 * keywords, and a map under an array selector speaks of single members of that array.
 *
 * Mixed and nested lists join everything by `or`, as pySigma reads them. Everything wrong in a detection is reported at
 * its place; null means that at least one thing was.
 */
import type { Expression } from "../ast.ts";
import { parseCondition } from "../condition.ts";
import { SELECTORS_FROM } from "../document/dialect.ts";
import {
  shownAs,
  valueOf,
  type YamlEntry,
  type YamlList,
  type YamlMap,
  type YamlNode,
  type YamlScalar,
} from "../yaml.ts";
import { allOf, anyOf, whole } from "./expression.ts";
import { type Key, parseItem, parseKey, parseKeyword, unique } from "./item.ts";
import { looksSelected, overMembers } from "./selector.ts";
import type { Reading } from "./target.ts";

/** The expression of a detection, or null when it has errors. */
export function parseDetection(name: string, node: YamlNode, reading: Reading): Expression | null {
  const isEmpty =
    node.kind === "scalar"
      ? node.value === null
      : node.kind === "map"
        ? node.entries.length === 0
        : node.items.length === 0;
  if (isEmpty) {
    reading.findings.error("detection_empty", node.at, {
      message: `detection \`${name}\` is empty`,
      value: name,
      remedy: "write fields or keywords, or remove it",
    });
    return null;
  }
  if (node.kind === "list") return parseAlternatives(name, node, reading);
  if (node.kind === "scalar") return parseKeyword(node, reading);
  const keys = node.entries.map((entry) => parseKey(entry, reading));
  lintScopes(node.entries, keys, reading);
  return whole(
    node.entries.map((entry, index) => parseEntry(entry, keys[index] ?? null, reading)),
    allOf,
  );
}

function parseAlternatives(name: string, node: YamlList, reading: Reading): Expression | null {
  const parts = unique(node.items).map((item) =>
    item.kind === "scalar" ? parseKeyword(item, reading) : parseDetection(name, item, reading),
  );
  return whole(parts, anyOf);
}

function parseEntry(entry: YamlEntry, key: Key | null, reading: Reading): Expression | null {
  const { value } = entry;
  if (!hasMap(value)) return key === null ? null : parseItem(entry, key, reading);
  const isBlock = key !== null && key.target.steps.length > 0 && fieldOf(key) === ".";
  if (isBlock) return parseBlock(entry, key, reading);
  // Its brackets were told already, and a map is what they ask for.
  if (key === null && /[[\]]/.test(entry.key)) return null;
  if (value.kind === "list") return key === null ? null : parseItem(entry, key, reading);
  const inner = value.kind === "map" ? (value.entries[0]?.key ?? "subfield") : "subfield";
  const isSelected = looksSelected(entry.key) && reading.dialect.version < SELECTORS_FROM;
  reading.findings.error("detection_map_value", value.at, {
    message: `the value of \`${entry.key}\` is a map`,
    value: shownAs(value),
    remedy: isSelected ? `state \`sigma-version: ${SELECTORS_FROM}\`` : `write the field as ${entry.key}.${inner}`,
  });
  return null;
}

function fieldOf({ target }: Key): string | null {
  return target.of.type === "fields" ? (target.of.fields[0] ?? null) : null;
}

function hasMap(value: YamlNode): boolean {
  return value.kind === "map" || (value.kind === "list" && value.items.some((item) => item.kind === "map"));
}

/** What each member must meet: a map, alternatives, or detections of its own with a condition. */
function parseBlock(entry: YamlEntry, key: Key, reading: Reading): Expression | null {
  const { value, keyNode } = entry;
  const { findings } = reading;
  const isChained = entry.key.includes("|");
  // Wrong modifiers were told already.
  if (isChained && key.chain !== null) {
    findings.error("modifier_chain", keyNode.at, {
      message: "what members must meet takes no modifiers",
      value: entry.key,
      remedy: "put the modifiers on the fields of the members",
    });
  }
  const inner: Reading = { ...reading, isMember: true };
  const hasCondition = value.kind === "map" && valueOf(value, "condition") !== undefined;
  const body = hasCondition ? parseOwnCondition(value, inner) : parseDetection(entry.key, value, inner);
  if (body === null) return null;
  const made = overMembers(key.target.steps, body, false);
  findings.writtenAs.set(made, { at: value.at, fieldAt: keyNode.at, source: entry.key });
  return isChained ? whole([made, null], allOf) : made;
}

function parseOwnCondition(section: YamlMap, reading: Reading): Expression | null {
  const { findings } = reading;
  const named = section.entries.filter(({ key }) => key !== "condition");
  const detections = new Map(named.map(({ key, value }) => [key, parseDetection(key, value, reading)] as const));
  const node = valueOf(section, "condition");
  const items = node === undefined ? [] : node.kind === "list" ? node.items : [node];
  const scalars = items.filter((item): item is YamlScalar => item.kind === "scalar" && item.value !== null);
  if (scalars.length < items.length || scalars.length === 0) {
    findings.error("value_type", node?.at ?? section.at, {
      message: "`condition` must be a text or a list of texts",
      value: node === undefined ? "" : shownAs(node),
      remedy: "name the detections of this map",
    });
    return null;
  }
  const conditions = scalars.map((scalar) => parseCondition(scalar, detections, findings));
  const isRead = conditions.every(({ expression }) => expression !== null);
  for (const { key, keyNode } of isRead ? named : []) {
    if (conditions.some(({ used }) => used.has(key))) continue;
    findings.warning("detection_unused", keyNode.at, {
      message: `the condition does not use \`${key}\``,
      value: key,
      remedy: "use it or remove it",
    });
  }
  return whole(
    conditions.map(({ expression }) => expression),
    anyOf,
  );
}

/** Two lines over the members of one array look as if they meant the same member. */
function lintScopes(entries: readonly YamlEntry[], keys: readonly (Key | null)[], { findings }: Reading): void {
  const seen = new Set<string>();
  for (const [index, key] of keys.entries()) {
    const [step] = key?.target.steps ?? [];
    const entry = entries[index];
    if (step === undefined || entry === undefined || typeof step.which === "number") continue;
    const scope = `${step.path}[${step.which}]`;
    if (seen.has(scope)) {
      findings.warning("array_scopes", entry.keyNode.at, {
        message: `\`${scope}\` stands twice, and each may mean another member`,
        value: entry.key,
        remedy: `write one \`${scope}:\` with both fields below it to mean one member`,
      });
    }
    seen.add(scope);
  }
}
