/**
 * Public rules, records and pySigma's trees from ../shared/data, for the tests and benches that may use them.
 *
 * Nothing of it is part of the project: callers skip by name when the folder is missing.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { JsonObject } from "../../src/model/event.ts";
import type { Expression, Pattern, Test } from "../../src/sigma/ast.ts";
import type { RuleFile } from "../../src/sigma/rule-set.ts";

const DATA = join(import.meta.dirname, "../../../shared/data");

/** False where the public data is not at hand. */
export const HAS_PUBLIC_DATA: boolean = existsSync(join(DATA, "sigmahq")) && existsSync(join(DATA, "cloudtrail"));

/** SigmaHQ's rule files whose path begins with `prefix` ("rules/cloud/aws/"), by path. */
export function readPublicRules(prefix: string): RuleFile[] {
  const archive = gunzipSync(readFileSync(join(DATA, "sigmahq/sigmahq-rules.tar.gz")));
  return tarFiles(archive)
    .map(({ path, bytes }) => ({ path: path.slice(path.indexOf("/") + 1), bytes }))
    .filter(({ path }) => path.startsWith(prefix) && path.endsWith(".yml"))
    .map(({ path, bytes }) => ({ path, text: bytes.toString("utf8") }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Lines of all CloudTrail record files, the record texts as they are. */
export function readPublicRecords(): string[] {
  const folder = join(DATA, "cloudtrail");
  return readdirSync(folder)
    .filter((name) => /\.ndjson(?:\.gz)?$/.test(name))
    .toSorted()
    .flatMap((name) => {
      const bytes = readFileSync(join(folder, name));
      const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
      return text.split("\n").filter((line) => line !== "");
    });
}

/** The records, parsed. */
export function parseRecords(lines: readonly string[]): JsonObject[] {
  return lines.map((line) => JSON.parse(line) as JsonObject);
}

type Tree =
  | readonly ["and" | "or" | "not", ...Tree[]]
  | readonly ["eq", string, TreeValue]
  | readonly ["kw", TreeValue];
type TreeValue =
  | string
  | number
  | boolean
  | null
  | readonly (string | 0 | 1 | { readonly ph: string })[]
  | { readonly re: string; readonly f?: string }
  | { readonly cidr: string }
  | { readonly op: "lt" | "lte" | "gt" | "gte"; readonly n: number }
  | { readonly exists: boolean }
  | { readonly ref: string; readonly sw?: boolean; readonly ew?: boolean }
  | { readonly cased: TreeValue }
  | { readonly any: readonly TreeValue[] }
  | { readonly part: "minute" | "hour" | "day" | "week" | "month" | "year"; readonly n: number };

/** pySigma's trees as expressions, by rule file; the conditions of a file are joined by `or`. */
export function readPublicTrees(prefix: string): Map<string, Expression> {
  const lines = gunzipSync(readFileSync(join(DATA, "sigmahq/pysigma-ast.ndjson.gz")))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  const trees = new Map<string, Expression>();
  for (const line of lines) {
    const { p: path, t: tree } = JSON.parse(line) as { p: string; t?: Tree };
    if (tree === undefined || !path.startsWith(prefix)) continue;
    const before = trees.get(path);
    const expression = toExpression(tree);
    trees.set(path, before === undefined ? expression : { op: "or", of: [before, expression] });
  }
  return trees;
}

function toExpression(tree: Tree): Expression {
  switch (tree[0]) {
    case "eq":
      return toLeaf(tree[1], tree[2]);
    case "kw":
      return toLeaf(null, tree[1]);
    case "not":
      return { op: "not", of: toExpression(tree[1] as Tree) };
    default:
      return { op: tree[0], of: tree.slice(1).map((child) => toExpression(child as Tree)) };
  }
}

function toLeaf(field: string | null, value: TreeValue): Expression {
  if (typeof value === "object" && value !== null && "any" in value)
    return { op: "or", of: value.any.map((one) => toLeaf(field, one)) };
  return { op: "leaf", field, test: toTest(value, false) };
}

function toTest(value: TreeValue, cased: boolean): Test {
  if (value === null) return { type: "null" };
  if (typeof value === "string") return { type: "text", pattern: [value], cased };
  if (typeof value === "number") return { type: "number", value, text: String(value) };
  if (typeof value === "boolean") return { type: "boolean", value };
  if (Array.isArray(value)) {
    const parts = value as readonly (string | 0 | 1 | { readonly ph: string })[];
    const pattern: Pattern = parts.map((part) => (typeof part === "object" ? { list: part.ph } : part));
    return { type: "text", pattern, cased };
  }
  const made = value as Exclude<TreeValue, string | number | boolean | null | readonly unknown[]>;
  if ("re" in made) {
    const has = (flag: string): boolean => made.f?.includes(flag) ?? false;
    return { type: "regex", source: made.re, ignoreCase: has("i"), multiline: has("m"), dotAll: has("s") };
  }
  if ("cidr" in made) return { type: "cidr", network: made.cidr };
  if ("op" in made) return { type: "compare", operator: made.op, value: made.n, part: null };
  if ("exists" in made) return { type: "exists", value: made.exists };
  if ("part" in made) return { type: "timepart", part: made.part, value: made.n };
  if ("cased" in made) return toTest(made.cased, true);
  if ("ref" in made) {
    const mode =
      made.sw === true ? (made.ew === true ? "contains" : "startswith") : made.ew === true ? "endswith" : "equals";
    return { type: "fieldref", field: made.ref, mode, cased };
  }
  throw new Error(`no test for ${JSON.stringify(value)}`);
}

/** Regular files of a tar archive (ustar: 512-byte blocks, size in octal at 124, name at 0, its prefix at 345). */
function tarFiles(archive: Buffer): { path: string; bytes: Buffer }[] {
  const text = (start: number, length: number): string =>
    archive.toString("utf8", start, start + length).replace(/\0.*$/s, "");
  const files: { path: string; bytes: Buffer }[] = [];
  let longName = "";
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    const [name, prefix] = [text(at, 100), text(at + 345, 155)];
    const bytes = archive.subarray(at + 512, at + 512 + size);
    if (type === "L") longName = bytes.toString("utf8").replace(/\0.*$/s, "");
    if (type === "x") longName = /\d+ path=([^\n]*)\n/.exec(bytes.toString("utf8"))?.[1] ?? "";
    if (type === "0" || type === "") {
      files.push({ path: longName || (prefix === "" ? name : `${prefix}/${name}`), bytes });
      longName = "";
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
