/**
 * CloudTrail's LookupEvents as AWS answers it: 90 days, newest first, pages of at most 50, tokens that fit one query only.
 * And its ListPublicKeys: the keys of a Region that were valid in a span of time.
 *
 * Checked as AWS does: MaxResults 1 to 50, StartTime not after EndTime, a token given with the parameters it was made for.
 */
import * as cloudtrail from "@aws-sdk/client-cloudtrail";
import type { SigningKey } from "./digests.ts";
import { type Call, FakeError, serve, type Served } from "./service.ts";

/** An event that the account has: its time (epoch ms) and its record's text. */
export type Kept = { readonly timeMs: number; readonly text: string };

/** A key that signs digest files, and when it is valid (epoch ms); without a span always. */
export type ValidKey = SigningKey & { readonly fromMs?: number; readonly toMs?: number };

/** Serves the events and keys that there are for a Region, as they are at each request; events also by who asks. */
export function serveCloudTrail(
  eventsOf: (region: string, call: Call) => readonly Kept[],
  keysOf: (region: string) => readonly ValidKey[] = () => [],
): Served {
  return serve(cloudtrail, {
    ListPublicKeys: ({ StartTime, EndTime }, { region }) => {
      const [fromMs, toMs] = [StartTime?.getTime() ?? Date.now(), EndTime?.getTime() ?? Date.now()];
      if (fromMs > toMs) throw new FakeError("InvalidTimeRangeException", "The start time is after the end time.");
      const valid = keysOf(region).filter((key) => (key.fromMs ?? 0) <= toMs && (key.toMs ?? Infinity) >= fromMs);
      return {
        PublicKeyList: valid.map((key) => ({
          Value: key.der,
          Fingerprint: key.fingerprint,
          ValidityStartTime: new Date(key.fromMs ?? 0),
          ValidityEndTime: new Date(key.toMs ?? 4e12),
        })),
      };
    },
    LookupEvents: ({ StartTime, EndTime, MaxResults = 50, NextToken }, call) => {
      if (MaxResults < 1 || MaxResults > 50) throw new FakeError("InvalidMaxResultsException", "MaxResults is 1 to 50");
      const [fromMs, toMs] = [StartTime?.getTime() ?? -Infinity, EndTime?.getTime() ?? Infinity];
      if (fromMs > toMs) throw new FakeError("InvalidTimeRangeException", "The start time is after the end time.");
      const query = `${fromMs}/${toMs}/${MaxResults}`;
      const [made, at = "0"] = (NextToken ?? `${query}#0`).split("#");
      if (made !== query) throw new FakeError("InvalidNextTokenException", "The token is not of this query.");
      const found = eventsOf(call.region, call)
        .filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs)
        .toSorted((a, b) => b.timeMs - a.timeMs);
      const until = Number(at) + MaxResults;
      const Events = found.slice(Number(at), until).map(({ timeMs, text }) => {
        const { eventID, eventName, eventSource } = JSON.parse(text) as Record<string, string>;
        return {
          EventId: eventID,
          EventName: eventName,
          EventSource: eventSource,
          EventTime: new Date(timeMs),
          CloudTrailEvent: text,
        };
      });
      return { Events, ...(until < found.length ? { NextToken: `${query}#${until}` } : {}) };
    },
  });
}
