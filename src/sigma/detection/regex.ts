/**
 * Checks the regular expressions of rules at load.
 *
 * RE2 decides what is legal, since it is what runs: everything that SigmaHQ's rules use, matched in linear time. What
 * RE2 cannot do is named here in the author's words, with what to write instead. Nothing is matched here.
 */
import { compileRegex, type RegexTest } from "../leaf/regex.ts";
import type { Words } from "../problems.ts";

/** Longest expression, in characters (threat model: expressions come with rule proposals of strangers). */
const LENGTH_MAX = 4096;

/** Constructs that need backtracking. Escaped characters are taken out before. */
const UNSUPPORTED: readonly (readonly [RegExp, string, string])[] = [
  [
    /\(\?<?[=!]/,
    "look-around",
    "state the other condition as a detection of its own and join both with `and` or `and not`",
  ],
  [/\(\?P=|\(\?\(/, "a back-reference or conditional group", "write the repeated part out"],
  [/\(\?>|[*+?}]\+/, "an atomic group or possessive repetition", "use the plain form; matching is linear anyway"],
];
const BACK_REFERENCE = /\\(?:[1-9]|k[<{'])/;

/** What a range that ends beyond ASCII costs without case, in states: RE2 folds its characters one by one, up to 3 ms. */
const WIDE_RANGE_WORK = 4000;
/** The same of a class by its Unicode name (\p{Lu}): hundreds of ranges, 0.1 ms. */
const NAMED_CLASS_WORK = 100;

/** States that an expression may need: each bounded repetition up to RE2's own limit of 1,000. An upper bound, cheaply had. */
export function regexWork(source: string): number {
  const repetitions = source.match(/\{\d/g)?.length ?? 0;
  const wideRanges = source.match(/(?<!\\)-(?:[^\p{ASCII}]|\\[x0-7])/gu)?.length ?? 0;
  const namedClasses = source.match(/\\p/gi)?.length ?? 0;
  return source.length + 1000 * repetitions + WIDE_RANGE_WORK * wideRanges + NAMED_CLASS_WORK * namedClasses;
}

/** What is wrong with an expression, or null. */
export function checkRegex(
  test: RegexTest,
): ({ readonly code: "regex_invalid" | "regex_unsupported" | "regex_too_long" } & Words) | null {
  const { source } = test;
  if (source.length > LENGTH_MAX) {
    const message = `the regular expression has ${source.length} characters; ${LENGTH_MAX} are allowed`;
    return { code: "regex_too_long", message, value: source, remedy: "split it into several values" };
  }
  const result = compileRegex(test);
  if (!("error" in result)) return null;
  const bare = source.replace(/\\[^1-9k]/g, "");
  const found = UNSUPPORTED.find(([shape]) => shape.test(bare.replace(/\\./g, "")));
  const [, what, remedy] =
    found ?? (BACK_REFERENCE.test(bare) ? [null, "a back-reference", "write the repeated part out"] : []);
  if (what !== undefined && remedy !== undefined) {
    return {
      code: "regex_unsupported",
      message: `the regular expression uses ${what}, which cannot be matched in linear time`,
      value: source,
      remedy,
    };
  }
  const message = `the regular expression is not valid: ${result.error.replace(/^error parsing regexp: /, "")}`;
  return { code: "regex_invalid", message, value: source, remedy: "mend the expression (RE2 syntax)" };
}
