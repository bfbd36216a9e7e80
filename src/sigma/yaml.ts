/**
 * YAML 1.2 (core schema) to a small tree of maps, lists and scalars that know where they stand.
 *
 * The only file that touches the YAML package. It promises documents without duplicate keys, foreign tags, endless
 * aliases or deep nesting; what breaks these rules is reported, and the document is left out. It never throws and knows
 * nothing of Sigma.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Json } from "../model/event.ts";
import type { Findings, Words } from "./problems.ts";

/** `source` is the text as written; `plain` false for quoted and block scalars; `at` an offset into the file. */
export type YamlScalar = {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  readonly source: string;
  readonly plain: boolean;
  readonly at: number;
};
export type YamlList = { readonly kind: "list"; readonly items: readonly YamlNode[]; readonly at: number };
export type YamlEntry = { readonly key: string; readonly keyNode: YamlScalar; readonly value: YamlNode };
export type YamlMap = {
  readonly kind: "map";
  readonly entries: readonly YamlEntry[];
  readonly at: number;
  /** Of a document in which a key stands twice: it is read for its other problems, and left out. */
  readonly isBroken?: true;
};
export type YamlNode = YamlScalar | YamlList | YamlMap;

/** Deepest nesting of maps and lists; the deepest rule of the public corpus has 6. */
const DEPTH_MAX = 64;
/** Nodes of a file in which an alias is still followed. Real rules stay far below: the largest public one has 4,500. */
const NODES_MAX = 150_000;

/** Open brackets at which a text is not even read. */
const OPEN_MAX = 1000;
const TOO_DEEP: Words = {
  message: `maps and lists nest deeper than ${DEPTH_MAX} levels`,
  remedy: "flatten the document",
};

/** Tags that the core schema itself defines. */
const STANDARD_TAGS: ReadonlySet<string> = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

/** State of one file's conversion: nodes made so far, and what the anchors of the current document stand for. */
type Reading = {
  readonly findings: Findings;
  readonly anchors: Map<string, { node: YamlNode; size: number }>;
  nodes: number;
  /** Keys of the current document that stand twice. */
  repeated: number;
};

/**
 * The documents of a file that are maps, lists or scalars without a fault but repeated keys. Empty documents are passed
 * over.
 */
export function parseYaml(text: string, findings: Findings): readonly YamlNode[] {
  const reading: Reading = { findings, anchors: new Map(), nodes: 0, repeated: 0 };
  const roots: YamlNode[] = [];
  for (const document of readDocuments(text, findings)) {
    if (reportSyntax(document, findings) || document.contents === null) continue;
    reading.anchors.clear();
    reading.repeated = 0;
    const before = findings.errors();
    const root = convert(document.contents, reading, 0);
    if (root === null || findings.errors() - before > reading.repeated || isEmpty(root)) continue;
    roots.push(reading.repeated > 0 && root.kind === "map" ? { ...root, isBroken: true } : root);
  }
  return roots;
}

function isEmpty(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null && node.plain;
}

function readDocuments(text: string, findings: Findings): readonly Document[] {
  const deepAt = findDeep(text);
  if (deepAt !== -1) {
    findings.error("yaml_too_deep", deepAt, TOO_DEEP);
    return [];
  }
  try {
    const documents = parseAllDocuments(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: "silent",
    });
    return Array.isArray(documents) ? (documents as readonly Document[]) : [];
  } catch {
    // The package recurses; only nesting that exhausts the stack gets here.
    findings.error("yaml_too_deep", 0, TOO_DEEP);
    return [];
  }
}

/** Offset where a text begins to nest so deep that reading it would only cost time, or -1. Quotes are not looked at: no rule has so many open brackets in a text either. */
function findDeep(text: string): number {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/[[{]|[\]}]|(?:[-?] ){64}/g)) {
    depth = token === "]" || token === "}" ? Math.max(0, depth - 1) : depth + 1;
    if (depth > OPEN_MAX || token.length > 1) return index;
  }
  return -1;
}

function reportSyntax(document: Document, findings: Findings): boolean {
  for (const fault of document.errors) {
    const message = fault.message.split("\n")[0] ?? fault.message;
    findings.error("yaml_syntax", fault.pos[0], { message, remedy: "mend the YAML; check indentation and quotes" });
  }
  return document.errors.length > 0;
}

