/** The exam on both kinds of store, and what only some of them have: restarts, caps, the hourly purge. */
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { AlertFilter, Match } from "../../src/contracts.ts";
import type { Rejected } from "../../src/model/event.ts";
import { packRecord, unpackRecord } from "../../src/store/codec.ts";
import { openViews } from "../../src/store/views.ts";
import { examineStore } from "../contracts/store-exam.ts";
import { countUnits, draft, dump, evidence, makeUnit, member, pointer, START, unit } from "./make.ts";
import { createModel, open, stateDir } from "./temp.ts";

const DAY = 86_400_000;

function bad(index: number): Rejected {
  return { reason: "bad_json", pointer: { ...pointer, index }, detail: "", bytes: null, sizeBytes: 1, kind: "" };
}

examineStore("on disk", () => open(stateDir()));
examineStore("temporary", () => open(null));

test("a store on disk is after a restart what it was, under the next epoch", () => {
  const dir = stateDir();
  const first = open(dir);
  for (let i = 0; i < 25; i += 1) first.commit(makeUnit(i));
  const before = dump(first);
  expect(first.load().epoch).toBe(1);
  first.close();
  first.close();
  const second = open(dir);
  expect(second.load().epoch).toBe(2);
  expect(dump(second)).toBe(before);
  expect(before).toBe(createModel()(25));
  second.commit(makeUnit(25));
  expect(countUnits(second)).toBe(26);
});

test("views of another connection see each commit as it stands, beside the writer and after it", () => {
  const dir = stateDir();
  const store = open(dir);
  store.commit(makeUnit(0));
  const views = openViews(dir);
  expect(views.alerts({})).toEqual(store.views.alerts({}));
  store.commit(makeUnit(5));
  expect(views.quarantineCounts()).toEqual({ bad_json: 1 });
  store.close();
  expect(views.counts()).toHaveLength(1);
  views.close();
  const after = openViews(dir);
  expect(after.alerts({})).toHaveLength(4);
  after.close();
});

test("alerts are found by the start of their id, and by a principal whole or as tables and titles show it", () => {
  const principals: Readonly<Record<string, string>> = {
    "aaaa-1": "arn:aws:iam::111122223333:role/team/ml/Trainer",
    "aaaa-2": "arn:aws:iam::111122223333:role/Trainer",
    "aaab-3": "arn:aws:iam::111122223333:user/Trainer",
    "aaab-4": "AROAEXAMPLE:Trainer",
    "b_%5": "arn:aws:iam::111122223333:role/OtherTrainer",
  };
  const store = open(null);
  const alerts = Object.entries(principals).map(([id, principal]) => {
    const made = draft(id);
    return { ...made, content: { ...made.content, principal } };
  });
  store.commit(unit({ alerts }));
  const ids = (filter: AlertFilter): string[] => store.views.alerts(filter).map(({ id }) => id);
  expect(ids({ idPrefix: "aaa" })).toEqual(["aaaa-1", "aaaa-2", "aaab-3", "aaab-4"]);
  expect(ids({ idPrefix: "aaab", limit: 1 })).toEqual(["aaab-3"]);
  expect(ids({ idPrefix: "b%" })).toEqual([]);
  expect(ids({ principal: "role/Trainer" })).toEqual(["aaaa-1", "aaaa-2"]);
  expect(ids({ principal: "Trainer" })).toEqual(["aaaa-1", "aaaa-2", "aaab-3", "aaab-4"]);
  expect(ids({ principal: "arn:aws:iam::111122223333:role/Trainer" })).toEqual(["aaaa-2"]);
  for (const principal of ["rainer", "trainer", "role/%", "role", ""]) expect(ids({ principal })).toEqual([]);
});

test("the quarantine is listed in the order in which it came, or the newest first", () => {
  const store = open(null);
  store.commit(unit({ rejected: [1, 2, 3].map(bad) }));
  const at = (filter: object): number[] => store.views.quarantine(filter).map(({ index }) => index);
  expect([at({}), at({ newest: true }), at({ newest: true, limit: 2 })]).toEqual([
    [1, 2, 3],
    [3, 2, 1],
    [3, 2],
  ]);
});

test("views of a folder without a state file say so", () => {
  expect(() => openViews(stateDir())).toThrow(expect.objectContaining({ code: "not_found" }));
});

test("a full quarantine is told, still takes the unit in hand, and is open again when rows were resolved", () => {
  const store = open(null, { quarantineRows: 3 });
  store.commit(unit({ rejected: [bad(1), bad(2)] }));
  expect(store.quarantineFull()).toBe(false);
  store.commit(unit({ rejected: [bad(3), bad(4)] }));
  expect([store.quarantineFull(), store.views.quarantine({}).length]).toEqual([true, 4]);
  store.resolveQuarantine(
    store.views.quarantine({ limit: 2 }).map((row) => row.id),
    [],
  );
  expect(store.quarantineFull()).toBe(false);
});

