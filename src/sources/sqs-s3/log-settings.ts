/**
 * Settings of the `bedrock-log` source: those of reading objects by notices, without what only a trail has.
 */
import { z } from "zod";
import type { SourceType } from "../settings.ts";
import { sourceNameSchema } from "../sqs/settings.ts";
import { type ObjectsConfig, objectsShape, type SqsS3Config, type TrailPlace } from "./settings.ts";

type OfTrails = "type" | "pattern" | "trails" | "digests" | "unlisted" | "digestWait";

/** Settings, defaults filled in; durations in ms, sizes in bytes. */
export type BedrockLogConfig = Omit<SqsS3Config, OfTrails> & {
  readonly type: "bedrock-log";
  readonly logs: readonly TrailPlace[];
  readonly outputs: boolean;
};

export const bedrockLogSchema: SourceType<BedrockLogConfig>["schema"] = z.strictObject({
  type: z.literal("bedrock-log"),
  name: sourceNameSchema("bedrock-log"),
  ...objectsShape,
  logs: z
    .array(
      z.strictObject({
        bucket: z.string().min(3).describe("Bucket that the log is delivered to."),
        prefix: z.string().default("").describe("What stands before `AWSLogs/` in its keys, with its slash."),
      }),
    )
    .default([])
    .describe(
      "Logs whose folders are listed for objects of which no notice came, and that `backfill` reads. Default none: then a notice that is lost is a gap.",
    ),
  outputs: z
    .boolean()
    .default(true)
    .describe(
      "Read outputs of more than 100 KB, which Bedrock stores beside the log (`data/`), for what a guardrail did; nothing else of them is kept. Default true: without, a guardrail's blocks in long answers are not seen.",
    ),
});

/** A log as objects to be read. */
export function toLogObjects({ type: _type, logs, ...config }: BedrockLogConfig): ObjectsConfig {
  const pattern = "**/BedrockModelInvocationLogs/**";
  return {
    ...config,
    pattern,
    trails: logs,
    folder: "BedrockModelInvocationLogs",
    digests: false,
    unlisted: false,
    digestWait: 0,
  };
}
