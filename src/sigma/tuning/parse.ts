/**
 * `x_engine.threshold`: numbers of a rule that have a name, so that a configuration can change them without the file.
 *
 * The number in the rule stays, as the default and for every other reader of the rule. A name that stands for no number,
 * or for one of several without saying which, is an error: a knob that turns nothing would look like a setting.
 */
import type { Correlation, Expression, Threshold } from "../ast.ts";
import { wrongType } from "../document/fields.ts";
import type { Findings } from "../problems.ts";
import { shownAs, valueOf, type YamlMap, type YamlNode } from "../yaml.ts";

/** Names as the configuration writes them. */
const NAME = /^[a-z][a-z0-9_]*$/;

/** A name, and the number that it stands for; null: the only one there is. */
type Written = { readonly name: string; readonly number: number | null; readonly at: number };

/** The named numbers of the document, out of `numbers`, those that it compares with; null: nothing is known of them. What is wrong is reported and left out. */
export function parseThresholds(
  map: YamlMap,
  numbers: readonly number[] | null,
  findings: Findings,
): readonly Threshold[] {
  const engine = valueOf(map, "x_engine");
  const node = engine?.kind === "map" ? valueOf(engine, "threshold") : undefined;
  if (node === undefined || numbers === null) return [];
  const distinct = [...new Set(numbers)];
  const seen = new Set<number>();
  return readNames(node, findings).flatMap(({ name, number, at }) => {
    const written = number ?? (distinct.length === 1 ? distinct[0] : undefined);
    if (written !== undefined && distinct.includes(written) && !seen.has(written)) {
      seen.add(written);
      return [{ name, written, value: written }];
    }
    refuse({ name, number, at }, { distinct, isTwice: written !== undefined && seen.has(written) }, findings);
    return [];
  });
}

/** The numbers that a detection compares with by gt, gte, lt and lte. Parts of a time are none: they are no amount. */
export function numbersOf(expression: Expression): readonly number[] {
  if (expression.op === "leaf") {
    const { test } = expression;
    return test.type === "compare" && test.part === null ? [test.value] : [];
  }
  if (expression.op === "not" || expression.op === "member") return numbersOf(expression.of);
  return expression.of.flatMap(numbersOf);
}

/** The numbers of a correlation's bounds; null where its body has errors. */
export function boundsOf(body: Pick<Correlation, "bounds"> | null): readonly number[] | null {
  return body?.bounds.map(({ value }) => value) ?? null;
}

/** As the engine's options have them: nothing where there is none. */
export function named(thresholds: readonly Threshold[]): { readonly thresholds?: readonly Threshold[] } {
  return thresholds.length === 0 ? {} : { thresholds };
}

function readNames(node: YamlNode, findings: Findings): readonly Written[] {
  if (node.kind === "scalar") return readName(node.value, null, { node, findings });
  if (node.kind === "map") {
    return node.entries.flatMap(({ key, keyNode, value }) => {
      const number = value.kind === "scalar" ? value.value : null;
      if (typeof number === "number") return readName(key, number, { node: keyNode, findings });
      wrongType(value, `\`x_engine.threshold.${key}\` must be the number that it stands for`, findings);
      return [];
    });
  }
  wrongType(node, "`x_engine.threshold` must be a name, or a map of name to number", findings);
  return [];
}

function readName(
  name: unknown,
  number: number | null,
  { node, findings }: { readonly node: YamlNode; readonly findings: Findings },
): readonly Written[] {
  if (typeof name === "string" && NAME.test(name)) return [{ name, number, at: node.at }];
  findings.error("engine_option", node.at, {
    message: "the name of a threshold is of lower-case letters, digits and `_`",
    value: shownAs(node),
    remedy: "write such as my_burst",
  });
  return [];
}

function refuse(
  { name, number, at }: Written,
  { distinct, isTwice }: { readonly distinct: readonly number[]; readonly isTwice: boolean },
  findings: Findings,
): void {
  const there = distinct.length === 0 ? "no number" : distinct.join(" and ");
  const remedy =
    distinct.length === 0
      ? "remove it; bounds of a correlation and gt, gte, lt, lte of a detection have numbers"
      : `write threshold: {${name}: ${distinct[0]}}, with the number it stands for`;
  findings.error("engine_option", at, {
    message: isTwice
      ? `\`${name}\` stands for a number that has a name already`
      : `\`${name}\` ${number === null ? "must stand for one number" : `stands for ${number}`}; the rule compares with ${there}`,
    value: name,
    remedy,
  });
}
