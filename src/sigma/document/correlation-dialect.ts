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
import type { CorrelationBody, CorrelationDraft } from "./correlation.ts";
import { readDialect } from "./dialect.ts";
import { createPlaceOf, findText } from "./places.ts";

/** The draft with places, in the record's own field names; without head and body when a name stands for no field. */
export function inOwnNames(draft: CorrelationDraft, map: YamlMap): CorrelationDraft {
  const { head, body, findings } = draft;
  if (head === null) return draft;
  const section = valueOf(map, "correlation");
  const placed: RuleHead = { ...head, placeOf: createPlaceOf(findings, section) };
  const dialect = readDialect(map);
  if (body === null || isNative(dialect.taxonomy)) return { ...draft, head: placed };
  const before = findings.errors();
  const reading: Reading = { findings, dialect, isMember: false, check: null, lists: null };
  const own = (name: string): string => {
    const at = (section === undefined ? null : findText(section, name)) ?? draft.typeAt;
    const node: YamlScalar = { kind: "scalar", value: name, source: name, plain: true, at };
    return toOneField(name, node, reading) ?? name;
  };
  const mapped = toOwnNames(body, own);
  return findings.errors() > before ? { ...draft, head: null, body: null } : { ...draft, head: placed, body: mapped };
}

function toOwnNames(body: CorrelationBody, own: (name: string) => string): CorrelationBody {
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
