/**
 * The exam that every store sits: what one commit promises, whatever keeps it.
 *
 * `open` gives an empty store that the exam may fill; the caller closes it.
 */
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import type { Rejected } from "../../src/model/event.ts";
import {
  countUnits,
  draft,
  dump,
  evidence,
  eventDraft,
  makeUnit,
  member,
  pointer,
  record,
  START,
  unit,
} from "../store/make.ts";

const MINUTE = 60_000;
/** Texts that break careless storage: NUL, lone surrogate, quotes, controls, non-BMP, an inherited name. */
const ODD_TEXTS = ["a\u0000b", "\ud800", 'it\'s "quoted"', "line\nbreak\u0007", "🦉", "__proto__", ""];
const count = {
  source: "trail",
  read: 3,
  evaluated: 1,
  quarantined: 1,
  skipped: { digest_file: 1 },
  late: 0,
  repeated: 2,
} as const;
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const rejected: Rejected = {
  reason: "bad_json",
  pointer,
  detail: "byte 7: }",
  bytes: bytesOf("{]"),
  sizeBytes: 2,
  kind: "",
};

/** `open` is called once a test. */
export function examineStore(name: string, open: () => Store): void {
  describe(`store exam: ${name}`, () => {
    examineWindows(open);
    examineAlerts(open);
    examineOutbox(open);
    examineRejects(open);
    examineUnits(open);
  });
}

