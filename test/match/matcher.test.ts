/**
 * From a batch of bytes to matches: one for each use of a rule, counts that add up, and no bytes that can stop it.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textAt } from "../../src/lib/json.ts";
import type { Batch, Decoder, MatchResult } from "../../src/contracts.ts";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { fromGroupKey } from "../../src/model/alert.ts";
import type { Correlation, DetectionRule } from "../../src/sigma/ast.ts";
import { compileRules } from "../../src/sigma/compile.ts";
import { createFields } from "../../src/match/fields.ts";
import { createMatcher } from "../../src/match/matcher.ts";
import { bytesOf, correlationOf, eventOf, NO_LISTS, ruleOf, setOf, text } from "./build.ts";

/** Reads `id` and `at` of a record and takes it as it is. */
const decoder: Decoder = {
  kind: "cloudtrail",
  decode: (bytes, arrival) => {
    let record: JsonObject;
    try {
      record = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as JsonObject;
    } catch {
      return { reason: "bad_json", detail: "no JSON" };
    }
    if (typeof record !== "object" || record === null || Array.isArray(record))
      return { reason: "bad_json", detail: "no object" };
    if (record["boom"] === true) throw new Error("decoder broke");
    const flags: Event["flags"] = arrival.duplicateKeys ? ["duplicate_keys"] : [];
    return eventOf(record, { key: textAt(record, "id"), timeMs: Number(record["at"] ?? 1000), flags });
  },
};

function batchOf(records: readonly Uint8Array[], change: Partial<Batch> = {}): Batch {
  const chunk = Buffer.concat(records);
  let at = 0;
  const offsets = Int32Array.from(records.flatMap((record) => [at, (at += record.length)]));
  const indexes = Int32Array.from(records.keys(), (index) => index + 40);
  const origin = { source: "trail", path: "/in/a.json.gz", indexes };
  const settle = (): void => {};
  return {
    kind: "cloudtrail",
    chunk,
    offsets,
    flags: null,
    origin,
    rejected: [],
    skipped: {},
    positions: [],
    floorMs: Infinity,
    settle,
    ...change,
  };
}

type World = { detections: readonly DetectionRule[]; correlations?: readonly Correlation[]; watermarkMs?: number };

function run({ detections, correlations = [], watermarkMs = -Infinity }: World, batch: Batch): MatchResult {
  const ruleSet = setOf(detections, correlations);
  const rules = compileRules(ruleSet, {
    lists: NO_LISTS,
    fields: createFields({ calendars: {}, accountCalendars: {} }),
  });
  return createMatcher({ rules, ruleSet, decoders: { cloudtrail: decoder } }).match(batch, {
    nowMs: null,
    watermarkMs,
  });
}

const start = ruleOf("start", text("eventName", "Start"));

test("a match in a batch of several inputs points to its own", () => {
  const batch = batchOf(["a", "b", "c", "d"].map((id) => bytesOf({ id, eventName: "start" })));
  const further = [
    { path: "/in/b.json.gz", from: 1 },
    { path: "/in/c.json.gz", from: 3 },
  ];
  const origin = { ...batch.origin, indexes: Int32Array.from([0, 0, 1, 0]), further };
  const { matches } = run({ detections: [start] }, { ...batch, origin });
  expect(matches.map(({ pointer }) => `${pointer.path} ${pointer.index}`)).toEqual([
    "/in/a.json.gz 0",
    "/in/b.json.gz 0",
    "/in/b.json.gz 1",
    "/in/c.json.gz 0",
  ]);
});

test("a match says which rule, which event, where it was read and what the record was", () => {
  const record = bytesOf({ id: "e1", at: 5000, eventName: "start" });
  const { matches } = run({ detections: [start] }, batchOf([bytesOf({ id: "e0" }), record]));
  expect(matches).toEqual([
    {
      ruleId: "start",
      ruleSem: "sem-start",
      step: -1,
      group: "[]",
      value: null,
      number: null,
      kind: "cloudtrail",
      logsource: "aws/cloudtrail",
      key: "e1",
      eventId: "event-1",
      version: 0,
      timeMs: 5000,
      recordHash: createHash("sha256").update(record).digest("hex"),
      accountId: "111122223333",
      region: "eu-west-1",
      principal: "arn:aws:iam::111122223333:role/trainer",
      pointer: { source: "trail", path: "/in/a.json.gz", index: 41 },
      evidence: { action: "", ip: "", agent: "", error: "", target: "" },
      record: Buffer.from(record),
    },
  ]);
});

