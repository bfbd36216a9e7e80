/**
 * What a correlation's document says beside its body: where its fields stand, and whose field names they are.
 *
 * Names of other taxonomies are put into those of CloudTrail records where the body reads fields of its rules' events: to
 * group, to measure, and in aliases. Names of aliases are the document's own.
 */
import type { RuleHead } from "../ast.ts";
import { type Reading, toOneField } from "../detection/target.ts";
import { isNative } from "../taxonomy/taxonomy.ts";
import { valueOf, type YamlMap, type YamlScalar } from "../yaml.ts";
import { tellReadFields, type LeafCheck } from "../plan/leaf-check.ts";
import { AGGREGATE } from "./correlation-condition.ts";
import type { CorrelationDraft, CorrelationReads } from "./correlation.ts";
import { readDialect } from "./dialect.ts";
import { createPlaceOf, findText } from "./places.ts";

/**
 * The draft with places, in the record's own field names; without head and body when a name stands for no field that there
 * is. Names are judged also where the draft has other errors.
 */
export function inOwnNames(draft: CorrelationDraft, map: YamlMap, check: LeafCheck | null): CorrelationDraft {
  const { head, body, findings, reads } = draft;
  const before = findings.errors();
  const section = valueOf(map, "correlation");
  const placeOf = (name: string): number => (section === undefined ? null : findText(section, name)) ?? draft.typeAt;
  const own = createOwn(placeOf, { findings, dialect: readDialect(map), isMember: false, check: null, lists: null });
  const mapped = toOwnNames(reads, own);
  const names = [...mapped.groupBy, ...mapped.fields, ...mapped.aliases.flatMap(({ fields }) => fields.map(toField))];
  // The number of an inner correlation is no field of a record.
  tellReadFields(new Set(names).difference(new Set([AGGREGATE])), placeOf, { check, findings });
  if (findings.errors() > before) return { ...draft, head: null, body: null, reads: mapped };
  const placed: RuleHead | null = head === null ? null : { ...head, placeOf: createPlaceOf(findings, section) };
  return { ...draft, head: placed, body: body === null ? null : toOwnNames(body, own), reads: mapped };
}

const toField = ({ field }: { readonly field: string }): string => field;

/** The record's name of each field; what is wrong with one is told once. */
function createOwn(placeOf: (name: string) => number, reading: Reading): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    if (isNative(reading.dialect.taxonomy)) return name;
    const node: YamlScalar = { kind: "scalar", value: name, source: name, plain: true, at: placeOf(name) };
    const field = known.get(name) ?? toOneField(name, node, reading) ?? name;
    known.set(name, field);
    return field;
  };
}

function toOwnNames<B extends CorrelationReads>(body: B, own: (name: string) => string): B {
  const names = new Set(body.aliases.map(({ name }) => name));
  const field = (name: string): string => (names.has(name) ? name : own(name));
  return {
    ...body,
    groupBy: body.groupBy.map(field),
    fields: body.fields.map(field),
    aliases: body.aliases.map((alias) => ({
      ...alias,
      fields: alias.fields.map((entry) => ({ ...entry, field: own(entry.field) })),
    })),
  };
}
