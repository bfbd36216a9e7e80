/**
 * The condition language: `sel and not 1 of filter_*` to an expression over the rule's detections.
 *
 * Binding from loose to tight: or, and, not, `x of`, parentheses. Words are whole tokens, so a detection may be called
 * `notepad`. `them` and patterns leave out names that begin with `_`, unless the pattern itself does. A pattern or name
 * that meets nothing is an error, never a dropped term. Depth and length are capped; nothing throws.
 */
import { didYouMean } from "../lib/nearest.ts";
import type { Expression } from "./ast.ts";
import { allOf, anyOf, not } from "./detection/expression.ts";
import { explainAggregation } from "./detection/aggregation.ts";
import type { Findings, ProblemCode, Words } from "./problems.ts";
import type { YamlScalar } from "./yaml.ts";

/** Deepest nesting of parentheses and `not`. */
const DEPTH_MAX = 64;
/** Longest condition in characters. */
const LENGTH_MAX = 16_384;
/** Combinations that `N of` may stand for; beyond it the rule is better written as a list. */
const COMBINATIONS_MAX = 1000;

/** Detections by name; null for one that failed, whose errors are already told. */
export type Detections = ReadonlyMap<string, Expression | null>;

/** The expression and the names it uses. `expression` null: the condition or a detection it uses has errors. */
export type Condition = { readonly expression: Expression | null; readonly used: ReadonlySet<string>; readonly isBareName: boolean };

type Token = { readonly text: string; readonly index: number };
type Tree =
  | { readonly op: "and"; readonly of: readonly Tree[] }
  | { readonly op: "or"; readonly of: readonly Tree[] }
  | { readonly op: "not"; readonly of: Tree }
  | { readonly op: "name"; readonly name: string; readonly index: number }
  | { readonly op: "of"; readonly count: number | "all"; readonly pattern: string; readonly index: number };

const WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "of", "them", "all", "any"]);
const NAME = /^[\p{L}\p{N}_.-]+$/u;

/** Reads one condition. `node` is its scalar, for places. */
export function parseCondition(node: YamlScalar, detections: Detections, findings: Findings): Condition {
  const text = typeof node.value === "string" ? node.value : node.source;
  const failed: Condition = { expression: null, used: new Set(), isBareName: false };
  const report = (code: ProblemCode, index: number, words: Words): void => findings.error(code, findings.inside(node, index), { value: text, ...words });
  if (text.length > LENGTH_MAX) {
    report("condition_too_deep", 0, { message: `the condition has ${text.length} characters; ${LENGTH_MAX} are allowed`, remedy: "use `1 of` with a pattern" });
    return failed;
  }
  const aggregation = explainAggregation(text);
  if (aggregation !== null) {
    report("condition_aggregation", aggregation.index, aggregation.words);
    return failed;
  }
  const lower = (token: Token): void => findings.lapse("condition_case", findings.inside(node, token.index), { message: `\`${token.text}\` is not in lower case`, value: token.text, remedy: `write ${token.text.toLowerCase()}` });
  const parsed = createParser(tokenize(text, detections, lower)).parse();
  if ("message" in parsed) {
    report(parsed.code, Math.min(parsed.index, Math.max(0, text.length - 1)), { message: parsed.message, remedy: parsed.remedy });
    return failed;
  }
  const nOf = (index: number, count: number): void => findings.lapse("condition_n_of", findings.inside(node, index), { message: `\`${count} of\` is read as "at least ${count}"; standard Sigma has 1 and all only`, value: text, remedy: "write the combinations out" });
  const resolving: Resolving = { detections, used: new Set(), report, nOf };
  return { expression: resolve(parsed, resolving), used: resolving.used, isBareName: parsed.op === "name" };
}

/** Tokens; words in the wrong case are told to `lower` and taken as meant, unless a detection has that name. */
function tokenize(text: string, detections: Detections, lower: (token: Token) => void): readonly Token[] {
  const tokens: Token[] = [];
  for (const { 0: word, index } of text.matchAll(/[()]|[^\s()]+/g)) {
    const folded = word.toLowerCase();
    const isMiscased = word !== folded && WORDS.has(folded) && !detections.has(word);
    if (isMiscased) lower({ text: word, index });
    tokens.push({ text: isMiscased ? folded : word, index });
  }
  tokens.push({ text: "", index: text.length });
  return tokens;
}

type SyntaxFault = { readonly code: "condition_syntax" | "condition_too_deep"; readonly index: number; readonly message: string; readonly remedy: string };

