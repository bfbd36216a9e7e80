/**
 * Several alerts in one call over HTTP, each answered for by itself.
 *
 * An array is cut into calls that the receiver takes. A call that it refuses whole for what stands in it is tried alert by
 * alert, so that a bad one keeps no other back; one that is too large alone goes once more without evidence. After a call
 * without a clear answer the rest of the array waits. What is settled does not go again (again.ts).
 */
import type { OutboxItem, SendResult, Sink } from "../../contracts.ts";
import { type Unsendable, withoutEvidence } from "../fit.ts";
import { createResumedSend } from "./again.ts";

export type BatchCalls = {
  /** The text of an alert in a call. */
  encode(item: OutboxItem): string | Unsendable;
  /** Of one call. */
  readonly maxItems: number;
  readonly maxBytes: number;
  /** One call: an answer an entry, in order, or one for the whole call. */
  request(entries: readonly string[], signal: AbortSignal): Promise<readonly SendResult[] | SendResult>;
};

type Part = { readonly index: number; readonly item: OutboxItem; readonly text: string };

const WAITING: SendResult = { status: "unknown", code: "waiting" };

/** The `send` of a sink over such calls. */
export function createBatchSend(calls: BatchCalls): Sink["send"] {
  return createResumedSend(async (items, signal) => {
    const results: (SendResult | undefined)[] = [];
    const parts: Part[] = [];
    for (const [index, item] of items.entries()) {
      const text = calls.encode(item);
      if (typeof text === "string") parts.push({ index, item, text });
      else results[index] = { status: "refused", code: text.refused };
    }
    for (const some of toCalls(parts, calls)) {
      const answers = await sendSome(some, calls, signal);
      for (const [at, { index }] of some.entries()) results[index] = answers[at] ?? WAITING;
      if (answers.some(({ status }) => status === "unknown")) break;
    }
    return items.map((_, index) => results[index] ?? WAITING);
  });
}

function* toCalls(parts: readonly Part[], { maxItems, maxBytes }: BatchCalls): Generator<readonly Part[]> {
  let some: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    const size = Buffer.byteLength(part.text) + 1;
    if (some.length > 0 && (some.length >= maxItems || bytes + size > maxBytes)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(part);
    bytes += size;
  }
  if (some.length > 0) yield some;
}

async function sendSome(
  parts: readonly Part[],
  calls: BatchCalls,
  signal: AbortSignal,
): Promise<readonly SendResult[]> {
  const answer = await calls.request(
    parts.map(({ text }) => text),
    signal,
  );
  if (!("status" in answer)) return answer;
  const [only] = parts;
  if (answer.status !== "refused" || only === undefined) return parts.map(() => answer);
  if (parts.length === 1) return [answer.code === "too_large" ? await sendCut(only, calls, signal) : answer];
  const alone: SendResult[] = [];
  for (const part of parts) {
    const [result = WAITING] = await sendSome([part], calls, signal);
    alone.push(result);
    if (result.status === "unknown") break;
  }
  return alone;
}

async function sendCut({ item }: Part, calls: BatchCalls, signal: AbortSignal): Promise<SendResult> {
  const text = calls.encode(withoutEvidence(item));
  if (typeof text !== "string") return { status: "refused", code: text.refused };
  const answer = await calls.request([text], signal);
  return "status" in answer ? answer : (answer[0] ?? WAITING);
}
