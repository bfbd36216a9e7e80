/**
 * Puts the entries of lists in the place of the placeholders of `expand`, once, when rules are compiled.
 *
 * A list that is not defined is an error; an empty one matches nothing. Entries of `cidr` and `regex` lists are tests of
 * their own, so such a placeholder must be the whole value, or the whole keyword. Entries never become code.
 */
import type { Pattern, Test } from "../ast.ts";
import { parsePattern } from "../detection/pattern.ts";
import { takeSteps } from "../detection/steps.ts";
import { compileCidr } from "../leaf/cidr.ts";
import type { PlainTest } from "../leaf/plain-test.ts";
import { compileRegex } from "../leaf/regex.ts";
import { normalisePattern, type PlainPattern } from "../leaf/text.ts";
import type { Expansion, ListTable, TypedList } from "./list-table.ts";
import { expandRegex } from "./regex-lists.ts";

/** Values that one test may grow to, over all its placeholders. Twice the longest list that reliability.md allows would not help anyone. */
export const EXPANSION_MAX = 20_000;

/** The alternatives of a test: any of them is enough. None: the test matches nothing. `field` null: a keyword. */
export function expandTest(
  { field, test }: { readonly field: string | null; readonly test: Test },
  lists: ListTable,
): Expansion {
  if (test.type === "regex_expand") return expandRegex(test, lists);
  if (test.type === "encoded") return expandEncoded(test, lists);
  if (test.type !== "text") return { tests: [test] };
  const whole = wholeList(field === null ? narrow(test.pattern) : test.pattern, lists);
  if (whole !== null) return expandTyped(whole.name, whole.list);
  const patterns = fill(test.pattern, lists);
  return "code" in patterns ? patterns : toTests(patterns, test.cased);
}

/** Entries are encoded with the text around them, each combination for itself. */
function expandEncoded({ pattern, steps, cased }: Extract<Test, { type: "encoded" }>, lists: ListTable): Expansion {
  const filled = fill(pattern, lists);
  if ("code" in filled) return filled;
  const made: PlainPattern[] = [];
  for (const whole of filled) {
    const joined = normalisePattern(whole, true);
    const patterns = takeSteps(joined, steps);
    if ("code" in patterns) {
      const { message, remedy } = patterns;
      const value = joined.map((part) => (part === 0 ? "*" : part === 1 ? "?" : part)).join("");
      return { code: "expand_list_entry", message: `With an entry of its lists, ${message}`, value, remedy };
    }
    for (const one of patterns) made.push(toPlain(one));
    if (made.length > EXPANSION_MAX) return tooMany(made.length);
  }
  return toTests(made, cased);
}

function toTests(patterns: readonly PlainPattern[], cased: boolean): Expansion {
  return { tests: patterns.map((pattern) => ({ type: "text", pattern: normalisePattern(pattern, cased), cased })) };
}

/** The pattern with each combination of entries in the place of its placeholders. */
function fill(pattern: Pattern, lists: ListTable): PlainPattern[] | Exclude<Expansion, { tests: unknown }> {
  let patterns: PlainPattern[] = [[]];
  for (const part of pattern) {
    const pieces = typeof part === "object" ? listPieces(part.list, lists) : [[part]];
    if (!Array.isArray(pieces)) return pieces;
    if (patterns.length * pieces.length > EXPANSION_MAX) return tooMany(patterns.length * pieces.length);
    patterns = patterns.flatMap((head) => pieces.map((piece) => [...head, ...piece]));
  }
  return patterns;
}

function tooMany(count: number): Exclude<Expansion, { tests: unknown }> {
  return {
    code: "expand_limit",
    message: `The placeholders of one value stand for ${count} values; at most ${EXPANSION_MAX} are allowed`,
    value: String(count),
    remedy: "Use fewer placeholders in one value, or shorter lists.",
  };
}

/** A keyword's pattern as it was written: without the `*` that the parser put on both its sides. */
function narrow(pattern: Pattern): Pattern {
  return pattern.length === 3 && pattern[0] === 0 && pattern[2] === 0 ? pattern.slice(1, 2) : pattern;
}

/** A pattern that is one placeholder of a cidr or regex list and nothing else. */
function wholeList(pattern: Pattern, lists: ListTable): { readonly name: string; readonly list: TypedList } | null {
  const [part] = pattern;
  if (pattern.length !== 1 || typeof part !== "object") return null;
  const list = lists.get(part.list);
  return list !== undefined && (list.type === "cidr" || list.type === "regex") ? { name: part.list, list } : null;
}

function expandTyped(name: string, list: TypedList): Expansion {
  const tests: PlainTest[] = [];
  for (const item of list.items) {
    if (list.type === "cidr") {
      if (compileCidr(item) === null) return badEntry(name, item, "is no IP address or network");
      tests.push({ type: "cidr", network: item });
    } else {
      const test = { type: "regex", source: item, ignoreCase: false, multiline: false, dotAll: false } as const;
      const compiled = compileRegex(test);
      if ("error" in compiled)
        return badEntry(name, item, `is no regular expression that can run in linear time (${compiled.error})`);
      tests.push(test);
    }
  }
  return { tests };
}

function badEntry(name: string, item: string, what: string): Expansion {
  return {
    code: "expand_list_entry",
    message: `An entry of list ${name} ${what}`,
    value: item,
    remedy: "Mend or remove the entry.",
  };
}

/** What a placeholder inside a text may stand for. */
function listPieces(name: string, lists: ListTable): PlainPattern[] | Exclude<Expansion, { tests: unknown }> {
  const list = lists.get(name);
  if (list === undefined) {
    return {
      code: "expand_list_unknown",
      message: `The list ${name} is not defined`,
      value: `%${name}%`,
      remedy: "Define it in the configuration or in detections/lists/; an empty list is enough.",
    };
  }
  if (list.type === "cidr" || list.type === "regex") {
    return {
      code: "expand_list_type",
      message: `The list ${name} holds ${list.type} entries, which cannot be part of a text`,
      value: `%${name}%`,
      remedy: "Let the placeholder be the whole value, without wildcards or contains, startswith, endswith.",
    };
  }
  return list.type === "wildcard" ? list.items.map((item) => plainPattern(item)) : list.items.map((item) => [item]);
}

/** An entry with wildcards, read as a rule's value is. */
function plainPattern(item: string): PlainPattern {
  return toPlain(parsePattern(item, false));
}

/** A pattern that has no placeholders, as one that can have none. */
function toPlain(pattern: Pattern): PlainPattern {
  return pattern.filter((part) => typeof part !== "object");
}
