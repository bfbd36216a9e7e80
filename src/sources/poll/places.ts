/**
 * Where a source that asks AWS looks: each account and Region that its settings name, with calls of its own.
 */
import { z } from "zod";
import { type Aws, createAws } from "../../aws/clients.ts";
import { awsShape, type AwsSettings } from "../../aws/settings.ts";
import type { Clock } from "../../lib/clock.ts";
import { SagewatchError } from "../../model/errors.ts";

/** The settings of AWS with several Regions and accounts in place of one. */
export type PlaceSettings = Omit<AwsSettings, "region"> & {
  readonly regions: readonly string[];
  readonly accounts: readonly string[];
};

/**
 * An account in a Region. `key` names both; `accountId` is null for whatever account the credentials belong to. `calledId`:
 * the account that calls are made in, where the settings say so by the account or by the ARN of a role.
 */
export type Place = {
  readonly key: string;
  readonly accountId: string | null;
  readonly calledId: string | null;
  readonly region: string;
  readonly aws: Aws;
};

const { region, ...others } = awsShape;

/** The keys, to be spread into the schema of a source. */
export const placesShape: Omit<typeof awsShape, "region"> & {
  readonly regions: z.ZodType<readonly string[]>;
  readonly accounts: z.ZodType<readonly string[], readonly string[] | undefined>;
} = {
  ...others,
  regions: z.array(region).min(1).describe("AWS Regions to look in. No default: what is not named is not seen."),
  accounts: z
    .array(z.string().regex(/^\d{12}$/, "must be an account id: 12 digits in quotes"))
    .default([])
    .describe(
      "Accounts to look in, by assuming `role`, given as a name, in each. Default none: the account that the credentials belong to.",
    ),
};

/** Every account in every Region. Errors by code: config_invalid (accounts without the name of a role). */
export function createPlaces(settings: PlaceSettings, clock: Clock): readonly Place[] {
  const { regions, accounts, ...rest } = settings;
  if (accounts.length > 0 && (rest.role === undefined || rest.role.startsWith("arn:"))) {
    const message = "accounts are named, so role must be the name of a role that each of them has; set role: NAME";
    throw new SagewatchError("config_invalid", message);
  }
  const named: readonly (string | null)[] = accounts.length === 0 ? [null] : accounts;
  return named.flatMap((accountId) =>
    regions.map((name) => ({
      key: `${accountId ?? "own"}/${name}`,
      accountId,
      calledId: accountId ?? (rest.role === undefined ? null : (rest.role.split(":")[4] ?? null)),
      region: name,
      aws: createAws({ ...rest, region: name }, { clock, accountId }),
    })),
  );
}
