/**
 * Faults of a configuration file, each with file, line and column, what is wrong, the offending value and the remedy.
 *
 * zod says which path of keys is wrong; the YAML document knows where that path stands in the text. All faults are told at
 * once, in the order of the file. The value of a secret field, and anything below an unknown key, is never repeated.
 */
import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from "yaml";
import type { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { toSecretFault } from "../model/settings.ts";
import { type KeyPath, type ShapeReader, valueAt } from "./shape.ts";

/** One fault with its place; line and column count from 1. */
export type Fault = {
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly isPlainSecret: boolean;
};

/** A parsed file and where its characters stand. */
export type ParsedFile = { readonly document: Document; readonly lines: LineCounter; readonly raw: unknown };

type Issue = z.core.$ZodIssue;

/** Turns the issues of the schema into faults. */
export function toFaults(file: ParsedFile, shape: ShapeReader, issues: readonly Issue[]): Fault[] {
  return issues
    .flatMap((issue) =>
      issue.code === "unrecognized_keys" ? unknownKeys(file, shape, issue) : [wrongValue(file, issue)],
    )
    .toSorted((left, right) => left.line - right.line || left.column - right.column);
}

/** Line and column of a path's value, or of its key with `wantsKey`; of the nearest enclosing node when it is absent. */
export function placeOf(file: ParsedFile, path: KeyPath, wantsKey = false): { line: number; column: number } {
  let node: unknown = file.document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(file.document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      const isKey = wantsKey && depth === path.length - 1;
      offset = (isKey ? null : startOf(pair.value)) ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  const { line, col } = file.lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/**
 * "`accounts.111122223333.calendar`", "`sources[0].path`"; the whole file is "the file". The quotes also tell a key called
 * password from a password that stands behind it: what redaction takes out of messages (ops/redact.ts).
 */
export function toPathText(path: KeyPath): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text === "" ? "the file" : `\`${text.replace(/^\./, "")}\``;
}

function unknownKeys(file: ParsedFile, shape: ShapeReader, issue: Issue & { code: "unrecognized_keys" }): Fault[] {
  const known = shape.keysAt(issue.path);
  return issue.keys.map((key) => {
    const path = [...issue.path, key];
    const near = nearest(key, known);
    const remedy = near === null ? `known here: ${known.join(", ")}` : `did you mean \`${near}\`?`;
    return { ...placeOf(file, path, true), text: `${toPathText(path)}: unknown key; ${remedy}`, isPlainSecret: false };
  });
}

function wrongValue(file: ParsedFile, issue: Issue): Fault {
  const isKeyFault = issue.code === "invalid_key";
  const place = placeOf(file, issue.path, isKeyFault);
  const value = valueAt(file.raw, issue.path);
  const name = toPathText(issue.path);
  const fault = issue.code === "custom" ? toSecretFault(issue.params) : null;
  if (fault === "plain") {
    return {
      ...place,
      text: `${name}: a secret stands in plain text; put {env: NAME} or {file: PATH} there instead, and change the secret`,
      isPlainSecret: true,
    };
  }
  const shown = fault === null && !isKeyFault ? showValue(value) : "";
  return { ...place, text: `${name}: ${withValue(explain(issue, value), shown)}`, isPlainSecret: false };
}

/** The value stands behind what it should be and before the remedy: "must be A or B, is C; did you mean B?". */
function withValue(text: string, shown: string): string {
  const [what = "", ...remedies] = text.split("; ");
  return [`${what}${shown}`, ...remedies].join("; ");
}

/** What the value should be, in words of ours. */
function explain(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return value === undefined ? `is missing: ${article(issue.expected)}` : `must be ${article(issue.expected)}`;
    case "invalid_value": {
      const words = issue.values.map(String);
      const near = typeof value === "string" ? nearest(value, words) : null;
      return `must be ${words.length > 1 ? "one of " : ""}${words.join(", ")}${near === null ? "" : `; did you mean \`${near}\`?`}`;
    }
    case "too_small":
      return `must be ${issue.origin === "number" ? "" : "of length "}${issue.minimum} or more`;
    case "too_big":
      return `must be ${issue.origin === "number" ? "" : "of length "}${issue.maximum} or less`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "is no valid key";
    case "invalid_union":
    case "invalid_element":
    case "invalid_format":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "custom":
      return lowerFirst(issue.message);
  }
}

function article(expected: string): string {
  if (expected === "array") return "a list";
  if (expected === "object" || expected === "record") return "a mapping of keys to values";
  if (expected === "int") return "a whole number";
  if (expected === "boolean") return "true or false";
  return expected === "string" ? "a text (in quotes if it looks like a number)" : `a ${expected}`;
}

function showValue(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? ", is a list" : ", is a mapping";
  const text = JSON.stringify(value);
  return `, is ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
