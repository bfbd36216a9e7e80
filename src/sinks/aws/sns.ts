/**
 * The sink `sns`: alerts to a topic, for queues, functions, mail and chat that subscribe to it.
 *
 * Attributes carry severity, rule and action, so that a subscription's filter policy can choose; the subject is for mail.
 * A FIFO topic (its ARN ends in `.fifo`) keeps the revisions of an alert in order. Codes as entries.ts tells.
 */
import type { PublishBatchRequestEntry } from "@aws-sdk/client-sns";
import { z } from "zod";
import { keyNeed, type Need } from "../../aws/needs.ts";
import { awsShape, type AwsSettings } from "../../aws/settings.ts";
import type { Sink } from "../../contracts.ts";
import type { Alert } from "../../model/alert.ts";
import { sizeSchema } from "../../model/settings.ts";
import { toLane } from "../lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { createLazyClient } from "./client.ts";
import { createEntrySend } from "./entries.ts";
import { MAX_ITEMS, MESSAGE_FORMATS, type MessageFormat, toFaults, toMessageParts } from "./messages.ts";
import { sinkProbes, toNeeds } from "./needs.ts";

export type SnsSinkConfig = SharedSettings &
  AwsSettings & {
    readonly type: "sns";
    /** ARN of the topic. */
    readonly topic: string;
    readonly format: MessageFormat;
    readonly maxBytes: number;
  };

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, below 100 letters, no line break. */
const SUBJECT_LENGTH = 99;

const schema = z.strictObject({
  type: z.literal("sns"),
  ...sharedShape("sns"),
  ...awsShape,
  topic: z
    .string()
    .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?$/, "must be the ARN of an SNS topic")
    .describe("ARN of the topic."),
  format: z
    .enum(MESSAGE_FORMATS)
    .default("native")
    .describe("Form of an alert: native and ocsf for programs, text for people who get mail. Default native."),
  maxBytes: sizeSchema({ least: 16 * 1024, most: 256 * 1024 })
    .prefault("256 KiB")
    .describe(
      "Largest message, and all messages of one call together. Default 256 KiB, SNS's limit; larger alerts lose evidence and say so.",
    ),
}) satisfies z.ZodType<SnsSinkConfig>;

export function createSnsSink(config: SnsSinkConfig, deps: SinkDeps): Sink {
  const client = createLazyClient(config, deps, async () => (await import("@aws-sdk/client-sns")).SNSClient);
  const { name, topic, format, maxBytes } = config;
  const options = { format, maxBytes, version: deps.version, isFifo: topic.endsWith(".fifo") };
  return {
    name,
    limits: { maxItems: MAX_ITEMS, maxBytes, lane: toLane, part: () => "" },
    send: createEntrySend<Omit<PublishBatchRequestEntry, "Id">>({
      maxItems: MAX_ITEMS,
      maxBytes,
      toEntry: (item) => {
        const parts = toMessageParts(item, options);
        if ("refused" in parts) return parts;
        const { body: Message, attributes: MessageAttributes, fifo, sizeBytes } = parts;
        const entry = { Message, MessageAttributes, Subject: toSubject(item.alert), ...fifo };
        return { entry, sizeBytes: sizeBytes + SUBJECT_LENGTH };
      },
      request: async (entries, signal) => {
        const { PublishBatchCommand } = await import("@aws-sdk/client-sns");
        const call = { service: "sns", operation: "Publish", resource: topic };
        const PublishBatchRequestEntries = entries.map((entry, index) => ({ Id: String(index), ...entry }));
        const { Failed = [] } = await client.call(call, signal, (sns, abortSignal) =>
          sns.send(new PublishBatchCommand({ TopicArn: topic, PublishBatchRequestEntries }), { abortSignal }),
        );
        return toFaults(
          entries.length,
          Failed.map(({ Id, Code, SenderFault }) => ({ Id, Code, SenderFault })),
        );
      },
    }),
    close: async () => client.close(),
  };
}

function toSubject({ severity, title }: Alert): string {
  const subject = `[${severity}] ${title}`.replace(/[^\x20-\x7e]/g, "?");
  return subject.length <= SUBJECT_LENGTH ? subject : `${subject.slice(0, SUBJECT_LENGTH - 3)}...`;
}

function snsNeeds(config: SnsSinkConfig): readonly Need[] {
  const { topic, region } = config;
  return toNeeds(config, () => [
    { action: "sns:Publish", resource: topic, why: "to publish alerts" },
    keyNeed("kms:GenerateDataKey", "sns", region),
    keyNeed("kms:Decrypt", "sns", region),
  ]);
}

/** Registry entry of `type: sns`. */
export const snsSink: SinkType<SnsSinkConfig> = {
  schema,
  create: createSnsSink,
  needs: snsNeeds,
  probes: (config) => sinkProbes(config, snsNeeds(config)),
};
