/**
 * Checks CloudTrail rules against the API: event sources, event names, and names of fields and request parameters.
 *
 * A name that nothing has never matches, and nobody notices. A near miss of a known name is an error in strict mode and a
 * warning in lenient mode; what is only unknown is a warning in both, since services grow and the table is of its day.
 * Never changes a rule.
 */
import type { Expression, Pattern } from "../ast.ts";
import { compilePattern, normalisePattern, type PlainPattern } from "../leaf/text.ts";
import type { Findings } from "../problems.ts";
import type { YamlMap } from "../yaml.ts";
import { lintEventName } from "./event-name.ts";
import { lintFieldName } from "./field-name.ts";
import { type ApiEvent, apiNames, type Source } from "./names.ts";
import { pathOf, type Possible, type Scope, scopesOf } from "./scope.ts";

/** Values that are looked up in one rule, and places of a field: more is no list that a person reads. */
const VALUES_MAX = 500;
const PLACES_MAX = 20;

/** Checks the names in the detections of a rule; `section` is where they stand. */
export function lintCloudTrail(section: YamlMap, expression: Expression, findings: Findings): void {
  const scopes = scopesOf(expression);
  const meant: MeantNames = { sources: new Map(), events: new Map() };
  // Sources first: a slip in one is told once, and the names beside it are held against the source that is meant.
  for (const { pattern, place } of valuesOf("eventSource", section, { scopes, findings })) {
    const source = lintSource(pattern, place);
    if (source !== null) meant.sources.set(toKey(pattern), source);
  }
  for (const { pattern, scope, place } of valuesOf("eventName", section, { scopes, findings })) {
    const events = lintEventName(pattern, { ...place, sources: toSources(scope.sources, meant) });
    if (events.length > 0) meant.events.set(toKey(pattern), [...(meant.events.get(toKey(pattern)) ?? []), ...events]);
  }
  lintFields(section, { scopes, meant }, findings);
}

/** Unknown names in lower case, with what they probably mean. */
type MeantNames = { readonly sources: Map<string, Source>; readonly events: Map<string, readonly ApiEvent[]> };

const toKey = (pattern: PlainPattern): string => compilePattern(pattern).literal ?? "";

/** A value to look up. */
type Value = { readonly pattern: PlainPattern; readonly scope: Scope; readonly place: ValuePlace };

/** The texts that a rule compares a field of the record with, in their places. */
function valuesOf(field: string, section: YamlMap, of: { scopes: Scopes; findings: Findings }): readonly Value[] {
  const { findings } = of;
  const leaves = [...of.scopes].filter(
    ([leaf, { within }]) => within === "" && leaf.field === field && leaf.test.type === "text",
  );
  return leaves.slice(0, VALUES_MAX).flatMap(([leaf, scope]) => {
    const pattern = leaf.test.type === "text" ? toPlain(leaf.test.pattern) : null;
    const { at, source: value } = findings.writtenAs.get(leaf) ?? { at: section.at, source: "" };
    return pattern === null ? [] : [{ pattern, scope, place: { at, value, findings } }];
  });
}

type Scopes = ReturnType<typeof scopesOf>;

/** Checks each field once, with the events of all places where it stands. */
function lintFields(
  section: YamlMap,
  { scopes: leaves, meant }: { readonly scopes: Scopes; readonly meant: MeantNames },
  findings: Findings,
): void {
  const fields = new Map<string, { at: number; scopes: Set<Scope> }>();
  for (const [leaf, scope] of leaves) {
    const written = findings.writtenAs.get(leaf);
    const named: [string | null, number][] = [[leaf.field, written?.fieldAt ?? section.at]];
    if (leaf.test.type === "fieldref") named.push([leaf.test.field, written?.at ?? section.at]);
    for (const [name, at] of named) {
      if (name === null) continue;
      const path = pathOf(scope, name);
      const known = fields.get(path) ?? { at, scopes: new Set<Scope>() };
      fields.set(path, { at: Math.min(known.at, at), scopes: known.scopes.add(scope) });
    }
  }
  for (const [field, { at, scopes }] of fields) {
    const few = scopes.size > PLACES_MAX ? [ANYTHING] : [...scopes];
    const calls = few.map(({ sources, names }) => ({ sources: toSources(sources, meant), names: toPatterns(names) }));
    lintFieldName(field, { at, calls, meant: meant.events, findings });
  }
}

const ANYTHING: Scope = { sources: null, names: null, within: "" };

/** Checks fields that a rule reads of records outside its detections: to group, to count. `placeOf`: the offset where each stands. */
export function lintReadFields(fields: Iterable<string>, placeOf: (field: string) => number, findings: Findings): void {
  for (const field of new Set(fields))
    lintFieldName(field, { at: placeOf(field), calls: [], meant: new Map(), findings });
}

/** The pattern in the form that matches; null when it has a placeholder. */
function toPlain(pattern: Pattern): PlainPattern | null {
  const parts = pattern.filter((part) => typeof part !== "object");
  return parts.length < pattern.length ? null : normalisePattern(parts, false);
}

function toPatterns(possible: Possible): readonly PlainPattern[] | null {
  return possible === null ? null : possible.flatMap((pattern) => [toPlain(pattern) ?? []]);
}

/** The sources that patterns match; null when anything is possible or one of them matches nothing that is known. */
function toSources(possible: Possible, meant: MeantNames): readonly Source[] | null {
  if (possible === null) return null;
  const found = new Set<Source>();
  for (const pattern of toPatterns(possible) ?? []) {
    const slip = meant.sources.get(toKey(pattern));
    const matched = slip === undefined ? matchSources(pattern) : [slip];
    if (matched.length === 0) return null;
    for (const source of matched) found.add(source);
  }
  return [...found];
}

function matchSources(pattern: PlainPattern): readonly Source[] {
  const { sources } = apiNames();
  const { literal, matches } = compilePattern(pattern);
  if (literal === null) return [...sources].filter(([name]) => matches(name)).map(([, source]) => source);
  const source = sources.get(literal);
  return source === undefined ? [] : [source];
}

const SUFFIX = ".amazonaws.com";

type ValuePlace = { readonly at: number; readonly value: string; readonly findings: Findings };

/** Checks a source. Comes back with the one that an unknown one probably means, or null. */
function lintSource(pattern: PlainPattern, { at, value, findings }: ValuePlace): Source | null {
  if (matchSources(pattern).length > 0) return null;
  const { literal } = compilePattern(pattern);
  if (literal === null) {
    findings.warning("api_source_unknown", at, {
      message: `no known event source matches \`${value}\``,
      value,
      remedy: "write the source as records have it, such as sagemaker.amazonaws.com",
    });
    return null;
  }
  const { sources } = apiNames();
  const near = sources.has(literal + SUFFIX) ? literal + SUFFIX : findings.near(literal, sources.keys(), 2);
  const words = { message: `no such event source: ${value}${near === null ? "" : `; did you mean ${near}`}`, value };
  if (near !== null) findings.lapse("api_source_unknown", at, { ...words, remedy: `write ${near}` });
  else
    findings.warning("api_source_unknown", at, { ...words, remedy: "see the eventSource of a record of the service" });
  return near === null ? null : (sources.get(near) ?? null);
}
