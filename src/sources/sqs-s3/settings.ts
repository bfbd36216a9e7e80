/**
 * Settings of the `sqs-s3` source: the schema with every default.
 */
import { z } from "zod";
import { durationSchema, sizeSchema } from "../../model/settings.ts";
import type { SourceType } from "../settings.ts";
import { type QueueSettings, queueShape, sourceNameSchema } from "../sqs/settings.ts";

/** A trail's place in a bucket. */
export type TrailPlace = { readonly bucket: string; readonly prefix: string };

/** Whose folder of an account is listed. */
export type LogFolder = "CloudTrail" | "BedrockModelInvocationLogs";

/** What the reading of objects goes by, whatever they hold. */
export type ObjectsConfig = Omit<SqsS3Config, "type"> & {
  readonly folder: LogFolder;
  /** Outputs that a model-invocation log only points to are read for what a guardrail did. */
  readonly outputs: boolean;
};

/** Settings, defaults filled in; durations in ms, sizes in bytes. */
export type SqsS3Config = QueueSettings & {
  readonly type: "sqs-s3";
  readonly name: string;
  readonly pattern?: string | undefined;
  readonly concurrency: number;
  readonly objectBytes: number;
  readonly trails: readonly TrailPlace[];
  readonly sweepEvery: number;
  readonly sweepOverlap: number;
  readonly digests: boolean;
  readonly unlisted: boolean;
  readonly digestWait: number;
  readonly lateness: number;
  readonly idle: number;
};

const MINUTE_MS = 60_000;
const MIB = 1024 * 1024;

/** A trail's files as objects to be read. */
export function toObjects(config: SqsS3Config): ObjectsConfig {
  return { ...config, folder: "CloudTrail", outputs: false };
}

/** The keys of reading objects, whatever they hold, to be spread into the schema of a source. */
export const objectsShape: typeof queueShape &
  Readonly<
    Record<"concurrency" | "objectBytes" | "sweepEvery" | "sweepOverlap" | "lateness" | "idle", z.ZodType<number>>
  > = {
  ...queueShape,
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(8)
    .describe("Objects fetched at the same time. Default 8: more gains nothing for one thread that reads them."),
  objectBytes: sizeSchema({ least: MIB, most: 256 * MIB })
    .prefault("32 MiB")
    .describe(
      "Largest object as stored (packed). Larger ones go to quarantine (`too_big`). Default 32 MiB: CloudTrail's files stay below 10 MiB, and a larger one would unpack to more than the 256 MiB that are read of one. An object is held in memory until it is known to be whole, and 16 MiB of those behind it.",
    ),
  sweepEvery: durationSchema({ least: MINUTE_MS })
    .prefault("15m")
    .describe("Time between two listings. Default 15m: half of `lateness`, so that what is found is not late yet."),
  sweepOverlap: durationSchema({ least: MINUTE_MS })
    .prefault("60m")
    .describe("How far a listing reaches back before the one before it. Default 60m: CloudTrail delivers late."),
  lateness: durationSchema()
    .default(30 * MINUTE_MS)
    .describe(
      "How far behind the newest event a record may be before it is late. Default 30m: 3 times the longest delay measured in real files.",
    ),
  idle: durationSchema()
    .default(20 * MINUTE_MS)
    .describe("A queue quiet for so long no longer holds back other sources."),
};

export const sqsS3Schema: SourceType<SqsS3Config>["schema"] = z.strictObject({
  type: z.literal("sqs-s3"),
  name: sourceNameSchema("sqs-s3"),
  ...objectsShape,
  pattern: z
    .string()
    .min(1)
    .optional()
    .describe("Glob that keys of objects must match; others are passed over. Default: all but digest files."),
  trails: z
    .array(
      z.strictObject({
        bucket: z.string().min(3).describe("Bucket that a trail writes to."),
        prefix: z.string().default("").describe("What stands before `AWSLogs/` in its keys, with its slash."),
      }),
    )
    .default([])
    .describe(
      "Trails whose folders are listed for objects of which no notice came. Default none: then a notice that is lost is a gap.",
    ),
  digests: z
    .boolean()
    .default(true)
    .describe(
      "Verify CloudTrail's digest files: signatures, chain, and the hash of each log file. Default true: where validation is off no digest file comes, and nothing is done.",
    ),
  unlisted: z
    .boolean()
    .default(true)
    .describe(
      "Alert (`log_unlisted`) on log files that no digest file lists though their hour is covered. Default true: somebody put them there. false where a second trail without log file validation delivers into the same folder: its files look the same, so hours then say only that what the validated trail delivered was read whole.",
    ),
  digestWait: durationSchema({ least: 1_000, most: 6 * 60 * MINUTE_MS })
    .prefault("10m")
    .describe(
      "How long a log file that a digest file lists is waited for before it is fetched. Default 10m: a notice comes within seconds, and a queue that was held up has time.",
    ),
});
