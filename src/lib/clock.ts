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

/** A time limit. `signal` aborts when it is over, or with the signal that was given. */
export type Deadline = { readonly signal: AbortSignal; isLate(): boolean; stop(): void };

/** Starts a limit of `ms`. To be stopped. */
export function startDeadline(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Deadline {
  const late = new AbortController();
  const over = new AbortController();
  void clock.sleep(ms, over.signal).then(() => {
    if (!over.signal.aborted) late.abort(new Error(`no end within ${ms} ms`));
  });
  return {
    signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
    isLate: () => late.signal.aborted,
    // With a reason given no exception with its stack is made, at every call.
    stop: () => over.abort("over"),
  };
}

/** What `promise` gives; throws the signal's reason as soon as that aborts. What comes of the promise then is let go. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** RFC 3339 text in UTC with Z of an epoch time; whole seconds are written without a fraction. */
export function toUtcText(epochMs: number): string {
  const text = new Date(epochMs).toISOString();
  return epochMs % 1000 === 0 ? text.replace(".000Z", "Z") : text;
}
