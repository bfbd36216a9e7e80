/**
 * Reads a queue: receives, keeps what is undecided to itself, deletes what is decided.
 *
 * States of a message: WAITING (received, not handed out), OUT (handed out, undecided), DONE (its effects are committed,
 * its deletion is on its way), GONE (deleted). While it is WAITING or OUT its visibility is extended at half-time, so that
 * nobody else gets it however long that takes. What comes again under the id of a message that is held replaces its receipt
 * only; what comes again of one that is DONE or GONE is deleted once more: its effects are durable. Promises that nothing
 * is deleted that was not decided by `done`, that bytes held stay within the credit, and that nothing is ever thrown for
 * what waiting can mend. It never looks into a body.
 */
import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import type { Clock } from "../lib/clock.ts";
import { SagewatchError, toErrorCode, toMessage } from "../model/errors.ts";
import { ATTEMPTS, type AwsLimits, CALL_LIMITS } from "./clients.ts";
import { createDeleter, type Deleter } from "./sqs-deleter.ts";
import { extendLeases } from "./sqs-leases.ts";
import type { Held, SqsConsumer, SqsConsumerOptions, SqsMessage } from "./sqs-types.ts";

/** What was received more often holds back no watermark: something is wrong with it, and it may come for days. */
const HOLDING_RECEIVES = 3;
/** What was sent no later than a message received in this time may still come, ms. */
const RECENT_MS = 60_000;
/** SQS's most messages in one answer. */
const RECEIVE_MAX = 10;
/**
 * An answer with fewer messages than it might have, and with fewer bytes than would make SQS end it early (1 MiB, of which
 * half is allowed for): nothing more waits. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
 */
const SHORT = { messages: RECEIVE_MAX, bytes: 512 * 1024 } as const;
/** Wait before a receive is tried again, ms: doubled from the least to the most, with jitter. */
const RETRY_MS = { least: 200, most: 30_000 } as const;
/** Ids of deleted messages that are remembered. */
const GONE_MAX = 10_000;

type State = {
  readonly held: Map<string, Held>;
  readonly waiting: SqsMessage[];
  readonly gone: Set<string>;
  /** Send times of what came in the last minute: [monotonic ms of the receive, smallest send time in it]. */
  readonly recent: [number, number][];
  /** An answer was short once; when the first message came, ms: see floorOf. */
  wasShort: boolean;
  firstCameMs: number;
  heldBytes: number;
  /** Messages that came, and that were decided: for onSettledIn. */
  came: number;
  decided: number;
  settledInAt: number | null;
  isSettledIn: boolean;
  hasAnswered: boolean;
  error: SagewatchError | null;
  wake: PromiseWithResolvers<void>;
};

/** Makes a consumer; nothing is called before `read`. */
export function createSqsConsumer(options: SqsConsumerOptions): SqsConsumer {
  const state: State = {
    held: new Map(),
    waiting: [],
    gone: new Set(),
    recent: [],
    wasShort: false,
    firstCameMs: Infinity,
    heldBytes: 0,
    came: 0,
    decided: 0,
    settledInAt: null,
    isSettledIn: false,
    hasAnswered: false,
    error: null,
    wake: Promise.withResolvers<void>(),
  };
  const deleter = createDeleter(options);
  const decide = (messages: readonly SqsMessage[], isDone: boolean): void => {
    for (const { id, sizeBytes } of messages) {
      const held = state.held.get(id);
      if (held === undefined) continue;
      state.held.delete(id);
      state.heldBytes -= sizeBytes;
      state.decided += 1;
      if (!isDone) continue;
      remember(state.gone, id);
      deleter.add(held.receipt);
    }
    tellSettledIn(state, options);
    notify(state);
  };
  return {
    read: (most, signal) => read({ options, state, deleter, most, signal }),
    done: (messages) => decide(messages, true),
    forget: (messages) => decide(messages, false),
    release: (messages) => void state.waiting.push(...messages.filter(({ id }) => state.held.has(id))),
    floorMs: () => floorOf(state, options.clock),
  };
}

type Run = {
  readonly options: SqsConsumerOptions;
  readonly state: State;
  readonly deleter: Deleter;
  readonly most: number;
  readonly signal: AbortSignal;
};

