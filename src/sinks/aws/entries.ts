/**
 * Alerts as the entries of AWS's batch calls, each answered for by itself.
 *
 * PutEvents, PublishBatch, SendMessageBatch and BatchImportFindings take several entries and may fail some of them. An
 * array that comes again, because one of its alerts was unknown, goes out again without those that AWS has taken or
 * refused: entries that failed alone are sent again alone. A call that AWS refuses whole for what stands in it is tried
 * entry by entry, so that one bad alert keeps no other back. Codes: `encode_failed`, `too_large` and AWS's own word in
 * small letters for what is refused; `aws_denied`, `aws_missing`, `aws_credentials`, `aws_refused` (unknown, with what a
 * person must do), `aws_unreachable`, `aborted` and AWS's own word for what is unknown.
 */
import type { OutboxItem, SendResult, Sink } from "../../contracts.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import type { Unsendable } from "../fit.ts";

/** An alert ready to be sent, with the bytes that it counts for. */
export type Entry<T> = { readonly entry: T; readonly sizeBytes: number };

/** What AWS says of one entry: null, it has it; else the code, and whether the same entry would fail again. */
export type EntryFault = { readonly code: string; readonly isFinal: boolean } | null;

export type EntryCalls<T> = {
  readonly toEntry: (item: OutboxItem) => Entry<T> | Unsendable;
  /** Of one call. */
  readonly maxItems: number;
  readonly maxBytes: number;
  /** One call; an answer an entry, in order. Errors by code: aws_*. */
  request(entries: readonly T[], signal: AbortSignal): Promise<readonly EntryFault[]>;
};

const ACCEPTED: SendResult = { status: "accepted" };

/** The `send` of a sink over such calls. */
export function createEntrySend<T>(calls: EntryCalls<T>): Sink["send"] {
  /** What is settled of an array that was not settled whole. */
  const settled = new WeakMap<readonly OutboxItem[], readonly (SendResult | null)[]>();
  return async (items, signal) => {
    const results: (SendResult | null)[] = [...(settled.get(items) ?? items.map(() => null))];
    const open: { readonly index: number; readonly made: Entry<T> }[] = [];
    for (const [index, item] of items.entries()) {
      if (results[index] !== null) continue;
      const made = calls.toEntry(item);
      if ("refused" in made) results[index] = { status: "refused", code: made.refused };
      else open.push({ index, made });
    }
    for (const some of toCalls(open, calls)) {
      const answers = await sendSome(
        some.map(({ made }) => made.entry),
        { calls, signal },
      );
      for (const [at, { index }] of some.entries())
        results[index] = answers[at] ?? { status: "unknown", code: "wrong_count" };
    }
    settled.set(
      items,
      results.map((result) => (result?.status === "unknown" ? null : result)),
    );
    return results.map((result) => result ?? { status: "unknown", code: "wrong_count" });
  };
}

/** Cuts what is open into calls, in order. */
function* toCalls<P extends { readonly made: { readonly sizeBytes: number } }>(
  open: readonly P[],
  { maxItems, maxBytes }: { readonly maxItems: number; readonly maxBytes: number },
): Generator<readonly P[]> {
  let some: P[] = [];
  let bytes = 0;
  for (const one of open) {
    if (some.length > 0 && (some.length >= maxItems || bytes + one.made.sizeBytes > maxBytes)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(one);
    bytes += one.made.sizeBytes;
  }
  if (some.length > 0) yield some;
}

type How<T> = { readonly calls: EntryCalls<T>; readonly signal: AbortSignal };

async function sendSome<T>(entries: readonly T[], { calls, signal }: How<T>): Promise<readonly SendResult[]> {
  try {
    const faults = await calls.request(entries, signal);
    return faults.map((fault) => {
      if (fault === null) return ACCEPTED;
      const code = toCode(fault.code);
      return fault.isFinal ? { status: "refused", code } : { status: "unknown", code };
    });
  } catch (error) {
    if (!(error instanceof SagewatchError))
      return entries.map(() => ({ status: "unknown", code: signal.aborted ? "aborted" : toCode(toMessage(error)) }));
    const { code, message } = error;
    if (code === "aws_refused" && entries.length > 1) {
      const alone: SendResult[] = [];
      for (const entry of entries) alone.push(...(await sendSome([entry], { calls, signal })));
      return alone;
    }
    if (code === "aws_refused") return [{ status: "refused", code }];
    return entries.map(() =>
      code === "aws_unreachable" ? { status: "unknown", code } : { status: "unknown", code, detail: message },
    );
  }
}

/** "InternalFailure" as "internal_failure": the form of all codes. */
function toCode(word: string): string {
  const code = word
    .replace(/([a-z])(?=[A-Z])/g, "$1_")
    .replace(/[^A-Za-z]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toLowerCase();
  return code === "" ? "unknown_error" : code.slice(0, 60);
}
