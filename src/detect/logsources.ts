/**
 * Which logsources feed a correlation: those that its rules, and the rules of correlations it refers to, can meet.
 */
import type { Logsource } from "../model/event.ts";
import type { Correlation, RuleSet } from "../sigma/ast.ts";
import { appliesTo } from "../sigma/index.ts";

/** Every logsource that a decoder makes. */
const ALL: readonly Logsource[] = ["aws/cloudtrail", "aws/guardduty"];

/** Logsources of all detections below `rule`, each once. */
export function logsourcesOf(rule: Correlation, ruleSet: RuleSet): Logsource[] {
  const found = new Set<Logsource>();
  const seen = new Set<string>();
  const visit = (id: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const detection = ruleSet.detections.find((entry) => entry.id === id);
    if (detection !== undefined) for (const name of ALL) if (appliesTo(detection.logsource, name)) found.add(name);
    for (const inner of ruleSet.correlations.find((entry) => entry.id === id)?.rules ?? []) visit(inner);
  };
  visit(rule.id);
  return [...found];
}
