/**
 * A leaf's test after lists are put in: what compile-leaf runs, and the key under which equal leaves are one.
 *
 * Patterns are folded and in their shortest form here, so two rules that write the same condition in different case share
 * one leaf. Pure.
 */
import type { Test } from "../ast.ts";
import { canonicalJson } from "../../lib/canonical.ts";
import type { PlainPattern } from "./text.ts";

/** Test without placeholders. `set`: equal to any of these literals, folded unless cased. */
export type PlainTest =
  | Exclude<Test, { readonly type: "text" }>
  | { readonly type: "text"; readonly pattern: PlainPattern; readonly cased: boolean }
  | { readonly type: "set"; readonly values: readonly string[]; readonly cased: boolean };

/** Identity of a leaf. */
export function toLeafKey(field: string | null, test: PlainTest): string {
  return canonicalJson([field, test]);
}

/** Rough cost of a leaf, to try cheap ones first: presence, equality, wildcards, keywords, regular expressions. */
export function toLeafCost(field: string | null, test: PlainTest): number {
  if (field === null) return 50;
  switch (test.type) {
    case "text":
      return test.pattern.every((part) => typeof part === "string") ? 1 : 4;
    case "regex":
      return 20;
    case "cidr":
    case "timepart":
    case "fieldref":
      return 10;
    case "compare":
      return test.part === null ? 3 : 10;
    default:
      return 2;
  }
}
