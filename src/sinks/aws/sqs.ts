/**
 * The sink `sqs`: alerts as messages of a queue, with attributes to sort them by.
 *
 * A FIFO queue (its name ends in `.fifo`) keeps the revisions of an alert in order and takes each once within five
 * minutes; a standard queue may hand them out in any order, so that a reader keeps the highest revision of an id. Codes
 * as entries.ts tells.
 */
import type { SendMessageBatchRequestEntry } from "@aws-sdk/client-sqs";
import { z } from "zod";
import { keyNeed, type Need, queueArn } from "../../aws/needs.ts";
import { awsShape, type AwsSettings } from "../../aws/settings.ts";
import type { Sink } from "../../contracts.ts";
import { sizeSchema } from "../../model/settings.ts";
import { toLane } from "../lane.ts";
import { LINE_FORMATS, type LineFormat } from "../lines.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { createLazyClient } from "./client.ts";
import { createEntrySend } from "./entries.ts";
import { MAX_ITEMS, toFaults, toMessageParts } from "./messages.ts";
import { sinkProbes, toNeeds } from "./needs.ts";

export type SqsSinkConfig = SharedSettings &
  AwsSettings & {
    readonly type: "sqs";
    /** URL of the queue. */
    readonly queue: string;
    readonly format: LineFormat;
    readonly maxBytes: number;
  };

const schema = z.strictObject({
  type: z.literal("sqs"),
  ...sharedShape("sqs"),
  ...awsShape,
  queue: z
    .url({ protocol: /^https?$/, error: "must be the URL of a queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME" })
    .describe("URL of the queue."),
  format: z.enum(LINE_FORMATS).default("native").describe("Form of an alert. Default native: flat and readable."),
  maxBytes: sizeSchema({ least: 16 * 1024, most: 1024 * 1024 })
    .prefault("256 KiB")
    .describe(
      "Largest message, and all messages of one call together. Default 256 KiB, the limit of queues that were made before 2025; larger alerts lose evidence and say so.",
    ),
}) satisfies z.ZodType<SqsSinkConfig>;

export function createSqsSink(config: SqsSinkConfig, deps: SinkDeps): Sink {
  const client = createLazyClient(config, deps, async () => (await import("@aws-sdk/client-sqs")).SQSClient);
  const { name, queue, format, maxBytes } = config;
  const options = { format, maxBytes, version: deps.version, isFifo: new URL(queue).pathname.endsWith(".fifo") };
  return {
    name,
    limits: { maxItems: MAX_ITEMS, maxBytes, lane: toLane, part: () => "" },
    send: createEntrySend<Omit<SendMessageBatchRequestEntry, "Id">>({
      maxItems: MAX_ITEMS,
      maxBytes,
      toEntry: (item) => {
        const parts = toMessageParts(item, options);
        if ("refused" in parts) return parts;
        const { body: MessageBody, attributes: MessageAttributes, fifo, sizeBytes } = parts;
        return { entry: { MessageBody, MessageAttributes, ...fifo }, sizeBytes };
      },
      request: async (entries, signal) => {
        const { SendMessageBatchCommand } = await import("@aws-sdk/client-sqs");
        const call = { service: "sqs", operation: "SendMessage", resource: queue };
        const Entries = entries.map((entry, index) => ({ Id: String(index), ...entry }));
        const { Failed = [] } = await client.call(call, signal, (sqs, abortSignal) =>
          sqs.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }), { abortSignal }),
        );
        return toFaults(entries.length, Failed);
      },
    }),
    close: async () => client.close(),
  };
}

function sqsNeeds(config: SqsSinkConfig): readonly Need[] {
  const { queue, region } = config;
  return toNeeds(config, () => [
    { action: "sqs:SendMessage", resource: queueArn(queue, region), why: "to send alerts" },
    keyNeed("kms:GenerateDataKey", "sqs", region),
    keyNeed("kms:Decrypt", "sqs", region),
  ]);
}

/** Registry entry of `type: sqs`. */
export const sqsSink: SinkType<SqsSinkConfig> = {
  schema,
  create: createSqsSink,
  needs: sqsNeeds,
  probes: (config) => sinkProbes(config, sqsNeeds(config)),
};
