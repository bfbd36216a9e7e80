/** The run over a real store and detector: what a failure leaves behind, and what a restart begins with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Batch, Sink, Source, Store } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { createWatermarks } from "../../src/detect/watermark.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import { openStore } from "../../src/store/store.ts";
import { LOGSOURCES } from "../../src/model/event.ts";
import { makeCorrelation, makeMatch, MINUTE, START } from "../detect/make.ts";
import { base, createTable, type Table } from "./make.ts";

const counted = makeCorrelation("counted");
const RULE_SET = { detections: [base], correlations: [counted] };

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "sagewatch-run-"));
  dirs.push(dir);
  return dir;
}

function open(dir: string): Store {
  return openStore({ dir, clock: systemClock, engine: "test", limits: { reserveBytes: 0 } });
}

type Parts = {
  readonly table: Table;
  readonly sources: readonly Source[];
  readonly sinks?: readonly Sink[];
  readonly signal?: AbortSignal;
  /** Bytes that may wait for a sink. Default: any number. */
  readonly capBytes?: number;
};

/** Runs sources over a store as compose does. */
async function run(store: Store, parts: Parts): Promise<void> {
  const { sinks = [] } = parts;
  const loaded = store.load();
  const watermarks = createWatermarks(parts.sources, loaded.watermarks);
  const detector = createDetector(RULE_SET, { names: new Map() });
  for (const logsource of LOGSOURCES) detector.advance(logsource, watermarks.value(logsource));
  detector.restore(loaded.state);
  await runPipeline(
    {
      sources: parts.sources,
      matcher: parts.table.matcher,
      detector,
      watermarks,
      store,
      positions: loaded.positions,
      route: () => sinks.map(({ name }) => name),
      operational: parts.capBytes !== undefined,
      quarantine: null,
      workers: sinks.map((sink) =>
        startDeliver({
          sink,
          outbox: store.outbox(sink.name),
          clock: systemClock,
          emit: () => undefined,
          cap: { delivery: "required", bytes: parts.capBytes ?? Infinity },
        }),
      ),
      clock: systemClock,
      emit: () => undefined,
      commit: { intervalMs: 60_000, records: 1, bytes: 4e6, matches: 2000 },
      stageMs: { match: 0, detect: 0, commit: 0 },
    },
    parts.signal ?? new AbortController().signal,
  );
}

const at = (minutes: number, key: string): ReturnType<typeof makeMatch> =>
  makeMatch(counted, { atMs: minutes * MINUTE, key });
const floor = (minutes: number): number => START + minutes * MINUTE;

test("batches that come together are committed in one unit, with the one position that stands for them", async () => {
  const store = open(makeDir());
  const units: { read: number; positions: string[] }[] = [];
  const table = createTable();
  const one = table.source("in", [
    { matches: [at(0, "a")], floorMs: floor(0), position: "1" },
    { matches: [at(1, "b")], floorMs: floor(1), position: "2" },
    { matches: [at(2, "c")], floorMs: floor(2), position: "3" },
  ]);
  const source: Source = {
    ...one,
    async *read(positions, signal) {
      const batches: Batch[] = [];
      for await (const batch of one.read(positions, signal)) batches.push(batch);
      const [first, second, third] = batches as [Batch, Batch, Batch];
      // The matcher of these tests knows its batches by identity.
      yield Object.assign(first, { positions: [], also: [second] });
      yield third;
    },
  };
  const counting: Store = {
    ...store,
    commit: (unit) => {
      units.push({
        read: unit.counts.reduce((sum, { read }) => sum + read, 0),
        positions: unit.positions.map(({ value }) => value),
      });
      return store.commit(unit);
    },
  };
  await run(counting, { table, sources: [source] });
  expect(units).toEqual([
    { read: 2, positions: ["2"] },
    { read: 1, positions: ["3"] },
    { read: 0, positions: [] },
  ]);
  expect(table.settled.map(({ position, error }) => [position, error])).toEqual([
    ["1", undefined],
    ["2", undefined],
    ["3", undefined],
  ]);
  store.close();
});

test("after a failed commit nothing is committed, though another source still has a batch in its hands", async () => {
  const real = open(makeDir());
  const failed = Promise.withResolvers<void>();
  let calls = 0;
  const store: Store = {
    ...real,
    commit: (unit) => {
      calls += 1;
      if (calls > 1) return real.commit(unit);
      failed.resolve();
      throw new SagewatchError("store_failed", "the disk hiccuped");
    },
  };
  const table = createTable();
  const sources = [
    table.source("a", [{ matches: [at(1, "a1"), at(2, "a2"), at(3, "a3")], floorMs: floor(0), position: "a" }]),
    table.source("b", [{ matches: [at(4, "b1")], floorMs: floor(0), position: "b", after: failed.promise }]),
  ];
  await expect(run(store, { table, sources })).rejects.toMatchObject({ code: "store_failed" });
  expect(calls).toBe(1);
  expect(real.load().positions.size).toBe(0);
  expect(table.settled.every(({ error }) => error !== undefined)).toBe(true);
  real.close();
});

