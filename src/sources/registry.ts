/**
 * All sources by the `type:` of the config file. A new source is one file beside this one and one line here.
 */
import type { Source } from "../contracts.ts";
import { bedrockLogSource } from "./bedrock-log.ts";
import { type CloudTrailLookupConfig, cloudTrailLookupSource } from "./cloudtrail-lookup.ts";
import { costSource } from "./cost.ts";
import type { CostConfig } from "./cost/settings.ts";
import { fileSource } from "./file.ts";
import type { FileSourceConfig } from "./file/settings.ts";
import { type GuardDutyConfig, guardDutySource } from "./guardduty.ts";
import { kafkaSource, type KafkaSourceConfig } from "./kafka.ts";
import type { Past, PastDeps } from "./past/past.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { kinesisSource } from "./kinesis.ts";
import type { KinesisConfig } from "./kinesis/settings.ts";
import { type SqsEventBridgeConfig, sqsEventBridgeSource } from "./sqs-eventbridge.ts";
import { sqsS3Source } from "./sqs-s3.ts";
import type { BedrockLogConfig } from "./sqs-s3/log-settings.ts";
import type { SqsS3Config } from "./sqs-s3/settings.ts";

export type { SourceDeps };

/** Settings of any source, with their defaults filled in. */
export type SourceConfig =
  | BedrockLogConfig
  | CloudTrailLookupConfig
  | CostConfig
  | FileSourceConfig
  | GuardDutyConfig
  | KafkaSourceConfig
  | KinesisConfig
  | SqsEventBridgeConfig
  | SqsS3Config;

/** Schema and factory of each type. */
export const sourceRegistry: {
  readonly [Type in SourceConfig["type"]]: SourceType<Extract<SourceConfig, { type: Type }>>;
} = {
  file: fileSource,
  "bedrock-log": bedrockLogSource,
  "cloudtrail-lookup": cloudTrailLookupSource,
  cost: costSource,
  guardduty: guardDutySource,
  kafka: kafkaSource,
  kinesis: kinesisSource,
  "sqs-eventbridge": sqsEventBridgeSource,
  "sqs-s3": sqsS3Source,
};

/** The source that a checked config asks for. */
export function createSource(config: SourceConfig, deps: SourceDeps): Source {
  return (sourceRegistry[config.type] as SourceType<SourceConfig>).create(config, deps);
}

/** How the past of a checked config is read again; null where it cannot be. */
export function createPast(config: SourceConfig, deps: PastDeps): Past | null {
  return (sourceRegistry[config.type] as SourceType<SourceConfig>).past?.(config, deps) ?? null;
}
