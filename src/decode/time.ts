/**
 * Event times as AWS and those who store its records write them.
 *
 * RFC 3339 with Z or an offset and up to nine fraction digits; also "yyyy-mm-dd hh:mm:ss[.f…]", read as UTC and told as
 * loose. Anything else is no time: a guessed one would put an event into the wrong window. Pure.
 */

/** Epoch ms (fractions below are cut off), and whether the text was the loose form. */
export type ParsedTime = { readonly timeMs: number; readonly isLoose: boolean };

/** How far ahead of the clock an event may be, ms: more than host clocks differ by, far less than any window. */
export const FUTURE_MS: number = 5 * 60_000;

const FORM = /^\d{4}-\d\d-\d\d([Tt ])\d\d:\d\d:\d\d(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?$/;

/** Days of a month; 0 when there is no such month. */
function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? 0;
}

/** Minutes of an offset, null when it is none (RFC 3339 allows up to 23:59). */
function offsetMinutes(zone: string): number | null {
  if (zone === "" || zone === "Z" || zone === "z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))];
  if (hours > 23 || minutes > 59) return null;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** The number that two digits of a text make; they were checked to be digits. */
function pair(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

const PLAIN_BYTES = '"2023-07-10T12:05:00Z"'.length;

/**
 * Time, epoch ms, of a JSON text in [start, end) in the form nearly all records have, quotes included: at a tenth of the
 * cost. NaN for any other form and for what is no time.
 */
export function parsePlainTime(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start !== PLAIN_BYTES || !isPlainForm(bytes, start)) return Number.NaN;
  const year = pairAt(bytes, start + 1) * 100 + pairAt(bytes, start + 3);
  const month = pairAt(bytes, start + 6);
  const day = pairAt(bytes, start + 9);
  const hour = pairAt(bytes, start + 12);
  const minute = pairAt(bytes, start + 15);
  const second = pairAt(bytes, start + 18);
  // A comparison with NaN is false: each must hold.
  const isTime = year >= 100 && day >= 1 && day <= daysOf(year, month) && hour <= 23 && minute <= 59 && second <= 60;
  return isTime ? Date.UTC(year, month - 1, day, hour, minute, second) : Number.NaN;
}

/** `"....-..-..T..:..:..Z"`, whatever the points stand for. */
function isPlainForm(bytes: Uint8Array, at: number): boolean {
  const [QUOTE, DASH, LETTER_T, COLON, LETTER_Z] = [0x22, 0x2d, 0x54, 0x3a, 0x5a];
  const isDate = bytes[at] === QUOTE && bytes[at + 5] === DASH && bytes[at + 8] === DASH && bytes[at + 11] === LETTER_T;
  const isClock = bytes[at + 14] === COLON && bytes[at + 17] === COLON && bytes[at + 20] === LETTER_Z;
  return isDate && isClock && bytes[at + 21] === QUOTE;
}

/** The number that two digits make, NaN when they are none. */
function pairAt(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - 0x30;
  const ones = (bytes[at + 1] as number) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Reads an event time; null when the text is none. A leap second counts as the second after it. */
export function parseEventTime(text: unknown): ParsedTime | null {
  const parts = typeof text === "string" ? FORM.exec(text) : null;
  if (parts === null) return null;
  const [whole, separator, fraction = "", zone = ""] = parts as unknown as [string, string, string?, string?];
  const isLoose = separator === " ";
  if (isLoose !== (zone === "")) return null;
  const [year, month, day] = [pair(whole, 0) * 100 + pair(whole, 2), pair(whole, 5), pair(whole, 8)];
  const [hour, minute, second] = [pair(whole, 11), pair(whole, 14), pair(whole, 17)];
  if (day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 60) return null;
  const offset = offsetMinutes(zone);
  // Date.UTC takes years below 100 for the 1900s; no record is so old.
  if (offset === null || year < 100) return null;
  const fractionMs = fraction === "" ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"));
  return { timeMs: Date.UTC(year, month - 1, day, hour, minute - offset, second, fractionMs), isLoose };
}