function examineWindows(open: () => Store): void {
  test("members and evidence come back as they were given, any text included", () => {
    const store = open();
    const members = ODD_TEXTS.map((key) => member(key, { eventId: key, principal: key, value: key, number: 0.1 }));
    const far = member("far", { number: Infinity, version: 2 ** 60, timeMs: 8.64e15 });
    const delta = { stateKey: "sk", group: '["alice"]', slice: -4, members: [...members, far] };
    const proofs = ODD_TEXTS.map((key) =>
      evidence(key, bytesOf(key), { evidence: { action: key, ip: key, agent: key, error: key, target: key } }),
    );
    store.commit(unit({ members: [delta], evidence: proofs }));
    const { state } = store.load();
    expect([...state.members]).toEqual([delta]);
    expect([...state.evidence]).toEqual(proofs.map((e) => ({ ...e, record: null })));
  });

  test("a later delta adds to a slice, a drop and a prune take away", () => {
    const store = open();
    const at = (slice: number, key: string) => ({ stateKey: "sk", group: "[]", slice, members: [member(key)] });
    store.commit(
      unit({
        members: [at(1, "a"), at(2, "b")],
        evidence: [evidence("a", null, { slice: 1 }), evidence("b", null, { slice: 2 })],
      }),
    );
    store.commit(unit({ members: [at(2, "c")], evidence: [evidence("c", null, { slice: 2 })] }));
    const dropped = evidence("c", null, { slice: 2 });
    store.commit(
      unit({
        prunes: [
          { stateKey: "sk", slice: 2 },
          { stateKey: "other", slice: 99 },
        ],
        drops: [dropped],
      }),
    );
    const { state } = store.load();
    expect([...state.members].flatMap((d) => d.members.map((m) => m.key))).toEqual(["b", "c"]);
    expect([...state.evidence].map((e) => e.key)).toEqual(["b"]);
  });

  test("positions: the last one of a key counts; watermarks of a finished source are forgotten", () => {
    const store = open();
    const mark = (source: string, watermarkMs: number) =>
      ({ source, logsource: "aws/cloudtrail", watermarkMs }) as const;
    store.commit(
      unit({
        positions: [
          { source: "s", key: "k", value: "1" },
          { source: "s", key: "l", value: "\ud800" },
        ],
        watermarks: [mark("s", 5), mark("once", -Infinity)],
      }),
    );
    store.commit(
      unit({
        positions: [{ source: "s", key: "k", value: "2" }],
        watermarks: [mark("s", 7), mark("once", Infinity)],
        finished: ["s"],
      }),
    );
    const { positions, watermarks } = store.load();
    expect(positions).toEqual(
      new Map([
        [
          "s",
          new Map([
            ["k", "2"],
            ["l", "\ud800"],
          ]),
        ],
      ]),
    );
    expect(watermarks).toEqual([mark("once", Infinity)]);
  });
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
  const said = (store: Store, nowMs: number) =>
    store
      .outbox("kafka")
      .due(nowMs, 99)
      .map(({ alert, opened }) => `${alert.id} ${alert.revision}${opened ? " opened" : ""}`);

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

function examineRejects(open: () => Store): void {
  test("a quarantined record is listed, shown byte for byte, counted by reason, and repeated without effect", () => {
    const store = open();
    const pointed: Rejected = {
      ...rejected,
      reason: "too_big",
      bytes: null,
      sizeBytes: 9_000_000,
      detail: ODD_TEXTS[0]!,
    };
    store.commit(unit({ rejected: [rejected, pointed] }));
    store.commit(unit({ rejected: [rejected, { ...rejected, pointer: { ...pointer, index: 1 } }] }));
    const listed = store.views.quarantine({ reason: "bad_json" });
    expect(listed.map((row) => [row.source, row.path, row.index, row.tries, row.atMs])).toEqual([
      ["trail", pointer.path, 0, 0, START],
      ["trail", pointer.path, 1, 0, START],
    ]);
    expect(store.views.quarantined(listed[0]!.id)?.record).toEqual(bytesOf("{]"));
    const [big] = store.views.quarantine({ reason: "too_big", limit: 1 });
    expect(store.views.quarantined(big!.id)).toMatchObject({
      record: null,
      detail: ODD_TEXTS[0],
      sizeBytes: 9_000_000,
      sha256: "",
    });
    expect(store.views.quarantineCounts()).toEqual({ bad_json: 2, too_big: 1 });
    expect([store.views.quarantined(12345), store.views.quarantined(0.5)]).toEqual([null, null]);
  });

  test("resolving takes rows away or counts a try", () => {
    const store = open();
    store.commit(unit({ rejected: [rejected, { ...rejected, reason: "schema" }] }));
    const [first, second] = store.views.quarantine({});
    store.resolveQuarantine([first!.id, 4711], [second!.id, 4712]);
    expect(store.views.quarantine({}).map((row) => [row.id, row.tries])).toEqual([[second!.id, 1]]);
  });

  test("counts add up over commits, by source and reason", () => {
    const store = open();
    store.commit(unit({ counts: [count, { ...count, source: "odd \ud800" }] }));
    store.commit(unit({ counts: [{ ...count, skipped: { digest_file: 0, envelope: 1 }, late: 1 }] }));
    expect(store.views.counts().find((c) => c.source === "trail")).toEqual({
      source: "trail",
      read: 6,
      evaluated: 2,
      quarantined: 2,
      skipped: { digest_file: 1, envelope: 1 },
      late: 1,
      repeated: 4,
    });
    expect(store.views.counts().map((c) => c.source)).toContain("odd \ud800");
  });
}

function examineUnits(open: () => Store): void {
  test.each([
    ["do not add up", { ...count, read: 4 }],
    ["are negative", { ...count, read: 1, skipped: { digest_file: -1 } }],
    ["are no whole numbers", { ...count, read: 2.5, evaluated: 0.5 }],
  ])("a unit whose counts %s is refused as a fault, and nothing of it stays", (_, wrong) => {
    const store = open();
    store.commit(makeUnit(0));
    const before = dump(store);
    expect(() => store.commit({ ...makeUnit(1), counts: [wrong] })).toThrow(
      expect.objectContaining({ code: "internal" }),
    );
    expect(dump(store)).toBe(before);
    store.commit(makeUnit(1));
    expect(countUnits(store)).toBe(2);
  });

  test("the state can be read twice, and again while it is being read", () => {
    const store = open();
    for (let i = 0; i < 6; i += 1) store.commit(makeUnit(i));
    const { members } = store.load().state;
    const pairs = [...members].map((outer) => ({ outer, inner: [...members].length }));
    expect(pairs.every(({ inner }) => inner === pairs.length)).toBe(true);
    expect([...members]).toEqual(pairs.map(({ outer }) => outer));
  });
}
