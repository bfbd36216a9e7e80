/**
 * The `guardduty` source: findings as GuardDuty's own API lists them, beside those that EventBridge pushes.
 *
 * Each account and Region is asked every minute for the findings that changed since a quarter of an hour before the newest
 * it gave. A finding is the same event by whichever way it comes: its id, and its updatedAt as the version. With a delegated
 * administrator one account gives the findings of all. It also looks at the detector: one that is off, or that publishes
 * changes only every 6 hours, is told. Records are the bytes that AWS sent. Live; never ends but by an abort.
 * https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
 */
import { z } from "zod";
import type * as Sdk from "@aws-sdk/client-guardduty";
import { CALL_LIMITS } from "../aws/clients.ts";
import type { Source } from "../contracts.ts";
import { durationSchema } from "../model/settings.ts";
import { keepBody } from "./poll/body.ts";
import { findingNeeds, findingProbes } from "./poll/needs.ts";
import { createPlaces, type PlaceSettings, placesShape } from "./poll/places.ts";
import { type Complete, type Page, readRounds, type Rounds } from "./poll/rounds.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { sourceNameSchema, withRareWarnings } from "./sqs/settings.ts";
import type { Warn } from "../model/errors.ts";

/** Settings, defaults filled in; durations in ms. */
export type GuardDutyConfig = PlaceSettings & {
  readonly type: "guardduty";
  readonly name: string;
  readonly every: number;
  readonly since: number;
};

const MINUTE_MS = 60_000;
/** A look begins so long before the newest finding of the last one: findings do not become visible in order. */
const OVERLAP_MS = 15 * MINUTE_MS;
/** Findings of a page, and ids of a GetFindings: the API's most. */
const PAGE = 50;
/** How often the detector itself is looked at. */
const CHECK_MS = 60 * MINUTE_MS;

const schema: SourceType<GuardDutyConfig>["schema"] = z.strictObject({
  type: z.literal("guardduty"),
  name: sourceNameSchema("guardduty"),
  ...placesShape,
  every: durationSchema({ least: 10_000, most: 60 * MINUTE_MS })
    .prefault("1m")
    .describe("How often findings are asked for. Default 1m: GuardDuty itself takes minutes."),
  since: durationSchema({ least: MINUTE_MS, most: 90 * 1440 * MINUTE_MS })
    .prefault("1d")
    .describe("How far back the first look goes. Default 1d; GuardDuty keeps findings for 90 days."),
});

/** Makes the source. Errors by code, from `read`: config_invalid (see createPlaces). */
export function createGuardDuty(config: GuardDutyConfig, given: SourceDeps): Source {
  const deps = withRareWarnings(given);
  const { name, every, since } = config;
  return {
    name,
    logsources: ["aws/guardduty"],
    timing: { mode: "live", latenessMs: OVERLAP_MS, idleMs: 3 * every, asksMs: 3 * every, followMs: null },
    read: (positions, signal) => {
      return readRounds(
        {
          source: name,
          kind: "guardduty",
          places: createPlaces(config, deps.clock),
          everyMs: every,
          limits: deps.limits,
          clock: deps.clock,
          warn: deps.warn,
          onScanned: deps.onScanned,
          onAnswered: deps.onAnswered,
          startMs: (_place, position) => toCursor(position) ?? deps.clock.nowMs() - since,
          look: createLooker(config, deps),
        },
        positions,
        signal,
      );
    },
  };
}

/** The registry's entry. */
export const guardDutySource: SourceType<GuardDutyConfig> = {
  schema,
  create: createGuardDuty,
  needs: findingNeeds,
  probes: findingProbes,
};

function toCursor(position: string | undefined): number | null {
  const ms = Number(position);
  return position === undefined || Number.isNaN(ms) ? null : ms;
}

/** What is remembered of a place between its looks. */
type Memory = {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.GuardDutyClient;
  detectorId: string | null;
  checkedMs: number;
  /** Findings that were given, by id, with their version: those of the overlap come again with each look. */
  readonly given: Map<string, number>;
};
/** A call in the place of a look. */
type Call = <T>(operation: string, send: (abortSignal: AbortSignal) => Promise<T>) => Promise<T>;

function createLooker({ since }: GuardDutyConfig, { clock, warn }: SourceDeps): Rounds["look"] {
  const memories = new Map<string, Memory>();
  return async function* (place, position, signal) {
    const { aws, key } = place;
    const sdk = await import("@aws-sdk/client-guardduty");
    const memory = memories.get(key) ?? createMemory(aws.open(sdk.GuardDutyClient, CALL_LIMITS, {}), sdk);
    memories.set(key, memory);
    const call: Call = (operation, send) =>
      aws.call({ service: "guardduty", operation, resource: key }, send, { limits: CALL_LIMITS, signal });
    const begunMs = clock.nowMs();
    if (clock.monotonicMs() - memory.checkedMs >= CHECK_MS) {
      memory.detectorId = await findDetector(key, memory, { call, warn });
      memory.checkedMs = clock.monotonicMs();
    }
    const cursorMs = toCursor(position) ?? begunMs - since;
    const { detectorId } = memory;
    if (detectorId === null) return { completeMs: begunMs, position: String(cursorMs) };
    return yield* readPages({ memory, call, begunMs, detectorId, key }, cursorMs);
  };
}