async function* read(run: Run): AsyncGenerator<readonly SqsMessage[]> {
  const { options, state, deleter, most } = run;
  if (run.signal.aborted) return;
  const { SQSClient } = await import("@aws-sdk/client-sqs");
  const limits = toPollLimits(options);
  const client = options.aws.open(SQSClient, limits, { useQueueUrlAsEndpoint: false });
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  signal.addEventListener("abort", () => notify(state), { once: true });
  deleter.start(client);
  const startedMs = options.clock.monotonicMs();
  const loops = [
    ...Array.from({ length: options.receivers }, () => receiveLoop({ ...run, signal }, { client, limits, startedMs })),
    extendLeases(state.held, { ...options, client, signal }),
  ];
  try {
    for (;;) {
      if (state.error !== null) throw state.error;
      if (signal.aborted) break;
      if (state.waiting.length === 0) await state.wake.promise;
      else yield state.waiting.splice(0, most);
    }
  } finally {
    stop.abort();
    await Promise.all(loops);
    await giveBack(run, client);
    deleter.end();
  }
}

/** A poll waits longer for its answer than any other call. */
function toPollLimits({ waitSeconds, limits = CALL_LIMITS }: SqsConsumerOptions): AwsLimits {
  const waitMs = waitSeconds * 1000;
  const { answerMs, silenceMs, totalMs } = limits;
  return { answerMs: answerMs + waitMs, silenceMs: silenceMs + waitMs, totalMs: totalMs + ATTEMPTS * waitMs };
}

type Receiving = {
  readonly client: SQSClient;
  readonly limits: AwsLimits;
  readonly startedMs: number;
};

/** One receiver: polls while there is credit, until the signal. */
async function receiveLoop(run: Run, by: Receiving): Promise<void> {
  const { options, state, signal } = run;
  const { clock, creditBytes, creditMessages, warn, visibilitySeconds } = options;
  let retryMs: number = RETRY_MS.least;
  while (!signal.aborted) {
    if (state.heldBytes >= creditBytes || state.held.size >= creditMessages) {
      await state.wake.promise;
      continue;
    }
    const begunMs = clock.monotonicMs();
    try {
      const messages = await receive(run, by);
      state.hasAnswered = true;
      options.onAnswer?.();
      retryMs = RETRY_MS.least;
      takeIn(messages, run);
      // Whatever the process before held is visible again since then, and this receive looked for it.
      if (begunMs - by.startedMs >= visibilitySeconds * 1000) state.settledInAt ??= state.came;
      tellSettledIn(state, options);
    } catch (error) {
      if (signal.aborted) return;
      if (!state.hasAnswered && error instanceof SagewatchError && error.code === "aws_missing") {
        state.error = error;
        notify(state);
        return;
      }
      warn(`Nothing is received from ${options.queueUrl}: ${toMessage(error)}`, toErrorCode(error));
      await clock.sleep(retryMs * (0.5 + clock.random() / 2), signal);
      retryMs = Math.min(retryMs * 2, RETRY_MS.most);
    }
  }
}

async function receive({ options, signal }: Run, { client, limits }: Receiving): Promise<readonly Message[]> {
  const { ReceiveMessageCommand } = await import("@aws-sdk/client-sqs");
  const command = new ReceiveMessageCommand({
    QueueUrl: options.queueUrl,
    MaxNumberOfMessages: RECEIVE_MAX,
    WaitTimeSeconds: options.waitSeconds,
    VisibilityTimeout: options.visibilitySeconds,
    MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
  });
  const call = { service: "sqs", operation: "ReceiveMessage", resource: options.queueUrl };
  const { Messages = [] } = await options.aws.call(call, (abortSignal) => client.send(command, { abortSignal }), {
    limits,
    signal,
  });
  return Messages;
}

