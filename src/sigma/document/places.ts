/**
 * Finds where the parts of a rule stand in its file, long after it was read: for problems that only show when rules are
 * compiled with lists and fields.
 */
import type { PlaceOf } from "../ast.ts";
import type { Findings } from "../problems.ts";
import type { YamlNode } from "../yaml.ts";

/** Places of the leaves that `findings` knows, and of texts below `node`, where fields are read outside detections. */
export function createPlaceOf(findings: Findings, node: YamlNode | undefined): PlaceOf {
  return (named, part) => {
    if (typeof named === "string") {
      const at = node === undefined ? null : findText(node, named);
      return at === null ? null : findings.place(at);
    }
    const written = findings.writtenAs.get(named);
    return written === undefined ? null : findings.place(part === "field" ? written.fieldAt : written.at);
  };
}

/** The places of the one, and where it knows none, those of the others. */
export function joinPlaces(places: readonly PlaceOf[]): PlaceOf {
  return (named, part) => {
    for (const placeOf of places) {
      const place = placeOf(named, part);
      if (place !== null) return place;
    }
    return null;
  };
}

/** Offset of the first value below `node` that is this text, or null. */
export function findText(node: YamlNode, text: string): number | null {
  if (node.kind === "scalar") return node.value === text ? node.at : null;
  const children = node.kind === "list" ? node.items : node.entries.map(({ value }) => value);
  for (const child of children) {
    const at = findText(child, text);
    if (at !== null) return at;
  }
  return null;
}
