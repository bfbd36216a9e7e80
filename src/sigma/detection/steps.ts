/**
 * What the modifiers of a text do to it, step by step: encodings, spellings of dashes, and where it is sought.
 *
 * Done when a rule is read, or for placeholders under an encoding when their lists are put in. Pure.
 */
import type { Pattern, TextStep } from "../ast.ts";
import type { ProblemCode } from "../problems.ts";
import { literalOf, toBase64Offsets, toUtf16, widen, windash } from "./pattern.ts";

/** Why a step cannot be taken. */
export type StepFault = { readonly code: ProblemCode; readonly message: string; readonly remedy: string };

/** Shortest text, in bytes, of which every alignment of base64 shows a character. */
const OFFSET_BYTES_MIN = 2;

/** True for a step that turns a text into another one by its bytes. */
export function isEncoding(step: TextStep): boolean {
  return step.startsWith("base64") || step.startsWith("utf16") || step === "wide";
}

/** The patterns that one, with its literals joined, comes to; any of them is meant. Or why it cannot be. */
export function takeSteps(pattern: Pattern, steps: readonly TextStep[]): readonly Pattern[] | StepFault {
  let patterns: readonly Pattern[] = [pattern];
  for (const [index, step] of steps.entries()) {
    const next = takeStep(patterns, step, steps[index - 1]);
    if ("code" in next) return next;
    patterns = next;
  }
  return patterns;
}

/** `before` is the step just before. */
function takeStep(
  patterns: readonly Pattern[],
  step: TextStep,
  before: TextStep | undefined,
): readonly Pattern[] | StepFault {
  if (step === "contains" || step === "startswith" || step === "endswith")
    return patterns.map((pattern) => widen(pattern, step));
  if (step === "windash") return patterns.flatMap(windash);
  if (step !== "base64" && step !== "base64offset") {
    return patterns.map((pattern) => pattern.map((part) => (typeof part === "string" ? toUtf16(part, step) : part)));
  }
  const literal = patterns[0] === undefined ? null : literalOf(patterns[0]);
  if (literal === null || literal === "") {
    const what = literal === "" ? "an empty text" : "a value with wildcards";
    const remedy = "escape the wildcard as \\* or \\?, or encode the parts apart";
    return { code: "encoding_wildcard", message: `${what} cannot be encoded`, remedy };
  }
  // After UTF-16 a character is a byte.
  const bytes = Buffer.from(literal, before === undefined ? "utf8" : "latin1");
  if (step === "base64") return [[bytes.toString("base64")]];
  if (bytes.length >= OFFSET_BYTES_MIN) return toBase64Offsets(bytes).map((text) => [text]);
  const message = "a text of one byte leaves no trace of its own in base64, so everything would match";
  return { code: "modifier_value", message, remedy: "give a longer text" };
}
