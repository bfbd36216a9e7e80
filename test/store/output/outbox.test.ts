/** The outbox as deliverers use it beyond the store exam: page by page, its size, what is given up, what comes back. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Outbox, Store } from "../../../src/contracts.ts";
import { openStore } from "../../../src/store/store.ts";
import { clockAt, content, START, unit } from "../make.ts";

let store: Store;
let outbox: Outbox;
beforeEach(() => {
  store = openStore({ dir: null, clock: clockAt, engine: "test", updateEveryMs: 1000 });
  outbox = store.outbox("kafka");
});
afterEach(() => store.close());

const FIRST = { dueMs: -Infinity, seq: 0 };

/** Commits these alerts at a time; another `why` is another revision. */
function write(ids: readonly string[], nowMs: number, why = "first"): void {
  const sinks = ["kafka"];
  const alerts = ids.map((id) => ({ content: content(id, { why }), order: null, final: false, records: [], sinks }));
  store.commit(unit({ nowMs, alerts }));
}
const idsOf = (items: ReturnType<Outbox["due"]>): string[] => items.map(({ alert }) => alert.id);

test("pages follow each other in the order of age and leave nothing out", () => {
  write(["c", "a"], START);
  write(["b", "d", "e"], START + 5);
  const seen: string[] = [];
  for (let place = FIRST; ;) {
    const { items, end } = outbox.page(START + 5, 2, place);
    if (end === null) break;
    seen.push(...idsOf(items));
    place = end;
  }
  expect(seen).toEqual(["c", "a", "b", "d", "e"]);
  expect(idsOf(outbox.page(START, 9, FIRST).items)).toEqual(["c", "a"]);
});

test("what becomes due after a place is found behind it", () => {
  write(["a", "b"], START);
  const { items, end } = outbox.page(START, 9, FIRST);
  outbox.sent(items, START + 1);
  write(["a"], START + 2, "more");
  write(["c"], START + 3);
  expect(idsOf(outbox.page(START + 3, 9, end ?? FIRST).items)).toEqual(["c"]);
  expect(outbox.nextDueMs(START + 3)).toBe(START + 1001);
  expect(idsOf(outbox.page(START + 1001, 9, end ?? FIRST).items)).toEqual(["c", "a"]);
  expect(outbox.nextDueMs(START + 1001)).toBe(Infinity);
});

test("its size is that of the alerts that wait", () => {
  expect(outbox.size()).toEqual({ rows: 0, bytes: 0 });
  write(["a"], START);
  const { bytes } = outbox.size();
  expect(bytes).toBeGreaterThan(JSON.stringify(content("a")).length / 2);
  write(["b", "c"], START);
  expect(outbox.size()).toEqual({ rows: 3, bytes: bytes * 3 });
  outbox.sent(outbox.due(START, 2), START);
  expect(outbox.size()).toEqual({ rows: 1, bytes });
});

test("rows are given up from the oldest on, behind those that are kept, and a new revision waits again", () => {
  write(["a", "b", "c", "d"], START);
  expect(outbox.drop(2, 1, START)).toBe(2);
  expect(idsOf(outbox.due(START, 9))).toEqual(["a", "d"]);
  write(["b"], START + 1, "more");
  const again = outbox.due(START + 5000, 9).find(({ alert }) => alert.id === "b");
  expect(again).toMatchObject({ opened: true, alert: { revision: 2 } });
});

test("a dead letter is redriven only while nothing later was sent", () => {
  write(["a", "b", "c"], START);
  outbox.refused(
    outbox.due(START, 9).map((item) => ({ item, code: "too_large" })),
    START,
  );
  write(["b", "c"], START + 1, "more");
  outbox.sent(
    outbox.due(START + 5000, 9).filter(({ alert }) => alert.id === "b"),
    START + 5000,
  );
  const letters = store.views.deadLetters({ sink: "kafka", alertId: "a" });
  expect(letters).toEqual([{ alertId: "a", sink: "kafka", revision: 1, code: "too_large", atMs: START }]);
  expect(store.redrive({ sink: null, alertId: null }, START + 6000)).toEqual({ redriven: 1, superseded: 2 });
  expect(idsOf(outbox.due(START + 6000, 9)).toSorted()).toEqual(["a", "c"]);
  expect(store.redrive({ sink: null, alertId: null }, START + 6000)).toEqual({ redriven: 0, superseded: 0 });
});
