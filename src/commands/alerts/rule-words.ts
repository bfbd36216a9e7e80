/**
 * What a rule's author wrote for the analyst: what an alert can mean, and what to check first.
 *
 * In a rule's `description` the paragraph that begins with "First:" holds the first checks, with semicolons between them;
 * `response` at the root of the rule, a text or a list, adds to them. All else of the description is the meaning. Pure.
 */
import type { Json } from "../../model/event.ts";
import type { RuleHead } from "../../sigma/ast.ts";

/** The words of a rule, in paragraphs and single checks. */
export type RuleWords = {
  readonly meaning: readonly string[];
  readonly checkFirst: readonly string[];
  readonly falsePositives: readonly string[];
};

const FIRST = /^first:\s*/i;
/** Root keys under which authors write what to do. */
const RESPONSES = ["response", "x_response"] as const;

/** The words of a rule. */
export function toRuleWords({ description, falsePositives, more }: RuleHead): RuleWords {
  const paragraphs = description
    .split(/\n+/)
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const checks = paragraphs.filter((text) => FIRST.test(text));
  const fromKeys = RESPONSES.flatMap((key) =>
    more !== undefined && Object.hasOwn(more, key) ? toTexts(more[key] ?? null) : [],
  );
  return {
    meaning: paragraphs.filter((text) => !FIRST.test(text)),
    checkFirst: [...checks.flatMap((text) => text.replace(FIRST, "").split(/;\s+/)), ...fromKeys].map(toSentence),
    falsePositives,
  };
}

function toTexts(value: Json): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? (value as readonly Json[]).filter((entry) => typeof entry === "string") : [];
}

/** "look up whose key it is" with a capital and a full stop. */
function toSentence(text: string): string {
  const trimmed = text.trim();
  const sentence = trimmed.slice(0, 1).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
