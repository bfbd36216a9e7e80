/**
 * Delivery: one worker a sink, from the outbox, at least once, never a lower revision after a higher one.
 *
 * A worker takes what is due into the sink's lanes and sends each lane's arrays one after another, the lanes side by side
 * and independent: a lane without an answer holds up no other, and neither the taking. After any `unknown` that very array
 * is sent again, with a growing wait, before anything else on its lane, until none is unknown: a sink can thus tell a
 * repetition by position and content. Only then the outbox is told. A worker never touches another's rows, so a dead sink
 * delays no other. At its cap of waiting alerts a required sink stops the input; a best-effort one loses the oldest.
 */
import type { Outbox, OutboxItem, OutboxPlace, SendResult, Sink } from "../contracts.ts";
import { type Clock, nextTurn } from "../lib/clock.ts";
import { toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { type Breaker, createBreaker, type SinkHealth } from "./breaker.ts";
import { createCap } from "./cap.ts";
import { markMissing } from "./enrich.ts";
import { createLanes, type Lane, type Lanes } from "./lanes.ts";
import { tellAcknowledged } from "./lateness.ts";

/** Items taken from the outbox at once: enough to fill several arrays of any sink, small beside memory. */
const TAKE_MAX = 500;
/** How long the taking waits for room, ms, where nothing else wakes it. */
const FULL_MS = 100;
/** Rows are looked at again for so long after they became due, and so often, ms: a commit may show them a little late. */
const OVERLAP_MS = 15_000;
const OVERLAP_EVERY_MS = 2_000;
/** A receiver's wish to be left alone is heeded for so long, ms: a wrong one must not silence a sink for a day. */
const ASKED_MAX_MS = 300_000;
const START: OutboxPlace = { dueMs: -Infinity, seq: 0 };

export type DeliverOptions = {
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly emit: Emit;
  /** What happens when so many bytes wait for the sink: required, the input stops; best_effort, the oldest are dropped. */
  readonly cap: { readonly delivery: "required" | "best_effort"; readonly bytes: number };
  /** True: an alert without additions says that it had to leave before them. Default false: nothing is enriched. */
  readonly isEnriched?: boolean;
};

/** A running worker. */
export type DeliverWorker = {
  readonly sink: string;
  /** Alerts that wait for the sink. */
  waiting(): number;
  /** True while the sink is at its cap and needs all of it: read no more. */
  isFull(): boolean;
  /** How the sink is, by its answers. */
  health(): SinkHealth;
  /** Something may be due: call after each commit. */
  wake(): void;
  /** Wakes it; resolves when nothing is due now (updates that wait for updateEvery stay), or when `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  /** Stops after the sends in flight and closes the sink. */
  close(): Promise<void>;
  /** Resolves with the error when the store failed under the worker, which then stops; never otherwise. */
  readonly failed: Promise<unknown>;
};

type Work = DeliverOptions & {
  readonly lanes: Lanes;
  readonly breaker: Breaker;
  readonly stop: AbortSignal;
  readonly wake: () => void;
  /** Takes again from this place on. */
  readonly rewind: (place: OutboxPlace) => void;
};

/** Starts the worker of one sink. */
export function startDeliver(options: DeliverOptions): DeliverWorker {
  const { outbox, clock, sink, emit } = options;
  const stop = new AbortController();
  const failure = Promise.withResolvers<unknown>();
  const fail = (error: unknown): void => {
    stop.abort();
    wake();
    failure.resolve(error);
  };
  let alarm = new AbortController();
  const wake = (): void => {
    alarm.abort();
    alarm = new AbortController();
  };
  const lanes = createLanes(sink);
  const breaker = createBreaker({ sink: sink.name, clock, emit });
  const taker = createTaker(options, lanes);
  const cap = createCap({ ...options, held: () => lanes.held() });
  const work: Work = { ...options, lanes, breaker, stop: stop.signal, wake, rewind: (to) => taker.rewind(to) };
  const sending = new Set<Promise<void>>();
  const startLanes = (): void => {
    for (const lane of lanes.idle()) {
      const sent: Promise<void> = runLane(lane, work)
        .catch(fail)
        .finally(() => sending.delete(sent));
      sending.add(sent);
    }
  };
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const bell = alarm.signal;
      cap.check();
      await taker.take(startLanes, stop.signal);
      const isFull = lanes.isFull(clock.monotonicMs());
      await clock.sleep(isFull ? FULL_MS : waitMs(outbox.nextDueMs(clock.nowMs()), clock.nowMs()), bell);
    }
  };
  const running = loop().catch(fail);
  return {
    sink: sink.name,
    waiting: () => outbox.pending().rows,
    isFull: () => cap.isFull(),
    health: () => breaker.health(),
    wake,
    failed: failure.promise,
    drained: async (signal) => {
      wake();
      while (!signal.aborted && !stop.signal.aborted && outbox.nextDueMs(-Infinity) <= clock.nowMs())
        // Rung when an array was sent; what is settled otherwise is seen a little later.
        await clock.sleep(10, AbortSignal.any([signal, alarm.signal]));
    },
    close: async () => {
      stop.abort();
      wake();
      await running;
      await Promise.all(sending);
      await sink.close();
    },
  };
}

