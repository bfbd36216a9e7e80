/**
 * What the sources that ask AWS need in each account and Region, and what is tried there: the reads they make themselves,
 * of one item each.
 */
import { accountOf, type Need, toArn, toCaller, withCaller } from "../../aws/needs.ts";
import { identityProbes, withClient } from "../../aws/probes.ts";
import type { AwsSettings } from "../../aws/settings.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { createPlaces, type Place, type PlaceSettings } from "./places.ts";

type NamedPlaces = PlaceSettings & { readonly name: string };

/** The settings of calls in one of the Regions. */
export function settingsOf(settings: PlaceSettings, region: string): AwsSettings {
  const { role, externalId, endpoint, profile } = settings;
  return { role, externalId, endpoint, profile, region };
}

/** Needs of LookupEvents, which knows no resources: held to the Regions. Errors by code: config_invalid. */
export function lookupNeeds(settings: PlaceSettings): readonly Need[] {
  return createPlaces(settings, systemClock).flatMap(({ accountId, region }) =>
    withCaller(toCaller(settingsOf(settings, region), accountId), [
      {
        action: "cloudtrail:LookupEvents",
        resource: "*",
        condition: { StringEquals: { "aws:RequestedRegion": [...settings.regions] } },
        why: "to read management events",
      },
    ]),
  );
}

/** Needs of reading findings. Errors by code: config_invalid. */
export function findingNeeds(settings: PlaceSettings): readonly Need[] {
  return createPlaces(settings, systemClock).flatMap(({ accountId, region }) => {
    const caller = toCaller(settingsOf(settings, region), accountId);
    const account = accountId ?? accountOf(caller);
    const resource = toArn({ service: "guardduty", region, account }, "detector/*");
    return withCaller(caller, [
      {
        action: "guardduty:ListDetectors",
        resource: "*",
        condition: { StringEquals: { "aws:RequestedRegion": [...settings.regions] } },
        why: "to find the detector of the account and Region",
      },
      { action: "guardduty:GetDetector", resource, why: "to warn when it is off or publishes seldom" },
      { action: "guardduty:ListFindings", resource, why: "to see which findings changed" },
      { action: "guardduty:GetFindings", resource, why: "to read them" },
    ]);
  });
}

/** Probes of a source: the identity in each place, and what `run` tries there. Errors by code: config_invalid. */
export function toProbes(
  settings: NamedPlaces,
  what: string,
  run: (place: Place, by: ProbeBy) => Promise<Finding>,
): readonly Probe[] {
  return createPlaces(settings, systemClock).flatMap((place) => [
    ...identityProbes(settingsOf(settings, place.region), place.accountId),
    { name: `source ${settings.name}: ${what} of ${place.key}`, run: (by) => run(place, by) },
  ]);
}

/** Probes of `cloudtrail-lookup`: one event of each place. Errors by code: config_invalid. */
export function lookupProbes(settings: NamedPlaces): readonly Probe[] {
  return toProbes(settings, "events", async ({ aws, key }, by) => {
    const { CloudTrailClient, LookupEventsCommand } = await import("@aws-sdk/client-cloudtrail");
    const call = { service: "cloudtrail", operation: "LookupEvents", resource: key };
    const { Events = [] } = await withClient({ aws, type: CloudTrailClient, extra: {} }, by, (ask) =>
      ask(call, (client, abortSignal) => client.send(new LookupEventsCommand({ MaxResults: 1 }), { abortSignal })),
    );
    const newest = Events[0]?.EventTime?.toISOString();
    const did = "cloudtrail:LookupEvents is allowed";
    if (newest === undefined)
      return { status: "ok", did, notes: ["the account has no management event of 90 days there"] };
    return { status: "ok", did: `${did}; the newest event is of ${newest}` };
  });
}

/** Probes of `guardduty`: the detector and one finding of each place. Errors by code: config_invalid. */
export function findingProbes(settings: NamedPlaces): readonly Probe[] {
  return toProbes(settings, "findings", async ({ aws, key }, by) => {
    const sdk = await import("@aws-sdk/client-guardduty");
    return withClient({ aws, type: sdk.GuardDutyClient, extra: {} }, by, async (ask) => {
      const callOf = (operation: string): Parameters<typeof ask>[0] => ({
        service: "guardduty",
        operation,
        resource: key,
      });
      const { DetectorIds = [] } = await ask(callOf("ListDetectors"), (client, abortSignal) =>
        client.send(new sdk.ListDetectorsCommand({}), { abortSignal }),
      );
      const [DetectorId] = DetectorIds;
      if (DetectorId === undefined) {
        const mend = "switch GuardDuty on there, or take the Region out of `regions`";
        return { status: "fail", did: `guardduty:ListDetectors: GuardDuty is off in ${key}`, mend };
      }
      const detector = await ask(callOf("GetDetector"), (client, abortSignal) =>
        client.send(new sdk.GetDetectorCommand({ DetectorId }), { abortSignal }),
      );
      const { FindingIds = [] } = await ask(callOf("ListFindings"), (client, abortSignal) =>
        client.send(new sdk.ListFindingsCommand({ DetectorId, MaxResults: 1 }), { abortSignal }),
      );
      if (FindingIds.length > 0)
        await ask(callOf("GetFindings"), (client, abortSignal) =>
          client.send(new sdk.GetFindingsCommand({ DetectorId, FindingIds: FindingIds.slice(0, 1) }), { abortSignal }),
        );
      return toDetectorFinding(key, detector, FindingIds.length > 0);
    });
  });
}

type Detector = { readonly Status?: string | undefined; readonly FindingPublishingFrequency?: string | undefined };

function toDetectorFinding(key: string, { Status, FindingPublishingFrequency }: Detector, hasRead: boolean): Finding {
  if (Status !== "ENABLED") {
    const did = `guardduty:GetDetector: the detector of ${key} is ${(Status ?? "in an unknown state").toLowerCase()}`;
    return { status: "fail", did, mend: "enable the detector, or take the Region out of `regions`" };
  }
  const did = `the detector of ${key} is enabled; ListDetectors, GetDetector and ListFindings are allowed${hasRead ? ", and GetFindings" : ""}`;
  const notes = hasRead ? [] : ["there is no finding yet, so guardduty:GetFindings was not tried"];
  if (FindingPublishingFrequency !== "FIFTEEN_MINUTES")
    notes.push(
      `changes of a finding are published ${FindingPublishingFrequency === "ONE_HOUR" ? "every hour" : "every 6 hours"}; set FindingPublishingFrequency to FIFTEEN_MINUTES`,
    );
  return { status: "ok", did, notes };
}
