/**
 * Waits until Splunk's indexers have what one call carried.
 *
 * The collector answers a call before its events are indexed; with indexer acknowledgement it gives the call a number and
 * can be asked, on the same channel, whether all of it is on disk. It is asked soon, then more seldom. What cannot be
 * asked is asked again; what is not acknowledged in time is unknown, so that the very same alerts go again.
 */
import type { SendResult } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import { memberOf, parseAnswer } from "../http/answer.ts";
import type { Answer } from "../http/request.ts";
import { toHecResult } from "./codes.ts";

export type Acknowledge = {
  /** Asks for these numbers: the body of the call. */
  readonly ask: (body: string, signal: AbortSignal) => Promise<Answer>;
  readonly url: URL;
  readonly clock: Clock;
  readonly timeoutMs: number;
};

/** First and longest pause between two questions, ms. Indexers take from a tenth of a second to some seconds. */
const ASK_FIRST_MS = 100;
const ASK_MAX_MS = 2_000;

/** Accepted once call number `ackId` is indexed; unknown with `not_acknowledged` after the time is up. */
export async function awaitAcknowledgement(
  ackId: number,
  { ask, url, clock, timeoutMs }: Acknowledge,
  signal: AbortSignal,
): Promise<SendResult> {
  const untilMs = clock.monotonicMs() + timeoutMs;
  for (let pauseMs = ASK_FIRST_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, ASK_MAX_MS)) {
    const answer = await ask(JSON.stringify({ acks: [ackId] }), signal);
    const isAnswered = !("fault" in answer) && answer.status === 200;
    if (isAnswered && memberOf(parseAnswer(answer.body), "acks", String(ackId)) === true) return { status: "accepted" };
    if (!isAnswered) {
      const result = toHecResult(answer, url);
      if (result.status === "unknown" && result.detail !== undefined) return result;
    }
    if (clock.monotonicMs() + pauseMs > untilMs) return { status: "unknown", code: "not_acknowledged" };
    await clock.sleep(pauseMs, signal);
  }
  return { status: "unknown", code: "aborted" };
}
