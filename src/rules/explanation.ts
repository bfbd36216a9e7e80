/**
 * Why an event meets a rule or does not: the tree of the rule's conditions with the verdict of each, and what was found.
 *
 * Each node of the tree is compiled as a rule of its own and tried by the same engine as ever, so a verdict here is the
 * engine's and can be no other. Values are those that the engine read. For looking at single events, not for many.
 */
import type { Event, Json, JsonObject } from "../model/event.ts";
import type { DetectionRule, Expression, Selector } from "../sigma/ast.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import { appliesTo } from "../sigma/index.ts";
import { compileArrays } from "../sigma/plan/member.ts";
import { findKeywordTexts } from "./keyword-texts.ts";
import { toWords } from "./test-words.ts";

/** What a field of the event came to: values after arrays are flattened; `isThere` false when no such key stands. */
export type Found = { readonly field: string; readonly isThere: boolean; readonly values: readonly Json[] };

/** The verdict on one member of an array; `index` is its place. */
export type MemberVerdict = { readonly index: number; readonly verdict: Verdict };

/** A node of the condition tree. `test` and `found` are those of a leaf; of a keyword the first texts that met it. */
export type Verdict =
  | {
      readonly op: "member";
      readonly matched: boolean;
      readonly field: string;
      readonly which: Selector;
      readonly isArray: boolean;
      /** Members there are, and of those that were looked at the first MEMBERS_MAX, deciding ones first. */
      readonly count: number;
      readonly members: readonly MemberVerdict[];
    }
  | { readonly op: "and" | "or" | "not"; readonly matched: boolean; readonly of: readonly Verdict[] }
  | {
      readonly op: "leaf";
      readonly matched: boolean;
      readonly field: string | null;
      readonly test: string;
      readonly found: readonly Found[];
      /** Line of its value in the rule's file; null where it is not written there. */
      readonly line: number | null;
    };

/** The verdict on one event. */
export type Explanation = {
  readonly matched: boolean;
  /** False when the rule is for another log source: its conditions were not even tried. */
  readonly isTried: boolean;
  /** The condition that decided against the rule, reading from the top; null when it matched or was not tried. */
  readonly failedFirst: Verdict | null;
  readonly tree: Verdict;
  /** Of a rule with several conditions: the truth of each, before filters. */
  readonly conditions: readonly { readonly text: string; readonly matched: boolean }[];
  /** The fields asked for beside those of the tree. */
  readonly fields: readonly Found[];
};

/** Explains events, one after another. */
export type Explain = (event: Event) => Explanation;
/** Compiles detections under the lists and fields of the configuration. */
export type Compile = (detections: readonly DetectionRule[]) => CompiledRules;

/** Members of an array that are told; who needs more looks at the record. */
const MEMBERS_MAX = 5;

/** An explainer for a rule; `fields` are told with their values too, such as those that a correlation groups by. */
export function createExplain(rule: DetectionRule, fields: readonly string[], compile: Compile): Explain {
  const numbers = new Map<Expression, number>();
  number(rule.expression, numbers);
  for (const { expression } of rule.conditions ?? []) number(expression, numbers);
  const compiled = compile(
    [...numbers].map(([expression, index]) => ({ ...rule, id: `${rule.id} ${index}`, expression })),
  );
  const read = (field: string): Found => {
    const { found, values } = compiled.read(field);
    return { field, isThere: found, values };
  };
  const lineOf = (leaf: Expression): number | null => rule.placeOf?.(leaf, "value")?.line ?? null;
  const look = createLook({ compiled, numbers, read, lineOf });
  return (event) => {
    const isTried = appliesTo(rule.logsource, event.logsource);
    const tree = look(rule.expression, event);
    const hits = new Set(compiled.scan(event));
    const conditions = (rule.conditions ?? []).map(({ text, expression }) => ({
      text,
      matched: hits.has(numbers.get(expression) ?? -1),
    }));
    return {
      matched: tree.matched,
      isTried,
      failedFirst: isTried ? findFailed(tree) : null,
      tree,
      conditions,
      fields: fields.map(read),
    };
  };
}

/** Judges nodes: the engine tries every node on the event, and the nodes below an array on its members. */
function createLook(of: {
  readonly compiled: CompiledRules;
  readonly numbers: ReadonlyMap<Expression, number>;
  readonly read: (field: string) => Found;
  readonly lineOf: (leaf: Expression) => number | null;
}): (node: Expression, event: Event) => Verdict {
  const { compiled, numbers, read, lineOf } = of;
  const judge = (node: Expression, event: Event, hits: ReadonlySet<number>): Verdict => {
    const matched = hits.has(numbers.get(node) ?? -1);
    if (node.op === "member") return judgeMembers(node, matched, event);
    if (node.op === "not") return { op: "not", matched, of: [judge(node.of, event, hits)] };
    if (node.op !== "leaf") return { op: node.op, matched, of: node.of.map((child) => judge(child, event, hits)) };
    const { field, test } = node;
    const names = [...(field === null ? [] : [field]), ...(test.type === "fieldref" ? [test.field] : [])];
    const found = field === null && matched ? seekKeyword(node, event) : names.map(read);
    return { op: "leaf", matched, field, test: toWords(node), found, line: lineOf(node) };
  };
  const seekKeyword = (node: Expression, event: Event): readonly Found[] => {
    const index = numbers.get(node) ?? -1;
    const texts = findKeywordTexts(event.record, (value) => compiled.scan(asEvent(event, value)).includes(index));
    // The values of what follows are those of the event again.
    compiled.scan(event);
    return texts.map(({ field, value }) => ({ field, isThere: true, values: [value] }));
  };
  const judgeMembers = (node: MemberExpression, matched: boolean, event: Event): Verdict => {
    const { field, which } = node;
    const arrays = compileArrays(field)(event.record);
    const members = arrays.flatMap((array) =>
      [...array.entries()].filter(([index]) => typeof which !== "number" || index === placeIn(array, which)),
    );
    const judged = members.map(([index, member]) => ({ index, verdict: look(node.of, asEvent(event, member)) }));
    const isMet = which === "any" || which === "none" || typeof which === "number";
    const first = judged.toSorted((a, b) => Number(b.verdict.matched === isMet) - Number(a.verdict.matched === isMet));
    // The values of what follows are those of the event again.
    compiled.scan(event);
    const isArray = arrays.length > 0;
    return {
      op: "member",
      matched,
      field,
      which,
      isArray,
      count: members.length,
      members: first.slice(0, MEMBERS_MAX),
    };
  };
  const look = (node: Expression, event: Event): Verdict => judge(node, event, new Set(compiled.scan(event)));
  return look;
}

type MemberExpression = Extract<Expression, { op: "member" }>;

function placeIn(array: readonly Json[], which: number): number {
  return which < 0 ? array.length + which : which;
}

/** A member in the place of the record: paths begin at it, and "." is the member itself. */
function asEvent(event: Event, member: Json): Event {
  return { ...event, record: member as JsonObject };
}

/** Every node once: detections that a condition names twice are shared. */
function number(node: Expression, into: Map<Expression, number>): void {
  if (into.has(node)) return;
  into.set(node, into.size);
  if (node.op === "not" || node.op === "member") number(node.of, into);
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
