/** One worker a sink over a real store: arrays, lanes, repetition after unknown, refusals, updates, dead sinks, the cap. */
import { afterEach, describe, expect, test } from "vitest";
import type { OutboxItem, SendResult, Sink, Store } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import type { Signal } from "../../src/model/signal.ts";
import { type DeliverWorker, startDeliver } from "../../src/pipeline/deliver.ts";
import { cutArray } from "../../src/pipeline/lanes.ts";
import { openStore } from "../../src/store/store.ts";
import { makeDetection, makeMatch } from "../detect/make.ts";

const rule = makeDetection("single");
const open: { store: Store; worker: DeliverWorker }[] = [];
afterEach(async () => {
  for (const { store, worker } of open.splice(0)) {
    await worker.close();
    store.close();
  }
});

type Status = SendResult["status"];
type Answer = (items: readonly OutboxItem[], call: number) => readonly Status[] | Promise<readonly Status[]>;
type Setup = {
  readonly limits?: Partial<Sink["limits"]>;
  readonly clock?: Clock;
  /** Said with each unknown. */
  readonly detail?: string;
  readonly cap?: Parameters<typeof startDeliver>[0]["cap"];
};

/** A store, and a worker that sends to a sink answering as told. */
function start(
  answer: Answer,
  { limits = {}, clock = systemClock, detail, cap = { delivery: "required", bytes: Infinity } }: Setup = {},
): { store: Store; worker: DeliverWorker; calls: string[][]; signals: Signal[] } {
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 50 });
  const calls: string[][] = [];
  const signals: Signal[] = [];
  const told = detail === undefined ? {} : { detail };
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "", ...limits },
    send: async (items) => {
      calls.push(items.map(({ alert, opened }) => `${alert.eventIds[0]}:${alert.revision}${opened ? "!" : ""}`));
      return (await answer(items, calls.length - 1)).map((status): SendResult =>
        status === "accepted" ? { status } : { status, code: "told", ...(status === "unknown" ? told : {}) },
      );
    },
    close: () => Promise.resolve(),
  };
  const outbox = store.outbox("s");
  const worker = startDeliver({ sink, outbox, clock, emit: (signal) => signals.push(signal), cap });
  open.push({ store, worker });
  return { store, worker, calls, signals };
}

/** The lane of an alert is the first letter of its event's key: a is 0. */
const byLetter: Partial<Sink["limits"]> = {
  lane: ({ eventIds }) => (eventIds[0] ?? "a").charCodeAt(0) - 97,
  maxItems: 100,
};
const keys = (letter: string, count: number): { key: string }[] =>
  Array.from({ length: count }, (_, i) => ({ key: `${letter}${String(i).padStart(5, "0")}` }));

/** Commits one single-event alert a key; the text makes another content of the same alert. */
function commit(store: Store, events: readonly { key: string; version?: number }[], sinks = ["s"]): void {
  const detector = createDetector({ detections: [rule], correlations: [] }, { names: new Map() });
  detector.apply(
    events.map(({ key, version }, i) =>
      makeMatch(rule, { atMs: i * 1000, key, version: version ?? 0, text: `v${version ?? 0}` }),
    ),
  );
  const deltas = detector.deltas();
  const rest = { rejected: [], counts: [], positions: [], watermarks: [], finished: [] };
  store.commit({
    ...deltas,
    ...rest,
    nowMs: systemClock.nowMs(),
    alerts: deltas.alerts.map((draft) => ({ ...draft, sinks })),
  });
}

const all =
  (status: SendResult["status"]): Answer =>
  (items) =>
    items.map(() => status);

async function until(condition: () => boolean): Promise<void> {
  // A sink that does not answer is asked again after up to 5 s; the rest is room for a machine with other work.
  for (let i = 0; i < 2000 && !condition(); i += 1) await systemClock.sleep(10);
  expect(condition()).toBe(true);
}

test("alerts go out once, in order, marked as opened", async () => {
  const { store, worker, calls } = start(all("accepted"));
  commit(store, [{ key: "a" }, { key: "b" }]);
  worker.wake();
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls).toEqual([["a:1!", "b:1!"]]);
});

