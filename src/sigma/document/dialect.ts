/**
 * The dialect of a document: its `sigma-version`, which says whether field names may hold array selectors, and its
 * `taxonomy`, which says whose field names they are.
 */
import type { Findings } from "../problems.ts";
import { TAXONOMIES, type Taxonomy } from "../taxonomy/taxonomy.ts";
import { shownAs, valueOf, type YamlMap } from "../yaml.ts";
import { textOf } from "./fields.ts";

/** What a document's field names mean. */
export type Dialect = { readonly version: number; readonly taxonomy: Taxonomy };

/** Version of documents that state none (specification 2.1 has no such key; Sigma enhancement proposal 213). */
const VERSION_DEFAULT = 2;
/** Latest version that is read: array selectors (Sigma enhancement proposal 212). */
const VERSION_MAX = 3;
/** The first version that has array selectors. */
export const SELECTORS_FROM = 3;
/** Only the first number counts: breaking changes occur there only. */
const VERSION = /^(\d{1,9})(?:\.\d+){0,2}$/;

/** The dialect of a document; what is wrong with it is told by `checkDialect` and read as the default here. */
export function readDialect(map: YamlMap): Dialect {
  const version = valueOf(map, "sigma-version");
  const taxonomy = valueOf(map, "taxonomy");
  const name = taxonomy === undefined ? "sigma" : textOf(taxonomy);
  return {
    version: version === undefined ? VERSION_DEFAULT : (parseVersion(textOf(version) ?? "") ?? VERSION_DEFAULT),
    taxonomy: TAXONOMIES.find((known) => known === name) ?? "sigma",
  };
}

/** Reports a version or taxonomy that is not read. */
export function checkDialect(map: YamlMap, findings: Findings): void {
  const version = valueOf(map, "sigma-version");
  if (version !== undefined && parseVersion(textOf(version) ?? "") === null) {
    findings.error("version_unsupported", version.at, {
      message: `sigma-version \`${shownAs(version)}\` is not read; the latest is ${VERSION_MAX}`,
      value: shownAs(version),
      remedy: `write the rule for version ${VERSION_MAX} or lower`,
    });
  }
  const taxonomy = valueOf(map, "taxonomy");
  if (taxonomy !== undefined && !TAXONOMIES.some((known) => known === textOf(taxonomy))) {
    const value = shownAs(taxonomy);
    findings.error("taxonomy_unknown", taxonomy.at, {
      message: `taxonomy \`${value}\` is not mapped to record fields${findings.suggest(value, TAXONOMIES)}`,
      value,
      remedy: `use the records' own field names and one of ${TAXONOMIES.join(", ")}`,
    });
  }
}

/** The first number of a version that is read, else null. */
function parseVersion(text: string): number | null {
  const major = Number(VERSION.exec(text.trim())?.[1] ?? Number.NaN);
  return major <= VERSION_MAX ? major : null;
}