test("the quarantine's cap counts the bytes of its records", () => {
  const store = open(null, { quarantineBytes: 100_000, quarantineRecordBytes: 70_000 });
  const noise = (bytes: number, index: number) => {
    const record = new Uint8Array(bytes).map((_, i) => (i * 2654435761) >>> (i % 23));
    return {
      reason: "bad_json",
      pointer: { ...pointer, index },
      detail: "",
      bytes: record,
      sizeBytes: bytes,
      kind: "",
    } as const;
  };
  store.commit(unit({ rejected: [noise(60_000, 1), noise(80_000, 2)] }));
  expect(store.views.quarantine({}).map((row) => store.views.quarantined(row.id)?.record?.length ?? null)).toEqual([
    60_000,
    null,
  ]);
  expect(store.quarantineFull()).toBe(false);
  store.commit(unit({ rejected: [noise(60_001, 3), noise(60_002, 4)] }));
  expect(store.quarantineFull()).toBe(true);
});

test("a record above the cap is kept as a pointer only", () => {
  const store = open(null, { recordBytes: 10 });
  const big = { key: "big", recordHash: "h", timeMs: START, pointer, record: new Uint8Array(11), from: null };
  store.commit(
    unit({ alerts: [draft("id-1", { records: [big, { ...big, key: "small", record: new Uint8Array(10) }] })] }),
  );
  expect(store.views.alert("id-1")?.records.map((r) => r.record?.length ?? null)).toEqual([null, 10]);
});

test("late matches are kept once each with their record, and within their cap: the oldest make room", () => {
  const dir = stateDir();
  const store = open(dir, { lateRows: 10 });
  const rest = { ruleId: "r", ruleSem: "s", logsource: "aws/cloudtrail", group: "[]", pointer } as const;
  const late = (n: number): Match => ({
    ...member(`k${n}`),
    ...rest,
    evidence: evidence("k", null).evidence,
    record: new Uint8Array([n]),
  });
  store.commit(unit({ late: [late(0), late(0)] }));
  store.commit(unit({ late: [late(0)] }));
  expect(readLate(dir)).toEqual([late(0)]);
  store.commit(unit({ late: Array.from({ length: 25 }, (_, n) => late(n)) }));
  expect(readLate(dir).map((match) => match.key)).toEqual(Array.from({ length: 10 }, (_, n) => `k${n + 15}`));
});

/** No part of the product reads late matches yet: the rows are what is kept for replay. */
function readLate(dir: string): Match[] {
  const sqlite = new DatabaseSync(path.join(dir, "store.db"), { readOnly: true });
  const rows = sqlite.prepare("SELECT body, record FROM late ORDER BY id").all();
  sqlite.close();
  return rows.map((row) => ({
    ...JSON.parse(String(row["body"])),
    record: unpackRecord(row["record"] as Uint8Array),
  }));
}

test("alerts go 90 days after their last revision, unless a sink has still to get them", () => {
  const store = open(null);
  store.commit(unit({ alerts: [draft("sent"), draft("owed"), draft("grown")] }));
  const kafka = store.outbox("kafka");
  kafka.sent(
    kafka.due(START, 9).filter(({ alert }) => alert.id !== "owed"),
    START,
  );
  store.commit(unit({ nowMs: START + 5 * DAY, alerts: [draft("grown", { why: "more", sinks: [] })] }));
  store.commit(unit({ nowMs: START + 90 * DAY + 1 }));
  expect(
    store.views
      .alerts({})
      .map((alert) => alert.id)
      .toSorted(),
  ).toEqual(["grown", "owed"]);
  store.commit(unit({ nowMs: START + 95 * DAY + 2 }));
  expect(store.views.alerts({}).map((alert) => alert.id)).toEqual(["owed"]);
});

test.for([0, 1, 1300, 4096, 4097, 60_000])(
  "a record of %d bytes comes back byte for byte, and damage to it is refused",
  (size) => {
    const record = new Uint8Array(size).map((_, i) => (i * 2654435761) >>> (i % 23));
    const blob = packRecord(record, 65_536) as Uint8Array;
    expect(unpackRecord(blob)).toEqual(record);
    for (const at of [1, blob.length - 1]) {
      const harmed = Uint8Array.from(blob);
      harmed[at] = (harmed[at] as number) ^ 1;
      expect(() => unpackRecord(harmed)).toThrow(expect.objectContaining({ code: "store_corrupt" }) as Error);
    }
  },
);