test("an event makes one match for each use: its own alert, and each step of each correlation", () => {
  const stop = ruleOf("stop", text("eventName", "St*"), { alerts: false });
  const correlations = [
    correlationOf("twice", ["start", "stop", "start"], { kind: "temporal_ordered" }),
    correlationOf("count", ["stop"]),
    correlationOf("chained", ["count"]),
  ];
  const { matches } = run(
    { detections: [start, stop], correlations },
    batchOf([bytesOf({ id: "e", eventName: "Start" })]),
  );
  expect(matches.map(({ ruleId, step }) => [ruleId, step])).toEqual([
    ["start", -1],
    ["twice", 0],
    ["twice", 2],
    ["twice", 1],
    ["count", 0],
  ]);
});

describe("groups", () => {
  const groupsOf = (record: JsonObject, change: Partial<Correlation>): { groups: string[][]; lacking: number } => {
    const world = { detections: [{ ...start, alerts: false }], correlations: [correlationOf("c", ["start"], change)] };
    const { matches, groupless } = run(world, batchOf([bytesOf({ id: "e", eventName: "Start", ...record })]));
    return { groups: matches.map(({ group }) => fromGroupKey(group)), lacking: groupless.get("c") ?? 0 };
  };
  test.each<[string, JsonObject, Partial<Correlation>, string[][]]>([
    ["none: one group of all", {}, {}, [[]]],
    ["case is kept", { user: "Ann" }, { groupBy: ["user"] }, [["Ann"]]],
    ["numbers and booleans by their text", { a: 5, b: true }, { groupBy: ["a", "b"] }, [["5", "true"]]],
    ["an empty text is a value", { user: "" }, { groupBy: ["user"] }, [[""]]],
    ["each distinct member", { user: ["x", "y", "x", null] }, { groupBy: ["user"] }, [["x"], ["y"]]],
    [
      "members of two fields combine",
      { a: ["1", "2"], b: ["3", "4"] },
      { groupBy: ["a", "b"] },
      [
        ["1", "3"],
        ["1", "4"],
        ["2", "3"],
        ["2", "4"],
      ],
    ],
    ["an object by its canonical JSON", { a: { y: 1, x: [2] } }, { groupBy: ["a"] }, [['{"x":[2],"y":1}']]],
    ["a computed field", {}, { groupBy: ["enrich.principal.name"] }, [["trainer"]]],
    ["an alias", { who: "z" }, { groupBy: ["user"], aliases: { user: { start: "who" } } }, [["z"]]],
  ])("%s", (...[, record, change, want]) => {
    expect(groupsOf(record, change)).toEqual({ groups: want, lacking: 0 });
  });
  test.each<[string, JsonObject]>([
    ["missing", {}],
    ["null", { user: null }],
    ["an empty array", { user: [] }],
  ])("an event whose field is %s is in no group, and counted", (_name, record) => {
    expect(groupsOf(record, { groupBy: ["user"] })).toEqual({ groups: [], lacking: 1 });
  });
  test("at most 32 groups of one event", () => {
    const many = Array.from({ length: 40 }, (_, index) => `v${index}`);
    const { groups } = groupsOf({ a: many, b: many }, { groupBy: ["a", "b"] });
    expect(groups).toHaveLength(32);
    expect(new Set(groups.map((group) => group.join())).size).toBe(32);
  });

  test("a detection that suppresses joins its own groups, and no missing field loses an alert", () => {
    const engine = { suppressMs: 3_600_000, groupBy: ["user"], bucketMs: null };
    const noisy = { ...start, engine };
    const records = [{ user: ["x", "y"] }, {}].map((record, index) =>
      bytesOf({ id: `e${index}`, eventName: "Start", ...record }),
    );
    const { matches, groupless } = run({ detections: [noisy] }, batchOf(records));
    expect(matches.map(({ group }) => group)).toEqual(['["x"]', '["y"]', '[""]']);
    expect(groupless.size).toBe(0);
  });
});

