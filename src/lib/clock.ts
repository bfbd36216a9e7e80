/**
 * The clock: the only file that asks the machine for time, waits, or draws a random number.
 *
 * Everything that needs time takes a Clock, so that tests can turn it by hand. `nowMs` is wall time and may jump;
 * intervals are measured with `monotonicMs`. Event time never comes from here.
 */

/** Wall time, monotonic time, waiting and jitter. */
export type Clock = {
  /** Epoch ms, UTC. */
  nowMs(): number;
  /** Milliseconds that only grow; the zero point means nothing. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` is or becomes aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1), for jitter only. */
  random(): number;
};

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal?.aborted === true) return Promise.resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    return promise;
  },
};

/** Lets timers, signals and I/O have their turn, for loops that would otherwise never wait. */
export function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

/** RFC 3339 text in UTC with Z of an epoch time; whole seconds are written without a fraction. */
export function toUtcText(epochMs: number): string {
  const text = new Date(epochMs).toISOString();
  return epochMs % 1000 === 0 ? text.replace(".000Z", "Z") : text;
}
