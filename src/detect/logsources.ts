/**
 * Which logsources feed a correlation: those that its rules, and the rules of correlations it refers to, can meet.
 */
import type { Logsource } from "../model/event.ts";
import type { Correlation, RuleLogsource, RuleSet } from "../sigma/ast.ts";

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
    if (detection !== undefined) for (const name of ALL) if (meetsLogsource(detection.logsource, name)) found.add(name);
    for (const inner of ruleSet.correlations.find((entry) => entry.id === id)?.rules ?? []) visit(inner);
  };
  visit(rule.id);
  return [...found];
}

/** True when every part that the rule states equals the logsource's; a kind has no category. */
export function meetsLogsource(stated: RuleLogsource, logsource: Logsource): boolean {
  const [product, service] = logsource.split("/");
  return stated.category === null && (stated.product ?? product) === product && (stated.service ?? service) === service;
}
