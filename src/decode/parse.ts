/**
 * Bytes of one record to a JSON object, strictly: what every decoder begins with.
 *
 * Bad UTF-8 is refused, not mended, since a mended name is another name. Numbers that lose digits or overflow as a double
 * become their own text (12345678901234567890, 1e400). Never throws: an unparsable record is a value.
 */
import type { Undecodable } from "../contracts.ts";
import { isObject } from "../lib/json.ts";
import type { JsonObject } from "../model/event.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Digits from which a number may not fit a double exactly: 2^53 has 16. */
const WIDE_DIGITS = 16;
/** An exponent of three digits can overflow; the place of a number is behind a colon, a comma or a bracket. */
const HUGE_EXPONENT = /[:,[]\s*-?\d[\d.]*[eE]\+?\d{3}/;

/**
 * The record, or why it is none: bad_utf8, bad_json, too_deep (nested beyond what the parser's stack takes). `isPlain` as
 * in Arrival: a third of the time went into looking for what such a record does not have.
 */
export function parseRecord(bytes: Uint8Array, isPlain = false): { readonly record: JsonObject } | Undecodable {
  if (isPlain) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    return { record: JSON.parse(text) as JsonObject };
  }
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    return { reason: "bad_utf8", detail: "the record is not valid UTF-8" };
  }
  try {
    const value: unknown = isWide(bytes, text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
    if (isObject(value)) return { record: value as JsonObject };
    return { reason: "bad_json", detail: "the record is no JSON object" };
  } catch (error) {
    if (error instanceof RangeError) return { reason: "too_deep", detail: "the record is nested too deep" };
    return { reason: "bad_json", detail: toLine((error as Error).message) };
  }
}

/** A parser's message on one short line; it may quote the record. */
function toLine(message: string): string {
  // oxlint-disable-next-line no-control-regex
  return message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 200);
}

/** Whether the slow way is needed: a long run of digits, or a large exponent, where a number may stand. */
function isWide(bytes: Uint8Array, text: string): boolean {
  // A run of 16 digits covers a multiple of 16: looking at each sixteenth byte finds it.
  for (let at = WIDE_DIGITS - 1; at < bytes.length; at += WIDE_DIGITS) {
    if (!isDigit(bytes[at])) continue;
    let from = at;
    let to = at + 1;
    while (isDigit(bytes[from - 1])) from -= 1;
    while (isDigit(bytes[to])) to += 1;
    if (to - from >= WIDE_DIGITS && isNumberStart(bytes, from)) return true;
  }
  return HUGE_EXPONENT.test(text);
}

/** Whether digits at `at` can begin a number: behind a colon, comma, bracket or space, with or without a minus. */
function isNumberStart(bytes: Uint8Array, at: number): boolean {
  const before = bytes[at - 1] === 0x2d ? bytes[at - 2] : bytes[at - 1];
  return before === 0x3a || before === 0x2c || before === 0x5b || (before !== undefined && before <= 0x20);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function keepDigits(_key: string, value: unknown, place?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || place?.source === undefined) return value;
  const isExact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return isExact ? value : place.source;
}
