/**
 * Regular expressions of rules: sought anywhere in the text, by RE2 in time linear in its length.
 *
 * Rule text never reaches the runtime's own engine. Before RE2 runs, a literal that every match must hold is looked for,
 * which settles most values in a tenth of the time; leading and trailing `.*`, which cannot change the answer of a search,
 * are cut off. `$` also stands before a final newline, as in PCRE.
 */
import { RE2JS } from "re2js";
import { toMessage } from "../../model/errors.ts";
import { mandatoryLiteral, trimSearch } from "./regex-literal.ts";

/** A regular expression as the rule states it. */
export type RegexTest = {
  readonly source: string;
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
};

/** A compiled expression, or why it is none. */
export type RegexResult = { readonly find: (text: string) => boolean } | { readonly error: string };

/** Compiles an expression. The error is RE2's own sentence (look-around and back-references do not exist there). */
export function compileRegex(test: RegexTest): RegexResult {
  const flags =
    (test.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (test.multiline ? RE2JS.MULTILINE : 0) |
    (test.dotAll ? RE2JS.DOTALL : 0);
  let compiled: RE2JS;
  try {
    // The whole text decides whether it is legal; what is run may be shorter.
    RE2JS.compile(test.source, flags);
    compiled = RE2JS.compile(translateEnd(trimSearch(test.source), test.multiline), flags);
  } catch (thrown) {
    return { error: toMessage(thrown) };
  }
  const literal = mandatoryLiteral(test.source, test.ignoreCase);
  if (literal === null) return { find: (text) => compiled.test(text) };
  const { text: needle, folded } = literal;
  if (!folded) return { find: (text) => text.includes(needle) && compiled.test(text) };
  return {
    find: (text) => (text.toLowerCase().includes(needle) || hasNonAscii(text)) && compiled.test(text),
  };
}

/** Without case RE2 lets some characters beyond ASCII equal ASCII letters (ſ and s), so there the literal says nothing. */
function hasNonAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 127) return true;
  return false;
}

/** Makes `$` outside classes also stand before a final newline, unless some flag makes it end every line. */
function translateEnd(source: string, multiline: boolean): string {
  if (multiline || !source.includes("$") || /\(\?[a-z]*m/.test(source)) return source;
  let out = "";
  let inClass = false;
  for (let index = 0; index < source.length; index += 1) {
    const char = source.charAt(index);
    if (char === "\\") {
      out += char + source.charAt(index + 1);
      index += 1;
      continue;
    }
    if (char === "[" && !inClass) {
      inClass = true;
      // A `]` that stands first in a class is an ordinary member of it.
      const opening = /^\[\^?\]?/.exec(source.slice(index))?.[0] ?? "[";
      out += opening;
      index += opening.length - 1;
      continue;
    }
    if (char === "]") inClass = false;
    out += char === "$" && !inClass ? "(?:\\n?\\z)" : char;
  }
  return out;
}
