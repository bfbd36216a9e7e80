/** A live run whose sources speak when the test says so, under a clock that is turned by hand. */
import { onTestFinished } from "vitest";
import type { Batch, Matcher, OutboxItem, Source, Store } from "../../../src/contracts.ts";
import { createDetector } from "../../../src/detect/detector.ts";
import { createWatermarks } from "../../../src/detect/watermark.ts";
import { type Clock, nextTurn } from "../../../src/lib/clock.ts";
import type { Kind } from "../../../src/model/event.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { startDeliver } from "../../../src/pipeline/deliver.ts";
import { type PipelineOptions, runPipeline } from "../../../src/pipeline/run.ts";
import { openStore } from "../../../src/store/store.ts";

export const MINUTE = 60_000;
/** What the clock goes by at once: less than all that the pipeline waits for, so that it has its turns in between. */
const STEP_MS = 2_500;
const TURNS = 4;

type Sleeper = { readonly dueMs: number; readonly wake: () => void };
const sleepers = new Set<Sleeper>();
let passedMs = 0;

/** Stands still until `pass` turns it. */
export const turned: Clock = {
  nowMs: () => Date.UTC(2026, 10, 25, 9) + passedMs,
  monotonicMs: () => passedMs,
  random: () => 0.5,
  sleep: (ms, signal) => {
    if (signal?.aborted === true) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { dueMs: passedMs + ms, wake: resolve };
    sleepers.add(sleeper);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => sleepers.delete(sleeper));
  },
};

/** Lets so much time go by, ms; everything that waits for a moment in it has its turn. */
export async function pass(ms: number): Promise<void> {
  const endMs = passedMs + ms;
  while (passedMs < endMs) {
    passedMs = Math.min(endMs, passedMs + STEP_MS);
    for (const { dueMs, wake } of sleepers) if (dueMs <= passedMs) wake();
    for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  }
}

export function openTurned(dir: string | null = null): Store {
  const store = openStore({ dir, clock: turned, engine: "test", updateEveryMs: MINUTE, limits: { reserveBytes: 0 } });
  onTestFinished(() => store.close());
  return store;
}

export type LiveRun = {
  /** One record of each account comes by the source. Resolves once it is committed. */
  speak(source: string, accounts: readonly string[], kind?: Kind): Promise<void>;
  /** Until it ends nothing more is committed or sent. */
  end(): Promise<void>;
  readonly sent: readonly OutboxItem[];
  readonly signals: readonly Signal[];
  /** What the sink got of one operational alert. */
  told(name: string): readonly OutboxItem[];
};

type Live = Pick<PipelineOptions, "silence" | "heartbeat" | "onCanary"> & { readonly operational?: boolean };

/** `silence` gets what the store has of earlier runs. */
export function startLive(
  store: Store,
  sources: readonly string[],
  { silence, ...more }: Omit<Live, "silence"> & { readonly silence?: NonNullable<Live["silence"]>["limitOf"] },
): LiveRun {
  const accountsOf = new Map<Batch, readonly string[]>();
  const queues = new Map(sources.map((name) => [name, createQueue(name, accountsOf)]));
  const stop = new AbortController();
  const sent: OutboxItem[] = [];
  const signals: Signal[] = [];
  const live = sources.map((name): Source => ({
    name,
    logsources: ["aws/cloudtrail"],
    timing: { mode: "live", latenessMs: 30 * MINUTE, idleMs: 20 * MINUTE, followMs: null },
    read: (_positions, signal) => queues.get(name)?.read(signal) as AsyncIterable<Batch>,
  }));
  const loaded = store.load();
  const running = runPipeline(
    {
      sources: live,
      matcher: toMatcher(accountsOf),
      detector: createDetector({ detections: [], correlations: [] }, { names: new Map() }),
      watermarks: createWatermarks(live, loaded.watermarks),
      store,
      positions: loaded.positions,
      route: () => ["sink"],
      operational: true,
      quarantine: null,
      workers: [
        startDeliver({
          sink: {
            name: "sink",
            limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
            send: async (items) => {
              sent.push(...items);
              return items.map(() => ({ status: "accepted" }));
            },
            close: async () => undefined,
          },
          outbox: store.outbox("sink"),
          clock: turned,
          emit: () => undefined,
          cap: { delivery: "required", bytes: Infinity },
        }),
      ],
      clock: turned,
      emit: (signal) => void signals.push(signal),
      commit: { intervalMs: 5_000, records: 1, bytes: 4e6, matches: 2000 },
      stageMs: { match: 0, detect: 0, commit: 0 },
      ...(silence === undefined ? {} : { silence: { limitOf: silence, positions: loaded.positions } }),
      ...more,
    },
    stop.signal,
  );
  return {
    sent,
    signals,
    told: (name) => sent.filter(({ alert }) => alert.ruleId === `sagewatch.${name}`),
    speak: async (source, accounts, kind = "cloudtrail") => queues.get(source)?.push(accounts, kind),
    end: async () => {
      stop.abort();
      let isOver = false;
      void running.finally(() => (isOver = true));
      while (!isOver) await pass(1_000);
      await running;
    },
  };
}

type Queue = {
  push(accounts: readonly string[], kind: Kind): Promise<void>;
  read(signal: AbortSignal): AsyncGenerator<Batch>;
};

function createQueue(source: string, accountsOf: Map<Batch, readonly string[]>): Queue {
  const waiting: Batch[] = [];
  let bell = Promise.withResolvers<void>();
  return {
    push: (accounts, kind) => {
      const settled = Promise.withResolvers<void>();
      const batch: Batch = {
        kind,
        chunk: new Uint8Array(0),
        offsets: new Int32Array(0),
        flags: null,
        origin: { source, path: "test", indexes: new Int32Array(0) },
        rejected: [],
        skipped: {},
        positions: [],
        floorMs: Infinity,
        settle: () => settled.resolve(),
      };
      accountsOf.set(batch, accounts);
      waiting.push(batch);
      bell.resolve();
      return settled.promise;
    },
    async *read(signal) {
      signal.addEventListener("abort", () => bell.resolve(), { once: true });
      while (!signal.aborted) {
        for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) yield batch;
        await bell.promise;
        bell = Promise.withResolvers();
        if (signal.aborted) return;
      }
    },
  };
}

function toMatcher(accountsOf: ReadonlyMap<Batch, readonly string[]>): Matcher {
  return {
    match: (batch, { nowMs }) => {
      const accounts = accountsOf.get(batch) ?? [];
      const newestMs = (nowMs ?? 0) - MINUTE;
      return {
        read: accounts.length,
        evaluated: accounts.length,
        rejected: [],
        skipped: {},
        newestMs,
        late: 0,
        groupless: new Map(),
        matches: [],
        times: accounts.map((accountId) => ({ accountId, region: "eu-west-1", timesMs: [newestMs] })),
      };
    },
  };
}
