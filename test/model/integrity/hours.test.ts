/** Verdicts on hours: proven only without a hole, missing only where something was to be expected. */
import { expect, test } from "vitest";
import { type Cover, type HourState, toHours } from "../../../src/model/integrity/hours.ts";
import { HOUR_MS } from "../../../src/model/integrity/place.ts";

const START = Date.parse("2026-01-02T00:00:00Z");
const PLACE = { accountId: "111122223333", region: "eu-west-1" };
const NONE = { seen: 0, proven: 0, altered: 0, missing: 0, unread: 0, unlisted: 0, late: 0 };

/** A digest file over a span in hours. */
const cover = (from: number, to: number, state: Cover["state"] = "proven"): Cover => ({
  ...PLACE,
  state,
  startMs: START + from * HOUR_MS,
  endMs: START + to * HOUR_MS,
});

type Row = {
  readonly covers: readonly Cover[];
  readonly counts?: Readonly<Record<number, Partial<typeof NONE>>>;
  /** Hours after START. */
  readonly now?: number;
  readonly states: readonly HourState[];
};
const rows: readonly (readonly [string, Row])[] = [
  ["whole hours", { covers: [cover(0, 1), cover(1, 2)], states: ["proven", "proven"] }],
  [
    "digest files that end within hours",
    { covers: [cover(-0.4, 0.6), cover(0.6, 1.6), cover(1.6, 2.6)], states: ["proven", "proven"] },
  ],
  [
    "a second between two",
    { covers: [cover(0, 0.5), cover(0.5 + 1 / 3600, 1), cover(1, 2)], states: ["proven", "proven"] },
  ],
  [
    "a hole of a minute",
    { covers: [cover(0, 0.5), cover(0.5 + 1 / 60, 1), cover(1, 2)], states: ["missing", "proven"] },
  ],
  ["a hole that may still be filled", { covers: [cover(0, 1)], now: 3, states: ["proven", "open"] }],
  ["a hole too late to be filled", { covers: [cover(0, 1)], now: 6, states: ["proven", "missing"] }],
  [
    "hours before the first digest file",
    { covers: [cover(1, 2)], counts: { 0: { seen: 1 } }, states: ["unproven", "proven"] },
  ],
  ["a file that is waited for", { covers: [cover(0, 1, "listed"), cover(1, 2)], now: 10, states: ["open", "proven"] }],
  [
    "a file that was waited for too long",
    { covers: [cover(0, 1, "listed"), cover(1, 2)], now: 30, states: ["unproven", "proven"] },
  ],
  [
    "a digest file that is to be read",
    { covers: [cover(0, 1, "noticed"), cover(1, 2)], now: 10, states: ["open", "proven"] },
  ],
  [
    "a broken digest file across two hours",
    { covers: [cover(-0.5, 0.5), cover(0.5, 1.5, "broken"), cover(1.5, 2.5)], states: ["broken", "broken"] },
  ],
  ["a file that was altered", { covers: [cover(0, 2)], counts: { 1: { altered: 1 } }, states: ["proven", "broken"] }],
  ["a file that is missing", { covers: [cover(0, 2)], counts: { 0: { missing: 1 } }, states: ["broken", "proven"] }],
  ["a file that nobody lists", { covers: [cover(0, 2)], counts: { 0: { unlisted: 1 } }, states: ["broken", "proven"] }],
  [
    "a file that could not be had",
    { covers: [cover(0, 2)], counts: { 0: { unread: 1 } }, now: 30, states: ["unproven", "proven"] },
  ],
  [
    "no digest files",
    { covers: [], counts: { 0: { seen: 3 }, 1: { seen: 1 } }, now: 30, states: ["unproven", "unproven"] },
  ],
  [
    "no digest files yet",
    { covers: [], counts: { 0: { seen: 3 }, 1: { seen: 1 } }, now: 4.5, states: ["unproven", "open"] },
  ],
];

test.each(rows)("%s", (_what, { covers, counts = {}, now = 40, states }) => {
  const known = Object.entries(counts).map(([hour, count]) => ({
    ...NONE,
    ...PLACE,
    hourMs: START + Number(hour) * HOUR_MS,
    ...count,
  }));
  const choice = { fromMs: START, toMs: START + 2 * HOUR_MS };
  const hours = toHours({ counts: known, covers }, choice, START + now * HOUR_MS);
  expect(hours.map(({ state }) => state)).toEqual(states);
  expect(hours.map(({ hourMs }) => hourMs)).toEqual([START, START + HOUR_MS]);
});

test("accounts and Regions are judged each by itself, and stand in order", () => {
  const other = { accountId: "111122223333", region: "ap-south-1" };
  const covers = [cover(0, 2), { ...cover(0, 2, "broken"), ...other }];
  const hours = toHours({ counts: [], covers }, { fromMs: START, toMs: START + HOUR_MS }, START + 9 * HOUR_MS);
  expect(hours.map(({ region, state }) => [region, state])).toEqual([
    ["ap-south-1", "broken"],
    ["eu-west-1", "proven"],
  ]);
});

test("a span that ends in the future, or begins within an hour, gives whole hours that have begun", () => {
  const choice = { fromMs: START + HOUR_MS / 2, toMs: START + 99 * HOUR_MS };
  const hours = toHours({ counts: [], covers: [cover(0, 1)] }, choice, START + 2.5 * HOUR_MS);
  expect(hours.map(({ hourMs }) => (hourMs - START) / HOUR_MS)).toEqual([1, 2]);
});
