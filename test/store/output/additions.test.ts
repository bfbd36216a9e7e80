/** Additions beside alerts: never content, one an alert, and what waits for them goes out in time with or without them. */
import { expect, test } from "vitest";
import type { OutboxItem, Store } from "../../../src/contracts.ts";
import type { Additions } from "../../../src/model/addition.ts";
import { draft, START, unit } from "../make.ts";
import { open, stateDir } from "../temp.ts";

const HOLD = 750;
const MINUTE = 60_000;

function found(revision: number, owner = "ml-platform"): Additions {
  return { revision, enrichment: { account: { owner } }, errors: [{ name: "related", code: "timeout" }] };
}

function add(store: Store, revision: number, nowMs: number): void {
  store.additions.add([{ alertId: "a1", additions: found(revision) }], nowMs);
}

function write(store: Store, why: string, over: Partial<Parameters<typeof draft>[1]> & { nowMs?: number } = {}): void {
  const { nowMs = START, ...rest } = over;
  store.commit(unit({ nowMs, alerts: [draft("a1", { why, holdMs: HOLD, ...rest })] }));
}

const due = (store: Store, nowMs: number): readonly OutboxItem[] => store.outbox("kafka").due(nowMs, 10);

test("an alert waits for its additions and goes out with them at once; without them when its time is over", () => {
  const store = open(stateDir());
  write(store, "one");
  expect(due(store, START + HOLD - 1)).toEqual([]);
  expect(store.outbox("kafka").nextDueMs(START)).toBe(START + HOLD);
  expect(due(store, START + HOLD)[0]?.additions).toBeUndefined();
  add(store, 1, START + 20);
  expect(due(store, START + 20)).toMatchObject([{ alert: { id: "a1", revision: 1 }, additions: found(1) }]);
});

test("additions make no revision, and content that comes again is the same alert", () => {
  const store = open(stateDir());
  write(store, "one");
  add(store, 1, START);
  expect(store.commit(unit({ alerts: [draft("a1", { why: "one", holdMs: HOLD })] })).written).toEqual([]);
  expect(store.views.alerts({})).toMatchObject([{ id: "a1", revision: 1 }]);
  expect(store.views.alerts({})[0]).not.toHaveProperty("additions");
});

test("an update that waits for its turn is due no sooner through its additions", () => {
  const store = open(stateDir());
  write(store, "one");
  add(store, 1, START);
  store.outbox("kafka").sent(due(store, START), START);
  write(store, "two", { nowMs: START + 1000 });
  add(store, 2, START + 1020);
  expect(due(store, START + MINUTE - 1)).toEqual([]);
  expect(due(store, START + MINUTE)).toMatchObject([{ alert: { revision: 2 }, additions: { revision: 2 } }]);
});

test("the last revision is held for its additions too, and is due with them", () => {
  const store = open(stateDir());
  write(store, "one");
  add(store, 1, START);
  store.outbox("kafka").sent(due(store, START), START);
  write(store, "two", { nowMs: START + 1000, final: true });
  expect(due(store, START + 1000 + HOLD - 1)).toEqual([]);
  add(store, 2, START + 1010);
  expect(due(store, START + 1010)).toMatchObject([{ alert: { revision: 2 } }]);
});

test("an alert that grows without end does not put off its delivery, and says of which revision the additions are", () => {
  const store = open(stateDir());
  write(store, "0");
  add(store, 1, START);
  store.outbox("kafka").sent(due(store, START), START);
  for (let i = 1; i <= 300; i += 1) write(store, String(i), { nowMs: START + i * 250 });
  expect(due(store, START + MINUTE)).toMatchObject([{ alert: { revision: 301 }, additions: { revision: 1 } }]);
});

test("additions of an older revision neither replace newer ones nor let the newer revision out", () => {
  const store = open(stateDir());
  write(store, "one");
  write(store, "two", { nowMs: START + 10 });
  add(store, 1, START + 20);
  expect(due(store, START + 20)).toEqual([]);
  add(store, 2, START + 30);
  add(store, 1, START + 40);
  expect(due(store, START + 40)).toMatchObject([{ alert: { revision: 2 }, additions: { revision: 2 } }]);
});

test("what lacks additions is found again after a restart, as far as a sink still waits for it", () => {
  const dir = stateDir();
  const first = open(dir);
  const self = draft("op", { holdMs: 0 });
  const operational = { ...self, content: { ...self.content, ruleId: "sagewatch.store_full" } };
  first.commit(unit({ alerts: [draft("a1"), draft("a2"), draft("a3", { sinks: [] }), operational] }));
  first.additions.add([{ alertId: "a2", additions: found(1) }], START);
  first.close();
  const store = open(dir);
  expect(store.additions.lacking({ newest: 100 }).map(({ id }) => id)).toEqual(["a1"]);
  expect(
    store.additions
      .lacking({ ids: ["a1", "a2", "a3", "op", "none"] })
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(["a1", "a3"]);
  expect(store.views.additions(["a1", "a2"])).toEqual(new Map([["a2", found(1)]]));
});

test("additions go with their alert, and none are kept for an alert that is gone", () => {
  const store = open(stateDir());
  write(store, "one", { sinks: [] });
  add(store, 1, START);
  store.commit(unit({ nowMs: START + 91 * 86_400_000 }));
  expect(store.views.additions(["a1"]).size).toBe(0);
  add(store, 1, START);
  expect(store.views.additions(["a1"]).size).toBe(0);
});
