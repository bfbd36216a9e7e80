/**
 * Settings that the sources over a queue share, and how a consumer is made of them.
 */
import { z } from "zod";
import { createAws, type Aws } from "../../aws/clients.ts";
import { type AwsSettings, awsShape } from "../../aws/settings.ts";
import { createSqsConsumer } from "../../aws/sqs-consumer.ts";
import type { SqsConsumer } from "../../aws/sqs-types.ts";
import type { Clock } from "../../lib/clock.ts";
import { durationSchema, sizeSchema } from "../../model/settings.ts";
import type { SourceDeps } from "../settings.ts";
import { createOutageWatch } from "./outage.ts";

/** Settings of a queue, defaults filled in; durations in ms, sizes in bytes. */
export type QueueSettings = AwsSettings & {
  readonly queue: string;
  readonly wait: number;
  readonly visibility: number;
  readonly receivers: number;
  readonly heldBytes: number;
};

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** The name of a source; its type unless given. */
export function sourceNameSchema(type: string): z.ZodDefault<z.ZodString> {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
    .default(type)
    .describe("Names the source in positions, signals and commands.");
}

/** The keys, to be spread into the schema of a source. */
export const queueShape: typeof awsShape & {
  readonly queue: z.ZodType<string>;
  readonly wait: z.ZodType<number>;
  readonly visibility: z.ZodType<number>;
  readonly receivers: z.ZodType<number>;
  readonly heldBytes: z.ZodType<number>;
} = {
  queue: z
    .url({ protocol: /^https?$/, error: 'must be the URL of a queue, "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"' })
    .describe("URL of the SQS queue that the records or notices come to. Nobody else may read it."),
  ...awsShape,
  wait: durationSchema({ least: 1_000, most: 20_000 })
    .prefault("20s")
    .describe("How long a poll waits for messages. Default 20s, the most SQS has: fewest calls, no delay."),
  visibility: durationSchema({ least: 1_000, most: 12 * HOUR_MS })
    .prefault("2m")
    .describe(
      "How long a received message is hidden from others; extended while it is worked on. Default 2m: what was in flight at a crash comes again after it, and so long watermarks wait after a start.",
    ),
  receivers: z
    .int()
    .min(1)
    .max(16)
    .default(4)
    .describe("Polls at the same time, ten messages each. Default 4: some 1,000 messages a second."),
  heldBytes: sizeSchema({ least: MIB, most: 1024 * MIB })
    .prefault("32 MiB")
    .describe(
      "Bytes of messages held and not yet committed; at so many none are received (what is on its way still comes: 10 MiB a receiver at most). Default 32 MiB: some seconds of a busy queue.",
    ),
};

/** Calls to where the queue is, in the account that its URL names. Errors by code: config_invalid. */
export function createQueueAws(settings: QueueSettings, clock: Clock): Aws {
  return createAws(settings, { clock, accountId: accountOf(settings.queue) });
}

/** The account in a queue's URL, null when there is none. */
function accountOf(url: string): string | null {
  return /^\/(\d{12})\//.exec(new URL(url).pathname)?.[1] ?? null;
}

/** Name of a queue, for pointers and messages. */
export function queueName(url: string): string {
  return new URL(url).pathname.split("/").at(-1) ?? url;
}

/** A consumer of the queue; when all that a crash left in flight came again and is committed, watermarks may go on. */
export function createConsumer(
  settings: QueueSettings,
  { aws, deps, creditMessages }: { readonly aws: Aws; readonly deps: SourceDeps; readonly creditMessages: number },
): SqsConsumer {
  const { queue, wait, visibility, receivers, heldBytes } = settings;
  const { gap, aliveMs = null } = deps;
  const watchOutage = gap === undefined ? null : createOutageWatch({ ...deps, aliveMs, aws, queueUrl: queue, gap });
  return createSqsConsumer({
    aws,
    clock: deps.clock,
    queueUrl: queue,
    waitSeconds: Math.floor(wait / 1000),
    visibilitySeconds: Math.ceil(visibility / 1000),
    receivers,
    creditBytes: heldBytes,
    creditMessages,
    warn: deps.warn,
    onAnswer: () => {
      watchOutage?.();
      deps.onAnswered?.();
    },
    ...(deps.onScanned === undefined ? {} : { onSettledIn: deps.onScanned }),
  });
}

/** A text that was told is told again after so long, ms: an outage of hours must not fill the log, nor be forgotten. */
const TOLD_AGAIN_MS = 600_000;
const TOLD_MAX = 1_000;

/** `deps` whose warnings come at most every ten minutes each. */
export function withRareWarnings(deps: SourceDeps): SourceDeps {
  const told = new Map<string, number>();
  return {
    ...deps,
    warn: (text, code) => {
      const nowMs = deps.clock.monotonicMs();
      if (nowMs - (told.get(text) ?? -Infinity) < TOLD_AGAIN_MS) return;
      if (told.size >= TOLD_MAX) told.clear();
      told.set(text, nowMs);
      deps.warn(text, code);
    },
  };
}
