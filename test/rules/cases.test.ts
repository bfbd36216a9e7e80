/**
 * Case files as files: their form is enforced with file and path, the checked-in schema says the same, and events written
 * by what differs become whole records.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expandEvents } from "../../src/rules/case-events.ts";
import { type CaseEvent, readCaseFile, toCasesSchema } from "../../src/rules/cases.ts";

const schemaFile = new URL("../../detections/cases.schema.json", import.meta.url);
const conforms = new Ajv2020({ strict: true }).compile(toCasesSchema());

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-cases-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const record = {
  eventTime: "2026-03-10T08:00:00Z",
  eventID: "6f1c0a52-8d0e-4b7e-9c3a-0d9f5e2b7a11",
  eventName: "CreateEndpoint",
};
const good = { name: "one", kind: "fires", events: [record], expect: [{ ruleId: "r", alerts: 1 }] };
const withCase = (change: object): unknown => ({ cases: [{ ...good, ...change }] });

function read(content: unknown): ReturnType<typeof readCaseFile> {
  const file = join(folder, "rule.cases.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return readCaseFile(file);
}

describe("a file of the right form", () => {
  test.each<[string, unknown]>([
    ["the least", withCase({})],
    ["a schema for editors", { $schema: "../cases.schema.json", ...(withCase({}) as object) }],
    ["derived events", withCase({ events: [record, { base: 0, at: "+1h30m", set: { "a.b": null } }, { base: 0 }] })],
    ["a repeated event", withCase({ events: [record, { base: 0, repeat: { times: 499, every: "7s" } }] })],
    ["a configuration", withCase({ config: { tuning: {}, lists: {}, calendars: {}, accounts: {} } })],
    ["a near miss", withCase({ kind: "near-miss", expect: [{ ruleId: "r", alerts: 0 }] })],
  ])("%s is read, and the schema agrees", (_what, content) => {
    expect(read(content)).toMatchObject({ faults: [], cases: [{ name: "one" }] });
    expect(conforms(content), JSON.stringify(conforms.errors)).toBe(true);
  });
});

describe("a fault is told with file and path, and the schema refuses it too", () => {
  test.each<[string, unknown, string, string]>([
    ["no cases", { cases: [] }, "cases", ">=1 items"],
    ["a word too many", { cases: [good], case: 1 }, "", '"case"'],
    ["no events", withCase({ events: [] }), "cases[0].events", ">=1 items"],
    ["no expectation", withCase({ expect: [] }), "cases[0].expect", ">=1 items"],
    ["an unknown kind", withCase({ kind: "fire" }), "cases[0].kind", '"near-miss"'],
    ["an event that is a text", withCase({ events: ["a"] }), "cases[0].events[0]", "object"],
    ["a time without sign", withCase({ events: [record, { base: 0, at: "5m" }] }), "cases[0].events[1].at", '"+5m"'],
    ["a base that is a text", withCase({ events: [record, { base: "0" }] }), "cases[0].events[1].base", "number"],
    [
      "a derived event with a word too many",
      withCase({ events: [record, { base: 0, unset: [] }] }),
      "cases[0].events[1]",
      '"unset"',
    ],
    [
      "a repetition without its step",
      withCase({ events: [record, { base: 0, repeat: { times: 5 } }] }),
      "cases[0].events[1].repeat.every",
      "string",
    ],
    [
      "too many repetitions",
      withCase({ events: [record, { base: 0, repeat: { times: 10_001, every: "1s" } }] }),
      "cases[0].events[1].repeat.times",
      "10000",
    ],
    ["a negative count", withCase({ expect: [{ ruleId: "r", alerts: -1 }] }), "cases[0].expect[0].alerts", ">=0"],
    ["a section that cases do not have", withCase({ config: { sinks: [] } }), "cases[0].config", '"sinks"'],
  ])("%s", (...[, content, path, message]) => {
    const { faults, cases, file } = read(content);
    expect(cases).toEqual([]);
    expect(faults[0]).toMatchObject({ file, path });
    expect(faults[0]?.message).toContain(message);
    expect(conforms(content)).toBe(false);
  });

  test.each<[string, unknown, string, string]>([
    [
      "fires without an alert",
      withCase({ expect: [{ ruleId: "r", alerts: 0 }] }),
      "cases[0].expect",
      "expects at least one alert",
    ],
    ["a near miss that alerts", withCase({ kind: "near-miss" }), "cases[0].expect", "expects no alert"],
    ["a name twice", { cases: [good, good] }, "cases[1].name", "stands twice"],
    ["no JSON", "{", "", "is not JSON"],
  ])("beyond the schema: %s", (...[, content, path, message]) => {
    const { faults, cases } = read(content);
    expect(cases).toEqual([]);
    expect(faults[0]).toMatchObject({ path });
    expect(faults[0]?.message).toContain(message);
  });
});

test("the schema that is checked in is that of the code", () => {
  expect(JSON.parse(readFileSync(schemaFile, "utf8"))).toEqual(toCasesSchema());
});

describe("derived events", () => {
  const only = (events: readonly CaseEvent[]): Record<string, unknown> => {
    const { records, faults } = expandEvents(events);
    expect(faults).toEqual([]);
    return records.at(-1) as Record<string, unknown>;
  };

  test("have another time and id, and the rest of their base", () => {
    const derived = only([record, { base: 0, at: "+1h1s" }]);
    expect(derived).toMatchObject({ eventTime: "2026-03-10T09:00:01Z", eventName: "CreateEndpoint" });
    expect(derived["eventID"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(derived["eventID"]).not.toBe(record.eventID);
    expect(only([record, { base: 0, at: "-30s" }])).toMatchObject({ eventTime: "2026-03-10T07:59:30Z" });
  });

  test("have ids that differ by place and are the same in every run", () => {
    const ids = (): unknown[] =>
      expandEvents([record, { base: 0 }, { base: 0 }]).records.map((each) => each["eventID"]);
    expect(new Set(ids()).size).toBe(3);
    expect(ids()).toEqual(ids());
  });

  test("repeated, each comes so much later than the one before and has an id of its own", () => {
    const repeated = { base: 0, at: "+10s", set: { eventName: "DeleteEndpoint" }, repeat: { times: 4, every: "1m5s" } };
    const { records, faults } = expandEvents([record, repeated, { base: 0, at: "+1h" }]);
    expect(faults).toEqual([]);
    expect(records.map(({ eventTime, eventName }) => [eventTime, eventName])).toEqual([
      ["2026-03-10T08:00:00Z", "CreateEndpoint"],
      ["2026-03-10T08:00:10Z", "DeleteEndpoint"],
      ["2026-03-10T08:01:15Z", "DeleteEndpoint"],
      ["2026-03-10T08:02:20Z", "DeleteEndpoint"],
      ["2026-03-10T08:03:25Z", "DeleteEndpoint"],
      ["2026-03-10T09:00:00Z", "CreateEndpoint"],
    ]);
    expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(6);
  });

  test("repeated, a fault is told once", () => {
    const { faults } = expandEvents([{ a: 1 }, { base: 0, repeat: { times: 3, every: "1s" } }]);
    expect(faults).toEqual([{ path: "events[1].repeat", message: expect.stringContaining("eventTime") as string }]);
  });

  test.each<[string, CaseEvent, Record<string, unknown>, object]>([
    ["a value deep down", { a: { b: [{ c: 1 }, { c: 2 }] } }, { "a.b.1.c": 3 }, { a: { b: [{ c: 1 }, { c: 3 }] } }],
    ["a new item at the end of a list", { a: [1] }, { "a.1": 2 }, { a: [1, 2] }],
    ["null", { a: { b: 1 } }, { a: null }, { a: null }],
    ["objects that are not there yet", { a: null }, { "a.b.c": 1, "d.e": 2 }, { a: { b: { c: 1 } }, d: { e: 2 } }],
  ])("set %s", (...[, base, set, expected]) => {
    expect(only([base, { base: 0, set: set as never }])).toEqual(expected);
  });

  test("of a finding, in an envelope or not, move updatedAt and change the finding's id", () => {
    const finding = { id: "a".repeat(32), updatedAt: "2026-03-10T11:24:31.482Z", service: { count: 1 } };
    const bare = only([finding, { base: 0, at: "+1m", set: { "service.count": 2 } }]);
    expect(bare).toMatchObject({ updatedAt: "2026-03-10T11:25:31.482Z", service: { count: 2 } });
    expect(bare["id"]).toMatch(/^[0-9a-f]{32}$/);
    expect(bare["id"]).not.toBe(finding.id);
    const envelope = { id: "e", "detail-type": "GuardDuty Finding", detail: finding };
    const wrapped = only([envelope, { base: 0, at: "+1m", set: { "detail.service.count": 2 } }]);
    expect(wrapped).toMatchObject({
      id: "e",
      detail: { updatedAt: "2026-03-10T11:25:31.482Z", service: { count: 2 } },
    });
  });

  test.each<[string, readonly CaseEvent[], string, string]>([
    ["a base that comes later", [{ base: 1 }, record], "events[0].base", "not the index of a whole event before"],
    ["a base that is derived", [record, { base: 0 }, { base: 1 }], "events[2].base", "not the index of a whole event"],
    [
      "a base without a time",
      [{ a: 1 }, { base: 0, at: "+1s" }],
      "events[1].at",
      "no eventTime, updatedAt or timestamp",
    ],
    [
      "a path below a text",
      [record, { base: 0, set: { "eventName.x": 1 } }],
      'events[1].set["eventName.x"]',
      "neither object nor list",
    ],
    [
      "a place beyond a list",
      [{ a: [] }, { base: 0, set: { "a.1": 1 } }],
      'events[1].set["a.1"]',
      "no place in a list of 0",
    ],
    ["an empty path", [record, { base: 0, set: { "a..b": 1 } }], 'events[1].set["a..b"]', "empty part"],
  ])("with %s are refused", (...[, events, path, message]) => {
    expect(expandEvents(events).faults).toEqual([{ path, message: expect.stringContaining(message) as string }]);
  });

  test("never change their base or anything beyond it, whatever the path", () => {
    const part = fc.oneof(
      fc.constantFrom("__proto__", "constructor", "prototype", "a", "0"),
      fc.string({ minLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.jsonValue(), (path, value) => {
        const base = { ...record, a: { b: [] } };
        const before = JSON.stringify(base);
        expandEvents([base, { base: 0, set: { [path.join(".")]: value as never } }]);
        expect(JSON.stringify(base)).toBe(before);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});
