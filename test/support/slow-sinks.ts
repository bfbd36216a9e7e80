/**
 * How long sinks take from the commit of an alert until the outbox knows that it is delivered, one of them slow or none.
 *
 * The real store and the real workers; the load is so many alerts a tick. Used by the tests of T9.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Outbox, Sink } from "../../src/contracts.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type DeliverWorker, startDeliver } from "../../src/pipeline/deliver.ts";
import { openStore } from "../../src/store/store.ts";
import { p99 } from "../kafka/load.ts";
import { content, unit } from "../store/make.ts";

export type SinkLoad = {
  readonly ticks: number;
  readonly perTick: number;
  readonly tickMs: number;
  /** By the name of the sink. */ readonly arrivals?: ReadonlyMap<string, Arrivals>;
};

/** Of one sink: the 99th percentiles, ms; how many alerts it took, and how many wait. */
export type SinkTimes = {
  /** From the commit until the outbox knows. */
  readonly p99: number;
  /** From the commit until the alert had come to the receiver; null where nobody looks there. */
  readonly arrivedP99: number | null;
  readonly taken: number;
  readonly waiting: number;
};

/** When each alert had come to the receiver of a sink, by monotonic ms, by its id. */
export type Arrivals = ReadonlyMap<string, number>;

const WARM = sha256Hex("warm");

/** One alert a second, one after another. */
function slowed(sink: Sink): Sink {
  return {
    ...sink,
    limits: { ...sink.limits, maxItems: 1, lane: () => 0 },
    send: async (items, signal) => {
      await systemClock.sleep(1000, signal);
      return sink.send(items, signal);
    },
  };
}

/** Runs the load over sinks of their own, the one named `slow` slowed; closes them. */
export async function measureSinks(
  sinks: readonly Sink[],
  slow: string | null,
  { ticks, perTick, tickMs, arrivals }: SinkLoad,
): Promise<ReadonlyMap<string, SinkTimes>> {
  const store = openStore({ dir: null, clock: systemClock, engine: "test" });
  const committedMs = new Map<string, number>();
  const found = new Map<string, number[]>(sinks.map(({ name }) => [name, []]));
  const timed = (name: string): Outbox => {
    const outbox = store.outbox(name);
    const sent: Outbox["sent"] = (items, nowMs) => {
      outbox.sent(items, nowMs);
      const doneMs = systemClock.monotonicMs();
      for (const { alert } of items) found.get(name)?.push(doneMs - (committedMs.get(alert.id) ?? Infinity));
    };
    return { ...outbox, sent };
  };
  const workers = sinks.map((sink) =>
    startDeliver({
      sink: sink.name === slow ? slowed(sink) : sink,
      outbox: timed(sink.name),
      clock: systemClock,
      emit: () => undefined,
      cap: { delivery: "required", bytes: Infinity },
    }),
  );
  const commit = (ids: readonly string[]): void => {
    for (const id of ids) committedMs.set(id, systemClock.monotonicMs());
    const rest = { order: null, final: true, records: [], sinks: sinks.map(({ name }) => name) };
    const alerts = ids.map((id) => ({ ...rest, content: content(id) }));
    store.commit(unit({ nowMs: systemClock.nowMs(), alerts }));
    for (const worker of workers) worker.wake();
  };
  // The first alerts open connections: they are not counted.
  commit([WARM]);
  await sleep(1500);
  for (const times of found.values()) times.length = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    commit(Array.from({ length: perTick }, (_, i) => sha256Hex(`${tick} ${i}`)));
    await sleep(tickMs);
  }
  await untilSent(workers.filter(({ sink }) => sink !== slow));
  const arrived = (name: string): number | null => {
    const came = [...(arrivals?.get(name) ?? [])].filter(([id]) => committedMs.has(id) && id !== WARM);
    return came.length === 0 ? null : p99(came.map(([id, atMs]) => atMs - (committedMs.get(id) ?? 0)));
  };
  const result = workers.map((worker) => {
    const times = found.get(worker.sink) ?? [];
    return [
      worker.sink,
      { p99: p99(times), arrivedP99: arrived(worker.sink), taken: times.length, waiting: worker.waiting() },
    ] as const;
  });
  await Promise.all(workers.map((worker) => worker.close()));
  store.close();
  return new Map(result);
}

async function untilSent(workers: readonly Pick<DeliverWorker, "waiting">[]): Promise<void> {
  for (let waited = 0; workers.some((worker) => worker.waiting() > 0) && waited < 300; waited += 1) await sleep(50);
}
