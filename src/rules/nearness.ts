/**
 * How near an event comes to a rule: how many of its conditions would have to turn out otherwise, and which.
 *
 * Each node of the rule's tree is compiled as a rule of its own and judged by the engine itself, all of them in one go, so
 * that a verdict here is the engine's. A part of several alternatives lacks what its nearest one lacks; an array is one
 * condition, whatever its members are asked. Nothing is kept between events.
 */
import type { Event, Json } from "../model/event.ts";
import type { DetectionRule, Expression } from "../sigma/ast.ts";
import type { CompiledRules } from "../sigma/compile.ts";
import { appliesTo } from "../sigma/index.ts";
import { toWords } from "./test-words.ts";

/** The one condition that an event lacked. `negated`: it holds, and the rule asks that it does not. */
export type Lacking = {
  readonly field: string;
  /** The tests in Sigma's words, without the field; several are alternatives. */
  readonly wanted: readonly string[];
  readonly negated: boolean;
  readonly isThere: boolean;
  readonly found: readonly Json[];
  /** For a number against a bound: how far it is away, as a share of the bound; null for any other test. */
  readonly gap: number | null;
};

/** What became of an event and a rule. `lacking` can be asked until the next event is looked at. */
export type Nearness = {
  readonly rule: DetectionRule;
  readonly matched: boolean;
  /** Conditions that would have to turn out otherwise; 0 when it matched. */
  readonly lacks: number;
  lacking(): Lacking;
};

type Numbered = { readonly rule: DetectionRule; readonly numbers: ReadonlyMap<Expression, number> };
type Leaf = Extract<Expression, { op: "leaf" | "member" }>;
/** Whether a node held, by the engine. */
type Held = (node: Expression) => boolean;

/** Looks at events under these rules; gives one entry for each rule of the event's log source. `read` is of the event that was looked at last. */
export function createNearness(
  rules: readonly DetectionRule[],
  compile: (detections: readonly DetectionRule[]) => CompiledRules,
): { readonly look: (event: Event) => readonly Nearness[]; readonly read: (field: string) => readonly Json[] } {
  const parts: DetectionRule[] = [];
  const numbered = rules.map((rule): Numbered => {
    const numbers = new Map<Expression, number>();
    number(
      rule.expression,
      numbers,
      (expression) => parts.push({ ...rule, id: `near ${parts.length}`, expression }) - 1,
    );
    return { rule, numbers };
  });
  const compiled = compile(parts);
  const read = (field: string): readonly Json[] => compiled.read(field).values;
  return {
    read,
    look: (event) => {
      const of = numbered.filter(({ rule }) => appliesTo(rule.logsource, event.logsource));
      if (of.length === 0) return [];
      const hits = new Set(compiled.scan(event));
      return of.map(({ rule, numbers }) => {
        const held: Held = (node) => hits.has(numbers.get(node) ?? -1);
        const lacks = costOf(rule.expression, true, held);
        const toLacking = (): Lacking => describe(findLacking(rule.expression, true, held), compiled);
        return { rule, matched: held(rule.expression), lacks, lacking: toLacking };
      });
    },
  };
}

/** Every node once, as a rule of its own, which `add` numbers. Below an array the members are judged, not the event. */
function number(node: Expression, into: Map<Expression, number>, add: (node: Expression) => number): void {
  if (into.has(node)) return;
  into.set(node, add(node));
  if (node.op === "not") number(node.of, into, add);
  else if (node.op === "and" || node.op === "or") for (const child of node.of) number(child, into, add);
}

/** How many leaves must turn out otherwise for the node to be `wanted`. */
function costOf(node: Expression, wanted: boolean, held: Held): number {
  if (held(node) === wanted) return 0;
  if (node.op === "not") return costOf(node.of, !wanted, held);
  if (node.op !== "and" && node.op !== "or") return 1;
  const costs = node.of.map((child) => costOf(child, wanted, held));
  const isAll = (node.op === "and") === wanted;
  return isAll
    ? costs.reduce((sum, cost) => sum + cost, 0)
    : costs.reduce((least, cost) => Math.min(least, cost), Infinity);
}

/** The leaves of which one must turn out otherwise: alternatives over one field together, else the first. */
function findLacking(
  node: Expression,
  wanted: boolean,
  held: Held,
): { readonly leaves: readonly Leaf[]; readonly wanted: boolean } {
  if (node.op === "not") return findLacking(node.of, !wanted, held);
  if (node.op === "leaf" || node.op === "member") return { leaves: [node], wanted };
  const costs = node.of.map((child) => costOf(child, wanted, held));
  const isAll = (node.op === "and") === wanted;
  const open = node.of.filter((_, index) => (isAll ? costs[index] !== 0 : costs[index] === Math.min(...costs)));
  const leaves = open.filter((child) => child.op === "leaf");
  const [first] = open;
  const isOneField = leaves.length === open.length && leaves.every(({ field }) => field === leaves[0]?.field);
  if (isOneField && leaves.length > 0) return { leaves, wanted };
  return first === undefined ? { leaves: [], wanted } : findLacking(first, wanted, held);
}

function describe(
  { leaves, wanted }: { readonly leaves: readonly Leaf[]; readonly wanted: boolean },
  compiled: CompiledRules,
): Lacking {
  const [leaf] = leaves;
  const field = leaf?.field ?? "";
  const { found: isThere, values } = field === "" ? { found: false, values: [] } : compiled.read(field);
  const words = leaves.map((one) => (one.op === "member" ? `${one.which} member as the rule asks` : toTest(one)));
  const gaps = leaves.flatMap((one) => (one.op === "leaf" ? toGap(one, values) : []));
  return {
    field: leaf === undefined || field === "" ? "(any field)" : field,
    wanted: words,
    negated: !wanted,
    isThere,
    found: [...values],
    gap: gaps.length === 0 ? null : Math.min(...gaps),
  };
}

/** The words of a leaf without its field: "gte 8", "CreateEndpoint", "expand %known%". */
function toTest(leaf: Extract<Expression, { op: "leaf" }>): string {
  const words = toWords({ ...leaf, field: null });
  return words
    .replace(/^keyword /, "")
    .replace(/^\|([^:]+): /, (_, modifiers: string) => `${modifiers.replaceAll("|", " ")} `);
}

function toGap({ test }: Extract<Expression, { op: "leaf" }>, values: readonly Json[]): number[] {
  if (test.type !== "compare" && test.type !== "number") return [];
  const wanted = test.value;
  const numbers = values.filter((value): value is number => typeof value === "number");
  return numbers.map((value) => Math.abs(value - wanted) / Math.max(Math.abs(wanted), 1));
}
