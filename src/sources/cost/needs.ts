/**
 * What the `cost` source needs of each account, and what is tried there: a call of each kind, which cost a cent each.
 */
import { type Need, toCaller, withCaller } from "../../aws/needs.ts";
import { withClient } from "../../aws/probes.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Probe } from "../../model/probe.ts";
import { settingsOf, toProbes } from "../poll/needs.ts";
import { createPlaces, type PlaceSettings } from "../poll/places.ts";
import { toDay } from "./budget.ts";
import type { CostConfig } from "./settings.ts";

const DAY_MS = 86_400_000;

function placesOf(config: CostConfig): PlaceSettings {
  return { ...config, regions: [config.region] };
}

/** Needs of asking for costs: they know no resources, and no Region. Errors by code: config_invalid. */
export function costNeeds(config: CostConfig): readonly Need[] {
  const settings = placesOf(config);
  return createPlaces(settings, systemClock).flatMap(({ accountId, region }) =>
    withCaller(toCaller(settingsOf(settings, region), accountId), [
      { action: "ce:GetCostAndUsage", resource: "*", why: "to read costs by day and group" },
      ...(config.anomalies
        ? [{ action: "ce:GetAnomalies", resource: "*", why: "to read the anomalies that AWS found (`anomalies`)" }]
        : []),
    ]),
  );
}

/** Probes: yesterday's costs in one sum, and one anomaly. Errors by code: config_invalid. */
export function costProbes(config: CostConfig): readonly Probe[] {
  return toProbes({ ...placesOf(config), name: config.name }, "costs", async ({ aws, key }, by) => {
    const sdk = await import("@aws-sdk/client-cost-explorer");
    const [Start, End] = [toDay(by.clock.nowMs() - DAY_MS), toDay(by.clock.nowMs())];
    return withClient({ aws, type: sdk.CostExplorerClient, extra: { maxAttempts: 1 } }, by, async (ask) => {
      const costs = new sdk.GetCostAndUsageCommand({
        TimePeriod: { Start, End },
        Granularity: "DAILY",
        Metrics: ["UnblendedCost"],
      });
      await ask({ service: "ce", operation: "GetCostAndUsage", resource: key }, (client, abortSignal) =>
        client.send(costs, { abortSignal }),
      );
      if (!config.anomalies)
        return { status: "ok", did: "ce:GetCostAndUsage is allowed", notes: ["trying it cost one paid call, $0.01"] };
      const anomalies = new sdk.GetAnomaliesCommand({ DateInterval: { StartDate: Start }, MaxResults: 1 });
      await ask({ service: "ce", operation: "GetAnomalies", resource: key }, (client, abortSignal) =>
        client.send(anomalies, { abortSignal }),
      );
      const did = "ce:GetCostAndUsage and ce:GetAnomalies are allowed";
      return { status: "ok", did, notes: ["trying them cost two paid calls, $0.02"] };
    });
  });
}
