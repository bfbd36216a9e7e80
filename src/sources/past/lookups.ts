/**
 * The past by LookupEvents: every account and Region of the source, window by window, the oldest first.
 *
 * All places are asked for one window before the next begins, so that the watermark follows the windows. A window that was
 * read to its end is a position; a run that was ended asks again from there. Only management events are there, 90 days of
 * them, and a busy day takes hours: it is for accounts without a trail.
 */
import type { Batch, Source } from "../../contracts.ts";
import { toEmptyBatch, toSourceBatch } from "../records/batch.ts";
import { createLookups, type Lookups, WINDOW_MS } from "../poll/lookup.ts";
import { merge } from "../poll/merge.ts";
import { createPaces, LOOKUPS_PER_SECOND } from "../poll/pace.ts";
import { createPlaces, type Place, type PlaceSettings } from "../poll/places.ts";
import { splitPage } from "../poll/rounds.ts";
import { createMeter, endPast, type Past, type PastDeps, type PastRun, type PastSpan } from "./past.ts";

type NamedPlaces = PlaceSettings & { readonly name: string };

/** Events become visible within so long: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html */
const BEHIND_MS = 20 * 60_000;
const DAY_MS = 86_400_000;
/** CloudTrail keeps so much. */
const KEPT_MS = 90 * DAY_MS;
/** Places that are asked at a time. */
const AT_ONCE = 8;

/** The past of a `cloudtrail-lookup` source. */
export function createLookupPast(config: NamedPlaces, deps: PastDeps): Past {
  return {
    by: "lookup",
    behindMs: BEHIND_MS,
    plan: async (span, limits) => {
      const meter = createMeter(limits);
      const places = choose(config, span, deps);
      const windows = toWindows(span, deps.clock.nowMs());
      const requests = places.length * windows.length;
      for (let at = 0; at < requests; at += 1) meter.request();
      // Places are asked side by side, each at its own pace.
      const leastMs = (windows.length / LOOKUPS_PER_SECOND) * 1000;
      return { objects: 0, bytes: 0, requests, isLeast: true, leastMs };
    },
    open: (run): Source => ({
      name: config.name,
      logsources: ["aws/cloudtrail"],
      timing: { mode: "historic", latenessMs: 0, idleMs: 0, followMs: null },
      read: (positions, signal) => read({ config, deps, run, positions }, signal),
    }),
  };
}

/** Accounts and Regions of the span. The account of the credentials is asked, whatever its number, unless it is known. */
function choose(config: NamedPlaces, { account, region }: PastSpan, deps: PastDeps): readonly Place[] {
  return createPlaces(config, deps.clock).filter(
    (place) =>
      (region === null || place.region === region) &&
      (account === null || place.calledId === null || place.calledId === account),
  );
}

type Window = { readonly fromMs: number; readonly toMs: number };

function toWindows({ fromMs, toMs }: PastSpan, nowMs: number): readonly Window[] {
  const windows: Window[] = [];
  const endMs = Math.min(toMs, Math.floor(nowMs / 1000) * 1000);
  for (let at = Math.max(fromMs, nowMs - KEPT_MS); at < endMs; at += WINDOW_MS)
    windows.push({ fromMs: at, toMs: Math.min(at + WINDOW_MS, endMs) });
  return windows;
}

type Reading = {
  readonly config: NamedPlaces;
  readonly deps: PastDeps;
  readonly run: PastRun;
  readonly positions: ReadonlyMap<string, string>;
};

async function* read(reading: Reading, signal: AbortSignal): AsyncGenerator<Batch> {
  const { config, deps, run, positions } = reading;
  const { clock, paces = createPaces(clock) } = deps;
  const meter = createMeter(run.limits);
  const lookups = createLookups(paces, () => meter.request());
  const places = choose(config, run.span, deps);
  const windows = toWindows(run.span, clock.nowMs());
  try {
    for (const [at, window] of windows.entries()) {
      run.onProgress({ done: at, total: windows.length, requests: meter.requests() });
      const open = places.filter(({ key }) => Number(positions.get(key) ?? -Infinity) < window.toMs);
      yield* merge(
        open.map((place) => () => readWindow({ place, window, lookups }, reading, signal)),
        AT_ONCE,
      );
      if (signal.aborted) return;
    }
    run.onProgress({ done: windows.length, total: windows.length, requests: meter.requests() });
    yield toEnd(reading);
  } finally {
    lookups.close();
  }
  await endPast(run, signal);
}

/** What became visible by now is complete. */
function toEnd({ config, deps, run }: Reading): Batch {
  const floorMs = Math.min(run.span.toMs, deps.clock.nowMs() - BEHIND_MS);
  const around = { source: config.name, path: "cloudtrail-lookup://", positions: [], settle: () => undefined };
  return toEmptyBatch("cloudtrail", { ...around, floorMs });
}

type ToRead = { readonly place: Place; readonly window: Window; readonly lookups: Lookups };

async function* readWindow(
  { place, window, lookups }: ToRead,
  { config, deps }: Reading,
  signal: AbortSignal,
): AsyncGenerator<Batch, void> {
  const source = config.name;
  const around = { source, floorMs: window.fromMs, settle: () => undefined };
  for await (const page of lookups.read(place, window, signal)) {
    for (const batch of splitPage(page, { source, limits: deps.limits }))
      yield toSourceBatch(batch, { ...around, path: page.path, positions: [] });
    if (signal.aborted) return;
  }
  const positions = [{ source, key: place.key, value: String(window.toMs) }];
  yield toEmptyBatch("cloudtrail", { ...around, path: place.key, positions });
}
