/**
 * Settings of the `kafka` source: the schema with every default.
 */
import { z } from "zod";
import { isSafeLogin, kafkaShape, type KafkaSettings, topicSchema, UNSAFE_LOGIN } from "../../kafka/settings.ts";
import { durationSchema } from "../../model/settings.ts";
import type { SourceType } from "../settings.ts";
import { sourceNameSchema } from "../sqs/settings.ts";

/** Settings, defaults filled in; durations in ms. */
export type KafkaSourceConfig = KafkaSettings & {
  readonly type: "kafka";
  readonly name: string;
  readonly topics: readonly string[];
  readonly group?: string | undefined;
  readonly start: "earliest" | "latest";
  readonly lateness: number;
  readonly idle: number;
};

const MINUTE_MS = 60_000;

const { brokers, ...connection } = kafkaShape;

export const kafkaSourceSchema: SourceType<KafkaSourceConfig>["schema"] = z
  .strictObject({
    type: z.literal("kafka"),
    name: sourceNameSchema("kafka"),
    brokers,
    topics: z
      .array(topicSchema())
      .min(1)
      .refine((names) => new Set(names).size === names.length, "names a topic twice")
      .describe("Topics that the records come to, all partitions of them. They must exist: Sagewatch creates none."),
    group: z
      .string()
      .min(1)
      .max(249)
      .optional()
      .describe(
        "Consumer group, for this source alone: whoever comes second is refused. It keeps no offsets; these are in the state folder. Default: sagewatch- and the name of the source.",
      ),
    start: z
      .enum(["earliest", "latest"])
      .default("earliest")
      .describe(
        "Where the first run begins: `earliest` with the oldest record that a topic holds, `latest` with what comes from then on. Default earliest: nothing is passed over. Later runs go on where the last one was.",
      ),
    lateness: durationSchema()
      .default(20 * MINUTE_MS)
      .describe(
        "How far behind the newest event a record may be before it is late. Default 20m: that of EventBridge and 5 minutes on the way. What waits in a partition holds the watermark by itself.",
      ),
    idle: durationSchema()
      .default(2 * MINUTE_MS)
      .describe("Topics quiet for so long no longer hold back other sources."),
    ...connection,
  })
  .refine(isSafeLogin, UNSAFE_LOGIN);

/** The consumer group of a source. */
export function groupOf({ group, name }: KafkaSourceConfig): string {
  return group ?? `sagewatch-${name}`;
}
