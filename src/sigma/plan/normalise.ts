/**
 * From the tree of a rule to the plan that runs: lists put in, trees flattened, equal leaves made one, cheap ones first.
 *
 * Rewriting keeps the meaning exactly, two-valued: a leaf is true or false, `not` turns the whole of what it stands over.
 * Many literals of one field under one `or` become one set, so that a list of thousands costs one look-up. Problems found
 * here (lists, fields, expressions) are given back, never thrown.
 */
import type { Expression, Place, PlaceOf, Problem, Selector } from "../ast.ts";
import { type Estimate, type PlainTest, toEstimate, toLeafKey } from "../leaf/plain-test.ts";
import { checkExpansion, checkFields, type FieldCheck, type LeafFault } from "./leaf-check.ts";
import type { ListTable } from "./list-table.ts";
import { expandTest } from "./lists.ts";

/** A node of the plan. Leaves are shared: equal ones are the same object. */
export type PlanNode =
  | { readonly op: "const"; readonly value: boolean }
  | PlanLeaf
  | { readonly op: "and" | "or"; readonly of: readonly PlanNode[] }
  | { readonly op: "not"; readonly of: PlanNode }
  | PlanMember;
/** Members of the array at `field`; the leaves below read a member and are shared with no others. */
export type PlanMember = {
  readonly op: "member";
  readonly field: string;
  readonly which: Selector;
  readonly of: PlanNode;
};
export type PlanLeaf = {
  readonly op: "leaf";
  readonly key: string;
  readonly field: string | null;
  readonly test: PlainTest;
  /** Places in all plans where the leaf stands. */
  uses: number;
};

type LeafExpression = Extract<Expression, { op: "leaf" }>;
/** Where a rule stands, and how the places of its parts are found. */
export type Written = { readonly place: Place; readonly placeOf?: PlaceOf | undefined };

/** Turns expressions into plans that share leaves. */
export type Normaliser = {
  /** The plan of one rule; its problems are appended to `problems`, each where it stands in the rule's file. */
  plan(expression: Expression, rule: Written): PlanNode;
  readonly leaves: ReadonlyMap<string, PlanLeaf>;
  readonly problems: readonly Problem[];
};

const NEVER: PlanNode = { op: "const", value: false };

/** Creates a normaliser over the lists; `checkField` judges each field name. */
export function createNormaliser(lists: ListTable, checkField: FieldCheck): Normaliser {
  const leaves = new Map<string, PlanLeaf>();
  const problems: Problem[] = [];

  const leaf = (field: string | null, test: PlainTest): PlanLeaf => {
    const key = toLeafKey(field, test);
    const known = leaves.get(key) ?? { op: "leaf", key, field, test, uses: 0 };
    leaves.set(key, known);
    return known;
  };

  const report = (place: Place, value: string, found: Pick<Problem, "code" | "message" | "remedy">): PlanNode => {
    const { code, message, remedy } = found;
    problems.push({ ...place, severity: "error", code, message, value, remedy });
    return NEVER;
  };

  const planLeaf = (expression: LeafExpression, rule: Written, isOfMember: boolean): PlanNode => {
    const refuse = ({ part, value, ...found }: LeafFault): PlanNode =>
      report(rule.placeOf?.(expression, part) ?? rule.place, value, found);
    const unread = checkFields(expression, checkField, isOfMember);
    if (unread !== null) return refuse(unread);
    const expansion = expandTest(expression, lists);
    const wrong = checkExpansion(expansion);
    if (wrong !== null || "code" in expansion) return wrong === null ? NEVER : refuse(wrong);
    return join(
      "or",
      expansion.tests.map((plain) => leaf(expression.field, plain)),
      leaf,
    );
  };

  const plan = (expression: Expression, rule: Written, isOfMember: boolean): PlanNode => {
    if (expression.op === "leaf") return planLeaf(expression, rule, isOfMember);
    if (expression.op === "not") return negate(plan(expression.of, rule, isOfMember));
    if (expression.op === "member") {
      const { op, field, which } = expression;
      const wrong = checkField(field, isOfMember);
      if (wrong !== null) return report(rule.placeOf?.(expression, "field") ?? rule.place, field, wrong);
      return { op, field, which, of: plan(expression.of, rule, true) };
    }
    return join(
      expression.op,
      expression.of.map((child) => plan(child, rule, isOfMember)),
      leaf,
    );
  };

  return {
    plan: (expression, rule) => {
      const node = plan(expression, rule, false);
      countUses(node);
      return node;
    },
    leaves,
    problems,
  };
}

