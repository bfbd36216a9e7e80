/**
 * Any text as the condition of a rule with a few detections.
 *
 * It is read or told why not, at a place inside the file; and parentheses around a whole condition change nothing of what
 * it means.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { HEAD, parse } from "../../sigma/build.ts";
import { decode, encode, seedLines, stateless, type Target } from "../target.ts";
import { checkRules } from "./rules.ts";

/** The longest condition that still may have parentheses put around it. */
const LENGTH_MAX = 16_000;

function rule(condition: string): string {
  return `${HEAD}detection:\n  a: {f: 1}\n  b: {f: 2}\n  _c: [x]\n  sel_1: {f: 3}\n  condition: ${JSON.stringify(condition)}\n`;
}

function check(input: Uint8Array): void {
  const text = decode(input);
  checkRules(rule(text));
  const [plain] = parse(rule(text), { mode: "lenient" }).ruleSet.detections;
  if (plain === undefined || text.length > LENGTH_MAX) return;
  const wrapped = parse(rule(`(${text})`), { mode: "lenient" });
  if (wrapped.problems.some(({ code }) => code === "condition_too_deep")) return;
  assert.deepEqual(wrapped.ruleSet.detections[0]?.expression, plain.expression, "parentheses around it all");
}

const WORDS = [
  "a", "b", "_c", "a*", "sel_*", "*", "them", "of", "1", "2", "all", "any", "and", "or", "not", "AND", "(", ")", "|",
  "count()", "by", ">", "5", "a-b", "é", "%", "'",
]; // prettier-ignore

export const target: Target = {
  name: "condition",
  // Four readings of a rule.
  limitMs: 400,
  seeds: seedLines("condition/seeds.txt"),
  words: WORDS.map((word) => ` ${word} `),
  inputs: fc.array(fc.constantFrom(...WORDS), { maxLength: 14 }).map((words) => encode(words.join(" "))),
  open: stateless(check),
};