test("after an unknown the very same array is sent again before anything else, then the rest", async () => {
  const { store, worker, calls } = start(
    (items, call) => items.map((_, i) => (call < 2 && i === 1 ? "unknown" : "accepted")),
    { limits: { maxItems: 2 } },
  );
  commit(store, [{ key: "a" }, { key: "b" }, { key: "c" }]);
  worker.wake();
  await until(() => calls.length === 1);
  commit(store, [{ key: "d" }]);
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls).toEqual([
    ["a:1!", "b:1!"],
    ["a:1!", "b:1!"],
    ["a:1!", "b:1!"],
    ["c:1!", "d:1!"],
  ]);
});

test("a refusal is for good: out of the outbox, told with its code, and the others arrive", async () => {
  const { store, worker, calls, signals } = start((items) =>
    items.map(({ alert }) => (alert.eventIds[0] === "a" ? "refused" : "accepted")),
  );
  commit(store, [{ key: "a" }, { key: "b" }]);
  worker.wake();
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls).toEqual([["a:1!", "b:1!"]]);
  expect(signals).toContainEqual({ type: "delivery_failed", sink: "s", code: "told", alerts: 1 });
});

test("an update follows as such, with the last revision only, and never goes before the first", async () => {
  const { store, worker, calls } = start(all("accepted"));
  commit(store, [{ key: "a", version: 1 }]);
  worker.wake();
  await until(() => calls.length === 1);
  commit(store, [{ key: "a", version: 2 }]);
  commit(store, [{ key: "a", version: 3 }]);
  worker.wake();
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls).toEqual([["a:1!"], ["a:3"]]);
});

test("a sink that throws or answers short is asked again; closing does not wait for it", async () => {
  const { store, worker, calls, signals } = start((items, call) => (call === 0 ? [] : items.map(() => "unknown")));
  commit(store, [{ key: "a" }]);
  worker.wake();
  await until(() => calls.length >= 2);
  const begun = systemClock.monotonicMs();
  await worker.close();
  expect(systemClock.monotonicMs() - begun).toBeLessThan(1000);
  expect(store.outbox("s").pending().rows).toBe(1);
  expect(signals.filter((signal) => signal.type === "delivery_retry").map((signal) => signal.code)).toContain(
    "wrong_count",
  );
});

test("arrays hold one part each and stay within items and bytes", () => {
  const item = (id: string, size: number): OutboxItem => ({
    alert: { id, title: "x".repeat(size) } as OutboxItem["alert"],
    opened: true,
  });
  const limits = { maxItems: 3, maxBytes: 500, lane: () => 0, part: ({ id }: { id: string }) => id.slice(0, 1) };
  let rest: readonly OutboxItem[] = [item("a1", 10), item("b1", 10), item("a2", 10), item("a3", 500), item("a4", 10)];
  const arrays: string[][] = [];
  while (rest.length > 0) {
    const cut = cutArray(rest, limits);
    arrays.push(cut.array.map(({ alert }) => alert.id));
    rest = cut.rest;
  }
  expect(arrays).toEqual([["a1", "a2"], ["b1"], ["a3"], ["a4"]]);
});

