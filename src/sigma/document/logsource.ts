/**
 * The log source of a rule or filter: which records it is for.
 *
 * Every field that is stated counts, those of the author's own too. One that the configuration declares for its inputs is
 * met by them where the values are the same, and by no record else. What no input declares is told, since such a rule meets
 * no record; a near miss of a known field is an error.
 */
import type { RuleLogsource } from "../ast.ts";
import type { Findings } from "../problems.ts";
import { valueOf, type YamlMap } from "../yaml.ts";
import { requiredMap, textOf, wrongType } from "./fields.ts";

const LOGSOURCE_KEYS = ["category", "product", "service", "definition"] as const;

/** Fields of one's own that every input has, with their values in lower case. */
export type OwnLogsource = Readonly<Record<string, string>>;

/** The log source of a rule or filter. `definition` is for people. */
export function parseLogsource(map: YamlMap, findings: Findings, declared: OwnLogsource): RuleLogsource | null {
  const section = requiredMap(map, "logsource", findings);
  if (section === null) return null;
  const before = findings.errors();
  const part = (key: string): string | null => {
    const node = valueOf(section, key);
    const text = node === undefined ? null : textOf(node);
    if (node !== undefined && text === null) wrongType(node, `\`logsource.${key}\` must be a text`, findings);
    return text === null ? null : text.toLowerCase();
  };
  const custom: Record<string, string> = {};
  for (const { key, keyNode } of section.entries) {
    if (LOGSOURCE_KEYS.some((known) => known === key)) continue;
    const value = part(key);
    const isDeclared = Object.hasOwn(declared, key);
    if (value !== null && (!isDeclared || value !== declared[key])) custom[key] = value;
    if (isDeclared) continue;
    const near = findings.suggest(key, LOGSOURCE_KEYS);
    const words = {
      message: `no input declares the log source field \`${key}\`, so the rule meets no record${near}`,
      value: key,
      remedy: "use category, product and service, or declare it under `rules.logsource` of the configuration",
    };
    if (near === "") findings.lapse("logsource_custom", keyNode.at, words);
    else findings.error("logsource_custom", keyNode.at, words);
  }
  const stated = { category: part("category"), product: part("product"), service: part("service") };
  const isCustom = Object.keys(custom).length > 0;
  const isOwn = section.entries.some(({ key }) => Object.hasOwn(declared, key));
  if (Object.values(stated).every((value) => value === null) && !isCustom && !isOwn && findings.errors() === before) {
    findings.lapse("logsource_empty", section.at, {
      message: "the log source states neither category, product nor service",
      remedy: "add at least one, such as product: aws, service: cloudtrail",
    });
  }
  if (findings.errors() > before) return null;
  return isCustom ? { ...stated, custom } : stated;
}

/** The service that a document states, also where the rest of its log source has errors; null without one. */
export function serviceOf(map: YamlMap): string | null {
  const section = valueOf(map, "logsource");
  const service = section?.kind === "map" ? valueOf(section, "service") : undefined;
  return service === undefined ? null : textOf(service);
}
