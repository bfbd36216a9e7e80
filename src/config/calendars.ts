/**
 * Calendars in the configuration: when an organisation is open, in its own time zone.
 *
 * Rules ask "was this outside business hours?" through `enrich.calendar.NAME.open`. `business` always exists: the shipped
 * rules use it, and its default is so common that a start warns while nobody has confirmed it. Only shape and names are
 * checked here; the arithmetic across daylight saving time is match's.
 */
import { z } from "zod";

/** Days of the week, Monday first. */
export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

/** Opening hours on some days. `from` and `to` are "HH:MM", local time; `to` may be "24:00" and is not included. */
export type OpenHours = { readonly days: readonly Day[]; readonly from: string; readonly to: string };

/** A calendar. `holidays` are dates "YYYY-MM-DD" in the zone, closed the whole day. */
export type CalendarConfig = {
  readonly zone: string;
  readonly open: readonly OpenHours[];
  readonly holidays: readonly string[];
};

/** The calendar in use until the file defines `business`: Monday to Friday, 07:00 to 20:00 UTC. */
export const DEFAULT_BUSINESS: CalendarConfig = {
  zone: "UTC",
  open: [{ days: ["mon", "tue", "wed", "thu", "fri"], from: "07:00", to: "20:00" }],
  holidays: [],
};

const clockText = z.string().regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day such as "07:00"');

const openHours = z
  .strictObject({
    days: z.array(z.enum(DAYS)).min(1).describe("Days of the week: mon, tue, wed, thu, fri, sat, sun."),
    from: clockText.describe('Opening time, local, "HH:MM" in quotes.'),
    to: clockText.describe('Closing time, local, "HH:MM" in quotes; not included. "24:00" is the end of the day.'),
  })
  .refine(({ from, to }) => from < to, {
    path: ["to"],
    message: "must be later than `from`; split hours over midnight in two",
  });

/** One calendar. */
export const calendarSchema: z.ZodType<CalendarConfig> = z.strictObject({
  zone: z
    .string()
    .refine(isZone, "must be an IANA time zone such as Europe/Berlin")
    .default("UTC")
    .describe("IANA time zone. Default UTC."),
  open: z.array(openHours).min(1).describe("Opening hours."),
  holidays: z
    .array(z.iso.date('must be a date such as "2026-12-25"'))
    .default([])
    .describe("Dates that are closed, YYYY-MM-DD. Default none."),
});

/**
 * A name that rules use: letters, digits and `_`. Names that every JavaScript object has (`constructor`) are refused: the
 * process freezes them, so no table could hold them as keys.
 */
export const nameSchema: z.ZodType<string, string> & z.core.$ZodRecordKey = z
  .string()
  .regex(/^\w+$/, "must be a name of letters, digits and `_`")
  .refine((name) => !(name in Object.prototype), "is a reserved word; choose another name");

/** Calendars by name, `business` filled in when the file does not define it. */
export const calendarsSchema: z.ZodType<Readonly<Record<string, CalendarConfig>>> = z
  .record(nameSchema, calendarSchema)
  .prefault({})
  .transform((calendars) => ({ business: DEFAULT_BUSINESS, ...calendars }))
  .describe(
    "Calendars by name; the same as `tuning.calendars`. Default: `business`, Monday to Friday 07:00 to 20:00 UTC; start-up warns until you define it.",
  );

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
