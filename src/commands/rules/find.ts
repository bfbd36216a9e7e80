/**
 * A rule by what people call it: its id, name, title, or the name of its file.
 *
 * For commands that take a rule. Pure.
 */
import { basename } from "node:path";
import { nearest } from "../../lib/nearest.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";

/** Any rule. */
export type AnyRule = DetectionRule | Correlation;

/**
 * The rule of the set whose id, name or title is `wanted`; else the one that alerts in the file of that name, with or
 * without its ending, when there is exactly one. Null when there is none.
 */
export function findRule(wanted: string, { detections, correlations }: RuleSet): AnyRule | null {
  const all = [...detections, ...correlations];
  const named = all.find(({ id, name, title }) => id === wanted || name === wanted || title === wanted);
  if (named !== undefined) return named;
  const inFile = all.filter((rule) => rule.alerts && stemOf(rule.place.file) === stemOf(wanted));
  return inFile.length === 1 ? (inFile[0] ?? null) : null;
}

/** "did you mean log-trail-off?", or where the rules are listed. */
export function suggestRule(wanted: string, { detections, correlations }: RuleSet): string {
  const names = [...detections, ...correlations].flatMap(({ id, name, title, place }) => [
    ...(name === null ? [] : [name]),
    stemOf(place.file),
    title,
    id,
  ]);
  const near = nearest(wanted, names);
  return near === null ? "see `sagewatch rules list`" : `did you mean ${near}?`;
}

function stemOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/i, "");
}
