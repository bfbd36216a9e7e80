/**
 * Tells how old records are when they are read and committed, how many were late, and how old alerts are when a sink has
 * them.
 *
 * Per batch and per array, never per record: event times come as a list for each account and Region, and leave as counts.
 */
import type { OutboxItem } from "../contracts.ts";
import { type SeenTimes, toAges } from "../model/ages.ts";
import type { Emit } from "../model/signal.ts";

/** Event times of a source's records that wait for their commit. */
export type Seen = { readonly source: string; readonly times: readonly SeenTimes[] };

/** Tells of records of live sources at `nowMs`. */
export function tellLateness(stage: "read" | "committed", seen: Seen, at: { nowMs: number; emit: Emit }): void {
  for (const { accountId, region, timesMs } of seen.times) {
    if (timesMs.length === 0) continue;
    at.emit({ type: "lateness", stage, source: seen.source, accountId, region, ages: toAges(timesMs, at.nowMs) });
  }
}

/** Tells how many of a batch's records were late, by account and Region where these are known. */
export function tellLate(
  source: string,
  result: { readonly late: number; readonly times?: readonly SeenTimes[]; readonly watermarkMs: number },
  emit: Emit,
): void {
  const { watermarkMs, times = [] } = result;
  let rest = result.late;
  for (const { accountId, region, timesMs } of times) {
    const records = timesMs.filter((timeMs) => timeMs < watermarkMs).length;
    rest -= records;
    if (records > 0) emit({ type: "late", source, accountId, region, records });
  }
  if (rest > 0) emit({ type: "late", source, accountId: "", region: "", records: rest });
}

/** Tells of alerts that a sink took for the first time; an update waits on purpose and would say nothing. */
export function tellAcknowledged(
  sink: string,
  items: readonly OutboxItem[],
  { nowMs, emit }: { nowMs: number; emit: Emit },
): void {
  const places = new Map<string, { accountId: string; region: string; events: number[]; commits: number[] }>();
  for (const { alert, opened } of items) {
    if (!opened) continue;
    const { accountId, region } = alert;
    const key = `${accountId} ${region}`;
    const place = places.get(key) ?? { accountId, region, events: [], commits: [] };
    places.set(key, place);
    place.events.push(Date.parse(alert.lastEventTime));
    place.commits.push(Date.parse(alert.seenTime));
  }
  for (const { accountId, region, events, commits } of places.values())
    emit({
      type: "acknowledged",
      sink,
      accountId,
      region,
      ages: toAges(events, nowMs),
      waits: toAges(commits, nowMs),
    });
}