describe("values", () => {
  const valueOf = (record: JsonObject, change: Partial<Correlation>): [string | null, number | null] | undefined => {
    const world = {
      detections: [{ ...start, alerts: false }],
      correlations: [correlationOf("c", ["start"], { kind: "value_count", fields: ["v"], ...change })],
    };
    const { matches, groupless } = run(world, batchOf([bytesOf({ id: "e", eventName: "Start", ...record })]));
    expect(matches.length + (groupless.get("c") ?? 0)).toBe(1);
    return matches[0] === undefined ? undefined : [matches[0].value, matches[0].number];
  };
  test.each<[string, JsonObject, Partial<Correlation>, [string | null, number | null] | undefined]>([
    ["value_count: the text", { v: "Ab" }, {}, ["Ab", null]],
    ["value_count: a tuple", { v: "a", w: 5 }, { fields: ["v", "w"] }, ['["a","5"]', null]],
    ["value_count: a part missing", { v: "a" }, { fields: ["v", "w"] }, undefined],
    ["value_sum: a number", { v: 2.5 }, { kind: "value_sum" }, ["2.5", 2.5]],
    ["value_sum: a decimal text", { v: "3" }, { kind: "value_sum" }, ["3", 3]],
    ["value_sum: members are added", { v: [1, 2, 2] }, { kind: "value_sum" }, ['["1","2"]', 5]],
    ["value_sum: no number", { v: "many" }, { kind: "value_sum" }, undefined],
    ["value_avg: no finite number", { v: "9".repeat(400) }, { kind: "value_avg" }, undefined],
    ["value_percentile with a rank: numeric", { v: "x" }, { kind: "value_percentile", percentile: 95 }, undefined],
    ["value_percentile without: any value", { v: "x" }, { kind: "value_percentile" }, ["x", null]],
    ["event_count: none", { v: "x" }, { kind: "event_count" }, [null, null]],
  ])("%s", (...[, record, change, want]) => {
    expect(valueOf(record, change)).toEqual(want);
  });
});

describe("counts", () => {
  test("read = evaluated + rejected + skipped, the batch's own included", () => {
    const early = {
      reason: "too_big",
      pointer: { source: "trail", path: "/in/a", index: 3 },
      detail: "2 MB",
      bytes: null,
      sizeBytes: 2e6,
      kind: "cloudtrail",
    } as const;
    const records = [
      bytesOf({ id: "a", at: 10 }),
      Buffer.from("{"),
      bytesOf({ id: "b", at: 20 }),
      bytesOf({ id: "c", boom: true }),
    ];
    const result = run(
      { detections: [start], watermarkMs: 15 },
      batchOf(records, { rejected: [early], skipped: { digest_file: 2 } }),
    );
    expect(result).toMatchObject({ read: 7, evaluated: 2, late: 1, newestMs: 20, skipped: { digest_file: 2 } });
    expect(
      result.rejected.map(({ reason, pointer, detail, sizeBytes }) => [reason, pointer.index, detail, sizeBytes]),
    ).toEqual([
      ["too_big", 3, "2 MB", 2e6],
      ["bad_json", 41, "no JSON", 1],
      ["schema", 43, "the record could not be evaluated: decoder broke", records[3]?.length],
    ]);
  });
  test("an empty batch", () => {
    expect(run({ detections: [start] }, batchOf([]))).toMatchObject({
      read: 0,
      evaluated: 0,
      newestMs: -Infinity,
      matches: [],
    });
  });
  test("a kind without a decoder", () => {
    const { rejected, evaluated } = run(
      { detections: [start] },
      batchOf([bytesOf({ id: "a" })], { kind: "guardduty" }),
    );
    expect([evaluated, rejected[0]?.reason, rejected[0]?.kind]).toEqual([0, "unknown_kind", "guardduty"]);
  });
});

test("repeated keys reach the decoder", () => {
  const seen: boolean[] = [];
  const spy: Decoder = {
    kind: "cloudtrail",
    decode: (_bytes, { duplicateKeys }) => (seen.push(duplicateKeys), eventOf({})),
  };
  const ruleSet = setOf([start]);
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const records = [bytesOf({}), bytesOf({}), bytesOf({})];
  createMatcher({ rules, ruleSet, decoders: { cloudtrail: spy } }).match(
    batchOf(records, { flags: Uint8Array.of(0, 1, 2) }),
    { nowMs: null, watermarkMs: 0 },
  );
  expect(seen).toEqual([false, true, false]);
});

test("large records are pointed at, not carried", () => {
  const big = bytesOf({ id: "e", eventName: "Start", pad: "x".repeat(70_000) });
  const huge = Buffer.alloc(1_100_000, 0x20);
  const { matches, rejected } = run({ detections: [start] }, batchOf([big, huge]));
  expect([matches.length, matches[0]?.record, rejected[0]?.bytes, rejected[0]?.sizeBytes]).toEqual([
    1,
    null,
    null,
    1_100_000,
  ]);
});

test("no bytes make it throw, and neighbours are evaluated", () => {
  const rules = [start, ruleOf("all", { op: "not", of: text(null, "nothing has this") })];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.json().map((made) => Buffer.from(made)),
      ),
      (bytes) => {
        const result = run(
          { detections: rules },
          batchOf([bytesOf({ id: "before" }), bytes, bytesOf({ id: "after" })]),
        );
        expect(result.evaluated + result.rejected.length).toBe(3);
        expect(result.matches.filter(({ key }) => key === "before" || key === "after")).toHaveLength(2);
      },
    ),
    { numRuns: 300 },
  );
});
