/**
 * Makes a leaf runnable: a test of one field of the current event, or of the whole event, as a closure over slots.
 *
 * Each leaf is compiled once for all rules that hold it. A leaf answers true or false, never unknown: a missing field is
 * false for every test but null and exists. No rule text becomes code.
 */
import type { Json } from "../../model/event.ts";
import { compileCidr } from "./cidr.ts";
import { compileFieldref } from "./fieldref.ts";
import type { PlainTest } from "./plain-test.ts";
import { compileBoolean, compileNumber } from "./number.ts";
import { isNull, isPresent } from "./presence.ts";
import { compileRegex } from "./regex.ts";
import { foldedOf, foldedTexts, type ObjectTexts, type Slot, textsOf, textsOfMany } from "./slot.ts";
import { compilePattern } from "./text.ts";
import { compileCompare, compileTimePart } from "./time.ts";

/** What leaves read of the current event. */
export type LeafInput = {
  /** The slot of a field, for the current event. */
  slot(field: string): () => Slot;
  /** Scalar texts of the whole event. */
  keywordTexts(cased: boolean): readonly string[];
};

/** A text test and where it applies. */
type TextTest = {
  readonly cased: boolean;
  /** String operations meet objects (any scalar below, or the compact JSON); equality never does. */
  readonly meetsObjects: boolean;
  readonly matches: (text: string) => boolean;
};

/** Compiles a leaf. `field` null: a keyword. */
export function compileLeaf(field: string | null, test: PlainTest, input: LeafInput): () => boolean {
  const textTest = toTextTest(test);
  if (textTest !== null) {
    return field === null ? compileKeyword(textTest, input) : compileText(textTest, input.slot(field));
  }
  if (field === null) return () => false;
  const slot = input.slot(field);
  switch (test.type) {
    case "null":
      return () => isNull(slot());
    case "exists":
      return () => isPresent(slot(), test.value);
    case "fieldref": {
      const compare = compileFieldref(test.mode, test.cased);
      const other = input.slot(test.field);
      return () => compare(slot(), other());
    }
    case "number":
      return compileValue(compileNumber(test.value, test.text), slot);
    case "boolean":
      return compileValue(compileBoolean(test.value), slot);
    case "compare":
      return compileValue(compileCompare(test.operator, test.value, test.part), slot);
    case "timepart":
      return compileValue(compileTimePart(test.part, test.value), slot);
    default:
      return () => false;
  }
}

function toTextTest(test: PlainTest): TextTest | null {
  switch (test.type) {
    case "text": {
      const { literal, matches } = compilePattern(test.pattern);
      return { cased: test.cased, meetsObjects: literal === null, matches };
    }
    case "set": {
      const values = new Set(test.values);
      return { cased: test.cased, meetsObjects: false, matches: (text) => values.has(text) };
    }
    case "regex": {
      const result = compileRegex(test);
      return { cased: true, meetsObjects: true, matches: "find" in result ? result.find : () => false };
    }
    case "cidr":
      return { cased: true, meetsObjects: false, matches: compileCidr(test.network) ?? (() => false) };
    default:
      return null;
  }
}

function compileKeyword(test: TextTest, input: LeafInput): () => boolean {
  return () => input.keywordTexts(test.cased).some(test.matches);
}

function compileText(test: TextTest, slot: () => Slot): () => boolean {
  const { cased, meetsObjects, matches } = test;
  const anyText = (texts: ObjectTexts): boolean => {
    if (!meetsObjects && typeof texts.value === "object") return false;
    return (cased ? texts.raw : foldedTexts(texts)).some(matches);
  };
  return () => {
    const current = slot();
    if (current.count === 0) return false;
    if (current.many !== null) return textsOfMany(current, current.many).some(anyText);
    const { value } = current;
    if (typeof value === "string") return matches(cased ? value : foldedOf(current, value));
    return value !== null && anyText(textsOf(current));
  };
}

function compileValue(test: (value: Json) => boolean, slot: () => Slot): () => boolean {
  return () => {
    const current = slot();
    if (current.count === 0) return false;
    return current.many === null ? test(current.value) : current.many.some(test);
  };
}
