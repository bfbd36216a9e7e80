/**
 * Settings of the `kinesis` source: the schema with every default.
 */
import { z } from "zod";
import { type AwsSettings, awsShape } from "../../aws/settings.ts";
import { durationSchema } from "../../model/settings.ts";
import type { SourceType } from "../settings.ts";
import { sourceNameSchema } from "../sqs/settings.ts";

/** Settings, defaults filled in; durations in ms. */
export type KinesisConfig = AwsSettings & {
  readonly type: "kinesis";
  readonly name: string;
  readonly stream: string;
  readonly start: "trim_horizon" | "latest";
  readonly every: number;
  readonly concurrency: number;
  readonly lateness: number;
  readonly idle: number;
};

const MINUTE_MS = 60_000;
/** https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html */
const STREAM = /^(?:arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream\/)?[A-Za-z0-9_.-]{1,128}$/;

export const kinesisSchema: SourceType<KinesisConfig>["schema"] = z.strictObject({
  type: z.literal("kinesis"),
  name: sourceNameSchema("kinesis"),
  stream: z
    .string()
    .regex(STREAM, "must be the name of a data stream, or its ARN")
    .describe("Data stream that the records come to: its name, or its ARN where it is in another account."),
  ...awsShape,
  start: z
    .enum(["trim_horizon", "latest"])
    .default("trim_horizon")
    .describe(
      "Where the first run begins: `trim_horizon` with the oldest record that the stream holds, `latest` with what comes from then on. Default trim_horizon: nothing is passed over. Later runs go on where the last one was.",
    ),
  every: durationSchema({ least: 200, most: MINUTE_MS })
    .prefault("1s")
    .describe(
      "How often a shard that was read to its tip is asked again. Default 1s: Kinesis allows 5 calls a second a shard, all readers together.",
    ),
  concurrency: z
    .int()
    .min(1)
    .max(32)
    .default(4)
    .describe("Shards asked at the same time. Default 4: each answer may hold 10 MiB until it is taken in."),
  lateness: durationSchema()
    .default(20 * MINUTE_MS)
    .describe(
      "How far behind the newest event a record may be before it is late. Default 20m: that of EventBridge and 5 minutes on the way. What waits in a shard holds the watermark by itself.",
    ),
  idle: durationSchema()
    .default(2 * MINUTE_MS)
    .describe("A stream quiet for so long no longer holds back other sources."),
});

/** Name and account of a stream by its name or ARN; the account is null where only the name is given. */
export function parseStream(stream: string): { readonly name: string; readonly account: string | null } {
  if (!stream.startsWith("arn:")) return { name: stream, account: null };
  return { name: stream.slice(stream.lastIndexOf("/") + 1), account: stream.split(":")[4] ?? null };
}
