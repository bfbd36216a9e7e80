/**
 * Keeps held messages ours: extends their visibility when half of it is over.
 *
 * Looks a few times in each half, so that a call that fails is tried again before anything becomes visible to others.
 * A message that could not be extended (SQS ends it after 12 h) comes again; that repeats work and loses nothing.
 */
import type { SQSClient } from "@aws-sdk/client-sqs";
import { toErrorCode, toMessage } from "../model/errors.ts";
import { CALL_LIMITS } from "./clients.ts";
import type { Held, SqsConsumerOptions } from "./sqs-types.ts";

/** SQS's most entries of a batch. */
const BATCH_MAX = 10;
/** Looks in one visibility timeout. */
const LOOKS = 10;

type Needs = Pick<SqsConsumerOptions, "aws" | "clock" | "queueUrl" | "warn" | "visibilitySeconds"> & {
  readonly client: SQSClient;
  readonly signal: AbortSignal;
};

/** Extends what `held` holds until the signal aborts. Never throws. */
export async function extendLeases(held: ReadonlyMap<string, Held>, needs: Needs): Promise<void> {
  const { clock, signal, visibilitySeconds } = needs;
  const visibilityMs = visibilitySeconds * 1000;
  while (!signal.aborted) {
    await clock.sleep(visibilityMs / LOOKS, signal);
    if (signal.aborted) return;
    const dueMs = clock.monotonicMs() + visibilityMs / 2;
    const due = [...held.values()].filter(({ untilMs }) => untilMs <= dueMs);
    for (let at = 0; at < due.length; at += BATCH_MAX) await extend(due.slice(at, at + BATCH_MAX), needs);
  }
}

async function extend(due: readonly Held[], needs: Needs): Promise<void> {
  const { aws, client, clock, queueUrl: QueueUrl, signal, visibilitySeconds: VisibilityTimeout, warn } = needs;
  const { ChangeMessageVisibilityBatchCommand } = await import("@aws-sdk/client-sqs");
  const Entries = due.map(({ receipt: ReceiptHandle }, index) => ({
    Id: String(index),
    ReceiptHandle,
    VisibilityTimeout,
  }));
  const call = { service: "sqs", operation: "ChangeMessageVisibilityBatch", resource: QueueUrl };
  const fromMs = clock.monotonicMs();
  try {
    const { Failed = [] } = await aws.call(
      call,
      (abortSignal) => client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }), { abortSignal }),
      { limits: CALL_LIMITS, signal },
    );
    const failed = new Set(Failed.map(({ Id }) => Id));
    for (const [index, one] of due.entries())
      if (!failed.has(String(index))) one.untilMs = fromMs + VisibilityTimeout * 1000;
    if (failed.size > 0)
      warn(`${failed.size} messages of ${QueueUrl} could not be held: ${Failed[0]?.Code ?? ""}; they come again.`);
  } catch (error) {
    if (!signal.aborted) warn(`Messages of ${QueueUrl} may come again: ${toMessage(error)}`, toErrorCode(error));
  }
}
