/**
 * The canary of a queue: a harmless event that the source puts on its own queue and waits for.
 *
 * It looks like what EventBridge puts there, a CloudTrail record of something that means nothing, and goes the way of all
 * messages: received, taken in, committed, deleted. It is known by how its body begins, which no envelope of AWS does, and
 * counted as skipped, so that its time moves no watermark and it is heard of no account. One that this process did not send
 * (of the process before, or of a stranger) tells nothing. One that comes after its time still ends the outage. Nothing is
 * thrown.
 */
import { randomUUID } from "node:crypto";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { type Aws, CALL_LIMITS } from "../../aws/clients.ts";
import type { SqsMessage } from "../../aws/sqs-types.ts";
import { type Clock, toUtcText } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import type { CanaryOutcome } from "../../model/watch/canary.ts";

/** How often it looks whether one is overdue, ms: fine beside `withinMs`, nothing beside a poll. */
const LOOK_MS = 1_000;
/** Wait before a canary that could not be sent is tried again, ms. */
const RETRY_MS = 15_000;
/** Canaries that are waited for; older ones are forgotten. */
const FLYING_MAX = 100;
/** Longer than it slept by so much, ms, the process stood still, and nothing can be said of what was on its way. */
const STOOD_STILL_MS = 30_000;

const BEGINS = '{"id":"sagewatch-canary-';
const UUID_CHARS = 36;
/** No account has it. */
const NO_ACCOUNT = "000000000000";

export type CanaryOptions = {
  readonly aws: Aws;
  readonly clock: Clock;
  readonly queueUrl: string;
  /** Name of the queue, for messages. */
  readonly queue: string;
  readonly everyMs: number;
  /** So long one may take until its commit. */
  readonly withinMs: number;
  readonly tell: (outcome: CanaryOutcome) => void;
};

export type Canary = {
  /** Sends one at once and then every `everyMs`, until `signal`. */
  fly(signal: AbortSignal): Promise<void>;
  /** The effects of these messages are committed. */
  committed(messages: readonly SqsMessage[]): void;
};

/** When each was sent, monotonic ms, and whether it is told as missing. */
type Flying = Map<string, { sentMs: number; isTold: boolean }>;
/** `sinceMs`: since when none can be sent, monotonic ms; null: the last one was. */
type Sending = { sinceMs: number | null; detail: string; isTold: boolean };

/** True for a message that is a canary, whoever sent it. */
export function isCanary({ body }: SqsMessage): boolean {
  return body.startsWith(BEGINS);
}

export function createCanary(options: CanaryOptions): Canary {
  const { clock, tell } = options;
  const flying: Flying = new Map();
  const sending: Sending = { sinceMs: null, detail: "", isTold: false };
  return {
    committed: (messages) => {
      for (const { body } of messages.filter(isCanary)) {
        const id = body.slice(BEGINS.length, BEGINS.length + UUID_CHARS);
        const sent = flying.get(id);
        if (sent === undefined) continue;
        flying.delete(id);
        tell({ status: "returned", tripMs: clock.monotonicMs() - sent.sentMs });
      }
    },
    fly: async (signal) => {
      const { SQSClient: Client } = await import("@aws-sdk/client-sqs");
      const client = options.aws.open(Client, CALL_LIMITS, { useQueueUrlAsEndpoint: false });
      let nextMs = clock.monotonicMs();
      while (!signal.aborted) {
        if (clock.monotonicMs() >= nextMs) {
          nextMs += options.everyMs;
          const isSent = await send(client, { options, flying, sending, signal });
          if (!isSent) nextMs = Math.min(nextMs, clock.monotonicMs() + RETRY_MS);
        }
        tellMissing(flying, sending, options);
        const beforeMs = clock.monotonicMs();
        await clock.sleep(LOOK_MS, signal);
        const overMs = clock.monotonicMs() - beforeMs - LOOK_MS;
        if (overMs < STOOD_STILL_MS) continue;
        for (const one of flying.values()) one.sentMs += overMs;
        nextMs = clock.monotonicMs();
      }
      client.destroy();
    },
  };
}

type By = {
  readonly options: CanaryOptions;
  readonly flying: Flying;
  readonly sending: Sending;
  readonly signal: AbortSignal;
};

async function send(client: SQSClient, { options, flying, sending, signal }: By): Promise<boolean> {
  const { aws, clock, queueUrl: QueueUrl } = options;
  const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
  const id = randomUUID();
  const command = new SendMessageCommand({
    QueueUrl,
    MessageBody: toBody(id, aws.region, clock.nowMs()),
    ...(QueueUrl.endsWith(".fifo") ? { MessageGroupId: "sagewatch-canary", MessageDeduplicationId: id } : {}),
  });
  const sentMs = clock.monotonicMs();
  // Before it is sent: it may be back before the answer is.
  flying.set(id, { sentMs, isTold: false });
  const [oldest] = flying.keys();
  if (flying.size > FLYING_MAX && oldest !== undefined) flying.delete(oldest);
  try {
    const call = { service: "sqs", operation: "SendMessage", resource: QueueUrl };
    await aws.call(call, (abortSignal) => client.send(command, { abortSignal }), { limits: CALL_LIMITS, signal });
    sending.sinceMs = null;
    sending.isTold = false;
    return true;
  } catch (error) {
    flying.delete(id);
    sending.sinceMs ??= sentMs;
    sending.detail = error instanceof SagewatchError ? `${error.code}: ${error.message}` : toMessage(error);
    return false;
  }
}

function tellMissing(flying: Flying, sending: Sending, { clock, withinMs, queue, tell }: CanaryOptions): void {
  const nowMs = clock.monotonicMs();
  const within = formatDuration(withinMs);
  if (sending.sinceMs !== null && !sending.isTold && nowMs - sending.sinceMs >= withinMs) {
    sending.isTold = true;
    const detail = `no canary could be sent to the queue ${queue} for ${within} (${sending.detail})`;
    tell({ status: "missing", forMs: nowMs - sending.sinceMs, detail });
  }
  for (const one of flying.values()) {
    if (one.isTold || nowMs - one.sentMs < withinMs) continue;
    one.isTold = true;
    const detail = `a canary that was put on the queue ${queue} has not come back within ${within}`;
    tell({ status: "missing", forMs: nowMs - one.sentMs, detail });
  }
}

/** An envelope as EventBridge makes them; its id stands first, by which it is known. */
function toBody(id: string, region: string, nowMs: number): string {
  const time = toUtcText(Math.floor(nowMs / 1000) * 1000);
  return JSON.stringify({
    id: `sagewatch-canary-${id}`,
    version: "0",
    "detail-type": "AWS API Call via CloudTrail",
    source: "sagewatch.canary",
    account: NO_ACCOUNT,
    time,
    region,
    resources: [],
    detail: {
      eventVersion: "1.11",
      userIdentity: { type: "AWSService", invokedBy: "canary.sagewatch" },
      eventTime: time,
      eventSource: "canary.sagewatch",
      eventName: "Fly",
      awsRegion: region,
      sourceIPAddress: "canary.sagewatch",
      userAgent: "canary.sagewatch",
      requestParameters: null,
      responseElements: null,
      requestID: id,
      eventID: id,
      readOnly: true,
      eventType: "AwsServiceEvent",
      managementEvent: true,
      recipientAccountId: NO_ACCOUNT,
      eventCategory: "Management",
    },
  });
}