describe("lanes", () => {
  test.each(["hangs", "fails"])("one that %s holds up no other, however much waits in it", async (trouble) => {
    const mend = Promise.withResolvers<void>();
    let isMended = false;
    const { store, worker, calls } = start(
      async (items) => {
        if (items[0]?.alert.eventIds[0]?.startsWith("a") === true && !isMended) {
          if (trouble === "fails") return items.map(() => "unknown" as const);
          await mend.promise;
        }
        return items.map(() => "accepted" as const);
      },
      { limits: byLetter },
    );
    commit(store, keys("a", 1500));
    worker.wake();
    await until(() => calls.length > 0);
    const begun = systemClock.monotonicMs();
    for (let n = 0; n < 5; n += 1) {
      commit(store, [...keys(`b${n}`, 20), ...keys(`c${n}`, 20)]);
      worker.wake();
    }
    await until(() => store.outbox("s").pending().rows === 1500);
    expect(systemClock.monotonicMs() - begun).toBeLessThan(3000);
    isMended = true;
    mend.resolve();
    await until(() => store.outbox("s").pending().rows === 0);
    const sent = calls.flat().filter((text) => text.startsWith("a"));
    expect([...new Set(sent)]).toEqual(keys("a", 1500).map(({ key }) => `${key}:1!`));
  });

  test("an alert under way is not sent in a later revision meanwhile, whatever lane that is for", async () => {
    const answer = Promise.withResolvers<void>();
    let lanes = 1;
    const { store, worker, calls } = start(
      async (items, call) => {
        if (call === 0) await answer.promise;
        return items.map(() => "accepted" as const);
      },
      { limits: { lane: ({ revision }) => revision % lanes } },
    );
    commit(store, [{ key: "a", version: 1 }]);
    worker.wake();
    await until(() => calls.length === 1);
    lanes = 2;
    commit(store, [{ key: "a", version: 2 }, { key: "b" }]);
    worker.wake();
    await until(() => calls.length === 2);
    expect(calls).toEqual([["a:1!"], ["b:1!"]]);
    answer.resolve();
    await until(() => store.outbox("s").pending().rows === 0);
    expect(calls).toEqual([["a:1!"], ["b:1!"], ["a:2"]]);
  });
});

describe("a sink that is down", () => {
  /** Ten seconds pass in a tenth of one. */
  const fast: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 100 };

  test("is told of after 10 s, and again when it is up", async () => {
    let isUp = false;
    const { store, worker, signals } = start((items) => items.map(() => (isUp ? "accepted" : "unknown")), {
      clock: fast,
    });
    commit(store, [{ key: "a" }]);
    worker.wake();
    await until(() => signals.some(({ type }) => type === "sink_down"));
    isUp = true;
    await until(() => signals.some(({ type }) => type === "sink_up"));
    expect(signals.filter(({ type }) => type.startsWith("sink_"))).toEqual([
      { type: "sink_down", sink: "s", code: "told", detail: "", lanes: 1 },
      { type: "sink_up", sink: "s", downMs: expect.any(Number) },
    ]);
  });

  test("is told of at once where a person must act; then one lane alone tries, until it is up", async () => {
    let isUp = false;
    const tries: Record<string, number> = {};
    const { store, worker, signals, calls } = start(
      (items) => {
        const [key = ""] = items[0]?.alert.eventIds ?? [];
        tries[key] = (tries[key] ?? 0) + 1;
        return items.map(() => (isUp ? "accepted" : "unknown"));
      },
      { limits: byLetter, detail: "create the topic" },
    );
    commit(store, [{ key: "a" }, { key: "b" }, { key: "c" }]);
    worker.wake();
    await until(() => calls.length >= 6);
    expect(Object.values(tries).toSorted((a, b) => a - b)).toEqual([1, 1, calls.length - 2]);
    expect(signals.filter(({ type }) => type === "sink_down")).toEqual([
      { type: "sink_down", sink: "s", code: "told", detail: "create the topic", lanes: 1 },
    ]);
    isUp = true;
    await until(() => store.outbox("s").pending().rows === 0);
    expect(signals.filter(({ type }) => type === "sink_up")).toHaveLength(1);
  });

  test("in one lane only, its others go on without waiting", async () => {
    const { store, worker, signals, calls } = start(
      (items) => items.map(({ alert }) => (alert.eventIds[0] === "a" ? "unknown" : "accepted")),
      { limits: byLetter, detail: "no leader" },
    );
    commit(store, [{ key: "a" }]);
    worker.wake();
    await until(() => signals.some(({ type }) => type === "sink_down"));
    commit(store, [{ key: "b" }]);
    worker.wake();
    await until(() => calls.flat().includes("b:1!"));
    expect(store.outbox("s").pending().rows).toBe(1);
    expect(signals.filter(({ type }) => type === "sink_up")).toHaveLength(0);
  });
});