test("a source that ended before another one begins its next run where the windows stand, not at either end of time", async () => {
  const dir = makeDir();
  const first = createTable();
  const stop = new AbortController();
  const store = open(dir);
  const early = [50, 55, 70, 80, 90].map((minutes) => at(minutes, `b${minutes}`));
  const sources = [
    first.source("a", [{ matches: [at(1, "a1")], floorMs: Infinity, position: "1" }]),
    // Goes on after a has ended; then the process is told to stop in the middle of its input.
    first.source("b", [
      { matches: early, floorMs: floor(120), position: "1", after: systemClock.sleep(20) },
      { matches: [at(181, "b181")], floorMs: floor(185), position: "2" },
      { matches: [], floorMs: floor(185), position: "3", after: systemClock.sleep(40).then(() => stop.abort()) },
    ]),
  ];
  await run(store, { table: first, sources, signal: stop.signal });
  store.close();

  const again = open(dir);
  const second = createTable();
  const rest = [
    second.source("a", [{ matches: [at(182, "a182")], floorMs: Infinity, position: "2" }]),
    second.source("b", [{ matches: [at(183, "b183")], floorMs: Infinity, position: "4" }]),
  ];
  await run(again, { table: second, sources: rest });
  expect(again.views.alerts({}).map(({ eventIds, revision }) => [eventIds, revision])).toEqual([
    [["b181", "a182", "b183"], 1],
    // These buckets were closed, and the first of their members pruned, before the restart.
    [["b50", "b55", "b70", "b80", "b90"], 1],
    [["a1", "b50", "b55"], 1],
  ]);
  again.close();
});

test("a run over new files after all sources ended begins anew, on the state of the last run", async () => {
  const dir = makeDir();
  for (const [round, minutes] of [
    [1, 0],
    [2, 180],
  ] as const) {
    const store = open(dir);
    const table = createTable();
    const source = (name: string): Source =>
      table.source(name, [
        {
          matches: [1, 2, 3].map((n) => at(minutes + n, `${name}${round}${n}`)),
          floorMs: Infinity,
          position: `${round}`,
          after: systemClock.sleep(name === "a" ? 0 : 20),
        },
      ]);
    await run(store, { table, sources: [source("a"), source("b")] });
    expect(store.load().watermarks).toEqual([]);
    expect(store.views.alerts({}).map(({ eventCount }) => eventCount)).toEqual(round === 1 ? [6] : [6, 6]);
    store.close();
  }
});

test("a store that fails under a sink's worker ends the run with its error, though a source has more to give", async () => {
  const real = open(makeDir());
  const store: Store = {
    ...real,
    outbox: (name) => ({
      ...real.outbox(name),
      sent: () => {
        throw new SagewatchError("store_fenced", "another process took over");
      },
    }),
  };
  const closed: string[] = [];
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
    send: (items) => Promise.resolve(items.map(() => ({ status: "accepted" }))),
    close: () => Promise.resolve(void closed.push("s")),
  };
  const table = createTable();
  const endless = Array.from({ length: 400 }, (_, i) => i);
  const sources = [
    table.source(
      "a",
      endless.map((i) => ({
        matches: [at(1, `k${i}`)],
        floorMs: floor(0),
        position: `${i}`,
        get after() {
          return systemClock.sleep(10);
        },
      })),
    ),
  ];
  await expect(run(store, { table, sources, sinks: [sink] })).rejects.toMatchObject({ code: "store_fenced" });
  expect(table.settled.length).toBeLessThan(endless.length);
  expect(closed).toEqual(["s"]);
  real.close();
});

test("a full disk that a sink's worker meets first is told of as well", async () => {
  const real = open(makeDir());
  let isFull = true;
  const store: Store = {
    ...real,
    outbox: (name) => ({
      ...real.outbox(name),
      sent: (items, nowMs) => {
        if (!isFull) return real.outbox(name).sent(items, nowMs);
        isFull = false;
        throw new SagewatchError("store_full", "no space left");
      },
    }),
  };
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
    send: (items) => Promise.resolve(items.map(() => ({ status: "accepted" }))),
    close: () => Promise.resolve(),
  };
  const table = createTable();
  const matches = [1, 2, 3].map((n) => at(n, `k${n}`));
  const source = table.source("a", [
    { matches, floorMs: floor(0), position: "1" },
    { matches: [], floorMs: floor(0), position: "2", after: systemClock.sleep(100) },
  ]);
  await expect(run(store, { table, sources: [source], sinks: [sink] })).rejects.toMatchObject({ code: "store_full" });
  expect(real.views.alerts({}).map(({ ruleId, why }) => [ruleId, why])).toContainEqual([
    "sagewatch.store_full",
    "no space left",
  ]);
  real.close();
});

test("reading stops while too much waits for a required sink, says so, and goes on when there is room", async () => {
  const store = open(makeDir());
  const table = createTable();
  let isUp = false;
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 9, maxBytes: 1e6, lane: () => 0, part: () => "" },
    send: async (items) => items.map(() => (isUp ? { status: "accepted" } : { status: "unknown", code: "down" })),
    close: () => Promise.resolve(),
  };
  const isFull = systemClock.sleep(4000);
  const steps = [0, 60, 120, 180].map((minute, i) => ({
    matches: [at(minute, `a${i}`), at(minute + 1, `b${i}`), at(minute + 2, `c${i}`)],
    floorMs: floor(minute),
    position: String(i + 1),
    ...(i === 1 ? { after: isFull } : {}),
  }));
  const running = run(store, { table, sources: [table.source("in", steps)], sinks: [sink], capBytes: 1 });
  await isFull;
  await systemClock.sleep(2500);
  expect(store.outbox("s").pending().rows).toBeGreaterThan(0);
  expect(table.settled.map(({ position }) => position)).toEqual(["1", "2"]);
  isUp = true;
  await running;
  expect(table.settled.map(({ position }) => position)).toEqual(["1", "2", "3", "4"]);
  const told = store.views.alerts({ ruleId: "sagewatch.outbox_full" });
  expect(told.map(({ why }) => why)).toEqual([expect.stringContaining("the sink s")]);
  store.close();
});