function negate(node: PlanNode): PlanNode {
  if (node.op === "const") return { op: "const", value: !node.value };
  return node.op === "not" ? node.of : { op: "not", of: node };
}

/** Flattens, drops repetitions and constants, gathers literals into sets, and puts the children that settle it soonest first. */
function join(
  op: "and" | "or",
  of: readonly PlanNode[],
  leaf: (field: string | null, test: PlainTest) => PlanLeaf,
): PlanNode {
  const flat = of.flatMap((node) => (node.op === op ? node.of : [node]));
  // The constant that decides, and the one that changes nothing.
  const deciding = op === "or";
  if (flat.some((node) => node.op === "const" && node.value === deciding)) return { op: "const", value: deciding };
  const kept = [...new Set(flat.filter((node) => node.op !== "const"))];
  const gathered = op === "or" ? gatherSets(kept, leaf) : kept;
  const [only] = gathered;
  if (only === undefined) return { op: "const", value: !deciding };
  if (gathered.length === 1) return only;
  return { op, of: inOrder(op, gathered) };
}

/** Literals of one field under one `or` as one set. */
function gatherSets(nodes: readonly PlanNode[], leaf: (field: string | null, test: PlainTest) => PlanLeaf): PlanNode[] {
  const groups = new Map<string, { field: string; cased: boolean; values: Set<string> }>();
  const rest: PlanNode[] = [];
  for (const node of nodes) {
    const literals = node.op === "leaf" && node.field !== null ? literalsOf(node.test) : null;
    if (literals === null || node.op !== "leaf" || node.field === null) {
      rest.push(node);
      continue;
    }
    const key = `${literals.cased ? "c" : "f"}${node.field}`;
    const group = groups.get(key) ?? { field: node.field, cased: literals.cased, values: new Set<string>() };
    groups.set(key, group);
    for (const value of literals.values) group.values.add(value);
  }
  for (const { field, cased, values } of groups.values()) {
    const sorted = [...values].toSorted();
    const [only = ""] = sorted;
    const pattern = only === "" ? [] : [only];
    rest.push(
      leaf(field, sorted.length === 1 ? { type: "text", pattern, cased } : { type: "set", values: sorted, cased }),
    );
  }
  return rest;
}

/** The literals that a test compares with, or null when it is no equality of texts. */
export function literalsOf(test: PlainTest): { readonly values: readonly string[]; readonly cased: boolean } | null {
  if (test.type === "set") return test;
  if (test.type !== "text" || !test.pattern.every((part) => typeof part === "string")) return null;
  return { values: [test.pattern.join("")], cased: test.cased };
}

/** Children in the order that settles the whole soonest: low cost for a high chance of deciding first. */
function inOrder(op: "and" | "or", nodes: readonly PlanNode[]): PlanNode[] {
  const rank = new Map(
    nodes.map((node) => {
      const { cost, truth } = estimate(node);
      return [node, cost / (op === "and" ? 1 - truth : truth)] as const;
    }),
  );
  return nodes.toSorted((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
}

/** What looking at an array costs beside looking at a value: a few members, each read afresh. */
const MEMBERS_COST = 20;

/** Estimate of a node, as if its children were independent. */
function estimate(node: PlanNode): Estimate {
  switch (node.op) {
    case "const":
      return { cost: 0, truth: 0.5 };
    case "leaf":
      return toEstimate(node.field, node.test);
    case "not": {
      const { cost, truth } = estimate(node.of);
      return { cost, truth: 1 - truth };
    }
    case "member":
      return { cost: MEMBERS_COST * estimate(node.of).cost, truth: 0.2 };
    case "and":
    case "or": {
      const children = node.of.map(estimate);
      const cost = children.reduce((sum, child) => sum + child.cost, 0);
      const every = (chance: (child: Estimate) => number): number =>
        children.reduce((product, child) => product * chance(child), 1);
      return { cost, truth: node.op === "and" ? every(({ truth }) => truth) : 1 - every(({ truth }) => 1 - truth) };
    }
  }
}

function countUses(node: PlanNode): void {
  if (node.op === "leaf") node.uses += 1;
  else if (node.op === "not") countUses(node.of);
  else if (node.op === "and" || node.op === "or") for (const child of node.of) countUses(child);
}
