/**
 * Asks LookupEvents for the events of a window, page by page, as fast as the account and Region may be asked.
 *
 * Shared by the source and by the reading of the past. Tokens are not kept: a window that broke off is asked for anew.
 * https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
import type * as Sdk from "@aws-sdk/client-cloudtrail";
import { CALL_LIMITS } from "../../aws/clients.ts";
import { keepBody } from "./body.ts";
import type { Paces } from "./pace.ts";
import type { Place } from "./places.ts";

/** Longest window: what a crash asks for again. */
export const WINDOW_MS: number = 60 * 60_000;
/** Events of a page: the API's most. */
const PAGE = 50;

/** Event times asked for, epoch ms, both included. */
export type LookupWindow = { readonly fromMs: number; readonly toMs: number };

/** One answer with events in it. `position`: the end of the window, with its last page. */
export type LookupPage = { readonly body: Uint8Array; readonly path: string; readonly position: string | null };

export type Lookups = {
  /** The events of a window, newest first as the API gives them; the position, its end, stands with the last page. */
  read(place: Place, window: LookupWindow, signal: AbortSignal): AsyncGenerator<LookupPage, void>;
  /** Closes what is open. */
  close(): void;
};

/** `onRequest` is called before each request and may throw to end the reading. */
export function createLookups(paces: Paces, onRequest: () => void = () => undefined): Lookups {
  const clients = new Map<string, Sdk.CloudTrailClient>();
  return {
    async *read(place, { fromMs, toMs }, signal) {
      const sdk = await import("@aws-sdk/client-cloudtrail");
      const { aws, key } = place;
      const client = clients.get(key) ?? aws.open(sdk.CloudTrailClient, CALL_LIMITS, {});
      clients.set(key, client);
      const call = { service: "cloudtrail", operation: "LookupEvents", resource: key };
      for (let NextToken: string | undefined, page = 0; ; page += 1) {
        const command = new sdk.LookupEventsCommand({
          StartTime: new Date(fromMs),
          EndTime: new Date(toMs),
          MaxResults: PAGE,
          ...(NextToken === undefined ? {} : { NextToken }),
        });
        const bodyOf = keepBody(command);
        onRequest();
        await paces.of({ accountId: place.calledId, region: place.region }).turn(signal);
        const send = (abortSignal: AbortSignal): Promise<Sdk.LookupEventsCommandOutput> =>
          client.send(command, { abortSignal });
        const { Events = [], NextToken: next } = await aws.call(call, send, { limits: CALL_LIMITS, signal });
        const isLast = next === undefined || next === "";
        const path = `cloudtrail-lookup://${key}/${fromMs}-${toMs}/${page}`;
        if (Events.length > 0) yield { body: bodyOf(), path, position: isLast ? String(toMs) : null };
        if (isLast) return;
        NextToken = next;
      }
    },
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
