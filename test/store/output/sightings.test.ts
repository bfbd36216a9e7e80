/** By which sources the evidence of an alert came: kept beside it, for its evidence only, and gone with it. */
import { expect, test } from "vitest";
import type { Store } from "../../../src/contracts.ts";
import { openStore } from "../../../src/store/store.ts";
import { clockAt, draft, pointer, START, unit } from "../make.ts";

const open = (): Store => openStore({ dir: null, clock: clockAt, engine: "test" });
const records = (...keys: string[]) =>
  keys.map((key) => ({ key, recordHash: `h-${key}`, timeMs: START, pointer, record: null, from: null }));

test("the ways stand by source, the fastest first, with the least and the most delay", () => {
  const store = open();
  const sightings = [
    { key: "a", source: "trail", delayMs: 300_000 },
    { key: "b", source: "trail", delayMs: 400_000 },
    { key: "a", source: "push", delayMs: 2000 },
    { key: "a", source: "past", delayMs: null },
  ];
  store.commit(unit({ alerts: [draft("one", { records: records("a", "b") })], sightings }));
  expect(store.views.alert("one")?.paths).toEqual([
    { source: "push", events: 1, minDelayMs: 2000, maxDelayMs: 2000 },
    { source: "trail", events: 2, minDelayMs: 300_000, maxDelayMs: 400_000 },
    { source: "past", events: 1, minDelayMs: null, maxDelayMs: null },
  ]);
  store.close();
});

test("a way that comes later is added without a revision, the first delay of a source stays, and other events leave no trace", () => {
  const store = open();
  store.commit(
    unit({
      alerts: [draft("one", { records: records("a") }), draft("two", { records: records("a", "b") })],
      sightings: [{ key: "a", source: "push", delayMs: 2000 }],
    }),
  );
  store.commit(
    unit({
      sightings: [
        { key: "a", source: "trail", delayMs: 9000 },
        { key: "a", source: "push", delayMs: 50_000 },
        { key: "unknown", source: "trail", delayMs: 1 },
      ],
    }),
  );
  const paths = [
    { source: "push", events: 1, minDelayMs: 2000, maxDelayMs: 2000 },
    { source: "trail", events: 1, minDelayMs: 9000, maxDelayMs: 9000 },
  ];
  expect(store.views.alert("one")).toMatchObject({ alert: { revision: 1 }, paths });
  expect(store.views.alert("two")?.paths).toEqual(paths);
  expect(store.load().sightings.map(({ key }) => key)).toEqual(["a", "a", "a", "a"]);
  store.close();
});

test("evidence that gave way to other evidence is not counted any more", () => {
  const store = open();
  const sightings = [{ key: "a", source: "push", delayMs: 1 }];
  store.commit(unit({ alerts: [draft("one", { why: "first", records: records("a") })], sightings }));
  store.commit(
    unit({
      alerts: [draft("one", { why: "second", records: records("b") })],
      sightings: [{ key: "b", source: "trail", delayMs: 2 }],
    }),
  );
  expect(store.views.alert("one")?.paths.map(({ source }) => source)).toEqual(["trail"]);
  store.close();
});
