/**
 * Readers of a document's keys that report what is missing, unknown or of the wrong type, and go on.
 */
import { nearest } from "../../lib/nearest.ts";
import type { Findings } from "../problems.ts";
import { shownAs, typeOf, valueOf, type YamlMap, type YamlNode } from "../yaml.ts";

/** The text of a scalar that is no null: numbers and booleans by their text as written. Null for all else. */
export function textOf(node: YamlNode): string | null {
  if (node.kind !== "scalar" || node.value === null) return null;
  return typeof node.value === "string" ? node.value : node.source;
}

/** The node at `key`, or an error that names the nearest key that is there. */
export function required(map: YamlMap, key: string, findings: Findings): YamlNode | null {
  const value = valueOf(map, key);
  if (value !== undefined) return value;
  const near = nearest(
    key,
    map.entries.map((entry) => entry.key),
  );
  const tail = near === null ? "" : `; did you mean \`${key}\` where \`${near}\` stands`;
  findings.error("key_missing", map.at, {
    message: `the mandatory key \`${key}\` is missing${tail}`,
    value: key,
    remedy: `add \`${key}\``,
  });
  return null;
}

/** The map at `key`; null when it is missing or no map, which is reported. */
export function requiredMap(map: YamlMap, key: string, findings: Findings): YamlMap | null {
  const value = required(map, key, findings);
  if (value === null || value.kind === "map") return value;
  wrongType(value, `\`${key}\` must be a map`, findings);
  return null;
}

/** A text or a list of texts as a list; null when it is neither, which is reported. */
export function textList(node: YamlNode, name: string, findings: Findings): readonly string[] | null {
  const items = node.kind === "list" ? node.items : [node];
  const texts = items.map(textOf);
  const wrong = items[texts.indexOf(null)];
  if (wrong === undefined) return texts.filter((text) => text !== null);
  wrongType(wrong, `\`${name}\` must be a text or a list of texts`, findings);
  return null;
}

/** The texts of a text or a list, and nothing about the rest: for what is looked at although it has errors. */
export function textsOf(node: YamlNode | undefined): readonly string[] {
  if (node === undefined || node.kind === "map") return [];
  return (node.kind === "list" ? node.items : [node]).flatMap((item) => textOf(item) ?? []);
}

/** Reports a value of the wrong type. */
export function wrongType(node: YamlNode, message: string, findings: Findings): void {
  findings.error("value_type", node.at, {
    message: `${message}; here stands ${typeOf(node)}`,
    value: shownAs(node),
    remedy: "mend the value",
  });
}

/** Reports every key of `map` that is not in `known`. */
export function refuseUnknown(
  map: YamlMap,
  where: string,
  options: { known: readonly string[]; findings: Findings },
): void {
  for (const entry of map.entries) {
    if (options.known.includes(entry.key)) continue;
    const near = nearest(entry.key, options.known);
    options.findings.error("key_unknown", entry.keyNode.at, {
      message: `unknown key \`${entry.key}\` in \`${where}\`${near === null ? "" : `; did you mean \`${near}\``}`,
      value: entry.key,
      remedy: `use one of ${options.known.join(", ")}`,
    });
  }
}
