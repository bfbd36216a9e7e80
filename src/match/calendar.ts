/**
 * Opening hours: whether a moment lies inside a calendar's weekly hours, in its own time zone and outside its holidays.
 *
 * Right across changes of daylight saving time, since the zone's offset is asked for the moment itself. Offsets are kept
 * by quarter of an hour, the finest step at which zones change, so an event costs a look-up. No clock: the caller gives
 * the moment.
 */
import { IANAZone } from "luxon";
import { SagewatchError } from "../model/errors.ts";

/** Days of the week from Sunday, as JavaScript counts them. */
export const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A calendar of the configuration. */
export type Calendar = {
  /** IANA name, such as "Europe/Berlin". */
  readonly zone: string;
  /** Open hours by weekday as "HH:MM-HH:MM", end exclusive, up to 24:00; an end before its start runs past midnight. */
  readonly hours: Readonly<Partial<Record<Weekday, readonly string[]>>>;
  /** Local days without opening, "YYYY-MM-DD". */
  readonly holidays: readonly string[];
};

/** Office hours where nothing better is configured; start-up warns while it is in use. */
export const DEFAULT_CALENDAR: Calendar = {
  zone: "UTC",
  hours: {
    mon: ["07:00-20:00"],
    tue: ["07:00-20:00"],
    wed: ["07:00-20:00"],
    thu: ["07:00-20:00"],
    fri: ["07:00-20:00"],
  },
  holidays: [],
};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAY_MINUTES = 1440;
const QUARTER_MS = 900_000;
/** Quarters of an hour remembered a zone: a month of disordered input. */
const OFFSETS_MAX = 4096;

/** Compiles a calendar to a test of epoch ms. Throws config_invalid for an unknown zone, hours or day. */
export function compileCalendar(name: string, calendar: Calendar): (epochMs: number) => boolean {
  const offsetOf = createOffsets(name, calendar.zone);
  const open = toOpenMinutes(name, calendar.hours);
  const closedDays = new Set(calendar.holidays.map((day) => toDayNumber(name, day)));
  return (epochMs) => {
    const localMs = epochMs + offsetOf(epochMs) * MINUTE_MS;
    const day = Math.floor(localMs / DAY_MS);
    if (closedDays.size > 0 && closedDays.has(day)) return false;
    // 1 January 1970 was a Thursday.
    const weekday = (((day + 4) % 7) + 7) % 7;
    const minute = Math.floor((localMs - day * DAY_MS) / MINUTE_MS);
    return open[weekday * DAY_MINUTES + minute] === 1;
  };
}

/** The zone's offset from UTC in minutes at a moment. */
function createOffsets(name: string, zoneName: string): (epochMs: number) => number {
  const zone = IANAZone.create(zoneName);
  if (!zone.isValid) throw invalid(name, `zone ${zoneName} is not known`, 'an IANA name such as "Europe/Berlin"');
  const known = new Map<number, number>();
  let lastQuarter = Number.NaN;
  let lastOffset = 0;
  return (epochMs) => {
    const quarter = Math.floor(epochMs / QUARTER_MS);
    if (quarter === lastQuarter) return lastOffset;
    let offset = known.get(quarter);
    if (offset === undefined) {
      offset = zone.offset(quarter * QUARTER_MS);
      if (known.size >= OFFSETS_MAX) known.clear();
      known.set(quarter, offset);
    }
    lastQuarter = quarter;
    lastOffset = offset;
    return offset;
  };
}

/** One byte a minute of the week, from Sunday 00:00. */
function toOpenMinutes(name: string, hours: Calendar["hours"]): Uint8Array {
  const open = new Uint8Array(7 * DAY_MINUTES);
  for (const [index, weekday] of WEEKDAYS.entries()) {
    for (const range of hours[weekday] ?? []) {
      const [start, end] = toMinutes(name, range);
      const length = end > start ? end - start : end + DAY_MINUTES - start;
      for (let minute = 0; minute < length; minute += 1) open[(index * DAY_MINUTES + start + minute) % open.length] = 1;
    }
  }
  return open;
}

function toMinutes(name: string, range: string): [number, number] {
  const found = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(range);
  if (found === null) throw invalid(name, `hours "${range}" cannot be read`, 'HH:MM-HH:MM such as "07:00-20:00"');
  const [, startHour, startMinute, endHour = "24", endMinute = "0"] = found;
  return [Number(startHour) * 60 + Number(startMinute), Number(endHour) * 60 + Number(endMinute)];
}

function toDayNumber(name: string, day: string): number {
  const epochMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(epochMs)) throw invalid(name, `holiday "${day}" is no day`, "YYYY-MM-DD");
  return epochMs / DAY_MS;
}

function invalid(name: string, what: string, form: string): SagewatchError {
  return new SagewatchError("config_invalid", `calendar ${name}: ${what}; write ${form}`);
}
