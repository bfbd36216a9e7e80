/**
 * What a field name of a rule means in its document's dialect: array selectors taken out, names of other taxonomies put
 * into those of the record.
 *
 * Everything that a name cannot mean is reported at its place. Below an array selector names are the record's own.
 */
import { type Dialect, SELECTORS_FROM } from "../document/dialect.ts";
import type { LeafCheck } from "../plan/leaf-check.ts";
import type { Findings } from "../problems.ts";
import { isNative, meaningOf, namesOf } from "../taxonomy/taxonomy.ts";
import type { YamlScalar } from "../yaml.ts";
import { looksSelected, splitSelectors, type Step } from "./selector.ts";

/** How a detection is read. `isMember`: its names are of a member of an array. `check`: what lists and fields have to say. */
export type Reading = {
  readonly findings: Findings;
  readonly dialect: Dialect;
  readonly isMember: boolean;
  readonly check: LeafCheck | null;
  /** Names of the lists there are; null: placeholders are not checked. */
  readonly lists: ReadonlySet<string> | null;
};

/** What is tested: fields (null for a keyword), or whether the call succeeded, below the arrays of `steps`. */
export type Target = {
  readonly steps: readonly Step[];
  readonly of:
    | { readonly type: "fields"; readonly fields: readonly (string | null)[] }
    | { readonly type: "outcome"; readonly success: string; readonly failure: string };
};

/** The target of a field name; null when it has none, which is reported. */
export function toTarget(name: string | null, keyNode: YamlScalar, reading: Reading): Target | null {
  if (name === null) return { steps: [], of: { type: "fields", fields: [null] } };
  const path = toPath(name, keyNode, reading);
  if (path === null) return null;
  const [first, ...more] = path.steps;
  const mapped = toMeaning(first?.path ?? path.rest, keyNode, reading);
  if (mapped === null || first === undefined) return mapped === null ? null : { steps: [], of: mapped };
  const [field, other] = mapped.type === "fields" ? mapped.fields : [];
  if (typeof field !== "string" || other !== undefined) {
    refuse(first.path, keyNode, { findings: reading.findings, remedy: "name the field of the record" });
    return null;
  }
  return { steps: [{ ...first, path: field }, ...more], of: { type: "fields", fields: [path.rest] } };
}

/** The one field that a name in a value or a list of fields stands for; null when there is none, which is reported. */
export function toOneField(name: string, node: YamlScalar, reading: Reading): string | null {
  const mapped = toMeaning(name, node, reading);
  if (mapped === null) return null;
  const [field, other] = mapped.type === "fields" ? mapped.fields : [];
  if (typeof field === "string" && other === undefined) return field;
  const remedy = "name one field of the record, such as enrich.principal.id for who acted";
  refuse(name, node, { findings: reading.findings, remedy });
  return null;
}

function toPath(name: string, keyNode: YamlScalar, { dialect, findings, isMember }: Reading): SplitName | null {
  if (dialect.version < SELECTORS_FROM) {
    if (looksSelected(name)) {
      findings.warning("version_selector", keyNode.at, {
        message: `the brackets of \`${name}\` are read as part of the name`,
        value: name,
        remedy: `state \`sigma-version: ${SELECTORS_FROM}\` to select members of an array`,
      });
    }
    return { steps: [], rest: name };
  }
  const split = splitSelectors(name);
  const isAlone = "steps" in split && split.steps.length === 0 && split.rest === "." && !isMember;
  if ("steps" in split && !isAlone) return split;
  const fault = "steps" in split ? { index: 0, message: "`.` stands for a member, outside of any array" } : split;
  findings.error("array_selector", findings.inside(keyNode, fault.index), {
    message: fault.message,
    value: name,
    remedy: "write such as f[any], f[all], f[all_or_empty], f[none], f[0] or f[-1]; \\[ and \\] are plain brackets",
  });
  return null;
}

type SplitName = { readonly steps: readonly Step[]; readonly rest: string };

function toMeaning(name: string, node: YamlScalar, { dialect, findings, isMember }: Reading): Target["of"] | null {
  const { taxonomy } = dialect;
  if (isMember || isNative(taxonomy)) return { type: "fields", fields: [name] };
  const meaning = meaningOf(taxonomy, name);
  if (meaning.type !== "unmapped") return meaning;
  const near = meaning.remedy === null ? findings.suggest(name, namesOf(taxonomy)) : "";
  findings.error("taxonomy_field", node.at, {
    message: `\`${name}\` of the taxonomy ${taxonomy} is no field of CloudTrail records${near}`,
    value: name,
    remedy: meaning.remedy ?? "see docs/rule-language.md for the names that are mapped",
  });
  return null;
}

function refuse(name: string, node: YamlScalar, of: { findings: Findings; remedy: string }): void {
  of.findings.error("taxonomy_field", node.at, {
    message: `\`${name}\` stands for more than one field of the record, which cannot be told here`,
    value: name,
    remedy: of.remedy,
  });
}
