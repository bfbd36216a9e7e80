/**
 * The condition language: `sel and not 1 of filter_*` to an expression over the rule's detections.
 *
 * `them` and patterns leave out names that begin with `_`, unless the pattern itself does. A pattern or name
 * that meets nothing is an error, never a dropped term. Depth and length are capped; nothing throws.
 */
import type { Expression } from "./ast.ts";
import { parseTree, type Token, type Tree } from "./condition-tree.ts";
import { allOf, anyOf, not } from "./detection/expression.ts";
import { explainAggregation } from "./detection/aggregation.ts";
import type { Findings, ProblemCode, Words } from "./problems.ts";
import type { YamlScalar } from "./yaml.ts";

/** Longest condition in characters. */
const LENGTH_MAX = 16_384;
/** Operands of all `and` and `or` that one condition makes. */
const OPERANDS_MAX = 100_000;
/** Combinations that `N of` may stand for; beyond it the rule is better written as a list. */
const COMBINATIONS_MAX = 1000;

/** Detections by name; null for one that failed, whose errors are already told. */
export type Detections = ReadonlyMap<string, Expression | null>;

/** The expression and the names it uses. `expression` null: the condition or a detection it uses has errors. */
export type Condition = {
  readonly expression: Expression | null;
  readonly used: ReadonlySet<string>;
  readonly isBareName: boolean;
};

/** Reads one condition. `node` is its scalar, for places. */
export function parseCondition(node: YamlScalar, detections: Detections, findings: Findings): Condition {
  const text = typeof node.value === "string" ? node.value : node.source;
  const failed: Condition = { expression: null, used: new Set(), isBareName: false };
  const report = (code: ProblemCode, index: number, words: Words): void =>
    findings.error(code, findings.inside(node, index), { value: text, ...words });
  if (text.length > LENGTH_MAX) {
    report("condition_too_deep", 0, {
      message: `the condition has ${text.length} characters; ${LENGTH_MAX} are allowed`,
      remedy: "use `1 of` with a pattern",
    });
    return failed;
  }
  const aggregation = explainAggregation(text);
  if (aggregation !== null) {
    report("condition_aggregation", aggregation.index, aggregation.words);
    return failed;
  }
  const lower = (token: Token): void =>
    findings.lapse("condition_case", findings.inside(node, token.index), {
      message: `\`${token.text}\` is not in lower case`,
      value: token.text,
      remedy: `write ${token.text.toLowerCase()}`,
    });
  const parsed = parseTree(text, (word) => detections.has(word), lower);
  if ("message" in parsed) {
    report(parsed.code, Math.min(parsed.index, Math.max(0, text.length - 1)), {
      message: parsed.message,
      remedy: parsed.remedy,
    });
    return failed;
  }
  const nOf = (index: number, count: number): void =>
    findings.lapse("condition_n_of", findings.inside(node, index), {
      message: `\`${count} of\` is read as "at least ${count}"; standard Sigma has 1 and all only`,
      value: text,
      remedy: "write the combinations out",
    });
  const resolving: Resolving = {
    detections,
    used: new Set(),
    report,
    nOf,
    suggest: (word, names) => findings.suggest(word, names),
    left: OPERANDS_MAX,
  };
  return { expression: resolve(parsed, resolving), used: resolving.used, isBareName: parsed.op === "name" };
}

type Resolving = {
  readonly detections: Detections;
  readonly used: Set<string>;
  readonly report: (code: ProblemCode, index: number, words: Words) => void;
  readonly nOf: (index: number, count: number) => void;
  readonly suggest: (word: string, names: readonly string[]) => string;
  /** Operands that may still be joined. */
  left: number;
};

/** Joins operands while the whole stays in bounds: a short condition can name long detections a thousand times. */
function join(op: "and" | "or", operands: readonly Expression[], resolving: Resolving): Expression | null {
  const wasWithin = resolving.left >= 0;
  for (const operand of operands) resolving.left -= operand.op === op ? operand.of.length : 1;
  if (resolving.left >= 0) return op === "and" ? allOf(operands) : anyOf(operands);
  const message = `the condition stands for more than ${OPERANDS_MAX} tests`;
  if (wasWithin)
    resolving.report("rule_too_large", 0, { message, remedy: "keep long lists in a list file and use `expand`" });
  return null;
}