/** At most two seconds: the cap is looked at, and a clock that jumped is noticed. */
function waitMs(nextDueMs: number, nowMs: number): number {
  return Math.min(Math.max(nextDueMs - nowMs, 1), 2_000);
}

type Taker = {
  /** Takes what is due and not yet seen, page by page, while there is room; `start` after each page. */
  take(start: () => void, stop: AbortSignal): Promise<void>;
  rewind(place: OutboxPlace): void;
};

/** Goes through the outbox in order of age, each row once, unless it is told to look again. */
function createTaker({ outbox, clock, isEnriched = false }: DeliverOptions, lanes: Lanes): Taker {
  let place = START;
  let takenMs = -Infinity;
  let overlapMs = -Infinity;
  const rewind = (to: OutboxPlace): void => {
    if (isBefore(to, place)) place = to;
  };
  return {
    rewind,
    take: async (start, stop) => {
      const nowMs = clock.nowMs();
      // Rows that the clock dated back would stand behind us, and those that it dated ahead would wait for it.
      if (nowMs < takenMs || takenMs === -Infinity) {
        outbox.recall(nowMs);
        place = START;
        overlapMs = -Infinity;
      }
      takenMs = nowMs;
      if (nowMs - overlapMs >= OVERLAP_EVERY_MS) {
        overlapMs = nowMs;
        rewind({ dueMs: nowMs - OVERLAP_MS, seq: 0 });
      }
      start();
      while (!stop.aborted && !lanes.isFull(clock.monotonicMs())) {
        const before = place;
        const { items, end } = outbox.page(nowMs, TAKE_MAX, before);
        for (const item of items) lanes.offer(isEnriched ? markMissing(item) : item, before, clock.monotonicMs());
        start();
        if (end !== null) place = end;
        if (items.length < TAKE_MAX) return;
        await nextTurn();
      }
    },
  };
}

function isBefore(one: OutboxPlace, other: OutboxPlace): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.seq < other.seq);
}

/** Sends a lane's arrays until it has no more. */
async function runLane(lane: Lane, work: Work): Promise<void> {
  for (let array = work.lanes.next(lane); array !== null; array = work.lanes.next(lane)) {
    lane.sinceMs = work.clock.monotonicMs();
    try {
      if (!(await sendArray(array, lane, work))) return;
    } finally {
      lane.sinceMs = null;
    }
    work.lanes.release(array);
    if (lane.passedFrom !== null) work.rewind(lane.passedFrom);
    lane.passedFrom = null;
    work.wake();
    if (work.stop.aborted) return;
  }
}

/** Sends an array until no alert of it is unknown, and tells the outbox. False when it was stopped before. */
async function sendArray(array: readonly OutboxItem[], lane: Lane, work: Work): Promise<boolean> {
  const { sink, clock, emit, breaker, stop } = work;
  for (let tries = 1; ; tries += 1) {
    const begunMs = clock.monotonicMs();
    const results = await trySend(array, sink, stop);
    const unknown = results.find((result) => result.status === "unknown");
    if (unknown === undefined) {
      lane.isFailing = false;
      breaker.answered(lane.number);
      settle(array, results, work);
      emit({ type: "delivered", sink: sink.name, alerts: array.length, elapsedMs: clock.monotonicMs() - begunMs });
      return true;
    }
    if (stop.aborted) return false;
    lane.isFailing = true;
    breaker.failed(lane.number, unknown);
    // The taking may go on past this lane now.
    work.wake();
    const pauseMs = Math.max(breaker.waitMs(tries), askedMs(results));
    emit({ type: "delivery_retry", sink: sink.name, code: unknown.code, alerts: array.length, waitMs: pauseMs });
    await clock.sleep(pauseMs, stop);
    if (!(await breaker.turn(lane.number, stop))) return false;
  }
}

/** How long the receiver asked to be left alone, ms, as far as that is heeded. */
function askedMs(results: readonly SendResult[]): number {
  const asked = results.map((result) => (result.status === "unknown" ? (result.retryAfterMs ?? 0) : 0));
  return Math.min(Math.max(0, ...asked), ASKED_MAX_MS);
}

function settle(sent: readonly OutboxItem[], results: readonly SendResult[], work: DeliverOptions): void {
  const { sink, outbox, clock, emit } = work;
  const nowMs = clock.nowMs();
  const accepted = sent.filter((_, i) => results[i]?.status === "accepted");
  const refused = sent.flatMap((item, i) => {
    const result = results[i];
    return result?.status === "refused" ? [{ item, code: result.code }] : [];
  });
  if (accepted.length > 0) outbox.sent(accepted, nowMs);
  tellAcknowledged(sink.name, accepted, { nowMs, emit });
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
