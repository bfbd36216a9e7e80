/**
 * The settings of a Kafka sink: schema, defaults and their reasons.
 *
 * Separate from the sink, so that the configuration can be checked and documented without loading a Kafka client.
 */
import { z } from "zod";
import { isSafeLogin, kafkaShape, type KafkaSettings, topicSchema, UNSAFE_LOGIN } from "../../kafka/settings.ts";
import { sizeSchema } from "../../model/settings.ts";
import { LINE_FORMATS, type LineFormat } from "../lines.ts";
import { sharedShape, type SharedSettings } from "../settings.ts";

/** Settings of a Kafka sink. Durations ms, sizes bytes. */
export type KafkaSinkConfig = SharedSettings &
  KafkaSettings & {
    readonly type: "kafka";
    readonly topic: string;
    readonly format: LineFormat;
    readonly compression: "none" | "gzip" | "zstd";
    /** Lanes: each has a producer of its own with one send in flight. */
    readonly producers: number;
    /** Of one send, before compression. */
    readonly maxBytes: number;
  };

const { brokers, ...connection } = kafkaShape;

/** The schema of `type: kafka`. */
export const kafkaSchema: z.ZodType<KafkaSinkConfig> & z.ZodObject = z
  .strictObject({
    type: z.literal("kafka"),
    ...sharedShape("kafka"),
    brokers,
    topic: topicSchema()
      .default("sagewatch-alerts")
      .describe("Topic of the alerts. It must exist: Sagewatch creates none."),
    format: z.enum(LINE_FORMATS).default("ocsf").describe("Form of a message's value: ocsf or native."),
    compression: z
      .enum(["none", "gzip", "zstd"])
      .default("gzip")
      .describe("Default gzip: alerts shrink to a fifth, and every consumer can read it. zstd needs less time."),
    producers: z
      .int()
      .min(1)
      .max(32)
      .default(4)
      .describe(
        "Sends that may be under way at once, each for other partitions. Default 4: over 1,000 alerts a second.",
      ),
    maxBytes: sizeSchema({ least: 16 * 1024, most: 64 * 1024 * 1024 })
      .prefault(900_000)
      .describe(
        "Bytes of one send before compression; an alert that is larger alone loses evidence rows and says so. Default 900 kB: topics take 1 MiB by default (max.message.bytes).",
      ),
    ...connection,
  })
  .refine(isSafeLogin, UNSAFE_LOGIN);
