/**
 * An explanation as people read it: the tree with a verdict a line, each condition with what was found.
 *
 * Values are a stranger's text: cut, on one line, hidden characters visible. Many values of one field under an `or` are
 * one line, since each would say the same of the event.
 */
import { safeLine } from "../lib/safe-text.ts";
import { cutText } from "../lib/text-table.ts";
import type { Explanation, Found, Verdict } from "./explanation.ts";

/** Screen cells of a value, values of a field, tests of an `or` that are shown. */
const VALUE_CELLS = 80;
const VALUES_MAX = 5;
const TESTS_MAX = 6;
/** Screen cells of a text that met a keyword: more, for what met it may stand at its end. */
const KEYWORD_CELLS = 240;

/** Lines of an explanation, without line ends. */
export function renderExplanation(explanation: Explanation): string[] {
  const { isTried, failedFirst, tree, conditions, fields } = explanation;
  return [
    ...(isTried ? [] : ["the rule is for another log source, so the event never meets it"]),
    ...(failedFirst === null ? [] : [`failed first: ${toReason(failedFirst)}`]),
    ...conditions.map(({ text, matched }) => `condition ${matched ? "met" : "not met"}: ${safeLine(text)}`),
    ...renderTree(tree, 0),
    ...fields.map((found) => `reads ${safeLine(found.field)}: ${toValues([found])}`),
  ];
}

type Leaf = Extract<Verdict, { op: "leaf" }>;

function renderTree(verdict: Verdict, depth: number): string[] {
  const line = `${verdict.matched ? "matched" : "failed "}  ${"  ".repeat(depth)}${toLine(verdict)}`;
  if (verdict.op === "leaf" || alternativesOf(verdict) !== null) return [line];
  if (verdict.op === "member") return [line, ...renderMembers(verdict, depth + 1)];
  return [line, ...verdict.of.flatMap((child) => renderTree(child, depth + 1))];
}

/** The members that were looked at, each with its place in the array. */
function renderMembers({ count, members }: Extract<Verdict, { op: "member" }>, depth: number): string[] {
  const indent = "  ".repeat(depth);
  const more = count - members.length;
  return [
    ...members.flatMap(({ index, verdict }) => [
      `${verdict.matched ? "matched" : "failed "}  ${indent}member ${index}:`,
      ...renderTree(verdict, depth + 1),
    ]),
    ...(more > 0 ? [`         ${indent}and ${more} more ${more === 1 ? "member" : "members"}`] : []),
  ];
}

/** What is asked of the members of an array, and how many it has. */
function describeMembers({ field, which, isArray, count }: Extract<Verdict, { op: "member" }>): string {
  const found = !isArray
    ? "no such array"
    : typeof which === "number"
      ? count === 0
        ? "no such member"
        : "there"
      : `${count} ${count === 1 ? "member" : "members"}`;
  return `${safeLine(field)}[${which}]:  <-  ${found}`;
}

/** Why a node that failed did. */
function toReason(verdict: Verdict): string {
  if (verdict.op === "not") return "what follows `not` holds";
  if (verdict.op === "or" && alternativesOf(verdict) === null) return `none of ${verdict.of.length} alternatives holds`;
  return toLine(verdict);
}

/** One node on one line. */
function toLine(verdict: Verdict): string {
  const leaves = alternativesOf(verdict);
  if (leaves !== null) return describeAlternatives(leaves);
  if (verdict.op === "leaf") return describe([verdict.test], verdict);
  if (verdict.op === "not") return "not";
  if (verdict.op === "member") return describeMembers(verdict);
  return verdict.op === "and" ? "all of" : `any of: ${toMet(verdict.of)}`;
}

/** How many alternatives hold, and where these stand in the rule's file: of a list of maps or keywords that tells which. */
function toMet(alternatives: readonly Verdict[]): string {
  const met = alternatives.filter(({ matched }) => matched);
  if (met.length === 0) return `none of ${alternatives.length} holds`;
  const shown = met
    .slice(0, TESTS_MAX)
    .map(linesOf)
    .filter((text) => text !== "");
  const more = met.length > TESTS_MAX ? " and more" : "";
  const lines = shown.length === 0 ? "" : `, ${[...new Set(shown)].join(" and ")}${more}`;
  return `${met.length} of ${alternatives.length} ${met.length === 1 ? "holds" : "hold"}${lines}`;
}

/** "line 9", "lines 9 to 11"; nothing where it is not written in a file. */
function linesOf(verdict: Verdict): string {
  const lines = leavesOf(verdict).flatMap(({ line }) => line ?? []);
  if (lines.length === 0) return "";
  const [first, last] = [Math.min(...lines), Math.max(...lines)];
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}

function leavesOf(verdict: Verdict): readonly Leaf[] {
  if (verdict.op === "leaf") return [verdict];
  if (verdict.op === "member") return verdict.members.flatMap((member) => leavesOf(member.verdict));
  return verdict.of.flatMap(leavesOf);
}

/** The leaves of an `or` over values of one field. */
function alternativesOf(verdict: Verdict): readonly Leaf[] | null {
  if (verdict.op !== "or") return null;
  const leaves = verdict.of.filter((child) => child.op === "leaf");
  const isOne = leaves.every(({ field, found }) => field !== null && field === leaves[0]?.field && found.length === 1);
  return isOne && leaves.length === verdict.of.length ? leaves : null;
}

function describeAlternatives(leaves: readonly Leaf[]): string {
  const met = leaves.filter(({ matched }) => matched);
  const shown = met.length > 0 ? met : leaves;
  const [first] = shown;
  if (first === undefined) return "any of";
  const more = leaves.length - Math.min(shown.length, TESTS_MAX);
  const tests = shown.slice(0, TESTS_MAX).map(({ test }) => test);
  return describe([...tests, ...(more > 0 ? [`${more} more`] : [])], first);
}

function describe(tests: readonly string[], { field, found }: Leaf): string {
  const test = tests.map((text) => cutText(safeLine(text), VALUE_CELLS)).join(" or ");
  if (found.length === 0) return test;
  return `${test}  <-  ${field === null ? toPlaces(found) : toValues(found)}`;
}

/** The texts that met a keyword, each with the field that it stands in. */
function toPlaces(found: readonly Found[]): string {
  return found
    .map(({ field, values: [value = null] }) => {
      const text = cutText(safeLine(JSON.stringify(value)), KEYWORD_CELLS);
      return `${text} in ${cutText(safeLine(field), VALUE_CELLS)}`;
    })
    .join(", ");
}

function toValues(found: readonly Found[]): string {
  return found
    .map(({ isThere, values }) => {
      if (!isThere) return "no such field";
      if (values.length === 0) return "an empty list";
      const shown = values.slice(0, VALUES_MAX).map((value) => cutText(safeLine(JSON.stringify(value)), VALUE_CELLS));
      return [...shown, ...(values.length > VALUES_MAX ? [`${values.length - VALUES_MAX} more`] : [])].join(", ");
    })
    .join(" against ");
}
