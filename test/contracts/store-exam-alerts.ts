/**
 * The part of the store's exam that is about alerts: revisions, records, lists, and what each sink gets when.
 *
 * The rules are those of delivery contract C5 and C6; test/store/alert-rules.test.ts tries them on random runs.
 */
import { expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { content, draft, eventDraft, evidence, record, START, unit } from "../store/make.ts";

const MINUTE = 60_000;
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** What kafka should get, as "ID REVISION", with "opened" for a first delivery. */
const said = (store: Store, nowMs: number) =>
  store
    .outbox("kafka")
    .due(nowMs, 99)
    .map(({ alert, opened }) => `${alert.id} ${alert.revision}${opened ? " opened" : ""}`);

/** `open` is called once or twice a test. */
export function examineAlertRules(open: () => Store): void {
  examineAlerts(open);
  examineRecords(open);
  examineLists(open);
  examineOutbox(open);
  examineAnswers(open);
}

function examineAlerts(open: () => Store): void {
  test("a window's alert gets a revision only for new content, and keeps its first seenTime", () => {
    const store = open();
    const write = (why: string, nowMs: number) =>
      store.commit(unit({ nowMs, alerts: [draft("id-1", { why })] })).written;
    expect(write("3 calls", START)).toEqual([{ alertId: "id-1", revision: 1, ruleId: "bulk-endpoints" }]);
    expect(write("3 calls", START + 1000)).toEqual([]);
    expect(write("4 calls", START + 2000)).toEqual([{ alertId: "id-1", revision: 2, ruleId: "bulk-endpoints" }]);
    expect(write("3 calls", START + 3000)).toHaveLength(1);
    expect(store.views.alert("id-1")?.alert).toMatchObject({
      revision: 3,
      why: "3 calls",
      seenTime: "2026-03-10T00:00:00Z",
    });
  });

  test("a final alert of a window gives way to one of as many events or more, never to one that knows less", () => {
    const store = open();
    const write = (eventCount: number, final: boolean) =>
      store.commit(unit({ alerts: [draft("id-1", { content: content("id-1", { eventCount }), final })] })).written;
    write(5, false);
    expect(write(3, false)).toHaveLength(1);
    expect(write(5, true)).toHaveLength(1);
    expect(write(3, false)).toEqual([]);
    expect(write(3, true)).toEqual([]);
    expect(store.views.alert("id-1")?.alert).toMatchObject({ eventCount: 5, revision: 3 });
    expect(write(6, true)).toHaveLength(1);
  });

  test.each([
    ["a higher version replaces", { version: 2, timeMs: 9, recordHash: "ff" }, true],
    ["a lower version does not", { version: 0, timeMs: 1, recordHash: "00" }, false],
    ["an earlier record of the version replaces", { version: 1, timeMs: 4, recordHash: "ff" }, true],
    ["a later one does not", { version: 1, timeMs: 6, recordHash: "00" }, false],
    ["a lower hash at the same time replaces", { version: 1, timeMs: 5, recordHash: "aa" }, true],
    ["at equal order what stands, stays", { version: 1, timeMs: 5, recordHash: "bb" }, false],
  ])("single event: %s, in one unit or in two", (_, order, replaces) => {
    const first = eventDraft("id-1", { version: 1, timeMs: 5, recordHash: "bb" }, "first");
    const second = eventDraft("id-1", order, "second");
    const apart = open();
    apart.commit(unit({ alerts: [first] }));
    expect(apart.commit(unit({ alerts: [second] })).written).toHaveLength(replaces ? 1 : 0);
    const together = open();
    expect(together.commit(unit({ alerts: [first, second] })).written).toHaveLength(1);
    for (const store of [apart, together])
      expect(store.views.alert("id-1")?.alert.why).toBe(replaces ? "second" : "first");
  });
}

function examineRecords(open: () => Store): void {
  test("an alert's records are those of its current evidence, byte for byte, from the draft or from the window", () => {
    const store = open();
    const raw = [bytesOf('{"a":1}'), new Uint8Array([0, 255, 128, 10]), new Uint8Array(0)];
    const from = { stateKey: "sk", group: '["alice"]', slice: 3 };
    const own = [record("own", raw[1]!), record("none", null), record("gone", null, { ...from, slice: 4 })];
    store.commit(
      unit({
        evidence: [evidence("kept", raw[0]!)],
        alerts: [draft("id-1", { records: [...own, record("kept", null, from)] })],
      }),
    );
    const read = () => store.views.alert("id-1")?.records.map((r) => r.record);
    expect(read()).toEqual([null, raw[0], null, raw[1]]);
    store.commit(
      unit({
        alerts: [draft("id-1", { why: "more", records: [record("kept", null, from), record("z", raw[2]!)] })],
        prunes: [{ stateKey: "sk", slice: 9 }],
      }),
    );
    expect(read()).toEqual([raw[0], raw[2]]);
  });

  test("views and outbox tell where the records of each alert were read, and that changes no revision", () => {
    const store = open();
    const at = (key: string, index: number) => ({ ...record(key, null), timeMs: START + index, pointer: place(index) });
    const place = (index: number) => ({ source: "trail", path: "/spool/a.json.gz", index });
    store.commit(
      unit({
        alerts: [draft("id-1", { records: [at("b", 7), at("a", 3)] }), draft("id-2", { records: [at("c", 5)] })],
      }),
    );
    store.commit(unit({ alerts: [draft("id-3")] }));
    const wanted = { "id-1": [place(3), place(7)], "id-2": [place(5)] };
    expect(Object.fromEntries(store.views.pointers(["id-1", "id-2", "id-3", "none"]))).toEqual(wanted);
    const items = store.outbox("kafka").due(START, 9);
    expect(items.map(({ pointers }) => pointers)).toEqual([wanted["id-1"], wanted["id-2"], undefined]);
    expect(store.commit(unit({ alerts: [draft("id-1", { records: [at("a", 9)] })] })).written).toEqual([]);
    expect(store.views.pointers([]).size).toBe(0);
  });

  test("an earlier record with equal content makes no revision, yet from then on its record and its order stand", () => {
    const store = open();
    const at = (timeMs: number, why: string) => ({
      ...eventDraft("id-1", { version: 1, timeMs, recordHash: "aa" }, why),
      records: [record(`copy at ${timeMs}`, bytesOf(String(timeMs)))],
    });
    store.commit(unit({ alerts: [at(5, "same")] }));
    expect(store.commit(unit({ alerts: [at(3, "same")] })).written).toEqual([]);
    expect(store.views.alert("id-1")?.records.map((r) => r.record)).toEqual([bytesOf("3")]);
    expect(store.commit(unit({ alerts: [at(4, "other")] })).written).toEqual([]);
  });
}

function examineLists(open: () => Store): void {
  test("an alert is found by its id or a unique prefix of four characters", () => {
    const store = open();
    store.commit(unit({ alerts: ["abcd1", "abcd2", "abce0", "abc"].map((id) => draft(id)) }));
    const found = ["abcd1", "abce", "abcd", "abc", "ab", "abcx", "abc%"].map(
      (id) => store.views.alert(id)?.alert.id ?? null,
    );
    expect(found).toEqual(["abcd1", "abce0", null, "abc", null, null, null]);
  });

  test("alerts are listed newest first and filtered", () => {
    const store = open();
    const at = (id: string, lastEventTime: string, over: object = {}) => {
      const made = draft(id);
      return { ...made, content: { ...made.content, lastEventTime, ...over } };
    };
    const [one, two, three] = ["2026-03-10T01:00:00Z", "2026-03-10T02:00:00Z", "2026-03-10T03:00:00.500Z"] as const;
    store.commit(
      unit({
        alerts: [
          at("b", two),
          at("a", two),
          at("c", three, { severity: "low", accountId: "9" }),
          at("d", one, { ruleId: "other", principal: "bob" }),
        ],
      }),
    );
    const ids = (filter: Parameters<Store["views"]["alerts"]>[0]) =>
      store.views
        .alerts(filter)
        .map((alert) => alert.id)
        .join("");
    expect(ids({})).toBe("cabd");
    expect(ids({ limit: 2 })).toBe("ca");
    expect(ids({ fromMs: Date.parse(two), toMs: Date.parse(three) })).toBe("ab");
    expect([
      ids({ severity: "low" }),
      ids({ accountId: "9" }),
      ids({ ruleId: "other" }),
      ids({ principal: "bob", severity: "low" }),
    ]).toEqual(["c", "c", "d", ""]);
  });
}

function examineOutbox(open: () => Store): void {
  test("a first revision is due at once, an update a minute after the last one sent, the final one at once", () => {
    const store = open();
    const kafka = store.outbox("kafka");
    store.commit(unit({ alerts: [draft("id-1", { why: "1" })] }));
    expect(said(store, START)).toEqual(["id-1 1 opened"]);
    kafka.sent(kafka.due(START, 9), START + 100);
    store.commit(unit({ nowMs: START + 500, alerts: [draft("id-1", { why: "2" })] }));
    store.commit(unit({ nowMs: START + 900, alerts: [draft("id-1", { why: "3" })] }));
    expect(said(store, START + 100 + MINUTE - 1)).toEqual([]);
    expect(kafka.pending()).toEqual({ rows: 1, nextDueMs: START + 100 + MINUTE });
    expect(said(store, START + 100 + MINUTE)).toEqual(["id-1 3"]);
    store.commit(unit({ nowMs: START + 950, alerts: [draft("id-1", { why: "3", final: true })] }));
    expect(said(store, START + 950)).toEqual(["id-1 3"]);
    kafka.sent(kafka.due(START + 950, 9), START + 960);
    const nothing = { rows: 0, nextDueMs: Infinity };
    expect([kafka.pending(), store.outbox("file").pending()]).toEqual([nothing, nothing]);
  });

  test("a revision that came while a lower one was on its way is sent after it, and never the other way round", () => {
    const store = open();
    const kafka = store.outbox("kafka");
    store.commit(unit({ alerts: [draft("id-1", { why: "1" })] }));
    const onItsWay = kafka.due(START, 9);
    store.commit(unit({ alerts: [draft("id-1", { why: "2" })] }));
    const newer = kafka.due(START, 9);
    kafka.sent(onItsWay, START);
    expect([said(store, START), said(store, START + MINUTE)]).toEqual([[], ["id-1 2"]]);
    kafka.sent(newer, START + MINUTE);
    kafka.sent(onItsWay, START + MINUTE);
    expect(kafka.pending().rows).toBe(0);
  });
}

function examineAnswers(open: () => Store): void {
  test("a refused alert leaves the outbox; the next revision is still marked opened, since nothing was delivered", () => {
    const store = open();
    const kafka = store.outbox("kafka");
    store.commit(unit({ alerts: [draft("id-1", { why: "1" })] }));
    kafka.refused(
      kafka.due(START, 9).map((item) => ({ item, code: "too_large" })),
      START,
    );
    expect(kafka.pending().rows).toBe(0);
    store.commit(unit({ alerts: [draft("id-1", { why: "2", final: true })] }));
    expect(said(store, START)).toEqual(["id-1 2 opened"]);
  });

  test("due items come by age, at most as many as asked, and each sink has its own", () => {
    const store = open();
    for (const [n, id] of ["c", "a", "b"].entries())
      store.commit(
        unit({ nowMs: START + n, alerts: [draft(id, { sinks: id === "a" ? ["kafka", "file"] : ["kafka"] })] }),
      );
    expect(
      store
        .outbox("kafka")
        .due(START + 5, 2)
        .map((item) => item.alert.id),
    ).toEqual(["c", "a"]);
    store.outbox("kafka").sent(store.outbox("kafka").due(START + 5, 9), START + 5);
    expect(
      store
        .outbox("file")
        .due(START + 5, 9)
        .map((item) => item.alert.id),
    ).toEqual(["a"]);
  });
}