/** Recursive descent over the tokens; the first fault ends it. */
function createParser(tokens: readonly Token[]): { parse(): Tree | SyntaxFault } {
  let at = 0;
  let fault: SyntaxFault | null = null;
  const here = (): Token => tokens[at] ?? { text: "", index: 0 };
  const fail = (message: string, code: SyntaxFault["code"] = "condition_syntax"): null => {
    fault ??= { code, index: here().index, message, remedy: "conditions are names joined by and, or, not, `1 of NAME*`, `all of them` and parentheses" };
    return null;
  };
  const list = (op: "and" | "or", next: (depth: number) => Tree | null, depth: number): Tree | null => {
    const operands: Tree[] = [];
    for (;;) {
      const operand = next(depth);
      if (operand === null) return null;
      operands.push(operand);
      if (here().text !== op) break;
      at += 1;
    }
    const [first] = operands;
    return operands.length === 1 && first !== undefined ? first : { op, of: operands };
  };
  const or = (depth: number): Tree | null => list("or", and, depth);
  const and = (depth: number): Tree | null => list("and", unary, depth);
  const unary = (depth: number): Tree | null => {
    if (depth > DEPTH_MAX) return fail(`the condition nests deeper than ${DEPTH_MAX} levels`, "condition_too_deep");
    const { text, index } = here();
    if (text === "") return fail("the condition ends where a name is expected");
    at += 1;
    if (text === "not") {
      const operand = unary(depth + 1);
      return operand === null ? null : { op: "not", of: operand };
    }
    if (text === "(") {
      const inner = or(depth + 1);
      if (inner === null) return null;
      if (here().text !== ")") return fail("a closing parenthesis is missing");
      at += 1;
      return inner;
    }
    if (here().text === "of") return selector(text, index);
    if (NAME.test(text) && text !== "and" && text !== "or") return { op: "name", name: text, index };
    at -= 1;
    return fail(`\`${text}\` stands where a name is expected`);
  };
  const selector = (count: string, index: number): Tree | null => {
    if (!/^(?:[1-9]\d{0,3}|all|any)$/.test(count)) {
      at -= 1;
      return fail(`\`${count}\` stands before \`of\`; expected 1, any or all`);
    }
    at += 1;
    const pattern = here().text;
    if (!NAME.test(pattern.replaceAll("*", "x"))) return fail("a name, a pattern or `them` is expected behind `of`");
    at += 1;
    return { op: "of", count: count === "all" ? "all" : count === "any" ? 1 : Number(count), pattern, index };
  };
  return {
    parse: () => {
      const tree = or(0);
      if (tree !== null && here().text !== "") fail(`\`${here().text}\` stands where \`and\`, \`or\` or the end is expected`);
      return fault ?? tree ?? { code: "condition_syntax", index: 0, message: "the condition is empty", remedy: "name a detection" };
    },
  };
}

type Resolving = {
  readonly detections: Detections;
  readonly used: Set<string>;
  readonly report: (code: ProblemCode, index: number, words: Words) => void;
  readonly nOf: (index: number, count: number) => void;
};

/** Names to expressions. Null when a name is unknown or its detection failed. */
function resolve(tree: Tree, resolving: Resolving): Expression | null {
  if (tree.op === "not") {
    const operand = resolve(tree.of, resolving);
    return operand === null ? null : not(operand);
  }
  if (tree.op === "and" || tree.op === "or") {
    const operands = tree.of.map((operand) => resolve(operand, resolving));
    const good = operands.filter((operand) => operand !== null);
    return good.length < operands.length ? null : tree.op === "and" ? allOf(good) : anyOf(good);
  }
  if (tree.op === "of") return resolveSelector(tree, resolving);
  const found = resolving.detections.get(tree.name);
  resolving.used.add(tree.name);
  if (found !== undefined) return found;
  const names = [...resolving.detections.keys()];
  resolving.report("condition_unknown", tree.index, {
    message: `no detection is called \`${tree.name}\`${didYouMean(tree.name, names)}`,
    value: tree.name,
    remedy: names.length === 0 ? "add the detection" : `detections of this rule: ${names.join(", ")}`,
  });
  return null;
}

function resolveSelector(tree: Extract<Tree, { op: "of" }>, resolving: Resolving): Expression | null {
  const { pattern, index } = tree;
  const names = [...resolving.detections.keys()].filter((name) => selects(pattern, name));
  for (const name of names) resolving.used.add(name);
  if (names.length === 0) {
    const remedy = "mend the pattern, or remove this part of the condition";
    resolving.report("condition_no_match", index, { message: `\`${pattern}\` matches no detection`, value: pattern, remedy });
    return null;
  }
  if (typeof tree.count === "number" && tree.count > 1) resolving.nOf(index, tree.count);
  const operands = names.map((name) => resolving.detections.get(name) ?? null);
  const good = operands.filter((operand) => operand !== null);
  if (good.length < operands.length) return null;
  if (tree.count === "all" || tree.count === good.length) return allOf(good);
  if (tree.count === 1) return anyOf(good);
  const combinations = combine(good, tree.count);
  if (combinations.length > 0 && combinations.length <= COMBINATIONS_MAX) return anyOf(combinations.map(allOf));
  const message = combinations.length === 0 ? `\`${tree.count} of ${pattern}\` can never hold: it matches ${good.length} detections` : `\`${tree.count} of ${pattern}\` stands for too many combinations`;
  resolving.report("condition_no_match", index, { message, value: pattern, remedy: "lower the number" });
  return null;
}

/** All choices of `count` operands, or just more than COMBINATIONS_MAX of them. */
function combine(operands: readonly Expression[], count: number): readonly (readonly Expression[])[] {
  if (count > operands.length) return [];
  let chosen: { readonly from: number; readonly of: readonly Expression[] }[] = [{ from: 0, of: [] }];
  for (let round = 0; round < count; round += 1) {
    chosen = chosen.flatMap(({ from, of }) =>
      operands.slice(from, operands.length - (count - round - 1)).map((operand, index) => ({ from: from + index + 1, of: [...of, operand] })),
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
