/**
 * Field names of other taxonomies to those of CloudTrail records, so that a rule written for normalised events meets the
 * records themselves.
 *
 * Names only: a value must be what the record has, and a name whose values differ (numbers for texts, parts of texts) is
 * not mapped but refused with a reason. One name may stand for several fields, where the taxonomy fills it from the first
 * that is there. `sigma` and `aws.cloudtrail` are the records' own names. Pure.
 */
import { ECS } from "./ecs.ts";
import { OCSF } from "./ocsf.ts";

/** The taxonomies that a rule may state. */
export const TAXONOMIES = ["sigma", "aws.cloudtrail", "ecs", "ocsf"] as const;
export type Taxonomy = (typeof TAXONOMIES)[number];

/** What a name stands for. */
export type Meaning =
  | { readonly type: "fields"; readonly fields: readonly string[] }
  | { readonly type: "outcome"; readonly success: string; readonly failure: string }
  /** Known and without a field of the record, with the reason; null: not known at all. */
  | { readonly type: "unmapped"; readonly remedy: string | null };

/** Computed fields stand beside every taxonomy. */
const COMPUTED = /^(?:enrich|state)\./;

/** True for taxonomies whose names are the records' own. */
export function isNative(taxonomy: Taxonomy): boolean {
  return taxonomy === "sigma" || taxonomy === "aws.cloudtrail";
}

/** What `name` stands for in records of CloudTrail. */
export function meaningOf(taxonomy: Taxonomy, name: string): Meaning {
  const table = taxonomy === "ecs" ? ECS : taxonomy === "ocsf" ? OCSF : null;
  if (table === null || COMPUTED.test(name)) return { type: "fields", fields: [name] };
  if (Object.hasOwn(table.fields, name)) {
    const found = table.fields[name] ?? [];
    return { type: "fields", fields: typeof found === "string" ? [found] : found };
  }
  const outcome = Object.hasOwn(table.outcomes, name) ? table.outcomes[name] : undefined;
  if (outcome !== undefined) return { type: "outcome", ...outcome };
  if (Object.hasOwn(table.refused, name)) return { type: "unmapped", remedy: table.refused[name] ?? null };
  for (const [prefix, own] of Object.entries(table.prefixes))
    if (name.startsWith(`${prefix}.`)) return { type: "fields", fields: [own + name.slice(prefix.length + 1)] };
  return { type: "unmapped", remedy: null };
}

/** Every name of a taxonomy that is mapped, for suggestions. */
export function namesOf(taxonomy: Taxonomy): readonly string[] {
  const table = taxonomy === "ecs" ? ECS : taxonomy === "ocsf" ? OCSF : null;
  return table === null ? [] : [...Object.keys(table.fields), ...Object.keys(table.outcomes)];
}
