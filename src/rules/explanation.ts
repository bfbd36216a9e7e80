/**
 * Why an event meets a rule or does not: the tree of the rule's conditions with the verdict of each, and what was found.
 *
 * Each node of the tree is compiled as a rule of its own and tried by the same engine as ever, so a verdict here is the
 * engine's and can be no other. Values are those that the engine read. For looking at single events, not for many.
 */
import type { Event, Json } from "../model/event.ts";
import type { DetectionRule, Expression } from "../sigma/ast.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import { appliesTo } from "../sigma/index.ts";
import { toWords } from "./test-words.ts";

/** What a field of the event came to: values after arrays are flattened; `isThere` false when no such key stands. */
export type Found = { readonly field: string; readonly isThere: boolean; readonly values: readonly Json[] };

/** A node of the condition tree. `test` and `found` are those of a leaf; a keyword finds no field. */
export type Verdict =
  | { readonly op: "and" | "or" | "not"; readonly matched: boolean; readonly of: readonly Verdict[] }
  | {
      readonly op: "leaf";
      readonly matched: boolean;
      readonly field: string | null;
      readonly test: string;
      readonly found: readonly Found[];
    };

/** The verdict on one event. */
export type Explanation = {
  readonly matched: boolean;
  /** False when the rule is for another log source: its conditions were not even tried. */
  readonly isTried: boolean;
  /** The condition that decided against the rule, reading from the top; null when it matched or was not tried. */
  readonly failedFirst: Verdict | null;
  readonly tree: Verdict;
  /** The fields asked for beside those of the tree. */
  readonly fields: readonly Found[];
};

/** Explains events, one after another. */
export type Explain = (event: Event) => Explanation;
/** Compiles detections under the lists and fields of the configuration. */
export type Compile = (detections: readonly DetectionRule[]) => CompiledRules;

/** An explainer for a rule; `fields` are told with their values too, such as those that a correlation groups by. */
export function createExplain(rule: DetectionRule, fields: readonly string[], compile: Compile): Explain {
  const numbers = new Map<Expression, number>();
  number(rule.expression, numbers);
  const compiled = compile(
    [...numbers].map(([expression, index]) => ({ ...rule, id: `${rule.id} ${index}`, expression })),
  );
  const read = (field: string): Found => {
    const { found, values } = compiled.read(field);
    return { field, isThere: found, values };
  };
  const judge = (node: Expression, hits: ReadonlySet<number>): Verdict => {
    const matched = hits.has(numbers.get(node) ?? -1);
    if (node.op === "not") return { op: "not", matched, of: [judge(node.of, hits)] };
    if (node.op !== "leaf") return { op: node.op, matched, of: node.of.map((child) => judge(child, hits)) };
    const { field, test } = node;
    const names = [...(field === null ? [] : [field]), ...(test.type === "fieldref" ? [test.field] : [])];
    return { op: "leaf", matched, field, test: toWords(node), found: names.map(read) };
  };
  return (event) => {
    const hits = new Set(compiled.scan(event));
    const tree = judge(rule.expression, hits);
    const isTried = appliesTo(rule.logsource, event.logsource);
    return {
      matched: tree.matched,
      isTried,
      failedFirst: isTried ? findFailed(tree) : null,
      tree,
      fields: fields.map(read),
    };
  };
}

/** Every node once: detections that a condition names twice are shared. */
function number(node: Expression, into: Map<Expression, number>): void {
  if (into.has(node)) return;
  into.set(node, into.size);
  if (node.op === "not") number(node.of, into);
  else if (node.op !== "leaf") for (const child of node.of) number(child, into);
}

/** The first condition on the way down that is not met; of an `or` the whole, since each part failed. */
function findFailed(verdict: Verdict): Verdict | null {
  if (verdict.matched) return null;
  if (verdict.op !== "and") return verdict;
  for (const child of verdict.of) {
    const failed = findFailed(child);
    if (failed !== null) return failed;
  }
  return verdict;
}