function createMemory(client: Sdk.GuardDutyClient, sdk: typeof Sdk): Memory {
  return { sdk, client, detectorId: null, checkedMs: -Infinity, given: new Map() };
}

type Look = {
  readonly memory: Memory;
  readonly call: Call;
  readonly begunMs: number;
  readonly detectorId: string;
  readonly key: string;
};

/** All pages of the findings that changed since the cursor, oldest change first. */
async function* readPages(look: Look, fromMs: number): AsyncGenerator<Page, Complete> {
  const { memory, call, begunMs, detectorId: DetectorId, key } = look;
  const { sdk, client, given } = memory;
  const sinceMs = fromMs - OVERLAP_MS;
  for (const [id, ms] of given) if (ms < sinceMs) given.delete(id);
  let cursorMs = fromMs;
  for (let NextToken: string | undefined, page = 0; ; page += 1) {
    const list = new sdk.ListFindingsCommand({
      DetectorId,
      FindingCriteria: { Criterion: { updatedAt: { GreaterThanOrEqual: sinceMs } } },
      SortCriteria: { AttributeName: "updatedAt", OrderBy: "ASC" },
      MaxResults: PAGE,
      ...(NextToken === undefined ? {} : { NextToken }),
    });
    const { FindingIds = [], NextToken: next } = await call("ListFindings", (abortSignal) =>
      client.send(list, { abortSignal }),
    );
    if (FindingIds.length > 0) {
      const get = new sdk.GetFindingsCommand({ DetectorId, FindingIds });
      const bodyOf = keepBody(get);
      const { Findings = [] } = await call("GetFindings", (abortSignal) => client.send(get, { abortSignal }));
      const { newestMs, hasNew } = note(Findings, given);
      // A finding of tomorrow must not make us miss those of today.
      cursorMs = Math.max(cursorMs, Math.min(newestMs, begunMs));
      const path = `guardduty://${key}/${DetectorId}/${begunMs}/${page}`;
      if (hasNew) yield { body: bodyOf(), path, position: String(cursorMs) };
    }
    // The last page has an empty token.
    if (next === undefined || next === "") return { completeMs: begunMs, position: String(cursorMs) };
    NextToken = next;
  }
}

/** Notes what was given; whether any of it is new, and the newest change. */
function note(
  findings: readonly { readonly Id?: string | undefined; readonly UpdatedAt?: string | undefined }[],
  given: Map<string, number>,
): { readonly newestMs: number; readonly hasNew: boolean } {
  let newestMs = -Infinity;
  let hasNew = false;
  for (const { Id = "", UpdatedAt = "" } of findings) {
    const ms = Date.parse(UpdatedAt);
    // One without a time goes into the quarantine, each time: that is noted there once.
    if (Number.isNaN(ms) || (given.get(Id) ?? -Infinity) < ms) hasNew = true;
    if (Number.isNaN(ms)) continue;
    given.set(Id, ms);
    newestMs = Math.max(newestMs, ms);
  }
  return { newestMs, hasNew };
}

/** The detector of a place, null where GuardDuty is off; tells what makes findings late or absent. */
async function findDetector(
  key: string,
  { sdk, client }: Memory,
  { call, warn }: { readonly call: Call; readonly warn: Warn },
): Promise<string | null> {
  const { DetectorIds = [] } = await call("ListDetectors", (abortSignal) =>
    client.send(new sdk.ListDetectorsCommand({}), { abortSignal }),
  );
  const [DetectorId] = DetectorIds;
  if (DetectorId === undefined) {
    warn(`GuardDuty is off in ${key}: there are no findings; switch it on, or take the Region out of regions.`);
    return null;
  }
  const { Status, FindingPublishingFrequency: often } = await call("GetDetector", (abortSignal) =>
    client.send(new sdk.GetDetectorCommand({ DetectorId }), { abortSignal }),
  );
  if (Status !== "ENABLED")
    warn(`GuardDuty in ${key} is ${(Status ?? "in an unknown state").toLowerCase()}: no new findings will come.`);
  if (often !== "FIFTEEN_MINUTES") {
    const now = often === "ONE_HOUR" ? "hour" : "6 hours";
    warn(
      `GuardDuty in ${key} publishes changes of a finding every ${now}; set FindingPublishingFrequency to FIFTEEN_MINUTES.`,
    );
  }
  return DetectorId;
}
