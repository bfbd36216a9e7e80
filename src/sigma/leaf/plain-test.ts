/**
 * A leaf's test after lists are put in: what compile-leaf runs, and the key under which equal leaves are one.
 *
 * Patterns are folded and in their shortest form here, so two rules that write the same condition in different case share
 * one leaf. Pure.
 */
import type { Test } from "../ast.ts";
import { canonicalJson } from "../../lib/canonical.ts";
import { mandatoryLiteral } from "./regex-literal.ts";
import type { PlainPattern } from "./text.ts";

/** Test without placeholders. `set`: equal to any of these literals, folded unless cased. */
export type PlainTest =
  | Exclude<Test, { readonly type: "text" | "encoded" | "regex_expand" }>
  | { readonly type: "text"; readonly pattern: PlainPattern; readonly cased: boolean }
  | { readonly type: "set"; readonly values: readonly string[]; readonly cased: boolean };

/** Identity of a leaf. */
export function toLeafKey(field: string | null, test: PlainTest): string {
  return canonicalJson([field, test]);
}

/** What trying a leaf costs, in look-ups of a folded text, and how often it comes out true. */
export type Estimate = { readonly cost: number; readonly truth: number };

/**
 * Rough estimates, by which children of `and` and `or` are put in order. They change the speed, never the answer. Costs
 * are from measurements of single leaves on captured records; most conditions of a rule are false of most events.
 */
export function toEstimate(field: string | null, test: PlainTest): Estimate {
  if (field === null) return { cost: 100, truth: 0.1 };
  switch (test.type) {
    case "text": {
      const isAny = test.pattern.length === 1 && test.pattern[0] === 0;
      return { cost: 1, truth: isAny ? 0.5 : test.pattern.every((part) => typeof part === "string") ? 0.05 : 0.1 };
    }
    case "null":
    case "exists":
      return { cost: 1, truth: 0.5 };
    case "regex":
      return { cost: mandatoryLiteral(test.source, test.ignoreCase) === null ? 20 : 3, truth: 0.1 };
    case "cidr":
    case "timepart":
    case "fieldref":
      return { cost: 10, truth: 0.1 };
    case "compare":
      return { cost: test.part === null ? 2 : 10, truth: 0.3 };
    default:
      return { cost: 2, truth: 0.1 };
  }
}
