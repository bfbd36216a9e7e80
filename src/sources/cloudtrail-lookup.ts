/**
 * The `cloudtrail-lookup` source: management events as LookupEvents gives them, for accounts without a trail and as repair.
 *
 * Each account and Region is asked window by window, the oldest first. A window that was read to its end is committed with
 * its last page, and the next one begins 20 minutes before its end: CloudTrail makes events visible with some delay. AWS
 * allows 2 requests a second an account and Region; 1.8 are made, whoever asks. That is 100 events a second at most: a
 * main feed it is not. Insights and data events are not there. Records are the texts that AWS keeps. Live; never ends.
 * https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
import { z } from "zod";
import type { Source } from "../contracts.ts";
import { durationSchema } from "../model/settings.ts";
import { createLookupPast } from "./past/lookups.ts";
import { createLookups, WINDOW_MS } from "./poll/lookup.ts";
import { lookupNeeds, lookupProbes } from "./poll/needs.ts";
import { createPaces } from "./poll/pace.ts";
import { createPlaces, type PlaceSettings, placesShape } from "./poll/places.ts";
import { readRounds, type Rounds } from "./poll/rounds.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { sourceNameSchema, withRareWarnings } from "./sqs/settings.ts";

/** Settings, defaults filled in; durations in ms. */
export type CloudTrailLookupConfig = PlaceSettings & {
  readonly type: "cloudtrail-lookup";
  readonly name: string;
  readonly every: number;
  readonly since: number;
};

const MINUTE_MS = 60_000;
/** How late CloudTrail makes events visible, and a window begins before the end of the last one. */
const OVERLAP_MS = 20 * MINUTE_MS;
/** A clock that is corrected by less has read nothing but what the overlap reads again. */
const AHEAD_MS = 10 * MINUTE_MS;

const schema: SourceType<CloudTrailLookupConfig>["schema"] = z.strictObject({
  type: z.literal("cloudtrail-lookup"),
  name: sourceNameSchema("cloudtrail-lookup"),
  ...placesShape,
  every: durationSchema({ least: 30_000, most: 60 * MINUTE_MS })
    .prefault("5m")
    .describe("How often the newest events are asked for. Default 5m: they become visible after minutes."),
  since: durationSchema({ least: MINUTE_MS, most: 90 * 1440 * MINUTE_MS })
    .prefault("1h")
    .describe(
      "How far back the first look goes. Default 1h; CloudTrail keeps 90 days, of which a busy day takes hours to read.",
    ),
});

/** Makes the source. Errors by code, from `read`: config_invalid (see createPlaces). */
export function createCloudTrailLookup(config: CloudTrailLookupConfig, given: SourceDeps): Source {
  const deps = withRareWarnings(given);
  const { name, every, since } = config;
  const { clock, limits, warn, gap, onScanned, onAnswered } = deps;
  return {
    name,
    logsources: ["aws/cloudtrail"],
    timing: { mode: "live", latenessMs: OVERLAP_MS, idleMs: 3 * every, asksMs: 3 * every, followMs: null },
    read: (positions, signal) => {
      const startMs: Rounds["startMs"] = (_place, position) => {
        const [endMs, nowMs] = [toEnd(position), clock.nowMs()];
        // A window of the future was read by a clock that was ahead: nobody knows since when.
        return endMs === null || endMs > nowMs + AHEAD_MS ? nowMs - since : endMs;
      };
      return readRounds(
        {
          source: name,
          kind: "cloudtrail",
          places: createPlaces(config, clock),
          everyMs: every,
          limits,
          clock,
          warn,
          onScanned,
          onAnswered,
          onUnread: ({ calledId: account, region }, times) =>
            gap?.({ account, region, ...times, reason: "unread_place" }),
          startMs,
          look: createLooker(deps, startMs),
        },
        positions,
        signal,
      );
    },
  };
}

/** The registry's entry. */
export const cloudTrailLookupSource: SourceType<CloudTrailLookupConfig> = {
  schema,
  create: createCloudTrailLookup,
  needs: lookupNeeds,
  probes: lookupProbes,
  past: createLookupPast,
};

/** End of the last window that was read whole, epoch ms. */
function toEnd(position: string | undefined): number | null {
  const ms = Number(position);
  return position === undefined || Number.isNaN(ms) ? null : ms;
}

function createLooker(
  { clock, paces = createPaces(clock) }: Pick<SourceDeps, "clock" | "paces">,
  startMs: Rounds["startMs"],
): Rounds["look"] {
  const lookups = createLookups(paces);
  return async function* (place, position, signal) {
    const untilMs = Math.floor(clock.nowMs() / 1000) * 1000;
    const isFirst = position === undefined;
    let fromMs = startMs(place, position) - (isFirst ? 0 : OVERLAP_MS);
    while (fromMs < untilMs && !signal.aborted) {
      const toMs = Math.min(fromMs + WINDOW_MS, untilMs);
      yield* lookups.read(place, { fromMs, toMs }, signal);
      fromMs = toMs;
    }
    return { completeMs: untilMs, position: String(untilMs) };
  };
}
