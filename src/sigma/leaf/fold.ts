/**
 * The one case folding of the engine, and the text of a scalar.
 *
 * Rule and record are folded alike, so every comparison without case is a plain comparison of folded texts. No regular
 * expression flag ever does this work, since its folding differs. Pure.
 */
import type { Json } from "../../model/event.ts";

/**
 * Folded text: lower case, with the final sigma made an ordinary one, so that `ΟΔΟΣ`, `οδοσ` and `οδος` are equal.
 * Folding the parts of a text gives the parts of the folded text.
 */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.includes("ς") ? lower.replaceAll("ς", "σ") : lower;
}

/** JSON text of a number or boolean, a text as it is; null for null, arrays and objects, which no text equals. */
export function toScalarText(value: Json): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return null;
}
