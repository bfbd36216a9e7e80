/** Enrichment before delivery: once a revision, within its deadline, never at the cost of an alert. */
import { expect, onTestFinished, test } from "vitest";
import type { Enricher, OutboxItem, Store } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Signal } from "../../src/model/signal.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { type EnrichWorker, startEnrich } from "../../src/pipeline/enrich.ts";
import { openStore } from "../../src/store/store.ts";
import { draft, unit } from "../store/make.ts";

const owner: Enricher = { name: "owner", enrich: async () => ({ who: "ana" }) };
const nothing: Enricher = { name: "nothing", enrich: async () => null };
const hanging: Enricher = { name: "hanging", enrich: () => new Promise(() => undefined) };

type Bench = {
  readonly store: Store;
  readonly signals: Signal[];
  /** By sink, in the order of sending. */
  readonly sent: Readonly<Record<string, OutboxItem[]>>;
  readonly worker: EnrichWorker;
  /** Commits a revision of an alert and tells the enrichment, as the loop does. */
  readonly commit: (id: string, why?: string) => void;
  /** Waits until each sink has so many. */
  readonly delivered: (count: number) => Promise<void>;
};

function open(enrichers: readonly Enricher[], { sinks = ["kafka"], deadlineMs = 200, told = true } = {}): Bench {
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 50 });
  const signals: Signal[] = [];
  const emit = (signal: Signal): void => void signals.push(signal);
  const sent: Record<string, OutboxItem[]> = Object.fromEntries(sinks.map((name) => [name, []]));
  const workers = sinks.map((name) =>
    startDeliver({
      sink: {
        name,
        limits: { maxItems: 100, maxBytes: Infinity, lane: () => 0, part: () => "" },
        send: async (items) => {
          sent[name]?.push(...items);
          return items.map(() => ({ status: "accepted" }));
        },
        close: async () => undefined,
      },
      outbox: store.outbox(name),
      clock: systemClock,
      emit,
      cap: { delivery: "required", bytes: Infinity },
      isEnriched: true,
    }),
  );
  const wake = (): void => workers.forEach((one) => one.wake());
  const start = (): EnrichWorker =>
    startEnrich({ enrichers, additions: store.additions, clock: systemClock, emit, deadlineMs, wake });
  const worker = start();
  onTestFinished(async () => {
    await worker.close();
    await Promise.all(workers.map((one) => one.close()));
    store.close();
  });
  return {
    store,
    signals,
    sent,
    worker,
    commit: (id, why = "first") => {
      const alert = { ...draft(id, { why, sinks }), holdMs: worker.holdMs };
      const { written } = store.commit(unit({ nowMs: systemClock.nowMs(), alerts: [alert] }));
      if (told) worker.add(written.map(({ alertId }) => alertId));
      wake();
    },
    delivered: (count) =>
      expect
        .poll(() => Object.values(sent).map(({ length }) => length), { timeout: 5_000, interval: 5 })
        .toEqual(sinks.map(() => count)),
  };
}

test("three sinks get the additions, and each enricher was asked once a revision", async () => {
  let asked = 0;
  const counting: Enricher = { name: "counting", enrich: async () => ({ times: (asked += 1) }) };
  const { commit, delivered, sent, store } = open([owner, nothing, counting], { sinks: ["a", "b", "c"] });
  commit("a1");
  await delivered(1);
  commit("a1", "grown");
  await delivered(2);
  expect(asked).toBe(2);
  for (const items of Object.values(sent))
    expect(items.map(({ alert, additions }) => [alert.revision, additions])).toEqual([
      [1, { revision: 1, enrichment: { owner: { who: "ana" }, counting: { times: 1 } }, errors: [] }],
      [2, { revision: 2, enrichment: { owner: { who: "ana" }, counting: { times: 2 } }, errors: [] }],
    ]);
  expect(store.views.alerts({}).map(({ revision }) => revision)).toEqual([2]);
});

test("one that does not answer costs its deadline, and the alert says so with what the others found", async () => {
  const { commit, delivered, sent, signals } = open([hanging, owner], { deadlineMs: 150 });
  const begunMs = performance.now();
  commit("a1");
  await delivered(1);
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(140);
  expect(performance.now() - begunMs).toBeLessThan(2_500);
  expect(sent["kafka"]?.[0]?.additions).toEqual({
    revision: 1,
    enrichment: { owner: { who: "ana" } },
    errors: [{ name: "hanging", code: "timeout" }],
  });
  expect(signals).toContainEqual({ type: "enrich_failed", enricher: "hanging", code: "timeout", alertId: "a1" });
});