describe("the cap of what waits", () => {
  test("a required sink is full until it takes some", async () => {
    let isUp = false;
    const { store, worker } = start((items) => items.map(() => (isUp ? "accepted" : "unknown")), {
      cap: { delivery: "required", bytes: 20_000 },
    });
    commit(store, keys("a", 5));
    worker.wake();
    await systemClock.sleep(50);
    expect(worker.isFull()).toBe(false);
    commit(store, keys("b", 100));
    await until(() => worker.isFull());
    expect(store.outbox("s").pending().rows).toBe(105);
    isUp = true;
    await until(() => !worker.isFull());
    await until(() => store.outbox("s").pending().rows === 0);
  });

  test("a best-effort sink loses the oldest that are not under way, counted, and is never full", async () => {
    let isUp = false;
    const { store, worker, signals, calls } = start((items) => items.map(() => (isUp ? "accepted" : "unknown")), {
      cap: { delivery: "best_effort", bytes: 1_000_000 },
    });
    commit(store, keys("a", 2000));
    worker.wake();
    await until(() => signals.some(({ type }) => type === "delivery_dropped"));
    expect(worker.isFull()).toBe(false);
    const { bytes } = store.outbox("s").size();
    expect(bytes).toBeLessThan(1_000_000);
    isUp = true;
    await until(() => store.outbox("s").pending().rows === 0);
    const dropped = signals.reduce((sum, signal) => sum + (signal.type === "delivery_dropped" ? signal.alerts : 0), 0);
    const sent = new Set(calls.flat());
    expect(sent.size).toBe(2000 - dropped);
    expect(sent).toContain("a00000:1!");
    expect(sent).toContain("a01999:1!");
  });
});

test("what was refused goes out again after a redrive, in its last revision and once", async () => {
  let isMended = false;
  const { store, worker, calls } = start((items) => items.map(() => (isMended ? "accepted" : "refused")));
  commit(store, [
    { key: "a", version: 1 },
    { key: "b", version: 1 },
  ]);
  worker.wake();
  await until(() => store.views.deadLetters({ sink: null, alertId: null }).length === 2);
  isMended = true;
  commit(store, [{ key: "b", version: 2 }]);
  worker.wake();
  await until(() => calls.flat().includes("b:2!"));
  expect(store.redrive({ sink: "other", alertId: null }, systemClock.nowMs())).toEqual({ redriven: 0, superseded: 0 });
  expect(store.redrive({ sink: "s", alertId: null }, systemClock.nowMs())).toEqual({ redriven: 1, superseded: 1 });
  worker.wake();
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls.flat().filter((text) => text === "a:1!")).toHaveLength(2);
  expect(calls.flat().filter((text) => text.startsWith("b:2"))).toHaveLength(1);
  expect(store.views.deadLetters({ sink: null, alertId: null })).toEqual([]);
});

test("of three sinks one that takes an alert a second delays no other", async () => {
  const store = openStore({ dir: null, clock: systemClock, engine: "test" });
  const latencies: Record<string, number[]> = { a: [], b: [], slow: [] };
  let committedMs = 0;
  const workers = Object.entries(latencies).map(([name, found]) => {
    const sink: Sink = {
      name,
      limits: { maxItems: 1, maxBytes: 1e6, lane: () => 0, part: () => "" },
      send: async (items) => {
        await systemClock.sleep(name === "slow" ? 1000 : 2);
        found.push(systemClock.monotonicMs() - committedMs);
        return items.map(() => ({ status: "accepted" }));
      },
      close: () => Promise.resolve(),
    };
    const cap = { delivery: "required", bytes: Infinity } as const;
    return startDeliver({ sink, outbox: store.outbox(name), clock: systemClock, emit: () => undefined, cap });
  });
  for (let n = 0; n < 100; n += 1) {
    committedMs = systemClock.monotonicMs();
    commit(store, [{ key: `t9-${n}` }], Object.keys(latencies));
    for (const worker of workers) worker.wake();
    await systemClock.sleep(20);
  }
  const p99 = (name: string): number => latencies[name]?.toSorted((x, y) => x - y)[98] ?? Infinity;
  expect([latencies["a"]?.length, latencies["b"]?.length]).toEqual([100, 100]);
  expect(Math.max(p99("a"), p99("b"))).toBeLessThan(500);
  expect(store.outbox("slow").pending().rows).toBeGreaterThan(90);
  await Promise.all(workers.map((worker) => worker.close()));
  store.close();
});
