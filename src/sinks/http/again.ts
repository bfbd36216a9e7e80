/**
 * What is settled of an array of alerts stays settled when the array comes again.
 *
 * After any unknown answer delivery sends the very same array again. Here those alerts of it that the receiver has taken
 * or refused are left out, so that nothing goes twice that need not. Nothing waits or repeats here.
 */
import type { OutboxItem, SendResult, Sink } from "../../contracts.ts";

/** Answers for these alerts, one each, in order. */
export type SendOpen = (items: readonly OutboxItem[], signal: AbortSignal) => Promise<readonly SendResult[]>;

/** The `send` of a sink over `sendOpen`, which is given what is still open of an array. */
export function createResumedSend(sendOpen: SendOpen): Sink["send"] {
  const settled = new WeakMap<readonly OutboxItem[], readonly (SendResult | null)[]>();
  return async (items, signal) => {
    const results: (SendResult | null)[] = [...(settled.get(items) ?? items.map(() => null))];
    const open = [...items.entries()].filter(([index]) => results[index] === null);
    const answers = signal.aborted
      ? open.map((): SendResult => ({ status: "unknown", code: "aborted" }))
      : await sendOpen(
          open.map(([, item]) => item),
          signal,
        );
    for (const [at, [index]] of open.entries()) results[index] = answers[at] ?? null;
    settled.set(
      items,
      results.map((result) => (result?.status === "unknown" ? null : result)),
    );
    return results.map((result) => result ?? { status: "unknown", code: "wrong_count" });
  };
}

/** One alert a call, one after another, none past one that is open: those behind it are `waiting`. */
export function createOrderedSend(
  sendOne: (item: OutboxItem, signal: AbortSignal) => Promise<SendResult>,
): Sink["send"] {
  return createResumedSend(async (items, signal) => {
    const results: SendResult[] = [];
    for (const item of items) {
      const result: SendResult = signal.aborted ? { status: "unknown", code: "aborted" } : await sendOne(item, signal);
      results.push(result);
      if (result.status === "unknown") break;
    }
    return items.map((_, index) => results[index] ?? { status: "unknown", code: "waiting" });
  });
}
