/**
 * Compares two fields of one event: any value of the one with any value of the other, folded unless cased.
 *
 * Scalars only, by their text; a field that is missing, null or an object on either side makes the leaf false. Pure.
 */
import { fold, toScalarText } from "./fold.ts";
import type { Slot } from "./slot.ts";

/** How the left value must stand to the right one. */
export type FieldrefMode = "equals" | "contains" | "startswith" | "endswith";

/** Compiles a comparison of two slots. */
export function compileFieldref(mode: FieldrefMode, cased: boolean): (left: Slot, right: Slot) => boolean {
  const holds = compileMode(mode);
  return (left, right) => {
    const others = scalarTexts(right, cased);
    return others.length > 0 && scalarTexts(left, cased).some((text) => others.some((other) => holds(text, other)));
  };
}

function compileMode(mode: FieldrefMode): (text: string, other: string) => boolean {
  switch (mode) {
    case "equals":
      return (text, other) => text === other;
    case "contains":
      return (text, other) => text.includes(other);
    case "startswith":
      return (text, other) => text.startsWith(other);
    case "endswith":
      return (text, other) => text.endsWith(other);
  }
}

function scalarTexts(slot: Slot, cased: boolean): string[] {
  if (slot.count === 0) return [];
  const texts: string[] = [];
  for (const value of slot.many ?? [slot.value]) {
    const text = toScalarText(value);
    if (text !== null) texts.push(cased ? text : fold(text));
  }
  return texts;
}
