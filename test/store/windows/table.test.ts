/** How windows lie on the disk: each event once a commit, and nothing kept that no part needs. */
import { DatabaseSync } from "node:sqlite";
import * as path from "node:path";
import { expect, test } from "vitest";
import type { AlertRecord, EvidenceDelta, MemberDelta, Store } from "../../../src/contracts.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { draft, evidence, member, record, unit } from "../make.ts";
import { open, stateDir } from "../temp.ts";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const noise = createRandom("windows of the store");
const place = (stateKey: string, group: string, slice: number) => ({ stateKey, group, slice });
type Place = ReturnType<typeof place>;

/** One event that is a member, with evidence, at each of the places. */
function eventAt(
  key: string,
  bytes: Uint8Array | null,
  places: readonly Place[],
): Pick<ReturnType<typeof unit>, "members" | "evidence"> {
  return {
    members: places.map((at): MemberDelta => ({ ...at, members: [member(key)] })),
    evidence: places.map((at): EvidenceDelta => evidence(key, bytes, at)),
  };
}

/** Bytes of the packs, and how many there are. */
function packsOf(dir: string): { packs: number; bytes: number } {
  const sqlite = new DatabaseSync(path.join(dir, "store.db"), { readOnly: true });
  const sql =
    "SELECT count(*) AS packs, coalesce(sum(length(facts) + coalesce(length(records), 0)), 0) AS bytes FROM packs";
  const found = sqlite.prepare(sql).get() as { packs: number; bytes: number };
  sqlite.close();
  return { packs: found.packs, bytes: found.bytes };
}

/** The records that an alert over this evidence is given. */
function recordsFor(store: Store, from: Place, keys: readonly string[]): (string | null)[] {
  const id = noise.hex(16);
  store.commit(unit({ alerts: [draft(id, { records: keys.map((key): AlertRecord => record(key, null, from)) })] }));
  return store.views.alert(id)!.records.map((r) => (r.record === null ? null : Buffer.from(r.record).toString()));
}

test("an event that counts to thirty groups takes hardly more room than one that counts to one", () => {
  const places = Array.from({ length: 30 }, (_, at) => place(`rule-${at}`, "g", 1));
  const bytes = bytesOf(noise.hex(3000));
  const sizes = [places.slice(0, 1), places].map((at) => {
    const dir = stateDir();
    const store = open(dir);
    store.commit(unit(eventAt("e", bytes, at)));
    expect(recordsFor(store, at.at(-1)!, ["e"])).toEqual([Buffer.from(bytes).toString()]);
    return packsOf(dir).bytes;
  });
  expect(sizes[1]).toBeLessThan(sizes[0]! + 100);
});

test("events that differ in anything stay apart, though their record hash is the same", () => {
  const store = open(null);
  const at = place("a", "g", 1);
  const members = [
    member("k"),
    member("k", { principal: "other" }),
    member("k", { version: 2 }),
    member("k", { step: 1, value: "v", number: Infinity }),
    member("k", { number: -0.5 }),
  ];
  const kept = [
    evidence("k", bytesOf("one"), at),
    evidence("k", bytesOf("two"), { ...at, key: "l" }),
    evidence("k", bytesOf("three"), { ...at, key: "m", pointer: { source: "s", path: "/p", index: 7 } }),
  ];
  store.commit(unit({ members: [{ ...at, members }], evidence: kept }));
  const { state } = store.load();
  expect([...state.members]).toEqual([{ ...at, members }]);
  expect([...state.evidence]).toEqual(kept.map((one) => ({ ...one, record: null })));
  const wanted = kept.map((one): AlertRecord => ({ ...record(one.key, null, at), recordHash: one.recordHash }));
  store.commit(unit({ alerts: [draft("aaaa", { records: wanted })] }));
  const texts = store.views.alert("aaaa")!.records.map((r) => Buffer.from(r.record!).toString());
  expect(texts.toSorted()).toEqual(["one", "three", "two"]);
});

test("an alert is given the records of events that came with it, each its own", () => {
  const store = open(null, { recordBytes: 100 });
  const [at, alone] = [place("a", "g", 1), place("a", "g", 2)];
  const kept = [
    evidence("first", bytesOf("one"), at),
    evidence("twice", bytesOf("two"), at),
    evidence("twice", bytesOf("three"), { ...at, recordHash: "f".repeat(64) }),
    evidence("none", null, at),
    evidence("large", bytesOf("x".repeat(101)), at),
    evidence("alone", bytesOf("four"), alone),
  ];
  const wanted = kept.map(({ key, recordHash, slice }, index): AlertRecord => ({
    ...record(key, null, slice === 1 ? at : alone),
    recordHash,
    pointer: { source: "s", path: "/p", index },
  }));
  const members = [{ ...at, members: [member("first")] }];
  store.commit(unit({ members, evidence: kept, alerts: [draft("aaaa", { records: wanted })] }));
  const texts: (string | null)[] = [];
  for (const { pointer, record: bytes } of store.views.alert("aaaa")!.records)
    texts[pointer.index] = bytes === null ? null : Buffer.from(bytes).toString();
  expect(texts).toEqual(["one", "two", "three", null, null, "four"]);
});

