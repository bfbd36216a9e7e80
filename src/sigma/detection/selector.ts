/**
 * Array selectors in field names: `f[any]`, `f[all]`, `f[all_or_empty]`, `f[none]`, `f[0]`, `f[-1]`, anywhere in a path.
 *
 * Sigma enhancement proposal 212 (https://github.com/SigmaHQ/sigma-specification/issues/212). `\[` and `\]` are brackets of
 * the name itself. Texts only; whether a document has selectors at all is decided by its version, not here.
 */
import type { Expression, Selector } from "../ast.ts";
import { holdsOfNothing, member, not } from "./expression.ts";

/** An array and which of its members are meant. */
export type Step = { readonly path: string; readonly which: Selector };
/** A field name taken apart: the arrays on the way, and the path below the last; "." is the member itself. */
export type SelectorPath = { readonly steps: readonly Step[]; readonly rest: string };
/** What is wrong with a name, and where. */
export type SelectorFault = { readonly index: number; readonly message: string };

const QUANTIFIERS = ["any", "all", "all_or_empty", "none"] as const;
/** Places in an array are not counted beyond what a record can hold. */
const PLACE = /^-?\d{1,6}$/;
/** What a name with a selector looks like. */
const SELECTOR_LIKE = /\[(?:any|all|all_or_empty|none|-?\d+)\]/;

/** True when the name would have a selector if its document had a version that reads them. */
export function looksSelected(name: string): boolean {
  return SELECTOR_LIKE.test(name);
}

/** Takes a name apart. */
export function splitSelectors(name: string): SelectorPath | SelectorFault {
  const steps: Step[] = [];
  let path = "";
  for (let at = 0; at < name.length; at += 1) {
    const char = name.charAt(at);
    if (char === "\\" && /[[\]]/.test(name.charAt(at + 1))) {
      path += name.charAt(at + 1);
      at += 1;
    } else if (char === "]") return { index: at, message: "a closing bracket has none before it" };
    else if (char === "[") {
      const end = name.indexOf("]", at);
      const which = end < 0 ? null : toSelector(name.slice(at + 1, end));
      if (which === null) return { index: at, message: whyNone(name.slice(at)) };
      if (path === "" && steps.length === 0) return { index: at, message: "a field stands before an array selector" };
      steps.push({ path: path === "" ? "." : path, which });
      path = "";
      at = end;
      const next = name.charAt(at + 1);
      if (next === ".") at += 1;
      else if (next !== "" && next !== "[") return { index: at + 1, message: "a dot is missing behind the selector" };
      if (next === "." && at + 1 === name.length) return { index: at, message: "the path ends with a dot" };
    } else path += char;
  }
  return { steps, rest: path === "" ? "." : path };
}

function toSelector(text: string): Selector | null {
  if (PLACE.test(text)) return Object.is(Number(text), -0) ? 0 : Number(text);
  return QUANTIFIERS.find((known) => known === text) ?? null;
}

function whyNone(text: string): string {
  const end = text.indexOf("]");
  return end < 0 ? "a bracket is not closed" : `\`${text.slice(0, end + 1)}\` is no array selector`;
}

/**
 * The expression over the members of the arrays. `isValue`: it is a plain test of a field, so one of a member by its place
 * also holds where there is no such member, if it holds of a missing field (null, `exists: false`, neq).
 */
export function overMembers(steps: readonly Step[], inner: Expression, isValue: boolean): Expression {
  return steps.reduceRight<Expression>((of, { path, which }) => {
    const isAbsent = isValue && typeof which === "number" && holdsOfNothing(of);
    return isAbsent ? not(member(path, which, not(of))) : member(path, which, of);
  }, inner);
}
