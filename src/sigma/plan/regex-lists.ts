/**
 * Puts the entries of lists into a regular expression (`re|expand`): each placeholder becomes one group of alternatives.
 *
 * Texts and accounts stand for themselves, letter by letter; `*` and `?` of a wildcard list for any text and any one
 * character; entries of a regex list are expressions of their own. Networks have no expression. The result is checked by
 * the linear engine like any other and never longer than a bound.
 */
import { parsePattern } from "../detection/pattern.ts";
import { compileRegex } from "../leaf/regex.ts";
import type { Test } from "../ast.ts";
import type { Expansion, ListTable, TypedList } from "./list-table.ts";

/** Longest expression after the lists are put in, in characters: what the engine compiles in some ten milliseconds. */
export const REGEX_EXPANSION_MAX = 32_768;

/** The one test that the expression stands for; none when one of its lists is empty. */
export function expandRegex(test: Extract<Test, { type: "regex_expand" }>, lists: ListTable): Expansion {
  const { ignoreCase, multiline, dotAll } = test;
  let source = "";
  for (const part of test.parts) {
    if (typeof part === "string") {
      source += part;
      continue;
    }
    const list = lists.get(part.list);
    if (list === undefined) return unknownList(part.list);
    if (list.type === "cidr") return noExpression(part.list);
    if (list.items.length === 0) return { tests: [] };
    const alternatives = list.items.map((item) => toSource(list.type, item));
    const wrong = list.items.find((_item, index) => !isWhole(alternatives[index] ?? ""));
    if (wrong !== undefined) return badEntry(part.list, wrong);
    source += `(?:${alternatives.join("|")})`;
    if (source.length > REGEX_EXPANSION_MAX) return tooLong(source.length);
  }
  return { tests: [{ type: "regex", source, ignoreCase, multiline, dotAll }] };
}

/** An entry as an expression. */
function toSource(type: TypedList["type"], item: string): string {
  if (type === "regex") return `(?:${item})`;
  if (type !== "wildcard") return quoteRegex(item);
  return parsePattern(item, false)
    .map((part) => (part === 0 ? "(?s:.*)" : part === 1 ? "(?s:.)" : typeof part === "string" ? quoteRegex(part) : ""))
    .join("");
}

/** A text that the engine takes letter by letter. */
export function quoteRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Each entry must be whole by itself: half a group would join its neighbours. */
function isWhole(source: string): boolean {
  return !("error" in compileRegex({ source, ignoreCase: false, multiline: false, dotAll: false }));
}

function unknownList(name: string): Expansion {
  return {
    code: "expand_list_unknown",
    message: `The list ${name} is not defined`,
    value: `%${name}%`,
    remedy: "Define it in the configuration or in detections/lists/; an empty list is enough.",
  };
}

function noExpression(name: string): Expansion {
  return {
    code: "expand_list_type",
    message: `The list ${name} holds networks, which cannot be part of a regular expression`,
    value: `%${name}%`,
    remedy: "Test the network apart, with `expand` and without `re`.",
  };
}

function badEntry(name: string, item: string): Expansion {
  return {
    code: "expand_list_entry",
    message: `An entry of list ${name} is no regular expression that can run in linear time`,
    value: item,
    remedy: "Mend or remove the entry.",
  };
}

function tooLong(length: number): Expansion {
  return {
    code: "expand_limit",
    message: `With its lists the regular expression has ${length} characters or more; at most ${REGEX_EXPANSION_MAX} are allowed`,
    value: String(length),
    remedy: "Use shorter lists, or `contains` with `expand`, which takes thousands of values.",
  };
}
