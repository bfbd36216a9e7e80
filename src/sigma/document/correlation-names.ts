/**
 * The text condition of a temporal correlation (extended correlation condition of Sigma): names and ids of rules joined by
 * and, or, not and parentheses.
 *
 * For temporal_ordered it is a row of names joined by `and`, in their order. Which rules the names mean is decided when the
 * whole set is known (./link.ts, ../references.ts).
 */
import type { CorrelationType } from "../ast.ts";
import { parseTree, type Tree } from "../condition-tree.ts";
import type { Findings } from "../problems.ts";
import type { YamlScalar } from "../yaml.ts";
import type { Reference } from "./filter.ts";

/** Longest condition in characters: a page of names. */
const LENGTH_MAX = 4_096;

/** A condition of names. */
export type NameCondition =
  | { readonly op: "and" | "or"; readonly of: readonly NameCondition[] }
  | { readonly op: "not"; readonly of: NameCondition }
  | { readonly op: "name"; readonly name: string };

/** A text condition read: its names as they stand, and the tree; for temporal_ordered a row of names. */
export type NamesCondition = { readonly names: readonly Reference[]; readonly tree: NameCondition };

/** Reads a text condition; null when it has errors. */
export function parseNames(node: YamlScalar, kind: CorrelationType, findings: Findings): NamesCondition | null {
  const text = String(node.value);
  const refuse = (index: number, message: string, remedy: string): null => {
    findings.error("correlation_condition_extended", findings.inside(node, index), { message, value: text, remedy });
    return null;
  };
  if (kind !== "temporal" && kind !== "temporal_ordered")
    return refuse(0, `\`${kind}\` compares a number`, "write a map such as {gte: 5}, or use type: temporal");
  if (text.length > LENGTH_MAX)
    return refuse(0, `the condition has ${text.length} characters; ${LENGTH_MAX} are allowed`, "shorten it");
  const parsed = parseTree(
    text,
    () => false,
    (token) =>
      findings.lapse("condition_case", findings.inside(node, token.index), {
        message: `\`${token.text}\` is not in lower case`,
        value: token.text,
        remedy: `write ${token.text.toLowerCase()}`,
      }),
  );
  const remedy = "join names or ids of rules by and, or, not and parentheses";
  if ("message" in parsed) return refuse(Math.min(parsed.index, Math.max(0, text.length - 1)), parsed.message, remedy);
  const names: Reference[] = [];
  const tree = toNames(parsed, (name, index) => names.push({ text: name, at: findings.inside(node, index) }));
  if (tree === null) return refuse(0, "the condition names rules one by one; `x of` has no meaning here", remedy);
  if (kind === "temporal_ordered" && !isRow(tree))
    return refuse(
      0,
      "`temporal_ordered` asks for one event of each rule in their order, so its names are joined by `and` alone",
      "join the names by `and` in their order, or use type: temporal",
    );
  return { names, tree };
}

/** Words of a text that may be names: a correlation that fails still silences the rules that it names. */
export function wordsOf(node: YamlScalar): readonly Reference[] {
  const words = String(node.value).match(/[^\s()]+/g) ?? [];
  return [...new Set(words)].filter((word) => !/^(?:and|or|not)$/i.test(word)).map((text) => ({ text, at: node.at }));
}

/** True where every event can only help. */
export function hasNot(tree: NameCondition): boolean {
  if (tree.op === "not") return true;
  return tree.op !== "name" && tree.of.some(hasNot);
}

function toNames(tree: Tree, note: (name: string, index: number) => void): NameCondition | null {
  if (tree.op === "of") return null;
  if (tree.op === "name") {
    note(tree.name, tree.index);
    return { op: "name", name: tree.name };
  }
  if (tree.op === "not") {
    const inner = toNames(tree.of, note);
    return inner === null ? null : { op: "not", of: inner };
  }
  const of = tree.of.map((operand) => toNames(operand, note));
  return of.includes(null) ? null : { op: tree.op, of: of.filter((operand) => operand !== null) };
}

function isRow(tree: NameCondition): boolean {
  return tree.op === "name" || (tree.op === "and" && tree.of.every(isRow));
}
