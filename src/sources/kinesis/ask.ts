/**
 * One question to a shard: what comes next in it.
 *
 * An iterator that has expired, or that the service does not take, is made anew where the shard stands. Where the records
 * behind that place are gone (older than the stream keeps, a stream made anew), it goes on with the oldest there is and says
 * what is missing: Kinesis itself would give nothing, or begin later in silence. Never throws; what waiting may mend is a
 * failure, to be asked again.
 */
import { codeOf } from "../../aws/errors.ts";
import { toUtcText } from "../../lib/clock.ts";
import { type ErrorCode, SagewatchError, toErrorCode, toMessage } from "../../model/errors.ts";
import type { StreamCalls, StreamRecord, StreamSummary } from "./client.ts";
import type { Shard } from "./shards.ts";

export type Answer = {
  readonly shard: Shard;
  readonly records: readonly StreamRecord[];
  /** How far the answer is behind the tip, ms; 0 at the tip. */
  readonly behindMs: number;
  /** The shard was split or merged, and this is the last of it. */
  readonly isEnd: boolean;
  /** Wall time at which it was asked. */
  readonly askedMs: number;
  /** Why there is no answer; null when there is one. */
  readonly failure: { readonly text: string; readonly code: ErrorCode | undefined; readonly isMissing: boolean } | null;
};

export type AskBy = {
  readonly calls: StreamCalls;
  readonly summary: () => StreamSummary;
  readonly nowMs: () => number;
  /** Records of the shard are gone that arrived between these times, epoch ms. */
  readonly gap: (
    shard: Shard,
    lost: { readonly why: string; readonly fromMs: number; readonly untilMs: number },
  ) => void;
  readonly signal: AbortSignal;
};

/** Iterators made in one question: one for each way in which the one before can be wrong. */
const TRIES = 3;

/** Asks once. */
export async function askShard(shard: Shard, by: AskBy): Promise<Answer> {
  const askedMs = by.nowMs();
  const none = { shard, records: [], behindMs: 0, isEnd: false, askedMs };
  try {
    for (let tries = 1; ; tries += 1) {
      shard.iterator ??= await openIterator(shard, by);
      try {
        const {
          Records = [],
          MillisBehindLatest = 0,
          NextShardIterator,
        } = await by.calls.records(shard.id, shard.iterator, by.signal);
        shard.iterator = NextShardIterator ?? null;
        const isEnd = shard.iterator === null;
        const isStuck = Records.length === 0 && MillisBehindLatest >= by.summary().retentionMs;
        if (isStuck && shard.place !== null && tries < TRIES) {
          giveUpPlace(shard, by);
          continue;
        }
        return { ...none, records: Records, behindMs: MillisBehindLatest, isEnd, failure: null };
      } catch (error) {
        shard.iterator = null;
        if (tries >= TRIES || !isIteratorWrong(error)) throw error;
      }
    }
  } catch (error) {
    const isMissing = error instanceof SagewatchError && error.code === "aws_missing";
    return { ...none, failure: { text: toMessage(error), code: toErrorCode(error), isMissing } };
  }
}

/** https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html#API_GetRecords_Errors */
function isIteratorWrong(error: unknown): boolean {
  const code = error instanceof SagewatchError ? codeOf(error.cause) : "";
  return code === "ExpiredIteratorException" || code === "InvalidArgumentException";
}

/** An iterator where the shard stands, or with the oldest record where that place is gone. */
async function openIterator(shard: Shard, by: AskBy): Promise<string> {
  const { calls, signal } = by;
  const isGone = shard.place !== null && shard.place.completeMs < by.nowMs() - by.summary().retentionMs;
  if (isGone) giveUpPlace(shard, by);
  try {
    return await calls.iterator(shard.id, shard.place, signal);
  } catch (error) {
    const code = error instanceof SagewatchError ? codeOf(error.cause) : "";
    // A sequence number that is not one of this shard.
    const isForeign = code === "InvalidArgumentException" || (code === "ResourceNotFoundException" && isOfPlace(error));
    if (shard.place === null || !isForeign) throw error;
    giveUpPlace(shard, by);
    return calls.iterator(shard.id, null, signal);
  }
}

function isOfPlace(error: unknown): boolean {
  return /sequence ?number/i.test(toMessage(error));
}

function giveUpPlace(shard: Shard, { gap, nowMs, summary }: AskBy): void {
  const { retentionMs } = summary();
  const fromMs = shard.place?.completeMs ?? shard.completeMs;
  const horizonMs = nowMs() - retentionMs;
  const isOld = horizonMs > fromMs;
  const until = isOld ? `, up to ${toUtcText(horizonMs)}` : "";
  const why = `records of shard ${shard.id} that arrived after ${toUtcText(fromMs)} are gone${until}: the stream keeps ${retentionMs / 3_600_000} h. Reading goes on with the oldest there is.`;
  gap(shard, { why, fromMs, untilMs: isOld ? horizonMs : nowMs() });
  shard.place = null;
  shard.iterator = null;
  shard.completeMs = Math.max(shard.completeMs, horizonMs);
}
