/**
 * Numbers and booleans of rules against values of records.
 *
 * A number equals a JSON number, or a text of plain decimal form (`-?\d+(\.\d+)?`: "5", "05", "5.0", not "5e0"). Beyond
 * 2^53, where doubles run together, texts are compared digit by digit. A boolean equals the JSON boolean or its text in
 * any case, never 1 or "yes". Pure.
 */
import type { Json } from "../../model/event.ts";

const DECIMAL = /^-?\d+(?:\.\d+)?$/;

/** The number that a JSON number or a plain decimal text stands for, else null. */
export function toNumber(value: Json): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : null;
}

/** Compiles `field: NUMBER`. `text` is the number as written in the rule. */
export function compileNumber(value: number, text: string): (candidate: Json) => boolean {
  const digits = toDigits(DECIMAL.test(text) ? text : plainText(value));
  return (candidate) => {
    const number = toNumber(candidate);
    if (number === null) return false;
    if (Math.abs(number) <= Number.MAX_SAFE_INTEGER && Math.abs(value) <= Number.MAX_SAFE_INTEGER)
      return number === value;
    return typeof candidate === "string" ? toDigits(candidate) === digits : number === value;
  };
}

/** Compiles `field: true` and `field: false`. */
export function compileBoolean(value: boolean): (candidate: Json) => boolean {
  const text = String(value);
  return (candidate) =>
    candidate === value ||
    (typeof candidate === "string" && candidate.length === text.length && candidate.toLowerCase() === text);
}

/** A decimal text without leading zeros, trailing fraction zeros and the sign of zero: equal texts are equal numbers. */
function toDigits(text: string): string {
  const negative = text.startsWith("-");
  const [whole = "", fraction = ""] = (negative ? text.slice(1) : text).split(".");
  const shortWhole = whole.replace(/^0+/, "");
  const shortFraction = fraction.replace(/0+$/, "");
  if (shortWhole === "" && shortFraction === "") return "0";
  return `${negative ? "-" : ""}${shortWhole}.${shortFraction}`;
}

/** A number without exponent where it is whole; fractions that need one keep it and so equal no decimal text. */
function plainText(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}
