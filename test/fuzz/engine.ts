/**
 * Runs one target for a while: its corpus as it is, then changed entries and drawn inputs, until the time is over or an
 * input breaks the property.
 *
 * fast-check draws and shrinks, so a run is repeated by its seed. Time is the thread's own, so that a busy machine makes no input slow; and
 * an input that takes too long is tried again before it counts, since any may meet the collector. The first crash ends the
 * run, with the smallest input found.
 */
import fc from "fast-check";
import { changed } from "./mutate.ts";
import type { OpenTarget, Target } from "./target.ts";

/** How to run. `onInput` is told of each input before it is tried. */
export type FuzzOptions = {
  readonly seed: number;
  readonly budgetMs: number;
  onInput?(input: Uint8Array): void;
};

/** An input that broke the property, and how. */
export type Crash = { readonly input: Uint8Array; readonly error: string };

export type FuzzResult = {
  readonly execs: number;
  /** The longest that an input took in its fastest try, ms of the thread. */
  readonly slowestMs: number;
  readonly crash: Crash | null;
};

/** Tries of an input that took too long; the fastest counts. */
const SLOW_TRIES = 4;
/** More runs than any budget allows: time ends a run. */
const RUNS = 2 ** 31 - 1;

/** Runs a target. Never throws for what an input does. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const opened = await target.open();
  let [execs, slowestMs] = [0, 0];
  const run = async (input: Uint8Array): Promise<void> => {
    options.onInput?.(input);
    execs += 1;
    const tookMs = await time(opened, input, target.limitMs);
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > target.limitMs) throw new Error(`took ${Math.round(tookMs)} ms, limit ${target.limitMs}`);
  };
  try {
    const crash = (await tryCorpus(target, run)) ?? (await draw(target, run, options));
    return { execs, slowestMs: Math.round(slowestMs * 10) / 10, crash };
  } finally {
    await opened.close();
  }
}

/** Tries one input, as `fuzz` does. */
export async function tryInput(target: Target, input: Uint8Array): Promise<Crash | null> {
  return (await fuzz({ ...target, seeds: [input] }, { seed: 0, budgetMs: 0 })).crash;
}

type Run = (input: Uint8Array) => Promise<void>;

async function tryCorpus(target: Target, run: Run): Promise<Crash | null> {
  for (const input of target.seeds) {
    try {
      await run(input);
    } catch (error) {
      return { input, error: describe(error) };
    }
  }
  return null;
}

async function draw(target: Target, run: Run, { seed, budgetMs }: FuzzOptions): Promise<Crash | null> {
  if (budgetMs === 0) return null;
  const fromCorpus = changed(target.seeds, target.words);
  const inputs = target.inputs === undefined ? fromCorpus : fc.oneof(fromCorpus, target.inputs);
  // At the end of the time fast-check no longer waits for the input at hand; what it works with must still be there.
  let last: Promise<void> = Promise.resolve();
  const details = await fc.check(
    fc.asyncProperty(inputs, (input) => (last = run(input))),
    { seed, numRuns: RUNS, plugins: [fc.interruptAfterTimeLimit(budgetMs)] },
  );
  await last.catch(() => {});
  const [input] = (details.counterexample as [Uint8Array] | null) ?? [];
  return details.failed && input !== undefined ? { input, error: describe(details.errorInstance) } : null;
}

async function time(opened: OpenTarget, input: Uint8Array, limitMs: number): Promise<number> {
  let leastMs = Infinity;
  for (let count = 0; count < SLOW_TRIES && leastMs > limitMs; count += 1) {
    const begunMs = threadMs();
    await opened.check(input);
    leastMs = Math.min(leastMs, threadMs() - begunMs);
  }
  return leastMs;
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
