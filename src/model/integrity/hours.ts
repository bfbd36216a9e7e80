/**
 * What is proven of each hour: counts of its log files, and a verdict over them and the digest files that cover it.
 *
 * PROVEN: signed, linked digest files cover the hour without a hole, and every log file that they list was read as it was
 * delivered. BROKEN: something was altered, is missing or was added. MISSING: no digest file covers all of it, and none is to
 * be expected any more. UNPROVEN: read, but nothing proves it: there are no digest files, or something could not be read.
 * OPEN: still to come. Hours are those of delivery, as digest files have them; an event is delivered some minutes after it
 * happened. That CloudTrail recorded every call is nowhere said. Pure.
 */
import { HOUR_MS } from "./place.ts";

/** The verdicts. */
export const HOUR_STATES = ["proven", "open", "unproven", "missing", "broken"] as const;
export type HourState = (typeof HOUR_STATES)[number];

/** Log files of an hour by what became of them. `seen`: read. `late`: read only after a digest file had listed them. */
export type HourCounts = Readonly<
  Record<"seen" | "proven" | "altered" | "missing" | "unread" | "unlisted" | "late", number>
>;
type HourPlace = { readonly accountId: string; readonly region: string; readonly hourMs: number };

/** What is known of an hour of an account and Region. */
export type LogHour = HourPlace & HourCounts & { readonly state: HourState };

/** A digest file as far as it says what is covered, by delivery. */
export type Cover = {
  readonly accountId: string;
  readonly region: string;
  readonly state: "noticed" | "listed" | "proven" | "broken";
  readonly startMs: number;
  readonly endMs: number;
};

/** Which hours are asked for: those that begin in [fromMs, toMs). */
export type HourChoice = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly accountId?: string;
  readonly region?: string;
};

/** A digest file comes within an hour of the end of its own, and so long more it is waited for. */
export const DIGEST_WAIT_MS: number = 3 * HOUR_MS;
/** What was not proven after so long is not any more on its way. */
const PATIENCE_MS = 24 * HOUR_MS;
/** Digest files follow one another to the second; what is less than this apart is no hole. */
const JOINT_MS = 2_000;

type Place = { readonly counts: Map<number, HourPlace & HourCounts>; readonly covers: Cover[] };

const NONE: HourCounts = { seen: 0, proven: 0, altered: 0, missing: 0, unread: 0, unlisted: 0, late: 0 };

/** The hours of a choice of which anything is known, and those between; by account, Region, hour. */
export function toHours(
  known: { readonly counts: readonly (HourPlace & HourCounts)[]; readonly covers: readonly Cover[] },
  { fromMs, toMs }: HourChoice,
  nowMs: number,
): readonly LogHour[] {
  const places = new Map<string, Place>();
  const placeOf = ({ accountId, region }: Pick<HourPlace, "accountId" | "region">): Place => {
    const key = `${accountId}/${region}`;
    const place: Place = places.get(key) ?? { counts: new Map(), covers: [] };
    places.set(key, place);
    return place;
  };
  for (const count of known.counts) placeOf(count).counts.set(count.hourMs, count);
  for (const cover of known.covers) placeOf(cover).covers.push(cover);
  const end = Math.min(toMs, nowMs);
  return [...places.entries()]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([key, { counts, covers }]) => {
      const [accountId = "", region = ""] = key.split("/");
      const firstMs = Math.min(...counts.keys(), ...covers.map(({ startMs }) => floorHour(startMs)));
      const lastMs = covers.length > 0 ? end - 1 : Math.max(...counts.keys());
      const hours: LogHour[] = [];
      for (
        let hourMs = Math.max(floorHour(fromMs + HOUR_MS - 1), firstMs);
        hourMs <= lastMs && hourMs < toMs;
        hourMs += HOUR_MS
      ) {
        const count = counts.get(hourMs) ?? { ...NONE, accountId, region, hourMs };
        hours.push({ ...count, state: judgeHour(count, covers, nowMs) });
      }
      return hours;
    });
}

function floorHour(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

function judgeHour(count: HourPlace & HourCounts, covers: readonly Cover[], nowMs: number): HourState {
  const endMs = count.hourMs + HOUR_MS;
  const touching = covers.filter((cover) => cover.startMs < endMs && cover.endMs > count.hourMs);
  if (count.altered + count.missing + count.unlisted > 0 || touching.some(({ state }) => state === "broken"))
    return "broken";
  if (covers.length === 0) return nowMs - endMs < DIGEST_WAIT_MS ? "open" : "unproven";
  const proven = touching.filter(({ state }) => state === "proven");
  if (count.unread === 0 && isCovered(proven, count.hourMs, endMs)) return "proven";
  if (isCovered(touching, count.hourMs, endMs)) return nowMs - endMs < PATIENCE_MS ? "open" : "unproven";
  if (nowMs - endMs < DIGEST_WAIT_MS) return "open";
  // Before the first digest file that is known nothing was to be expected.
  return covers.some(({ startMs }) => startMs <= count.hourMs) ? "missing" : "unproven";
}

/** Whether spans cover [fromMs, toMs) without a hole. */
export function isCovered(covers: readonly Pick<Cover, "startMs" | "endMs">[], fromMs: number, toMs: number): boolean {
  let reachedMs = fromMs;
  for (const { startMs, endMs } of covers.toSorted((one, other) => one.startMs - other.startMs))
    if (startMs <= reachedMs + JOINT_MS) reachedMs = Math.max(reachedMs, endMs);
  return reachedMs >= toMs;
}
