/**
 * Which logsources feed a correlation: those that its rules, and the rules of correlations it refers to, can meet.
 */
import { type Logsource, LOGSOURCES } from "../model/event.ts";
import type { Correlation, RuleSet } from "../sigma/ast.ts";
import { appliesTo } from "../sigma/index.ts";

/** Logsources of all detections below `rule`, each once. */
export function logsourcesOf(rule: Correlation, ruleSet: RuleSet): Logsource[] {
  const found = new Set<Logsource>();
  const seen = new Set<string>();
  const visit = (id: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const detection = ruleSet.detections.find((entry) => entry.id === id);
    if (detection !== undefined)
      for (const name of LOGSOURCES) if (appliesTo(detection.logsource, name)) found.add(name);
    for (const inner of ruleSet.correlations.find((entry) => entry.id === id)?.rules ?? []) visit(inner);
  };
  visit(rule.id);
  return [...found];
}