/** Names to expressions. Null when a name is unknown or its detection failed. */
function resolve(tree: Tree, resolving: Resolving): Expression | null {
  if (tree.op === "not") {
    const operand = resolve(tree.of, resolving);
    return operand === null ? null : not(operand);
  }
  if (tree.op === "and" || tree.op === "or") {
    const operands = tree.of.map((operand) => resolve(operand, resolving));
    const good = operands.filter((operand) => operand !== null);
    return good.length < operands.length ? null : join(tree.op, good, resolving);
  }
  if (tree.op === "of") return resolveSelector(tree, resolving);
  const found = resolving.detections.get(tree.name);
  const isTold = resolving.used.has(tree.name);
  resolving.used.add(tree.name);
  if (found !== undefined || isTold) return found ?? null;
  const names = [...resolving.detections.keys()];
  resolving.report("condition_unknown", tree.index, {
    message: `no detection is called \`${tree.name}\`${resolving.suggest(tree.name, names)}`,
    value: tree.name,
    remedy: names.length === 0 ? "add the detection" : `detections of this rule: ${names.slice(0, 20).join(", ")}`,
  });
  return null;
}

function resolveSelector(tree: Extract<Tree, { op: "of" }>, resolving: Resolving): Expression | null {
  const { pattern, index } = tree;
  const names = [...resolving.detections.keys()].filter((name) => selects(pattern, name));
  for (const name of names) resolving.used.add(name);
  if (names.length === 0) {
    const remedy = "mend the pattern, or remove this part of the condition";
    resolving.report("condition_no_match", index, {
      message: `\`${pattern}\` matches no detection`,
      value: pattern,
      remedy,
    });
    return null;
  }
  if (typeof tree.count === "number" && tree.count > 1) resolving.nOf(index, tree.count);
  const operands = names.map((name) => resolving.detections.get(name) ?? null);
  const good = operands.filter((operand) => operand !== null);
  if (good.length < operands.length) return null;
  if (tree.count === "all" || tree.count === good.length) return join("and", good, resolving);
  if (tree.count === 1) return join("or", good, resolving);
  const combinations = combine(good, tree.count);
  if (combinations.length > 0 && combinations.length <= COMBINATIONS_MAX) {
    const joined = combinations.map((chosen) => (resolving.left < 0 ? null : join("and", chosen, resolving)));
    const whole = joined.filter((one) => one !== null);
    return whole.length < joined.length ? null : join("or", whole, resolving);
  }
  const message =
    combinations.length === 0
      ? `\`${tree.count} of ${pattern}\` can never hold: it matches ${good.length} detections`
      : `\`${tree.count} of ${pattern}\` stands for too many combinations`;
  resolving.report("condition_no_match", index, { message, value: pattern, remedy: "lower the number" });
  return null;
}

/** All choices of `count` operands, or just more than COMBINATIONS_MAX of them. */
function combine(operands: readonly Expression[], count: number): readonly (readonly Expression[])[] {
  if (count > operands.length) return [];
  let chosen: { readonly from: number; readonly of: readonly Expression[] }[] = [{ from: 0, of: [] }];
  for (let round = 0; round < count; round += 1) {
    chosen = chosen.flatMap(({ from, of }) =>
      operands
        .slice(from, operands.length - (count - round - 1))
        .map((operand, index) => ({ from: from + index + 1, of: [...of, operand] })),
    );
    if (chosen.length > COMBINATIONS_MAX) break;
  }
  return chosen.map(({ of }) => of);
}

/** True when `them` or a pattern with `*` means the detection `name`. */
export function selects(pattern: string, name: string): boolean {
  if (name.startsWith("_") && !pattern.startsWith("_")) return false;
  if (pattern === "them") return true;
  const [head = "", ...tails] = pattern.split("*");
  if (tails.length === 0) return name === pattern;
  const last = tails.pop() ?? "";
  if (!name.startsWith(head) || !name.endsWith(last) || name.length < head.length + last.length) return false;
  let at = head.length;
  for (const piece of tails) {
    const found = name.indexOf(piece, at);
    if (found === -1 || found + piece.length > name.length - last.length) return false;
    at = found + piece.length;
  }
  return true;
}
