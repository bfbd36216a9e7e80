/**
 * Builders for tests of the rule parser: a whole rule around the part that a test is about.
 */
import type { Correlation, DetectionRule, Expression, Problem } from "../../src/sigma/ast.ts";
import { parseRuleFiles, type ParsedRules, type RuleSetOptions } from "../../src/sigma/rule-set.ts";

/** Everything that a detection rule needs above its `detection`; seven lines. */
export const HEAD = `title: A rule
id: 0e95725d-7320-415d-80f7-004da920fc11
status: test
level: low
logsource:
  product: aws
  service: cloudtrail
`;

/** Reads one file called rule.yml. The rules of these tests have fields such as `f`: that no record has them is not told. */
export function parse(text: string, options: Partial<RuleSetOptions> = {}): ParsedRules {
  const { ruleSet, problems } = parseRuleFiles([{ path: "rule.yml", text }], { mode: "strict", ...options });
  return { ruleSet, problems: problems.filter(({ code }) => !code.startsWith("api_")) };
}

/** Problems as "severity code line:column". */
export function places(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, code, line, column }) => `${severity} ${code} ${line}:${column}`);
}

/** The expression of the detection `sel: BODY` (BODY as flow YAML or JSON) in lenient mode. */
export function expressionOf(body: string, condition = "sel"): Expression {
  const { ruleSet, problems } = parse(`${HEAD}detection:\n  sel: ${body}\n  condition: ${condition}\n`, {
    mode: "lenient",
  });
  const rule = ruleSet.detections[0];
  if (rule === undefined) throw new Error(`no rule: ${JSON.stringify(problems)}`);
  return rule.expression;
}

/** A detection document with this name. */
export function detectionDocument(name: string, field = "eventName"): string {
  return `title: T ${name}\nname: ${name}\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  sel: {${field}: ${name}}\n  condition: sel\n`;
}

/** A correlation document with this name; `body` is the flow map of `correlation`. */
export function correlationDocument(name: string, body: string, more = ""): string {
  return `title: T ${name}\nname: ${name}\nlevel: high\n${more}correlation: {${body}}\n`;
}

/** The rule or correlation of this name, or an error that shows the problems. */
export function named(parsed: ParsedRules, name: string): DetectionRule | Correlation {
  const found = [...parsed.ruleSet.detections, ...parsed.ruleSet.correlations].find((rule) => rule.name === name);
  if (found === undefined) throw new Error(`no rule ${name}: ${JSON.stringify(parsed.problems)}`);
  return found;
}

/** The correlation of this name. */
export function correlationOf(parsed: ParsedRules, name: string): Correlation {
  const found = named(parsed, name);
  if (found.type !== "correlation") throw new Error(`${name} is no correlation`);
  return found;
}
