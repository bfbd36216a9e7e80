/**
 * What a rule says of the call before a leaf is tried: which event sources and event names are possible there.
 *
 * A leaf under an `and` is only true with its neighbours; their texts for `eventSource` and `eventName` say which part of
 * the API table it is held against. A leaf that stands in several branches has the possibilities of all of them. Never
 * narrower than the rule: what cannot be told (regular expressions, lists, negations) leaves everything possible.
 */
import type { Expression, Pattern } from "../ast.ts";

/** Patterns of which one must match; null: anything is possible. */
export type Possible = readonly Pattern[] | null;
/** What is possible where a leaf stands. `within`: the path to the array whose members it reads, with a dot behind; "" for the record. */
export type Scope = { readonly sources: Possible; readonly names: Possible; readonly within: string };

/** Patterns that are kept apart; a rule with more is held against everything. The largest public AWS rule has some 30. */
const PATTERNS_MAX = 200;

type Leaf = Extract<Expression, { op: "leaf" }>;

/** Every leaf with its scope. */
export function scopesOf(expression: Expression): ReadonlyMap<Leaf, Scope> {
  const scopes = new Map<Leaf, Scope>();
  const findSources = createFinder("eventSource");
  const findNames = createFinder("eventName");
  const walk = (node: Expression, above: Scope): void => {
    if (node.op === "leaf") scopes.set(node, join(scopes.get(node), above));
    else if (node.op === "not") walk(node.of, above);
    else if (node.op === "member") walk(node.of, { ...above, within: `${pathOf(above, node.field)}.` });
    else {
      const isAnd = node.op === "and";
      const sources = (isAnd ? findSources(node) : null) ?? above.sources;
      const names = (isAnd ? findNames(node) : null) ?? above.names;
      for (const child of node.of) walk(child, { sources, names, within: above.within });
    }
  };
  walk(expression, { sources: findSources(expression), names: findNames(expression), within: "" });
  return scopes;
}

/** The path of a field from the top of the record; "." is the member itself. */
export function pathOf({ within }: Scope, field: string): string {
  return field === "." ? within.slice(0, -1) : within + field;
}

function join(known: Scope | undefined, more: Scope): Scope {
  if (known === undefined) return more;
  const either = (left: Possible, right: Possible): Possible =>
    left === null || right === null ? null : left === right ? left : bounded([...new Set([...left, ...right])]);
  return { ...more, sources: either(known.sources, more.sources), names: either(known.names, more.names) };
}

function bounded(patterns: readonly Pattern[]): Possible {
  return patterns.length > PATTERNS_MAX ? null : patterns;
}

/** Finds the texts of which a field has one whenever an expression is true. Each node is looked at once. */
function createFinder(field: string): (node: Expression) => Possible {
  const known = new Map<Expression, Possible>();
  const find = (node: Expression): Possible => {
    const made = known.get(node);
    if (made !== undefined) return made;
    const found = look(node);
    known.set(node, found);
    return found;
  };
  const look = (node: Expression): Possible => {
    if (node.op === "not" || node.op === "member") return null;
    if (node.op === "leaf") {
      const { test } = node;
      const isText = node.field === field && test.type === "text" && test.pattern.length > 0;
      return isText && test.pattern.every((part) => typeof part !== "object") ? [test.pattern] : null;
    }
    const children = node.of.map(find);
    const told = children.filter((child) => child !== null);
    // Of an `and` the shortest says most.
    if (node.op === "and") return told.toSorted((left, right) => left.length - right.length)[0] ?? null;
    return told.length < children.length ? null : bounded(told.flat());
  };
  return find;
}
