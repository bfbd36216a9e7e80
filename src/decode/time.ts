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
/** Bytes of the plain form that are no digits, by place. */
const PLAIN_MARKS = '"....-..-..T..:..:..Z"'
  .split("")
  .flatMap((mark, at) => (mark === "." ? [] : [[at, mark.charCodeAt(0)]]));

/**
 * Time, epoch ms, of a JSON text in [start, end) in the form nearly all records have, quotes included: at a tenth of the
 * cost. NaN for any other form and for what is no time.
 */
export function parsePlainTime(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start !== PLAIN_BYTES) return Number.NaN;
  for (let at = 0; at < PLAIN_MARKS.length; at += 1) {
    const [place = 0, mark] = PLAIN_MARKS[at] ?? [];
    if (bytes[start + place] !== mark) return Number.NaN;
  }
  const two = (at: number): number => {
    const [tens, ones] = [(bytes[start + at] as number) - 0x30, (bytes[start + at + 1] as number) - 0x30];
    return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
  };
  const [year, month, day] = [two(1) * 100 + two(3), two(6), two(9)];
  const [hour, minute, second] = [two(12), two(15), two(18)];
  // A comparison with NaN is false: each must hold.
  const isTime = year >= 100 && day >= 1 && day <= daysOf(year, month) && hour <= 23 && minute <= 59 && second <= 60;
  return isTime ? Date.UTC(year, month - 1, day, hour, minute, second) : Number.NaN;
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
