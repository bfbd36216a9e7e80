/**
 * The settings of a Kafka sink: schema, defaults and their reasons.
 *
 * Separate from the sink, so that the configuration can be checked and documented without loading a Kafka client.
 */
import { z } from "zod";
import type { Secret } from "../../model/secret.ts";
import { durationSchema, secretSchema, sizeSchema } from "../../model/settings.ts";
import { LINE_FORMATS, type LineFormat } from "../lines.ts";
import { sharedShape, type SharedSettings } from "../settings.ts";

/** Settings of a Kafka sink. Durations ms, sizes bytes. */
export type KafkaSinkConfig = SharedSettings & {
  readonly type: "kafka";
  /** Where to begin; the others of the cluster are learned. host:port. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly format: LineFormat;
  readonly compression: "none" | "gzip" | "zstd";
  /** Lanes: each has a producer of its own with one send in flight. */
  readonly producers: number;
  /** Of one send, before compression. */
  readonly maxBytes: number;
  readonly clientId: string;
  /** Without an answer for so long a connection is taken for dead. */
  readonly requestTimeout: number;
  readonly tls?: KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
};

/** `ca` and `cert` are paths of PEM files, read at each connecting. */
export type KafkaTls = {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: Secret | undefined;
};
export type KafkaSasl = {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: Secret;
};

const tls = z
  .strictObject({
    ca: z.string().min(1).optional().describe("PEM file of the authority. Default: those that Node trusts."),
    cert: z.string().min(1).optional().describe("PEM file of the client's certificate, for mutual TLS."),
    key: secretSchema().optional().describe("The certificate's key, PEM."),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: "needs both `cert` and `key`, or neither",
  })
  .optional()
  .describe("TLS to the brokers. Leave it out for plain connections; `tls: {}` is enough with a public authority.");

const sasl = z
  .strictObject({
    mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).describe("How the password is shown."),
    username: z.string().min(1).describe("Who Sagewatch is to the brokers."),
    password: secretSchema().describe("The password."),
  })
  .optional()
  .describe("Log-in by SASL. Default none.");

/** The schema of `type: kafka`. */
export const kafkaSchema: z.ZodType<KafkaSinkConfig> & z.ZodObject = z
  .strictObject({
    type: z.literal("kafka"),
    ...sharedShape("kafka"),
    brokers: z
      .array(z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:,/[\]]+):\d{1,5}$/, "must be host:port"))
      .min(1)
      .describe("Brokers to begin with, host:port; two or three are enough, the rest is learned."),
    topic: z
      .string()
      .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, "must be 1 to 249 letters, digits, '.', '_' or '-'")
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
    clientId: z
      .string()
      .min(1)
      .max(100)
      .default("sagewatch")
      .describe("Name in the brokers' logs, metrics and quotas."),
    requestTimeout: durationSchema({ least: 1000, most: 120_000 })
      .prefault("5s")
      .describe(
        "Without an answer for so long a connection is given up and made anew. Default 5s: brokers answer in milliseconds.",
      ),
    tls,
    sasl,
  })
  .refine((config) => config.sasl?.mechanism !== "plain" || config.tls !== undefined, {
    path: ["sasl", "mechanism"],
    message: "plain sends the password as it is: use it with `tls`, or a scram mechanism",
  });
