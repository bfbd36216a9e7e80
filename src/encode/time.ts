/**
 * Times of alerts as numbers and in zones. Alerts carry RFC 3339 text in UTC; anything else is no time here. Pure.
 */
import { DateTime } from "luxon";

/** Epoch ms of an RFC 3339 text in UTC with Z; null for any other text. */
export function toMs(text: string): number | null {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/**
 * The time as it stands (UTC with Z), or in another IANA zone with its offset: "2026-03-01T09:00:00+09:00". What is no
 * time, or a zone that does not exist, leaves the text as it is.
 */
export function formatTime(text: string, zone = "UTC"): string {
  const ms = zone === "UTC" ? null : toMs(text);
  if (ms === null) return text;
  return DateTime.fromMillis(ms, { zone }).toISO({ suppressMilliseconds: true }) ?? text;
}
