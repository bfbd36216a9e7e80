/**
 * Reads one TypeScript file into the facts that the architecture is judged by: what it imports in any form, which of
 * the watched words it uses, and how long its functions are.
 *
 * Works on the syntax tree, so that a word in a comment or a string never counts. It does not resolve names: a local
 * variable called `console` counts as the global, which is the stricter reading. Judges nothing itself.
 */
import { posix } from "node:path";
import { parseSync, type Node } from "oxc-parser";
import { RESERVED_WORDS } from "./house.ts";

export type Import = {
  /** "src/…" for a file of ours, else the module's name as written. */
  readonly target: string;
  readonly line: number;
};
export type Use = { readonly word: string; readonly line: number };
export type FunctionSize = {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  /** Lines without those of the functions inside it. */
  readonly ownLines: number;
};
export type SourceFile = {
  /** From the root of the checkout, with slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
  readonly functions: readonly FunctionSize[];
};

/** Place of a node in the tree. */
type Spot = { readonly node: Node; readonly key: string; readonly parent: Spot | null };

/** Facts of a file; throws with the place when it does not parse. */
export function readSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  const first = errors[0];
  if (first !== undefined) throw new Error(`${path}: ${first.message}`);
  const spots = [...walk({ node: program, key: "", parent: null })];
  const lineOf = toLineFinder(text);
  return {
    path,
    lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
    imports: spots.flatMap((spot) =>
      importsAt(spot.node).map((name) => ({ target: resolve(path, name), line: lineOf(spot.node.start) })),
    ),
    uses: spots.flatMap((spot) => wordsAt(spot).map((word) => ({ word, line: lineOf(spot.node.start) }))),
    functions: spots.filter(isFunction).map((spot) => measure(spot, spots, lineOf)),
  };
}

function* walk(spot: Spot): Generator<Spot> {
  yield spot;
  for (const [key, value] of Object.entries(spot.node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
      if (isNode(child)) yield* walk({ node: child, key, parent: spot });
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function toLineFinder(text: string): (offset: number) => number {
  const starts = [0, ...[...text.matchAll(/\n/g)].map((found) => found.index + 1)];
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}

function resolve(path: string, name: string): string {
  return name.startsWith(".") ? posix.join(posix.dirname(path), name) : name;
}

/** Static, type-only, re-exporting and dynamic imports, and types written as `import("…")`. */
function importsAt(node: Node): string[] {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "TSImportType":
      return [node.source.value];
    case "ExportNamedDeclaration":
      return node.source === null ? [] : [node.source.value];
    case "ImportExpression":
      return isText(node.source) ? [node.source.value] : [];
    default:
      return [];
  }
}

function isText(node: Node): node is Node & { type: "Literal"; value: string } {
  return node.type === "Literal" && typeof node.value === "string";
}

function wordsAt(spot: Spot): string[] {
  const { node } = spot;
  switch (node.type) {
    case "Identifier":
      return Object.hasOwn(RESERVED_WORDS, node.name) && isReference(spot) ? [node.name] : [];
    case "MemberExpression":
      return memberWords(node);
    case "VariableDeclarator":
      return takenApart(node);
    case "NewExpression":
      return newWords(node);
    case "AwaitExpression":
      return ["await"];
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return node.async ? ["await"] : [];
    case "ForOfStatement":
      return node.await ? ["await"] : [];
    case "ClassDeclaration":
    case "ClassExpression":
      return node.superClass === null ? [] : [`extends ${nameOf(node.superClass) ?? "a computed class"}`];
    case "ExportDefaultDeclaration":
      return ["default export"];
    case "ExportSpecifier":
      return nameOf(node.exported) === "default" ? ["default export"] : [];
    case "ImportExpression":
      return isText(node.source) ? [] : ["computed import()"];
    default:
      return [];
  }
}

function newWords({ callee, arguments: args }: Node & { type: "NewExpression" }): string[] {
  const name = nameOf(callee);
  if (name === "Promise") return ["await"];
  return name === "Date" && args.length === 0 ? ["new Date()"] : [];
}

/** Whether an identifier stands for a value, and is not merely the name of a property or of an import. */
function isReference({ key, parent }: Spot): boolean {
  const outer = parent?.node;
  if (outer === undefined) return true;
  if (outer.type === "MemberExpression") return key === "object" || outer.computed;
  if (key === "key") return "computed" in outer && outer.computed;
  return outer.type !== "ImportSpecifier" || key === "local";
}

/** `Date.now`, `Date["now"]`, `globalThis.Date.now`, `globalThis.setTimeout`. */
function memberWords(node: Node & { type: "MemberExpression" }): string[] {
  const property = nameOf(node.property);
  const owner = nameOf(node.object.type === "MemberExpression" ? node.object.property : node.object);
  if (property === null || (node.computed && !isText(node.property))) return [];
  if (owner === "globalThis" && Object.hasOwn(RESERVED_WORDS, property)) return [property];
  return [`${owner}.${property}`];
}

/** `const { now } = Date` uses Date.now. */
function takenApart(node: Node & { type: "VariableDeclarator" }): string[] {
  const owner = node.init === null ? null : nameOf(node.init);
  if (node.id.type !== "ObjectPattern" || owner === null) return [];
  return node.id.properties.flatMap((entry) => {
    const name = entry.type === "Property" ? nameOf(entry.key) : null;
    return name === null ? [] : [`${owner}.${name}`, ...(owner === "globalThis" ? [name] : [])];
  });
}

function nameOf(node: Node): string | null {
  if (node.type === "Identifier") return node.name;
  return isText(node) ? node.value : null;
}

function isFunction({ node }: Spot): boolean {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
}

function measure(spot: Spot, spots: readonly Spot[], lineOf: (offset: number) => number): FunctionSize {
  const linesOf = (node: Node): number => lineOf(node.end - 1) - lineOf(node.start) + 1;
  const inner = spots.filter((other) => other !== spot && isFunction(other) && enclosingFunction(other) === spot);
  const lines = linesOf(spot.node);
  // A function inside shares its first line with the code around it.
  const ownLines = lines - inner.reduce((sum, { node }) => sum + linesOf(node) - 1, 0);
  return { name: functionName(spot), line: lineOf(spot.node.start), lines, ownLines };
}

function enclosingFunction(spot: Spot): Spot | null {
  let at = spot.parent;
  while (at !== null && !isFunction(at)) at = at.parent;
  return at;
}

function functionName({ node, parent }: Spot): string {
  if ("id" in node && node.id !== null && isNode(node.id)) return nameOf(node.id) ?? "";
  const outer = parent?.node;
  if (outer?.type === "VariableDeclarator") return nameOf(outer.id) ?? "";
  if (outer !== undefined && "key" in outer && isNode(outer.key)) return nameOf(outer.key) ?? "";
  return "";
}
