/**
 * Warnings about what is legal and probably not meant: plain scalars that YAML 1.1 tools read otherwise.
 *
 * A lint never changes a rule and never stops a load.
 */
import type { Findings } from "./problems.ts";
import type { YamlNode, YamlScalar } from "./yaml.ts";

/** Plain scalars that YAML 1.1 resolves to something else whatever YAML 1.2 makes of them: booleans and dates. */
const WORD_IN_11 =
  /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d.*)$/;
/** Numbers of YAML 1.1 as PyYAML reads them, in this order: a sign in every exponent, none before a leading dot. */
const BINARY = /^[-+]?0b_*[01][01_]*$/;
const HEX = /^[-+]?0x_*[\da-fA-F][\da-fA-F_]*$/;
const OCTAL = /^[-+]?0[0-7_]+$/;
const DECIMAL = /^[-+]?(?:0|[1-9][\d_]*)$/;
const BASE_60 = /^[-+]?(?:[1-9][\d_]*(?::[0-5]?\d)+|\d[\d_]*(?::[0-5]?\d)+\.[\d_]*)$/;
const FLOAT = /^(?:[-+]?\d[\d_]*\.[\d_]*|\.\d[\d_]*)(?:[eE][-+]\d+)?$/;
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
/** What a plain number can begin with; whatever else is a text in both. */
const NUMBER_START = /^[-+.\d]/;

/** The number that YAML 1.1 reads in a plain scalar; null: a text. */
function numberIn11(source: string): number | null {
  const sign = source.startsWith("-") ? -1 : 1;
  const digits = source.replace(/^[-+]/, "").replaceAll("_", "");
  if (BINARY.test(source)) return sign * Number.parseInt(digits.slice(2), 2);
  if (HEX.test(source)) return sign * Number.parseInt(digits.slice(2), 16);
  if (OCTAL.test(source)) return sign * Number.parseInt(digits, 8);
  if (DECIMAL.test(source) || FLOAT.test(source)) return sign * Number(digits);
  if (BASE_60.test(source)) return sign * digits.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return null;
}

/** How YAML 1.1 reads a plain scalar, in words, when that is not how it was read here; else null. */
function readIn11({ source, value }: YamlScalar): string | null {
  if (WORD_IN_11.test(source))
    return /^\d/.test(source) ? "a date" : `the boolean ${String(/^(?:y|on)/i.test(source))}`;
  if (!NUMBER_START.test(source) || NOT_FINITE.test(source)) return null;
  const number = numberIn11(source);
  if (number === null) return typeof value === "number" ? `the text ${source}` : null;
  return value === number ? null : `the number ${number}`;
}

/** Warns of unquoted values below `node` that other tools read as something else. */
export function lintScalars(node: YamlNode, findings: Findings): void {
  if (node.kind === "list") for (const item of node.items) lintScalars(item, findings);
  else if (node.kind === "map") for (const { value } of node.entries) lintScalars(value, findings);
  else if (node.plain && node.source.length < 40) {
    const other = readIn11(node);
    if (other === null) return;
    const read = typeof node.value === "string" ? "the text" : "the number";
    findings.warning("yaml_version", node.at, {
      message: `\`${node.source}\` is ${read} ${String(node.value)} here and ${other} in tools that read YAML 1.1`,
      value: node.source,
      remedy: "quote it",
    });
  }
}
