/**
 * What can be wrong with a leaf that only shows with lists and fields at hand: the one place that knows, for the parser,
 * which tells it beside everything else in the file, and for compiling.
 */
import type { Expression, Problem } from "../ast.ts";
import { partsOf } from "../detection/pattern.ts";
import { compileCidr } from "../leaf/cidr.ts";
import type { PlainTest } from "../leaf/plain-test.ts";
import { compileRegex } from "../leaf/regex.ts";
import type { Findings, ProblemCode } from "../problems.ts";
import type { Expansion, ListTable } from "./list-table.ts";
import { expandTest } from "./lists.ts";

type Leaf = Extract<Expression, { op: "leaf" }>;
type Found = Pick<Problem, "message" | "remedy" | "value"> & { readonly code: ProblemCode };

/** What is wrong, and whether it is the field or the value. */
export type LeafFault = Found & { readonly part: "field" | "value" };

/** Judges a leaf; `isOfMember`: it reads a member of an array. Null: nothing is wrong. */
export type LeafCheck = (leaf: Leaf, isOfMember: boolean) => LeafFault | null;

/** A problem of a field name, or null when it can be read; `isOfMember`: of a member of an array. */
export type FieldCheck = (field: string, isOfMember: boolean) => Omit<Found, "value"> | null;

/** Names of fields that no record has: they are computed before the match, or after it. */
export const COMPUTED: RegExp = /^(?:enrich|state)\./;

/** A check for the parser, which skips leaves that need neither lists nor computed fields: it has checked these itself. */
export function createLeafCheck(lists: ListTable, checkField: FieldCheck): LeafCheck {
  return (leaf, isOfMember) => {
    const wrong = checkFields(leaf, checkField, isOfMember);
    if (wrong !== null) return wrong;
    const { test } = leaf;
    const isExpanded = partsOf(test).some((part) => typeof part === "object");
    const found = isExpanded ? checkExpansion(expandTest(leaf, lists)) : null;
    // The parser knows the names of the lists itself, and which is near.
    return found?.code === "expand_list_unknown" ? null : found;
  };
}

/** What is wrong with the fields that a leaf reads. */
export function checkFields({ field, test }: Leaf, checkField: FieldCheck, isOfMember: boolean): LeafFault | null {
  const named = [
    { name: field, part: "field" },
    { name: test.type === "fieldref" ? test.field : null, part: "value" },
  ] as const;
  for (const { name, part } of named) {
    const wrong = name === null ? null : checkField(name, isOfMember);
    if (name !== null && wrong !== null) return { ...wrong, value: name, part };
  }
  return null;
}

/** Tells what is wrong with fields that a rule reads outside its detections: to group, to measure. */
export function tellReadFields(
  fields: ReadonlySet<string>,
  placeOf: (field: string) => number,
  { check, findings }: { readonly check: LeafCheck | null; readonly findings: Findings },
): void {
  for (const field of fields) {
    const wrong = check?.({ op: "leaf", field, test: { type: "exists", value: true } }, false) ?? null;
    if (wrong !== null) findings.error(wrong.code, placeOf(field), wrong);
  }
}

/** What is wrong with a value after its lists are put in. */
export function checkExpansion(expansion: Expansion): LeafFault | null {
  if ("code" in expansion) return { ...expansion, part: "value" };
  for (const test of expansion.tests) {
    const wrong = checkTest(test);
    if (wrong !== null) return { ...wrong, part: "value" };
  }
  return null;
}

function checkTest(test: PlainTest): Found | null {
  if (test.type === "regex") {
    const compiled = compileRegex(test);
    if (!("error" in compiled)) return null;
    const message = `The regular expression cannot run in linear time, or is none: ${compiled.error}`;
    return {
      code: "regex_unsupported",
      message,
      value: test.source,
      remedy: "Write it without look-around and back-references.",
    };
  }
  if (test.type === "cidr" && compileCidr(test.network) === null) {
    return {
      code: "cidr_invalid",
      message: "This is no IP network",
      value: test.network,
      remedy: "Write ADDRESS/BITS, such as 10.0.0.0/8.",
    };
  }
  return null;
}