test("the deadline aborts what is still looking", async () => {
  const aborted = Promise.withResolvers<string>();
  const polite: Enricher = {
    name: "polite",
    enrich: (_alert, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted.resolve("aborted");
          reject(new Error("aborted"));
        });
      }),
  };
  const { commit } = open([polite], { deadlineMs: 30 });
  commit("a1");
  expect(await aborted.promise).toBe("aborted");
});

test.each([
  [
    "throws",
    () => {
      throw new Error("broken");
    },
    "failed",
  ],
  ["rejects", () => Promise.reject(new Error("broken")), "failed"],
  ["says too much", async () => ({ text: "x".repeat(9_000) }), "too_large"],
] as const)("one that %s is told, and delays nothing", async (...[, enrich, code]) => {
  const { commit, delivered, sent, store } = open([{ name: "bad", enrich }, owner], { deadlineMs: 3_000 });
  const begunMs = performance.now();
  commit("a1");
  await delivered(1);
  expect(performance.now() - begunMs).toBeLessThan(2_500);
  expect(sent["kafka"]?.[0]?.additions?.errors).toEqual([{ name: "bad", code }]);
  expect(store.views.alerts({})[0]).toMatchObject({ id: "a1", revision: 1 });
});

test("a crash between commit and enrichment: the next process enriches what it finds", async () => {
  const { store, commit, sent } = open([owner], { told: false, deadlineMs: 5_000 });
  commit("a1");
  expect(sent["kafka"]).toEqual([]);
  const next = startEnrich({
    enrichers: [owner],
    additions: store.additions,
    clock: systemClock,
    emit: () => undefined,
    deadlineMs: 100,
    wake: () => undefined,
  });
  onTestFinished(() => next.close());
  await next.drained(AbortSignal.timeout(2_000));
  expect(store.views.additions(["a1"]).get("a1")).toMatchObject({ enrichment: { owner: { who: "ana" } } });
});

test("an alert that nobody enriches goes out all the same, a moment after the deadline", async () => {
  const { commit, delivered, sent } = open([owner], { told: false, deadlineMs: 50 });
  commit("a1");
  await delivered(1);
  expect(sent["kafka"]?.[0]?.additions).toEqual({
    revision: 1,
    enrichment: {},
    errors: [{ name: "all", code: "not_in_time" }],
  });
});

test("what was due when the process died waits for its additions in the next one, and not for long", async () => {
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 50 });
  onTestFinished(() => store.close());
  const longAgo = systemClock.nowMs() - 60_000;
  store.commit(unit({ nowMs: longAgo, alerts: [draft("a1", { holdMs: 750 }), draft("a2", { holdMs: 750 })] }));
  const left = [{ alertId: "a2", additions: { revision: 1, enrichment: {}, errors: [] } }];
  store.additions.add(left, longAgo);
  const slow: Enricher = { name: "slow", enrich: () => systemClock.sleep(50).then(() => ({ who: "ana" })) };
  const options = { additions: store.additions, clock: systemClock, emit: () => undefined, wake: () => undefined };
  const next = startEnrich({ ...options, enrichers: [slow], deadlineMs: 5_000 });
  onTestFinished(() => next.close());
  const outbox = store.outbox("kafka");
  expect(outbox.due(systemClock.nowMs(), 10).map(({ alert }) => alert.id)).toEqual(["a2"]);
  expect(outbox.due(systemClock.nowMs() + 5_250, 10)).toHaveLength(2);
  await next.drained(AbortSignal.timeout(2_000));
  const [, found] = outbox.due(systemClock.nowMs(), 10);
  expect(found).toMatchObject({ alert: { id: "a1" }, additions: { enrichment: { slow: { who: "ana" } } } });
});

test("an alert of Sagewatch about itself waits for nothing and lacks nothing", async () => {
  const { store, delivered, sent } = open([owner], { deadlineMs: 5_000 });
  const self = draft("s1", { order: null });
  const alert = { ...self, content: { ...self.content, ruleId: "sagewatch.store_full" } };
  store.commit(unit({ nowMs: systemClock.nowMs(), alerts: [alert] }));
  await delivered(1);
  expect(sent["kafka"]?.[0]).not.toHaveProperty("additions");
});

test("a thousand alerts at once are enriched side by side and all delivered", async () => {
  const slow: Enricher = {
    name: "slow",
    enrich: async () => {
      await systemClock.sleep(20);
      return { ok: true };
    },
  };
  const { commit, delivered, sent, worker } = open([slow], { deadlineMs: 1_000 });
  for (let n = 0; n < 1_000; n += 1) commit(`a${n}`);
  await worker.drained(AbortSignal.timeout(5_000));
  await delivered(1_000);
  const enriched = sent["kafka"]?.filter(({ additions }) => additions?.enrichment["slow"] !== undefined) ?? [];
  expect(enriched.length).toBeGreaterThan(900);
});
