/**
 * Deletes messages in batches, and tries again what failed.
 *
 * Apart from reading, because messages are decided by the last commit too, when nothing is read any more: until `end` it
 * gathers for a moment, after it each call sends at once, and the client is closed when nothing is left. A receipt that
 * SQS does not take (its visibility ended) is let go: the message comes again and is deleted then. Nothing is ever thrown.
 */
import type { SQSClient } from "@aws-sdk/client-sqs";
import { toErrorCode, toMessage } from "../model/errors.ts";
import { CALL_LIMITS } from "./clients.ts";
import type { SqsConsumerOptions } from "./sqs-types.ts";

export type Deleter = {
  /** From now on calls are made by `client`. */
  start(client: SQSClient): void;
  add(receipt: string): void;
  /** Reading is over: what is added from now on goes at once. */
  end(): void;
};

/** SQS's most entries of a batch. */
const BATCH_MAX = 10;
/** So long receipts gather, ms: a tenth of what it takes until a duplicate matters. */
const GATHER_MS = 50;
/** Wait before failed ones are tried again, ms, and tries after the end. */
const RETRY_MS = 1_000;
const LAST_TRIES = 3;

type Needs = Pick<SqsConsumerOptions, "aws" | "clock" | "queueUrl" | "warn">;

/** Makes a deleter of a queue's messages. */
export function createDeleter(options: Needs): Deleter {
  const { clock } = options;
  const receipts: string[] = [];
  let client: SQSClient | null = null;
  let isEnding = false;
  let isRunning = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    let failures = 0;
    if (!isEnding) await clock.sleep(GATHER_MS);
    while (receipts.length > 0 && client !== null) {
      const failed = await deleteBatch(receipts.splice(0, BATCH_MAX), client, options);
      failures = failed.length > 0 ? failures + 1 : 0;
      receipts.push(...failed);
      if (isEnding && failures >= LAST_TRIES) break;
      if (failed.length > 0) await clock.sleep(RETRY_MS * clock.random());
    }
    isRunning = false;
  };
  const poke = (): void => {
    if (!isRunning && receipts.length > 0) void run();
  };
  return {
    start: (by) => {
      client = by;
      poke();
    },
    add: (receipt) => {
      receipts.push(receipt);
      poke();
    },
    end: () => {
      isEnding = true;
      poke();
    },
  };
}

/** Deletes up to ten; gives those that are to be tried again. */
async function deleteBatch(
  receipts: readonly string[],
  client: SQSClient,
  { aws, queueUrl: QueueUrl, warn }: Needs,
): Promise<readonly string[]> {
  const { DeleteMessageBatchCommand } = await import("@aws-sdk/client-sqs");
  const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
  const call = { service: "sqs", operation: "DeleteMessageBatch", resource: QueueUrl };
  const send = (abortSignal: AbortSignal): Promise<{ Failed?: readonly Failed[] | undefined }> =>
    client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }), { abortSignal });
  try {
    const by = { limits: CALL_LIMITS, signal: new AbortController().signal };
    const { Failed: failed = [] } = await aws.call(call, send, by);
    // What SQS calls our fault stays so: the receipt is too old.
    return failed.flatMap(({ Id, SenderFault }) => (SenderFault === true ? [] : (receipts[Number(Id)] ?? [])));
  } catch (error) {
    warn(`Messages of ${QueueUrl} are not deleted: ${toMessage(error)}`, toErrorCode(error));
    return receipts;
  }
}

type Failed = { readonly Id: string | undefined; readonly SenderFault: boolean | undefined };
