/**
 * The exam that every store sits: what one commit promises, whatever keeps it.
 *
 * `open` gives an empty store that the exam may fill; the caller closes it.
 */
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import type { Rejected } from "../../src/model/event.ts";
import { examineAlertRules } from "./store-exam-alerts.ts";
import { countUnits, dump, evidence, makeUnit, member, pointer, START, unit } from "../store/make.ts";

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
    examineProgress(open);
    examineAlertRules(open);
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
}

function examineProgress(open: () => Store): void {
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
