/**
 * Settings of the `cost` source.
 */
import { z } from "zod";
import { awsShape } from "../../aws/settings.ts";
import { durationSchema } from "../../model/settings.ts";
import { type PlaceSettings, placesShape } from "../poll/places.ts";
import type { SourceType } from "../settings.ts";
import { sourceNameSchema } from "../sqs/settings.ts";

/** Settings, defaults filled in; durations in ms. */
export type CostConfig = Omit<PlaceSettings, "regions"> & {
  readonly type: "cost";
  readonly name: string;
  readonly region: string;
  readonly every: number;
  readonly since: number;
  readonly callsPerDay: number;
  readonly groups: readonly (readonly string[])[];
  readonly hourly: boolean;
  readonly recordTypes: readonly string[];
  readonly anomalies: boolean;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What may be grouped by. https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GroupDefinition.html */
const DIMENSIONS = [
  "SERVICE", "USAGE_TYPE", "LINKED_ACCOUNT", "REGION", "INSTANCE_TYPE", "OPERATION", "PURCHASE_TYPE", "AZ", "PLATFORM",
] as const; // prettier-ignore
/** A group that is a tag: TAG:NAME. */
const TAG = /^TAG:.{1,128}$/;

const group = z.string().refine((name) => (DIMENSIONS as readonly string[]).includes(name) || TAG.test(name), {
  error: `must be one of ${DIMENSIONS.join(", ")}, or TAG: and the name of a cost allocation tag`,
});

const { regions: _one, ...others } = placesShape;

/** The schema of the settings. */
export const costSchema: SourceType<CostConfig>["schema"] = z.strictObject({
  type: z.literal("cost"),
  name: sourceNameSchema("cost"),
  ...others,
  accounts: others.accounts.describe(
    "Payer accounts to ask, by assuming `role`, given as a name, in each. Default none: the account that the credentials belong to; a payer sees the costs of all its members.",
  ),
  region: awsShape.region
    .default("us-east-1")
    .describe("Region whose Cost Explorer is asked. Default us-east-1, where it answers for all Regions but China's."),
  every: durationSchema({ least: HOUR_MS, most: DAY_MS })
    .prefault("8h")
    .describe("How often costs are asked for. Default 8h: AWS renews them up to three times a day."),
  since: durationSchema({ least: DAY_MS, most: 90 * DAY_MS })
    .prefault("3d")
    .describe("How far back the first look goes. Default 3d: what AWS still changes most."),
  callsPerDay: z
    .int()
    .min(4)
    .max(1_000)
    .default(40)
    .describe(
      "Calls that may be made in a day (UTC), each page and each try counted, over all accounts and restarts: $0.01 each. Default 40: $0.40; a usual day takes 9.",
    ),
  groups: z
    .array(z.array(group).min(1).max(2))
    .min(1)
    .max(8)
    .default([
      ["LINKED_ACCOUNT", "SERVICE"],
      ["LINKED_ACCOUNT", "USAGE_TYPE"],
    ])
    .describe(
      "What costs are grouped by, one call (or more, by pages) each: lists of one or two of SERVICE, USAGE_TYPE, LINKED_ACCOUNT, REGION and others, or `TAG:NAME`. Default account with service, and account with usage type, which the shipped rules read.",
    ),
  hourly: z
    .boolean()
    .default(false)
    .describe(
      "Asks for the last two days by the hour too, one call more for each of `groups`. Default false: hourly costs have to be switched on in Cost Explorer, where AWS charges for them.",
    ),
  recordTypes: z
    .array(z.string().min(1))
    .default(["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"])
    .describe(
      "Types of charges (RECORD_TYPE) that count; an empty list: all. Default usage only, so that neither taxes and fees of the first of a month are a rise, nor credits hide one.",
    ),
  anomalies: z
    .boolean()
    .default(true)
    .describe("Asks Cost Anomaly Detection for the anomalies of the last week too. Default true."),
});
