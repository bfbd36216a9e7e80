/**
 * What a sink's answers say of its health: when to call it down, and when to try it again.
 *
 * A lane fails from its first unknown answer to its next clear one. The sink is told of as down when a lane has failed for
 * 10 s, or at once where an answer says what a person must do; as up when no lane fails any more. While it is down and no
 * lane has had a clear answer since, the breaker is open: of the lanes that fail one alone tries, the others wait for it.
 * A lane that does not fail is never held up, so one partition in trouble changes nothing for the rest.
 */
import type { SendResult } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import type { Emit } from "../model/signal.ts";

export type Breaker = {
  /** A lane had an unknown answer. */
  failed(lane: number, answer: Unknown): void;
  /** A lane had a clear answer. */
  answered(lane: number): void;
  /** How long a lane should wait before its next try, ms, by the number of its failed tries in a row. */
  waitMs(tries: number): number;
  /** Waits until the lane may try again: at once, unless the breaker is open and another lane tries. False when `stop` came. */
  turn(lane: number, stop: AbortSignal): Promise<boolean>;
  health(): SinkHealth;
};
/** How a sink is: down for how long (ms) and why, as its last unclear answer said; whether it ever answered clearly. */
export type SinkHealth = {
  readonly down: { readonly forMs: number; readonly code: string; readonly detail: string } | null;
  readonly hasAnswered: boolean;
};
type Unknown = Extract<SendResult, { status: "unknown" }>;

/** First and longest wait between two tries, ms; five seconds find a healed sink quickly, half a minute keeps a dead one cheap. */
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 5_000;
const RETRY_OPEN_MS = 30_000;
/** Failing for so long is more than a broker's restart. */
const DOWN_MS = 10_000;

export function createBreaker({ sink, clock, emit }: { sink: string; clock: Clock; emit: Emit }): Breaker {
  const failing = new Map<number, number>();
  let downSinceMs: number | null = null;
  let last = { code: "", detail: "" };
  let hasAnswered = false;
  let isOpen = false;
  let prober: number | null = null;
  let closed = new AbortController();
  const close = (): void => {
    isOpen = false;
    prober = null;
    closed.abort();
    closed = new AbortController();
  };
  return {
    failed: (lane, { code, detail }) => {
      const nowMs = clock.monotonicMs();
      const sinceMs = failing.get(lane) ?? nowMs;
      failing.set(lane, sinceMs);
      last = { code, detail: detail ?? "" };
      if (downSinceMs !== null || (detail === undefined && nowMs - sinceMs < DOWN_MS)) return;
      downSinceMs = sinceMs;
      isOpen = true;
      prober = lane;
      emit({ type: "sink_down", sink, code, detail: detail ?? "", lanes: failing.size });
    },
    answered: (lane) => {
      failing.delete(lane);
      hasAnswered = true;
      if (isOpen) close();
      if (downSinceMs === null || failing.size > 0) return;
      emit({ type: "sink_up", sink, downMs: clock.monotonicMs() - downSinceMs });
      downSinceMs = null;
    },
    waitMs: (tries) => {
      const most = isOpen ? RETRY_OPEN_MS : RETRY_MAX_MS;
      const wait = Math.min(RETRY_FIRST_MS * 2 ** Math.min(tries - 1, 20), most);
      return wait / 2 + (wait / 2) * clock.random();
    },
    turn: async (lane, stop) => {
      while (isOpen && prober !== lane && failing.has(lane) && !stop.aborted)
        await clock.sleep(RETRY_OPEN_MS, AbortSignal.any([closed.signal, stop]));
      return !stop.aborted;
    },
    health: () => ({
      down: downSinceMs === null ? null : { forMs: clock.monotonicMs() - downSinceMs, ...last },
      hasAnswered,
    }),
  };
}
