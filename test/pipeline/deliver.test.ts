/** One worker a sink over a real store: arrays, repetition after unknown, refusals, updates, dead sinks. */
import { afterEach, expect, test } from "vitest";
import type { OutboxItem, SendResult, Sink, Store } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Signal } from "../../src/model/signal.ts";
import { type DeliverWorker, startDeliver, toArrays } from "../../src/pipeline/deliver.ts";
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

type Answer = (items: readonly OutboxItem[], call: number) => readonly SendResult["status"][];

/** A store, and a worker that sends to a sink answering as told. */
function start(
  answer: Answer,
  limits: Partial<Sink["limits"]> = {},
): { store: Store; worker: DeliverWorker; calls: string[][]; signals: Signal[] } {
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 50 });
  const calls: string[][] = [];
  const signals: Signal[] = [];
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "", ...limits },
    send: (items) => {
      calls.push(items.map(({ alert, opened }) => `${alert.eventIds[0]}:${alert.revision}${opened ? "!" : ""}`));
      return Promise.resolve(
        answer(items, calls.length - 1).map((status): SendResult =>
          status === "accepted" ? { status } : { status, code: "told" },
        ),
      );
    },
    close: () => Promise.resolve(),
  };
  const worker = startDeliver({
    sink,
    outbox: store.outbox("s"),
    clock: systemClock,
    emit: (signal) => signals.push(signal),
  });
  open.push({ store, worker });
  return { store, worker, calls, signals };
}

/** Commits one single-event alert a key; the text makes another content of the same alert. */
function commit(store: Store, events: readonly { key: string; version?: number }[]): void {
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
    alerts: deltas.alerts.map((draft) => ({ ...draft, sinks: ["s"] })),
  });
}

const all =
  (status: SendResult["status"]): Answer =>
  (items) =>
    items.map(() => status);

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i += 1) await systemClock.sleep(10);
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
    { maxItems: 2 },
  );
  commit(store, [{ key: "a" }, { key: "b" }, { key: "c" }]);
  worker.wake();
  await until(() => calls.length === 1);
  commit(store, [{ key: "d" }]);
  await until(() => store.outbox("s").pending().rows === 0);
  expect(calls).toEqual([["a:1!", "b:1!"], ["a:1!", "b:1!"], ["a:1!", "b:1!"], ["c:1!"], ["d:1!"]]);
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
  const arrays = toArrays([item("a1", 10), item("b1", 10), item("a2", 10), item("a3", 500), item("a4", 10)], {
    limits: { maxItems: 3, maxBytes: 500, lane: () => 0, part: (alert) => alert.id.slice(0, 1) },
  });
  expect(arrays.map((array) => array.map(({ alert }) => alert.id))).toEqual([["a1", "a2"], ["b1"], ["a3"], ["a4"]]);
});
