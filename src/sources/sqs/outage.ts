/**
 * Tells of a gap when nothing was received from a queue for longer than it keeps messages.
 *
 * Looked at with each answer of the queue, an empty one too, and over a stop of the daemon by when its state was last
 * committed. The queue is asked how long it keeps messages only then. What it keeps still comes; what it had before is gone.
 */
import { type Aws, CALL_LIMITS } from "../../aws/clients.ts";
import type { Clock } from "../../lib/clock.ts";
import { toErrorCode, toMessage, type Warn } from "../../model/errors.ts";
import type { FoundGap } from "../../model/past/gap.ts";

export type OutageBy = {
  readonly clock: Clock;
  readonly queueUrl: string;
  readonly aws: Aws;
  /** When the daemon before this one last committed, epoch ms; null: there was none. */
  readonly aliveMs: number | null;
  readonly gap: (found: FoundGap) => void;
  readonly warn: Warn;
};

/** A shorter outage is not worth a call: queues keep messages for days. */
const OUTAGE_MS = 3_600_000;

/** To be called with each answer of the queue. Never throws. */
export function createOutageWatch(by: OutageBy): () => void {
  let heardMs = by.aliveMs;
  return () => {
    const [sinceMs, nowMs] = [heardMs, by.clock.nowMs()];
    heardMs = nowMs;
    if (sinceMs !== null && nowMs - sinceMs >= OUTAGE_MS) void tell(sinceMs, nowMs, by);
  };
}

async function tell(sinceMs: number, nowMs: number, by: OutageBy): Promise<void> {
  try {
    const toMs = nowMs - (await askRetention(by));
    if (toMs > sinceMs) by.gap({ account: null, region: null, fromMs: sinceMs, toMs, reason: "queue_retention" });
  } catch (error) {
    by.warn(
      `Nothing was received from ${by.queueUrl} for ${Math.round((nowMs - sinceMs) / 3_600_000)} hours, and whether it lost messages is not known: ${toMessage(error)}`,
      toErrorCode(error),
    );
  }
}

/** How long the queue keeps messages, ms. */
async function askRetention({ aws, queueUrl: QueueUrl }: OutageBy): Promise<number> {
  const { SQSClient, GetQueueAttributesCommand } = await import("@aws-sdk/client-sqs");
  const client = aws.open(SQSClient, CALL_LIMITS, { useQueueUrlAsEndpoint: false });
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["MessageRetentionPeriod"] });
  const call = { service: "sqs", operation: "GetQueueAttributes", resource: QueueUrl };
  try {
    const { signal } = new AbortController();
    const { Attributes = {} } = await aws.call(call, (abortSignal) => client.send(command, { abortSignal }), {
      limits: CALL_LIMITS,
      signal,
    });
    return Number(Attributes.MessageRetentionPeriod) * 1000;
  } finally {
    client.destroy();
  }
}
