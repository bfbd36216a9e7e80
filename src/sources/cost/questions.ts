/**
 * What is asked of Cost Explorer, and over which time. Pure.
 *
 * Each look asks for the last days again, since AWS changes its figures; the first look of a day goes back to the oldest
 * day that is still an estimate. Before what it tells lie the days that it is compared with, in the same answer.
 */
import type * as Sdk from "@aws-sdk/client-cost-explorer";
import { toUtcText } from "../../lib/clock.ts";
import { toDay } from "./budget.ts";
import type { CostConfig } from "./settings.ts";

/** One question: rows of one grouping. `name` is unique among those of a source. */
export type Question = {
  readonly name: string;
  readonly granularity: "DAILY" | "HOURLY";
  readonly groups: readonly string[];
};

/** The time of an answer: [startMs, endMs), of which periods from `toldMs` on are told, the others compared with. */
export type Span = { readonly startMs: number; readonly endMs: number; readonly toldMs: number };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Days before today that each look reads again. */
const AGAIN_DAYS = 3;
/** The longest that a day stays an estimate: a month, and some days until its bill. */
const ESTIMATED_DAYS = 38;
/** Hours that each look reads again. */
const AGAIN_HOURS = 48;

/** Periods that a row is compared with: two weeks, so that each day of the week is there twice; a day of hours. */
export const EARLIER: Readonly<Record<Question["granularity"], number>> = { DAILY: 14, HOURLY: 24 };

/** Length of a period, ms. */
export const PERIOD_MS: Readonly<Record<Question["granularity"], number>> = { DAILY: DAY_MS, HOURLY: HOUR_MS };

/** The questions that settings ask for. */
export function toQuestions({ groups, hourly }: Pick<CostConfig, "groups" | "hourly">): readonly Question[] {
  const granularities = hourly ? (["DAILY", "HOURLY"] as const) : (["DAILY"] as const);
  return granularities.flatMap((granularity) =>
    groups.map((names) => ({ granularity, groups: names, name: `${granularity} ${names.join(",")}` })),
  );
}

/** What was told before. `lookedMs`: when the last whole look began; `estimatedMs`: the oldest day that is an estimate. */
export type Told = { readonly lookedMs: number | null; readonly estimatedMs: number | null };

/** The time to ask for. `sinceMs`: how far back the first look goes. */
export function toSpan(
  { granularity }: Question,
  { lookedMs, estimatedMs }: Told,
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): Span {
  const periodMs = PERIOD_MS[granularity];
  const currentMs = Math.floor(nowMs / periodMs) * periodMs;
  const again = (periods: number): number => currentMs - periods * periodMs;
  const toldMs =
    granularity === "HOURLY"
      ? again(AGAIN_HOURS)
      : lookedMs === null
        ? again(Math.ceil(sinceMs / DAY_MS))
        : toDay(lookedMs) === toDay(nowMs)
          ? again(AGAIN_DAYS)
          : Math.min(again(AGAIN_DAYS), Math.max(estimatedMs ?? Infinity, again(ESTIMATED_DAYS)));
  return { toldMs, startMs: toldMs - EARLIER[granularity] * periodMs, endMs: currentMs + periodMs };
}

/** The start of a period as Cost Explorer writes it: "2026-03-10", or "2026-03-10T05:00:00Z". */
export function toPeriodText(epochMs: number, granularity: Question["granularity"]): string {
  return granularity === "HOURLY" ? toUtcText(epochMs) : toDay(epochMs);
}

/** The request of a page. */
export function toRequest(
  { granularity, groups }: Question,
  { startMs, endMs }: Span,
  by: { readonly recordTypes: readonly string[]; readonly token: string | undefined },
): Sdk.GetCostAndUsageCommandInput {
  const { recordTypes, token } = by;
  return {
    TimePeriod: { Start: toPeriodText(startMs, granularity), End: toPeriodText(endMs, granularity) },
    Granularity: granularity,
    Metrics: ["UnblendedCost", "UsageQuantity"],
    GroupBy: groups.map((name) =>
      name.startsWith("TAG:") ? { Type: "TAG", Key: name.slice(4) } : { Type: "DIMENSION", Key: name },
    ),
    ...(recordTypes.length === 0 ? {} : { Filter: { Dimensions: { Key: "RECORD_TYPE", Values: [...recordTypes] } } }),
    ...(token === undefined ? {} : { NextPageToken: token }),
  };
}
