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

const FORM = /^(\d{4})-(\d\d)-(\d\d)([Tt ])(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?$/;

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

/** Reads an event time; null when the text is none. A leap second counts as the second after it. */
export function parseEventTime(text: unknown): ParsedTime | null {
  const parts = typeof text === "string" ? FORM.exec(text) : null;
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 5, 6, 7].map((at) => Number(parts[at])) as [
    number, number, number, number, number, number,
  ]; // prettier-ignore
  const isLoose = parts[4] === " ";
  const zone = parts[9] ?? "";
  if (isLoose !== (zone === "")) return null;
  if (day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 60) return null;
  const offset = offsetMinutes(zone);
  if (offset === null) return null;
  const fractionMs = Math.floor(Number(`0.${parts[8] ?? "0"}`) * 1000 + 1e-6);
  const date = new Date(0);
  // Not Date.UTC: it takes years below 100 for the 1900s.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offset, second, fractionMs);
  return { timeMs: date.getTime(), isLoose };
}
