/** What a store lets go of: evicted groups, windows of rules that are gone, alerts for sinks that are gone; positions of files that are gone; and the steps between schemas. */
import { DatabaseSync } from "node:sqlite";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import * as fs from "node:fs";
import { expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { draft, evidence, member, START, unit } from "./make.ts";
import { open, stateDir } from "./temp.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const place = (stateKey: string, group: string, slice: number) => ({ stateKey, group, slice });

/** Two members with evidence in a slice of a group. */
function rowsOf(at: ReturnType<typeof place>): Pick<ReturnType<typeof unit>, "members" | "evidence"> {
  const keys = [0, 1].map((n) => `${at.stateKey} ${at.group} ${at.slice} ${n}`);
  return {
    members: [{ ...at, members: keys.map((key) => member(key)) }],
    evidence: keys.map((key) => evidence(key, null, at)),
  };
}

function commitRows(store: Store, places: readonly ReturnType<typeof place>[]): void {
  const all = places.map(rowsOf);
  store.commit(
    unit({ members: all.flatMap(({ members }) => members), evidence: all.flatMap((rows) => rows.evidence) }),
  );
}

function held(store: Store): string[] {
  const { members, evidence: kept } = store.load().state;
  const toName = (row: { stateKey: string; group: string; slice: number }): string =>
    `${row.stateKey} ${row.group} ${row.slice}`;
  const names = [...members].map(toName);
  expect(new Set([...kept].map(toName))).toEqual(new Set(names));
  return [...new Set(names)].toSorted();
}

test.each(["on disk", "temporary"])(
  "an evicted group is gone with its evidence, also what came with it in the unit: %s",
  (kind) => {
    const store = open(kind === "temporary" ? null : stateDir());
    commitRows(store, [place("a", "g", 1), place("a", "g", 2), place("a", "h", 1), place("b", "g", 1)]);
    const evictions = [{ stateKey: "a", group: "g", slices: [1, 2, 3] }];
    store.commit(unit({ ...rowsOf(place("a", "g", 3)), evictions }));
    expect(held(store)).toEqual(["a h 1", "b g 1"]);
  },
);

test("windows of rules that are gone are kept a day, for whoever brings the rules back, and no longer", () => {
  const store = open(stateDir());
  commitRows(store, [place("old", "g", 1), place("back", "g", 1), place("kept", "g", 1)]);
  const adopt = (stateKeys: readonly string[], nowMs: number): number =>
    store.adopt({ stateKeys: new Set(stateKeys), sinks: [] }, nowMs).unusedRules;
  expect(adopt(["kept"], START)).toBe(2);
  store.commit(unit({ nowMs: START + DAY - 1 }));
  expect(held(store)).toEqual(["back g 1", "kept g 1", "old g 1"]);
  expect(adopt(["kept", "back"], START + DAY - 1)).toBe(1);
  store.commit(unit({ nowMs: START + DAY }));
  store.commit(unit({ nowMs: START + DAY + 1 }));
  expect(held(store)).toEqual(["back g 1", "kept g 1"]);
  expect(adopt(["kept", "back"], START + 3 * DAY)).toBe(0);
});

test("the day of a rule that is gone is counted over restarts", () => {
  const dir = stateDir();
  const first = open(dir);
  commitRows(first, [place("old", "g", 1)]);
  first.adopt({ stateKeys: new Set(), sinks: [] }, START);
  first.close();
  const second = open(dir);
  second.adopt({ stateKeys: new Set(), sinks: [] }, START + DAY - HOUR);
  second.commit(unit({ nowMs: START + DAY }));
  expect(held(second)).toEqual([]);
});

test("an alert that only a sink that is gone has still to get goes with its age, and is told of before", () => {
  const store = open(stateDir());
  store.commit(unit({ alerts: [draft("aaaa", { sinks: ["gone"] }), draft("bbbb", { sinks: ["gone", "kafka"] })] }));
  const use = { stateKeys: new Set<string>(), sinks: ["kafka"] };
  expect(store.adopt(use, START)).toEqual({ unusedRules: 0, removedSinks: [{ sink: "gone", rows: 2 }] });
  store.commit(unit({ nowMs: START + 89 * DAY }));
  expect(store.views.alerts({})).toHaveLength(2);
  store.commit(unit({ nowMs: START + 91 * DAY }));
  expect(store.views.alerts({}).map(({ id }) => id)).toEqual(["bbbb"]);
  expect(store.adopt(use, START).removedSinks).toEqual([{ sink: "gone", rows: 1 }]);
});

test("positions go when their file is gone and they are older than 35 days, and only those of the source", () => {
  const dir = stateDir();
  const first = open(dir);
  const at = (key: string, source = "trail") => ({ source, key, value: "done" });
  first.commit(unit({ positions: [at("old"), at("there"), at("touched"), at("old", "other")] }));
  first.commit(unit({ nowMs: START + 10 * DAY, positions: [at("touched"), at("new")] }));
  first.close();
  const store = open(dir);
  const forget = (nowMs: number): number => store.forgetPositions("trail", (key) => key !== "there", nowMs);
  expect([forget(START + 35 * DAY), forget(START + 35 * DAY + 1), forget(START + 36 * DAY)]).toEqual([0, 1, 0]);
  const { positions } = store.load();
  expect([...positions.get("trail")!.keys()].toSorted()).toEqual(["new", "there", "touched"]);
  expect([...positions.get("other")!.keys()]).toEqual(["old"]);
});

test("positions of a state file of schema 1 count as written when it was brought forward", () => {
  const dir = stateDir();
  fs.mkdirSync(dir);
  const fixture = path.join(import.meta.dirname, "../fixtures/store/v1/store.db.gz");
  fs.writeFileSync(path.join(dir, "store.db"), gunzipSync(fs.readFileSync(fixture)));
  const store = open(dir);
  const count = (): number => [...store.load().positions.values()].reduce((sum, keys) => sum + keys.size, 0);
  const before = count();
  expect(before).toBeGreaterThan(0);
  for (const source of store.load().positions.keys())
    expect(store.forgetPositions(source, () => true, systemClock.nowMs())).toBe(0);
  expect(count()).toBe(before);
  expect(fs.existsSync(path.join(dir, "store.db.v1.bak"))).toBe(true);
});

test("a state file of schema 1 becomes what a new one is", () => {
  const [fresh, older] = [stateDir(), stateDir()];
  const fixture = path.join(import.meta.dirname, "../fixtures/store/v1/store.db.gz");
  fs.mkdirSync(older);
  fs.writeFileSync(path.join(older, "store.db"), gunzipSync(fs.readFileSync(fixture)));
  const schemas = [fresh, older].map((dir) => {
    open(dir).close();
    const sqlite = new DatabaseSync(path.join(dir, "store.db"), { readOnly: true });
    const found = sqlite.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
    sqlite.close();
    return found;
  });
  expect(schemas[1]).toEqual(schemas[0]);
});