function takeIn(messages: readonly Message[], { options, state, deleter }: Run): void {
  const nowMs = options.clock.monotonicMs();
  const untilMs = nowMs + options.visibilitySeconds * 1000;
  let oldestMs = Infinity;
  state.wasShort ||= isShort(messages);
  if (messages.length > 0) state.firstCameMs = Math.min(state.firstCameMs, nowMs);
  for (const one of messages) {
    const message = toSqsMessage(one);
    const receipt = one.ReceiptHandle ?? "";
    if (message.receives <= HOLDING_RECEIVES) oldestMs = Math.min(oldestMs, message.sentMs);
    if (state.gone.has(message.id)) {
      deleter.add(receipt);
      continue;
    }
    const held = state.held.get(message.id);
    if (held !== undefined) {
      held.receipt = receipt;
      held.untilMs = untilMs;
      continue;
    }
    state.held.set(message.id, { message, receipt, untilMs });
    state.waiting.push(message);
    state.heldBytes += message.sizeBytes;
    state.came += 1;
  }
  if (oldestMs < Infinity) state.recent.push([nowMs, oldestMs]);
  if (state.waiting.length > 0) notify(state);
}

function isShort(messages: readonly Message[]): boolean {
  const bytes = messages.reduce((sum, { Body = "" }) => sum + Body.length, 0);
  return messages.length < SHORT.messages && bytes < SHORT.bytes;
}

function toSqsMessage({ MessageId = "", Body = "", Attributes = {} }: Message): SqsMessage {
  const sentMs = Number(Attributes.SentTimestamp);
  return {
    id: MessageId,
    body: Body,
    sizeBytes: Buffer.byteLength(Body),
    sentMs: Number.isFinite(sentMs) ? sentMs : Infinity,
    receives: Number(Attributes.ApproximateReceiveCount ?? 1),
  };
}

/** What was received and never handed out is visible to others at once. */
async function giveBack({ options, state }: Run, client: SQSClient): Promise<void> {
  const unread = state.waiting.splice(0);
  const receipts = unread.flatMap(({ id }) => state.held.get(id)?.receipt ?? []);
  for (const { id, sizeBytes } of unread) if (state.held.delete(id)) state.heldBytes -= sizeBytes;
  const { ChangeMessageVisibilityBatchCommand } = await import("@aws-sdk/client-sqs");
  const { queueUrl: QueueUrl, aws } = options;
  for (let at = 0; at < receipts.length; at += RECEIVE_MAX) {
    const Entries = receipts
      .slice(at, at + RECEIVE_MAX)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: 0 }));
    const call = { service: "sqs", operation: "ChangeMessageVisibilityBatch", resource: QueueUrl };
    const send = (abortSignal: AbortSignal): Promise<unknown> =>
      client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }), { abortSignal });
    const limits = { ...CALL_LIMITS, totalMs: 2_000 };
    // It only saves waiting: without it they come again when their visibility ends.
    await aws.call(call, send, { limits, signal: new AbortController().signal }).catch(() => undefined);
  }
}

/**
 * Nothing sent before it is likely to come: the least send time of what came in the last minute or is held. A queue hands
 * out in no order, so at the start nothing can be said until a minute's messages came, or until nothing more waits.
 */
function floorOf(state: State, clock: Clock): number {
  const { held, recent } = state;
  const sinceMs = clock.monotonicMs() - RECENT_MS;
  while (recent.length > 0 && (recent[0]?.[0] ?? 0) < sinceMs) recent.shift();
  if (!state.wasShort && !(state.firstCameMs <= sinceMs)) return -Infinity;
  let floorMs = Infinity;
  for (const [, sentMs] of recent) floorMs = Math.min(floorMs, sentMs);
  for (const { message } of held.values())
    if (message.receives <= HOLDING_RECEIVES) floorMs = Math.min(floorMs, message.sentMs);
  return floorMs;
}

function tellSettledIn(state: State, { onSettledIn }: SqsConsumerOptions): void {
  if (state.isSettledIn || state.settledInAt === null || state.decided < state.settledInAt) return;
  state.isSettledIn = true;
  onSettledIn?.();
}

function remember(gone: Set<string>, id: string): void {
  gone.add(id);
  if (gone.size <= GONE_MAX) return;
  for (const oldest of gone) return void gone.delete(oldest);
}

function notify(state: State): void {
  state.wake.resolve();
  state.wake = Promise.withResolvers<void>();
}
