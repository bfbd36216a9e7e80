/** A sink that is down for long is told to the others, and so is its end, over restarts too. */
import { expect, onTestFinished, test } from "vitest";
import type { OutboxItem, SendResult, Sink, Store } from "../../../src/contracts.ts";
import { createDetector } from "../../../src/detect/detector.ts";
import { createWatermarks } from "../../../src/detect/watermark.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { startDeliver } from "../../../src/pipeline/deliver.ts";
import { runPipeline } from "../../../src/pipeline/run.ts";
import { openStore } from "../../../src/store/store.ts";
import { makeMatch, START } from "../../detect/make.ts";
import { base, createTable } from "../make.ts";

/** Five minutes pass in a second. */
const SPEED = 300;
const bornMs = systemClock.nowMs();
const fast: Clock = {
  nowMs: () => bornMs + (systemClock.nowMs() - bornMs) * SPEED,
  monotonicMs: () => systemClock.monotonicMs() * SPEED,
  random: () => 0.5,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
};

type Run = { readonly sent: Readonly<Record<string, OutboxItem[]>>; end(): Promise<void> };

/** Runs the pipeline over a store with one alert for all sinks; `answer` is asked for each sink's answer. */
function start(store: Store, names: readonly string[], answer: (sink: string) => SendResult): Run {
  const sent: Record<string, OutboxItem[]> = Object.fromEntries(names.map((name) => [name, []]));
  const toSink = (name: string): Sink => ({
    name,
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
    send: async (items) => {
      const result = answer(name);
      if (result.status === "accepted") sent[name]?.push(...items);
      return items.map(() => result);
    },
    close: async () => undefined,
  });
  const table = createTable();
  const over = Promise.withResolvers<void>();
  const match = makeMatch(base, { atMs: START, key: "one" });
  const source = table.source("trail", [
    { matches: [match], floorMs: START, position: "1" },
    { matches: [], floorMs: START, position: "2", after: over.promise },
  ]);
  const detector = createDetector({ detections: [{ ...base, alerts: true }], correlations: [] }, { names: new Map() });
  const running = runPipeline(
    {
      sources: [source],
      matcher: table.matcher,
      detector,
      watermarks: createWatermarks([source], []),
      store,
      positions: new Map(),
      route: () => names,
      operational: true,
      quarantine: null,
      workers: names.map((name) =>
        startDeliver({
          sink: toSink(name),
          outbox: store.outbox(name),
          clock: fast,
          emit: () => undefined,
          cap: { delivery: "required", bytes: Infinity },
        }),
      ),
      clock: fast,
      emit: () => undefined,
      commit: { intervalMs: 250, records: 1, bytes: 4e6, matches: 2000 },
      stageMs: { match: 0, detect: 0, commit: 0 },
    },
    new AbortController().signal,
  );
  return {
    sent,
    end: async () => {
      over.resolve();
      await running;
    },
  };
}

function open(): Store {
  const store = openStore({ dir: null, clock: fast, engine: "test", updateEveryMs: 60_000 });
  onTestFinished(() => store.close());
  return store;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i += 1) await systemClock.sleep(10);
  expect(condition()).toBe(true);
}

const down: SendResult = { status: "unknown", code: "ECONNREFUSED" };
const isDownAlert = ({ alert }: OutboxItem): boolean => alert.ruleId === "sagewatch.sink_down";
const toldTo = ({ sent }: Run, sink: string): OutboxItem[] => (sent[sink] ?? []).filter(isDownAlert);

test("the others are told after five minutes, once, and when it is over, by the same alert; it itself is not", async () => {
  let isUp = false;
  const store = open();
  const run = start(store, ["kafka", "file", "hook"], (sink) =>
    sink !== "kafka" || isUp ? { status: "accepted" } : down,
  );
  const beganMs = fast.nowMs();
  await until(() => toldTo(run, "file").length > 0);
  expect(fast.nowMs() - beganMs).toBeGreaterThan(300_000);
  const [opened] = toldTo(run, "file");
  expect(opened?.alert).toMatchObject({ severity: "high", revision: 1, group: { sink: "kafka", state: "down" } });
  expect(opened?.alert.why).toMatch(/^The sink kafka has not taken alerts.* for 5m \(ECONNREFUSED\); 1 wait for it/);
  await fast.sleep(120_000);
  expect(toldTo(run, "file")).toHaveLength(1);
  isUp = true;
  await until(() => toldTo(run, "file").length > 1 && toldTo(run, "hook").length > 1);
  const [, ended] = toldTo(run, "file");
  expect(ended).toMatchObject({ opened: false, alert: { id: opened?.alert.id, revision: 2, group: { state: "up" } } });
  expect(ended?.alert.why).toMatch(/^The sink kafka takes alerts again after \d+ min/);
  expect(toldTo(run, "kafka")).toEqual([]);
  expect(run.sent["kafka"]).toHaveLength(1);
  await run.end();
});

test("a short trouble is told to nobody", async () => {
  let isUp = false;
  const run = start(open(), ["kafka", "file"], (sink) => (sink === "file" || isUp ? { status: "accepted" } : down));
  await fast.sleep(120_000);
  isUp = true;
  await until(() => run.sent["kafka"]?.length === 1);
  await fast.sleep(300_000);
  expect(toldTo(run, "file")).toEqual([]);
  await run.end();
});

test("a daemon that starts again goes on with the outage, and tells its end", async () => {
  const store = open();
  const first = start(store, ["kafka", "file"], (sink) => (sink === "file" ? { status: "accepted" } : down));
  await until(() => toldTo(first, "file").length === 1);
  await first.end();
  let isUp = false;
  const second = start(store, ["kafka", "file"], (sink) => (sink === "file" || isUp ? { status: "accepted" } : down));
  await fast.sleep(360_000);
  expect(toldTo(second, "file")).toEqual([]);
  isUp = true;
  await until(() => toldTo(second, "file").length === 1);
  expect(toldTo(second, "file")[0]?.alert).toMatchObject({ revision: 2, group: { sink: "kafka", state: "up" } });
  await second.end();
  expect(store.views.alerts({ ruleId: "sagewatch.sink_down" })).toHaveLength(1);
});
