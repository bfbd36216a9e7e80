/**
 * What a consumer of a queue takes and gives. Types only: consumer, deleter and leases share them.
 */
import type { Clock } from "../lib/clock.ts";
import type { Aws, AwsLimits } from "./clients.ts";
import type { Warn } from "../model/errors.ts";

/** A message of a queue. */
export type SqsMessage = {
  readonly id: string;
  readonly body: string;
  readonly sizeBytes: number;
  /** When it was sent, epoch ms. */
  readonly sentMs: number;
  /** How often it was received, this time included. */
  readonly receives: number;
};

export type SqsConsumerOptions = {
  readonly aws: Aws;
  readonly clock: Clock;
  readonly queueUrl: string;
  /** How long a poll waits for messages, s: 0 to 20. */
  readonly waitSeconds: number;
  /** How long a received message is ours, s; extended while undecided. */
  readonly visibilitySeconds: number;
  /** Polls at the same time. */
  readonly receivers: number;
  /** Bytes of messages held; at so many none are received until some are decided. */
  readonly creditBytes: number;
  /** Messages held, likewise. */
  readonly creditMessages: number;
  /** Limits of a call, beside the wait of a poll; CALL_LIMITS where left out. */
  readonly limits?: AwsLimits;
  readonly warn: Warn;
  /** Called with each answer of the queue, an empty one too. */
  readonly onAnswer?: () => void;
  /** Called once: what was in flight when the process before this one ended has come again and is decided. */
  readonly onSettledIn?: () => void;
};

export type SqsConsumer = {
  /**
   * Messages as they come: at least one each time, at most `most`. Ends when `signal` aborts; what was not handed out goes
   * back to the queue. To be read once. Errors by code: aws_missing (the queue does not exist, at the first call).
   */
  read(most: number, signal: AbortSignal): AsyncGenerator<readonly SqsMessage[]>;
  /** The effects of these are committed: they are deleted. May be called after the end of `read`. */
  done(messages: readonly SqsMessage[]): void;
  /** These were given up: they are no longer extended, and come again. */
  forget(messages: readonly SqsMessage[]): void;
  /** These will not be decided by this reading: they go back to the queue when it ends. */
  release(messages: readonly SqsMessage[]): void;
  /** When the oldest message was sent that may still come or is undecided, epoch ms; Infinity when there is none. */
  floorMs(): number;
};

/** A message that is held. */
export type Held = {
  readonly message: SqsMessage;
  receipt: string;
  /** Monotonic ms at which its visibility ends. */
  untilMs: number;
};
