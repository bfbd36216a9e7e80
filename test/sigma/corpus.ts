/**
 * The public rule corpus and pySigma's reading of it, where a checkout has them beside it in ../shared/data/sigmahq.
 *
 * Reads the tarball in memory and turns pySigma's trees into our expressions, so that both can be compared in canonical
 * form and evaluated on the same records. The only reader of that folder; callers skip by name where it is missing.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Expression, Pattern, Test } from "../../src/sigma/ast.ts";
import { allOf, anyOf, leaf, not } from "../../src/sigma/detection/expression.ts";
import { toNetworkText } from "../../src/sigma/detection/network.ts";
import { widen } from "../../src/sigma/detection/pattern.ts";

const root = join(import.meta.dirname, "../../../shared/data/sigmahq");

/** True where the corpus is there. */
export const hasCorpus: boolean = existsSync(join(root, "sigmahq-rules.tar.gz"));

/** The rule files by path inside the corpus ("rules/cloud/…"). */
export function readCorpus(): Map<string, string> {
  const files = new Map<string, string>();
  const tar = gunzipSync(readFileSync(join(root, "sigmahq-rules.tar.gz")));
  const text = (from: number, length: number): string =>
    tar.toString("utf8", from, from + length).replace(/\0.*$/s, "");
  let longName = "";
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    const type = text(at + 156, 1);
    const prefix = text(at + 345, 155);
    const name = longName !== "" ? longName : prefix === "" ? text(at, 100) : `${prefix}/${text(at, 100)}`;
    // GNU long names (L) and pax headers (x) give the next entry's name.
    longName =
      type === "L"
        ? text(at + 512, size)
        : type === "x"
          ? (/\d+ path=(.*)\n/.exec(text(at + 512, size))?.[1] ?? "")
          : "";
    const path = name.split("/").slice(1).join("/");
    if (path.endsWith(".yml") && (type === "0" || type === ""))
      files.set(path, tar.toString("utf8", at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Writes the rule files of a folder of the corpus below `dir`, as a person has them who unpacked it. */
export function unpackCorpus(folder: string, dir: string): void {
  for (const [path, text] of readCorpus()) {
    if (!path.startsWith(`${folder}/`)) continue;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

/** pySigma's value of a field. */
export type OracleValue =
  | string
  | number
  | boolean
  | null
  | readonly (string | number | { readonly ph: string })[]
  | { readonly [key: string]: unknown };
/** pySigma's tree. */
export type OracleTree = readonly unknown[];

/** A condition of a rule as pySigma reads it: `t` its tree, or `err`. */
export type OracleLine = {
  readonly p: string;
  readonly d?: number;
  readonly c: number;
  readonly t?: OracleTree;
  readonly err?: string;
};

/** pySigma's readings of the corpus. */
export function readOracle(): readonly OracleLine[] {
  const text = gunzipSync(readFileSync(join(root, "pysigma-ast.ndjson.gz"))).toString("utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as OracleLine);
}

/** A small detection with pySigma's trees, one a condition, or its error. */
export type ModifierCase = {
  readonly name: string;
  readonly detection: Record<string, unknown>;
  readonly t?: readonly OracleTree[];
  readonly err?: string;
};

/** pySigma's readings of small detections. */
export function readModifierCases(): readonly ModifierCase[] {
  const text = readFileSync(join(root, "pysigma-modifier-cases.ndjson"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ModifierCase);
}

/** pySigma's tree as our expression. */
export function fromOracle(tree: OracleTree): Expression {
  const [op, ...rest] = tree;
  if (op === "and") return allOf(rest.map((part) => fromOracle(part as OracleTree)));
  if (op === "or") return anyOf(rest.map((part) => fromOracle(part as OracleTree)));
  if (op === "not") return not(fromOracle(rest[0] as OracleTree));
  if (op === "kw") return fromValue(null, rest[0] as OracleValue);
  return fromValue(rest[0] as string, rest[1] as OracleValue);
}

function fromValue(field: string | null, value: OracleValue): Expression {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    const { any } = value as { any?: readonly OracleValue[] };
    if (any !== undefined) return anyOf(any.map((one) => fromValue(field, one)));
  }
  const test = toTest(value, false);
  if (field !== null) return leaf(field, test);
  // Keywords are sought inside every value; a number among them by its text.
  const text: Test = test.type === "number" ? { type: "text", pattern: [test.text], cased: false } : test;
  return leaf(null, text.type === "text" ? { ...text, pattern: widen(text.pattern, "contains") } : text);
}

function toTest(value: OracleValue, cased: boolean): Test {
  if (typeof value === "string") return { type: "text", pattern: value === "" ? [] : [value], cased };
  if (typeof value === "number") return { type: "number", value, text: String(value) };
  if (typeof value === "boolean") return { type: "boolean", value };
  if (value === null) return { type: "null" };
  if (Array.isArray(value)) {
    const parts = value as readonly (string | number | { readonly ph: string })[];
    return {
      type: "text",
      pattern: parts.map((part) => (typeof part === "object" ? { list: part.ph } : part)) as Pattern,
      cased,
    };
  }
  return toObjectTest(value as Readonly<Record<string, unknown>>);
}

function toObjectTest(value: Readonly<Record<string, unknown>>): Test {
  const n = value["n"] as number;
  if ("cased" in value) return toTest(value["cased"] as OracleValue, true);
  if ("re" in value) {
    const flags = (value["f"] as string | undefined) ?? "";
    return {
      type: "regex",
      source: value["re"] as string,
      ignoreCase: flags.includes("i"),
      multiline: flags.includes("m"),
      dotAll: flags.includes("s"),
    };
  }
  if ("cidr" in value) return { type: "cidr", network: toNetworkText(value["cidr"] as string)?.text ?? "" };
  if ("op" in value) return { type: "compare", operator: value["op"] as "lt", value: n, part: null };
  if ("exists" in value) return { type: "exists", value: value["exists"] as boolean };
  if ("part" in value) return { type: "timepart", part: value["part"] as "hour", value: n };
  const [sw, ew] = [value["sw"] === true, value["ew"] === true];
  return {
    type: "fieldref",
    field: value["ref"] as string,
    mode: sw && ew ? "contains" : sw ? "startswith" : ew ? "endswith" : "equals",
    cased: false,
  };
}