function convert(node: Node | null, reading: Reading, depth: number): YamlNode | null {
  const at = node?.range?.[0] ?? 0;
  const { findings } = reading;
  reading.nodes += 1;
  if (node === null) return { kind: "scalar", value: null, source: "", plain: true, at };
  if (depth > DEPTH_MAX) {
    findings.error("yaml_too_deep", at, TOO_DEEP);
    return null;
  }
  if (isAlias(node)) return follow(node.source, at, reading);
  const tag = "tag" in node ? node.tag : undefined;
  if (tag !== undefined && !STANDARD_TAGS.has(tag) && tag !== "!") {
    findings.error("yaml_tag", at, { message: `tag ${tag} is not allowed`, value: tag, remedy: "remove the tag" });
    return null;
  }
  const before = reading.nodes;
  const made = convertPlain(node, reading, depth);
  const anchor = "anchor" in node ? node.anchor : undefined;
  if (made !== null && anchor !== undefined)
    reading.anchors.set(anchor, { node: made, size: reading.nodes - before + 1 });
  return made;
}

function convertPlain(node: Node, reading: Reading, depth: number): YamlNode | null {
  const at = node.range?.[0] ?? 0;
  if (isMap(node)) return convertMap(node as YAMLMap<Node | null, Node | null>, reading, depth);
  if (isSeq(node)) {
    const items: YamlNode[] = [];
    for (const item of node.items as readonly (Node | null)[]) {
      const made = convert(item, reading, depth + 1);
      if (made !== null) items.push(made);
    }
    return { kind: "list", items, at };
  }
  return isScalar(node) ? toScalar(node, at) : null;
}

function toScalar(node: Scalar, at: number): YamlScalar {
  const { value } = node;
  const known = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
  return { kind: "scalar", value: known, source: node.source ?? String(known ?? ""), plain: node.type === "PLAIN", at };
}

function convertMap(node: YAMLMap<Node | null, Node | null>, reading: Reading, depth: number): YamlMap {
  const entries: YamlEntry[] = [];
  const seen = new Set<string>();
  const { findings } = reading;
  for (const pair of node.items) {
    const keyNode = isScalar(pair.key) ? toScalar(pair.key, pair.key.range?.[0] ?? 0) : null;
    const at = pair.key?.range?.[0] ?? node.range?.[0] ?? 0;
    if (keyNode === null || keyNode.source === "<<") {
      findings.error("yaml_key", at, {
        message: "only plain texts can be keys; merge keys are not part of YAML 1.2",
        remedy: "write the keys out",
      });
      continue;
    }
    const key = typeof keyNode.value === "string" ? keyNode.value : keyNode.source;
    if (seen.has(key)) {
      reading.repeated += 1;
      findings.error("yaml_duplicate_key", at, {
        message: `key \`${key}\` stands twice in this map`,
        value: key,
        remedy: "keep one, or make one list of both values",
      });
    }
    seen.add(key);
    const value = convert(pair.value, reading, depth + 1);
    if (value !== null) entries.push({ key, keyNode, value: placed(value, pair.value, keyNode) });
  }
  return { kind: "map", entries, at: node.range?.[0] ?? 0 };
}

/** A missing value has no range of its own: it stands where its key stands. */
function placed(value: YamlNode, written: Node | null, keyNode: YamlScalar): YamlNode {
  return written === null ? { ...(value as YamlScalar), at: keyNode.at } : value;
}

function follow(name: string, at: number, reading: Reading): YamlNode | null {
  const target = reading.anchors.get(name);
  reading.nodes += target?.size ?? 0;
  if (target !== undefined && reading.nodes <= NODES_MAX) return target.node;
  const message =
    target === undefined
      ? `alias *${name} leads to no anchor before it`
      : "aliases blow the document up beyond measure";
  reading.findings.error("yaml_alias", at, { message, value: `*${name}`, remedy: "write the value out" });
  return null;
}

/** The value of a key, or undefined. */
export function valueOf(map: YamlMap, key: string): YamlNode | undefined {
  return map.entries.find((entry) => entry.key === key)?.value;
}

/** How a node is named in messages. */
export function typeOf(node: YamlNode): string {
  if (node.kind !== "scalar") return `a ${node.kind}`;
  if (node.value === null) return "nothing (null)";
  return typeof node.value === "string" ? "a text" : `a ${typeof node.value}`;
}

/** The node as short text for a problem's `value`. */
export function shownAs(node: YamlNode): string {
  if (node.kind === "scalar") return typeof node.value === "string" ? node.value : node.source;
  return node.kind === "list"
    ? `[${node.items.map(shownAs).join(", ")}]`.slice(0, 201)
    : `{${node.entries.map((entry) => entry.key).join(", ")}}`.slice(0, 201);
}

/** The node as a JSON value; numbers that JSON cannot hold as they were written. */
export function toJson(node: YamlNode): Json {
  if (node.kind === "list") return node.items.map(toJson);
  if (node.kind === "map") return Object.fromEntries(node.entries.map(({ key, value }) => [key, toJson(value)]));
  return typeof node.value === "number" && !Number.isFinite(node.value) ? node.source : node.value;
}