test("a pack goes with its last part, and one of which little is left is written anew without the rest", () => {
  const dir = stateDir();
  const store = open(dir);
  const slow = place("slow", "g", 1);
  const slices = Array.from({ length: 20 }, (_, slice) => slice);
  for (const at of [0, 1, 2]) {
    const long = eventAt(`long ${at}`, bytesOf(`kept ${at} ${noise.hex(200)}`), [slow]);
    const short = slices.map((slice) =>
      eventAt(`short ${at} ${slice}`, bytesOf(noise.hex(2000)), [place("fast", "g", slice)]),
    );
    store.commit(
      unit({
        members: [...long.members, ...short.flatMap(({ members }) => members)],
        evidence: [...long.evidence, ...short.flatMap((rows) => rows.evidence)],
      }),
    );
  }
  const full = packsOf(dir);
  expect(full.packs).toBe(3);
  store.commit(unit({ prunes: [{ stateKey: "fast", slice: 20 }] }));
  store.commit(unit());
  const left = packsOf(dir);
  expect(left.packs).toBeGreaterThan(0);
  expect(left.bytes).toBeLessThan(full.bytes / 20);
  store.close();
  const again = open(dir);
  expect([...again.load().state.members].flatMap(({ members }) => members.map(({ key }) => key))).toEqual([
    "long 0",
    "long 1",
    "long 2",
  ]);
  const found = recordsFor(again, slow, ["long 0", "long 1", "long 2"]);
  expect(found.map((text) => text?.slice(0, 6) ?? "").toSorted()).toEqual(["kept 0", "kept 1", "kept 2"]);
  again.commit(unit({ prunes: [{ stateKey: "slow", slice: 2 }] }));
  expect(packsOf(dir)).toEqual({ packs: 0, bytes: 0 });
});

test("what is left of any parts after any removals is what was put there and not removed", () => {
  const random = createRandom("any removals");
  for (let run = 0; run < 40; run += 1) {
    const store = open(null);
    const model = new Map<string, { at: Place; keys: string[] }>();
    for (let commit = 0; commit < 12; commit += 1) {
      const places = [...new Set(Array.from({ length: random.int(0, 6) }, () => random.int(0, 11)))];
      const added = places.map((n) => place(`rule-${n % 3}`, `g${n % 2}`, Math.floor(n / 4)));
      const events = added.map((at) => eventAt(`${commit} ${random.int(0, 2)}`, bytesOf("r"), [at]));
      const prunes = random.chance(0.3) ? [{ stateKey: `rule-${random.int(0, 2)}`, slice: random.int(0, 3) }] : [];
      const evictions = random.chance(0.3)
        ? [{ stateKey: `rule-${random.int(0, 2)}`, group: "g1", slices: [0, 1, 2] }]
        : [];
      store.commit(
        unit({
          members: events.flatMap(({ members }) => members),
          evidence: events.flatMap((rows) => rows.evidence),
          prunes,
          evictions,
        }),
      );
      for (const [n, at] of added.entries()) {
        const name = JSON.stringify(at);
        const entry = model.get(name) ?? { at, keys: [] };
        entry.keys.push(events[n]!.evidence[0]!.key);
        model.set(name, entry);
      }
      for (const [name, { at }] of model)
        if (
          prunes.some((p) => p.stateKey === at.stateKey && at.slice < p.slice) ||
          evictions.some((e) => e.stateKey === at.stateKey && e.group === at.group)
        )
          model.delete(name);
      const { members, evidence: kept } = store.load().state;
      const wanted = [...model.values()].flatMap(({ at, keys }) => keys.map((key) => `${JSON.stringify(at)} ${key}`));
      const shown = ({ stateKey, group, slice }: Place, key: string): string =>
        `${JSON.stringify(place(stateKey, group, slice))} ${key}`;
      expect([...members].flatMap((d) => d.members.map(({ key }) => shown(d, key))).toSorted()).toEqual(
        wanted.toSorted(),
      );
      expect([...kept].map((e) => shown(e, e.key)).toSorted()).toEqual(wanted.toSorted());
    }
  }
});
