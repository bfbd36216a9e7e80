/**
 * Alerts under load through the real worker and the Kafka sink, and the verdict on what reached the topic.
 *
 * Alerts are committed to a real store a few every 100 ms, each in two revisions; the worker delivers them. What the topic
 * then holds is read by Kafka's own console consumer. Lost: an alert whose last revision is not in the topic. Doubled: an id
 * and revision that is there twice. Disordered: a lower revision behind a higher one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Outbox, OutboxItem, Sink, Store } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Signal } from "../../src/model/signal.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { openStore } from "../../src/store/store.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { content, unit } from "../store/make.ts";
import { readByConsole } from "../support/kafka/topics.ts";

export type Verdict = {
  readonly alerts: number;
  readonly messages: number;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
};

export type Load = {
  /** Stops making alerts, waits until all are delivered and gives the verdict. Throws when they are not in time. */
  finish(): Promise<Verdict>;
  /** Time from commit to the outbox knowing of it, ms, of what was committed since `fromMs`, by partition. */
  readonly latencies: (fromMs: number) => ReadonlyMap<number, readonly number[]>;
  readonly signals: readonly Signal[];
  waiting(): number;
};

export type LoadOptions = {
  readonly sink: Sink;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** New alerts every 100 ms. Default 30: 300 alerts, 600 revisions a second. */
  readonly rate?: number;
  /** How long the rest may take, ms. */
  readonly finishMs?: number;
};

const TICK_MS = 100;
type Times = Map<string, { readonly fromMs: number; toMs: number }>;

/** The second revision comes so many ticks after the first. */
const REVISE_TICKS = 5;

/** Starts the load; it goes on until `finish`. */
export function startLoad(options: LoadOptions): Load {
  const { sink, rate = 30 } = options;
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 200 });
  const times: Times = new Map();
  const signals: Signal[] = [];
  const worker = startDeliver({
    sink,
    outbox: timed(store.outbox("kafka"), times),
    clock: systemClock,
    emit: (signal) => void (signal.type !== "delivered" && signals.push(signal)),
    cap: { delivery: "required", bytes: Infinity },
  });
  const ids: string[] = [];
  let isOver = false;
  const running = (async () => {
    for (let tick = 0; !isOver; tick += 1) {
      const fresh = Array.from({ length: rate }, (_, i) => sha256Hex(`${options.topic} ${tick} ${i}`));
      ids.push(...fresh);
      const from = (tick - REVISE_TICKS) * rate;
      commit(store, { fresh, revised: from < 0 ? [] : ids.slice(from, from + rate) }, times);
      worker.wake();
      await sleep(TICK_MS);
    }
    for (let from = Math.max(0, ids.length - REVISE_TICKS * rate); from < ids.length; from += rate)
      commit(store, { fresh: [], revised: ids.slice(from, from + rate) }, times);
    worker.wake();
  })();
  return {
    signals,
    waiting: () => worker.waiting(),
    latencies: (fromMs) => toLatencies(times, fromMs, options.partitions),
    finish: async () => {
      isOver = true;
      await running;
      const deadline = systemClock.monotonicMs() + (options.finishMs ?? 60_000);
      while (worker.waiting() > 0 && systemClock.monotonicMs() < deadline) await sleep(50);
      const left = worker.waiting();
      await worker.close();
      store.close();
      if (left > 0) throw new Error(`${left} alerts were not delivered in time: ${JSON.stringify(signals.slice(-3))}`);
      return judge(options, ids);
    },
  };
}

/** The 99th percentile. */
export function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;
}

function commit(store: Store, { fresh, revised }: Record<"fresh" | "revised", readonly string[]>, times: Times): void {
  const draft = (id: string, why: string, final: boolean) => ({
    content: content(id, { why }),
    order: null,
    final,
    records: [],
    sinks: ["kafka"],
  });
  const nowMs = systemClock.nowMs();
  for (const id of fresh) times.set(`${id}:1`, { fromMs: nowMs, toMs: Infinity });
  const alerts = [...fresh.map((id) => draft(id, "first", false)), ...revised.map((id) => draft(id, "last", true))];
  store.commit(unit({ nowMs, alerts }));
}

function timed(outbox: Outbox, times: Map<string, { toMs: number }>): Outbox {
  return {
    ...outbox,
    sent: (items: readonly OutboxItem[], nowMs: number) => {
      outbox.sent(items, nowMs);
      for (const { alert } of items) {
        const time = times.get(`${alert.id}:${alert.revision}`);
        if (time !== undefined) time.toMs = systemClock.nowMs();
      }
    },
  };
}

function toLatencies(
  times: ReadonlyMap<string, { readonly fromMs: number; readonly toMs: number }>,
  sinceMs: number,
  partitions: number,
): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [head, { fromMs, toMs }] of times) {
    if (fromMs < sinceMs || toMs === Infinity) continue;
    const partition = toPartition(head.split(":")[0] ?? "", partitions);
    found.set(partition, [...(found.get(partition) ?? []), toMs - fromMs]);
  }
  return found;
}

/** Reads the topic and judges. Every alert ends in its second revision. */
async function judge({ brokers, topic }: LoadOptions, ids: readonly string[]): Promise<Verdict> {
  const received = await readByConsole(brokers, topic);
  const heads = new Set<string>();
  const last = new Map<string, number>();
  let [doubled, disordered] = [0, 0];
  for (const { headers } of received) {
    const [id = "", revision] = [headers["id"], Number(headers["revision"])];
    if (heads.has(`${id}:${revision}`)) doubled += 1;
    heads.add(`${id}:${revision}`);
    if ((last.get(id) ?? 0) > revision) disordered += 1;
    last.set(id, Math.max(last.get(id) ?? 0, revision));
  }
  const lost = ids.filter((id) => last.get(id) !== 2).length;
  return { alerts: ids.length, messages: received.length, lost, doubled, disordered };
}
