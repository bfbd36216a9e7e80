/**
 * Comparisons and the parts of a timestamp, always in UTC; the week is the ISO week (1 to 53).
 *
 * A time is an RFC 3339 text, "yyyy-mm-dd hh:mm:ss" read as UTC, or seconds or milliseconds since the epoch, as number or
 * digits. Anything else has no parts and compares false. Pure; no clock.
 */
import type { Json } from "../../model/event.ts";
import type { Comparison, TimePart } from "../ast.ts";
import { toNumber } from "./number.ts";

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/i;
/** From here on a number counts milliseconds: as seconds it would lie in the year 5138. */
const MILLISECONDS_FROM = 1e11;
const DAY_MS = 86_400_000;

/** Epoch milliseconds of a value, or null when it is no time. */
export function toEpochMs(value: Json): number | null {
  const number = toNumber(value);
  if (number !== null) return Math.abs(number) < MILLISECONDS_FROM ? number * 1000 : number;
  if (typeof value !== "string") return null;
  const found = TIMESTAMP.exec(value);
  if (found === null) return null;
  const [, day = "", clock = "", fraction = "", zone = "Z"] = found;
  const epochMs = Date.parse(`${day}T${clock}${fraction.slice(0, 4)}${zone.toUpperCase()}`);
  return Number.isNaN(epochMs) || !isDay(day) ? null : epochMs;
}

/** The runtime takes 31 February for 2 March; a calendar does not. */
function isDay(day: string): boolean {
  const midnightMs = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(midnightMs) && new Date(midnightMs).toISOString().startsWith(day);
}

/** A part of a time in UTC. */
export function toTimePart(epochMs: number, part: TimePart): number {
  const date = new Date(epochMs);
  switch (part) {
    case "minute":
      return date.getUTCMinutes();
    case "hour":
      return date.getUTCHours();
    case "day":
      return date.getUTCDate();
    case "week":
      return toIsoWeek(date);
    case "month":
      return date.getUTCMonth() + 1;
    case "year":
      return date.getUTCFullYear();
  }
}

/** ISO 8601: week 1 is the one with the year's first Thursday. */
function toIsoWeek(date: Date): number {
  const weekday = (date.getUTCDay() + 6) % 7;
  const thursday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - weekday + 3));
  const yearStart = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - yearStart) / (7 * DAY_MS)) + 1;
}

/** Compiles `field|gte: 5` and, with a part, `field|hour|gte: 22`. */
export function compileCompare(
  operator: Comparison,
  value: number,
  part: TimePart | null,
): (candidate: Json) => boolean {
  const holds = compileOperator(operator, value);
  if (part === null) {
    return (candidate) => {
      const number = toNumber(candidate);
      return number !== null && holds(number);
    };
  }
  return (candidate) => {
    const epochMs = toEpochMs(candidate);
    return epochMs !== null && holds(toTimePart(epochMs, part));
  };
}

/** Compiles `field|hour: 22`. */
export function compileTimePart(part: TimePart, value: number): (candidate: Json) => boolean {
  return (candidate) => {
    const epochMs = toEpochMs(candidate);
    return epochMs !== null && toTimePart(epochMs, part) === value;
  };
}

function compileOperator(operator: Comparison, value: number): (number: number) => boolean {
  switch (operator) {
    case "gt":
      return (number) => number > value;
    case "gte":
      return (number) => number >= value;
    case "lt":
      return (number) => number < value;
    case "lte":
      return (number) => number <= value;
  }
}
