/**
 * The sink `security-hub`: alerts as findings of Security Hub, one finding an alert, updated by its Id.
 *
 * Findings go to the default product of the account that imports them, whose id is a setting, since Security Hub takes no
 * other account's. A later revision updates its finding; the status that people gave it there stays theirs. Codes as entries.ts tells.
 */
import type { AwsSecurityFinding } from "@aws-sdk/client-securityhub";
import { z } from "zod";
import { type Need, toArn } from "../../aws/needs.ts";
import { awsShape, type AwsSettings, toPartition } from "../../aws/settings.ts";
import type { OutboxItem, Sink } from "../../contracts.ts";
import { type AsffTarget, toAsff } from "../../encode/asff.ts";
import { fitText, type Unsendable } from "../fit.ts";
import { toLane } from "../lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { createLazyClient } from "./client.ts";
import { createEntrySend, type Entry, type EntryFault } from "./entries.ts";
import { sinkProbes, toNeeds } from "./needs.ts";

export type SecurityHubSinkConfig = SharedSettings &
  AwsSettings & {
    readonly type: "security-hub";
    /** Account that imports. */
    readonly account: string;
  };

/** Findings of a BatchImportFindings: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html */
const MAX_ITEMS = 100;
/** Largest finding and largest call, bytes: https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html */
const FINDING_BYTES = 240 * 1024;
const CALL_BYTES = 6 * 1024 * 1024;
/** Codes of one finding that the same finding would get again. */
const FINAL = new Set([
  "InvalidInput",
  "InvalidInputException",
  "InvalidParameterValue",
  "FindingTooLarge",
  "ValidationError",
]);

const schema = z.strictObject({
  type: z.literal("security-hub"),
  ...sharedShape("security-hub"),
  ...awsShape,
  account: z
    .string()
    .regex(/^\d{12}$/, "must be an account id: 12 digits in quotes")
    .describe(
      "Id of the account whose Security Hub imports the findings: the one that the credentials or the role belong to.",
    ),
}) satisfies z.ZodType<SecurityHubSinkConfig>;

export function createSecurityHubSink(config: SecurityHubSinkConfig, deps: SinkDeps): Sink {
  const client = createLazyClient(
    config,
    deps,
    async () => (await import("@aws-sdk/client-securityhub")).SecurityHubClient,
  );
  const { name, region, account } = config;
  const target = { accountId: account, region, partition: toPartition(region) };
  return {
    name,
    limits: { maxItems: MAX_ITEMS, maxBytes: CALL_BYTES, lane: toLane, part: () => "" },
    send: createEntrySend<AwsSecurityFinding>({
      maxItems: MAX_ITEMS,
      maxBytes: CALL_BYTES,
      toEntry: (item) => toEntry(item, target),
      request: async (findings, signal) => {
        const { BatchImportFindingsCommand } = await import("@aws-sdk/client-securityhub");
        const resource = `Security Hub of ${account} in ${region}`;
        const call = { service: "securityhub", operation: "BatchImportFindings", resource };
        const { FailedFindings = [] } = await client.call(call, signal, (hub, abortSignal) =>
          hub.send(new BatchImportFindingsCommand({ Findings: [...findings] }), { abortSignal }),
        );
        const failed = new Map(FailedFindings.map(({ Id, ErrorCode }) => [Id, ErrorCode ?? "unknown_error"]));
        return findings.map(({ Id }): EntryFault => {
          const code = failed.get(Id);
          return code === undefined ? null : { code, isFinal: FINAL.has(code) };
        });
      },
    }),
    close: async () => client.close(),
  };
}

/** The finding of the longest form of the alert that Security Hub takes. */
function toEntry(item: OutboxItem, target: AsffTarget): Entry<AwsSecurityFinding> | Unsendable {
  let finding: AwsSecurityFinding | null = null;
  const encode = ({ alert }: OutboxItem): string => {
    // An alert that is no JSON is refused here as everywhere.
    JSON.stringify(alert);
    finding = toAsff(alert, target);
    return JSON.stringify(finding);
  };
  const text = fitText(item, encode, FINDING_BYTES);
  if (typeof text !== "string") return text;
  if (finding === null) return { refused: "encode_failed" };
  return { entry: finding, sizeBytes: Buffer.byteLength(text) };
}

function securityHubNeeds(config: SecurityHubSinkConfig): readonly Need[] {
  const { region, account } = config;
  return toNeeds(config, () => [
    {
      action: "securityhub:BatchImportFindings",
      resource: toArn({ service: "securityhub", region, account }, `product/${account}/default`),
      why: "to import alerts as findings of the account's default product",
    },
  ]);
}

/** Registry entry of `type: security-hub`. */
export const securityHubSink: SinkType<SecurityHubSinkConfig> = {
  schema,
  create: createSecurityHubSink,
  needs: securityHubNeeds,
  probes: (config) => sinkProbes(config, securityHubNeeds(config)),
};
