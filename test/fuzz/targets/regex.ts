/**
 * Any text as the regular expression of a rule.
 *
 * It is refused with a reason or runs, in bounded time also on text made to make engines backtrack; and what is done
 * before RE2 runs (a literal looked for, `.*` cut off) never changes the answer.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { checkRegex, regexWork } from "../../../src/sigma/detection/regex.ts";
import { compileRegex } from "../../../src/sigma/leaf/regex.ts";
import { decode, encode, seedLines, stateless, type Target } from "../target.ts";

/** States above which an expression is not tried: their sum over a rule file is bounded (rule_too_large), and tested there. */
const WORK_MAX = 5000;

function check(input: Uint8Array): void {
  const source = decode(input);
  if (regexWork(source) > WORK_MAX) return;
  for (const ignoreCase of [false, true]) {
    const test = { source, ignoreCase, multiline: false, dotAll: false };
    const problem = checkRegex(test);
    if (problem !== null) {
      assert.ok(problem.message !== "" && problem.remedy !== "");
      continue;
    }
    const compiled = compileRegex(test);
    if ("error" in compiled) throw new Error(`accepted, but cannot run: ${compiled.error}`);
    compiled.find("a".repeat(500));
    compiled.find(`${source.slice(0, 200)}\n`.repeat(2));
    // A final newline before `$` is the one difference that is wanted.
    if (source.includes("$")) continue;
    const plain = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    // Time is bounded by states times characters.
    const own = source.slice(0, 200);
    for (const text of ["", "a", "ab", "xaB1-\nb", "\u017fK", own, own.toUpperCase(), `x${own}\n`])
      assert.equal(compiled.find(text), plain.test(text), JSON.stringify(text));
  }
}

const WORDS = [
  "a", "b", "k", "s", "-", "1", ".", ".*", ".+", "*", "+", "?", "*?", "{2}", "{1,3}", "{0,100}", "(", ")", "(?:", "(?i)",
  "(?s:", "(?P<n>", "[a-z]", "[^a]", "[]a]", "[", "]", "|", "^", "$", "\\d", "\\w+", "\\b", "\\B", "\\x41", "\\p{L}",
  "\\Q", "\\E", "\\z", "\\A", "\\.", "\\", "(?=", "\\1", "é", "\u017f",
]; // prettier-ignore

export const target: Target = {
  name: "regex",
  // Six compilations.
  limitMs: 200,
  seeds: seedLines("regex/seeds.txt"),
  words: WORDS,
  inputs: fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => encode(words.join(""))),
  open: stateless(check),
};
