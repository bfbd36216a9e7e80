/**
 * Delivery: one worker a sink, from the outbox, at least once, never a lower revision after a higher one.
 *
 * A worker takes what is due, cuts it into arrays by lane and part within the sink's limits, and sends each lane's arrays
 * one after another, the lanes side by side. After any `unknown` that very array is sent again, with a growing wait, before
 * anything else on its lane, until none is unknown: a sink can thus tell a repetition by position and content. Only then
 * the outbox is told. A worker never touches another's rows, so a dead sink delays no other.
 */
import type { Outbox, OutboxItem, SendResult, Sink } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import { toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";

/** Items taken from the outbox at once: enough to fill several arrays of any sink, small beside memory. */
const TAKE_MAX = 500;
/** First and longest wait between two tries, ms. A minute keeps a dead sink cheap and a healed one quickly found. */
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 60_000;

export type DeliverOptions = {
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** A running worker. */
export type DeliverWorker = {
  readonly sink: string;
  /** Alerts that wait for the sink. */
  waiting(): number;
  /** Something may be due: call after each commit. */
  wake(): void;
  /** Wakes it; resolves when nothing is due now (updates that wait for updateEvery stay), or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  /** Stops after the sends in flight and closes the sink. */
  close(): Promise<void>;
  /** Resolves with the error when the store failed under the worker, which then stops; never otherwise. */
  readonly failed: Promise<unknown>;
};

/** Starts the worker of one sink. */
export function startDeliver(options: DeliverOptions): DeliverWorker {
  const { outbox, clock, sink } = options;
  const stop = new AbortController();
  let alarm = new AbortController();
  const wake = (): void => {
    alarm.abort();
    alarm = new AbortController();
  };
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const bell = alarm.signal;
      const items = outbox.due(clock.nowMs(), TAKE_MAX);
      if (items.length > 0) await deliver(items, options, stop.signal);
      else await clock.sleep(waitMs(outbox.pending().nextDueMs, clock.nowMs()), bell);
    }
  };
  const failure = Promise.withResolvers<unknown>();
  const running = loop().catch((error: unknown) => {
    stop.abort();
    failure.resolve(error);
  });
  return {
    sink: sink.name,
    waiting: () => outbox.pending().rows,
    wake,
    failed: failure.promise,
    drained: async (signal) => {
      wake();
      while (!signal.aborted && !stop.signal.aborted && outbox.pending().nextDueMs <= clock.nowMs())
        await clock.sleep(10, signal);
    },
    close: async () => {
      stop.abort();
      wake();
      await running;
      await sink.close();
    },
  };
}

/** At most a minute, so that a clock that jumped is noticed. */
function waitMs(nextDueMs: number, nowMs: number): number {
  return Math.min(Math.max(nextDueMs - nowMs, 1), 60_000);
}

async function deliver(items: readonly OutboxItem[], options: DeliverOptions, stop: AbortSignal): Promise<void> {
  const lanes = new Map<number, OutboxItem[]>();
  for (const item of items) {
    const lane = options.sink.limits.lane(item.alert);
    const list = lanes.get(lane);
    if (list === undefined) lanes.set(lane, [item]);
    else list.push(item);
  }
  await Promise.all(
    [...lanes.values()].map(async (list) => {
      for (const array of toArrays(list, options.sink)) await sendArray(array, options, stop);
    }),
  );
}

/** Cuts a lane's items into arrays of one part each, within maxItems and maxBytes (by the size of the JSON text). */
export function toArrays(items: readonly OutboxItem[], sink: Pick<Sink, "limits">): OutboxItem[][] {
  const arrays: OutboxItem[][] = [];
  const open = new Map<string, { array: OutboxItem[]; bytes: number }>();
  for (const item of items) {
    const part = sink.limits.part(item.alert);
    const bytes = Buffer.byteLength(JSON.stringify(item.alert));
    let current = open.get(part);
    if (
      current === undefined ||
      current.array.length >= sink.limits.maxItems ||
      current.bytes + bytes > sink.limits.maxBytes
    ) {
      current = { array: [], bytes: 0 };
      open.set(part, current);
      arrays.push(current.array);
    }
    current.array.push(item);
    current.bytes += bytes;
  }
  return arrays;
}

async function sendArray(array: readonly OutboxItem[], options: DeliverOptions, stop: AbortSignal): Promise<void> {
  const { sink, clock, emit } = options;
  for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
    const begunMs = clock.monotonicMs();
    const results = await trySend(array, sink, stop);
    const unknown = results.find((result) => result.status === "unknown");
    if (unknown === undefined) {
      settle(array, results, options);
      emit({ type: "delivered", sink: sink.name, alerts: array.length, elapsedMs: clock.monotonicMs() - begunMs });
      return;
    }
    if (stop.aborted) return;
    const pause = wait / 2 + (wait / 2) * clock.random();
    emit({ type: "delivery_retry", sink: sink.name, code: unknown.code, alerts: array.length, waitMs: pause });
    await clock.sleep(pause, stop);
    if (stop.aborted) return;
  }
}

function settle(
  sent: readonly OutboxItem[],
  results: readonly SendResult[],
  { sink, outbox, clock, emit }: DeliverOptions,
): void {
  const nowMs = clock.nowMs();
  const accepted = sent.filter((_, i) => results[i]?.status === "accepted");
  const refused = sent.flatMap((item, i) => {
    const result = results[i];
    return result?.status === "refused" ? [{ item, code: result.code }] : [];
  });
  if (accepted.length > 0) outbox.sent(accepted, nowMs);
  if (refused.length === 0) return;
  outbox.refused(refused, nowMs);
  emit({ type: "delivery_failed", sink: sink.name, code: refused[0]?.code ?? "", alerts: refused.length });
}

/** A sink that throws, or answers with the wrong number of results, has said nothing certain of any item. */
async function trySend(array: readonly OutboxItem[], sink: Sink, stop: AbortSignal): Promise<readonly SendResult[]> {
  try {
    const results = await sink.send(array, stop);
    if (results.length === array.length) return results;
    return array.map(() => ({ status: "unknown", code: "wrong_count" }));
  } catch (error) {
    return array.map(() => ({ status: "unknown", code: toMessage(error).slice(0, 200) }));
  }
}
