/**
 * Warnings about what is legal and probably not meant: plain scalars that YAML 1.1 tools read otherwise.
 *
 * A lint never changes a rule and never stops a load.
 */
import type { Findings } from "./problems.ts";
import type { YamlNode } from "./yaml.ts";

/** Plain scalars that YAML 1.1 resolves to another value than YAML 1.2 does: booleans, octal, base 60, dates, `_` in numbers. */
const OTHER_IN_11 =
  /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|[-+]?0[0-7_]+|[-+]?0b[01_]+|[-+]?[1-9]\d*(?:_\d+)+|[-+]?[1-9]\d*(?::[0-5]?\d)+(?:\.\d*)?|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?)$/;

/** Warns of unquoted values below `node` that other tools read as something else. */
export function lintScalars(node: YamlNode, findings: Findings): void {
  if (node.kind === "list") for (const item of node.items) lintScalars(item, findings);
  else if (node.kind === "map") for (const { value } of node.entries) lintScalars(value, findings);
  else if (node.plain && node.source.length < 40 && OTHER_IN_11.test(node.source)) {
    const read = typeof node.value === "string" ? "the text" : "the number";
    findings.warning("yaml_version", node.at, {
      message: `\`${node.source}\` is ${read} ${String(node.value)} here and something else in tools that read YAML 1.1`,
      value: node.source,
      remedy: "quote it",
    });
  }
}
