/** The repair of gaps by a clock that is turned by hand: when, how often, and what becomes of them. */
import { expect, test } from "vitest";
import { createGapBook, type GapBook } from "../../src/compose/past/gaps.ts";
import { repairGaps, type RepairNeeds } from "../../src/compose/past/repair.ts";
import type { PastRequest } from "../../src/compose/past/run.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import { formatGap, type FoundGap, type Gap, parseGap, toGapKey } from "../../src/model/past/gap.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const OUTCOME = { found: 1, opened: 1, updated: 0, read: 10, evaluated: 10, quarantined: 0, elapsedMs: 1 };
const FOUND: FoundGap = { account: null, region: "eu-west-1", fromMs: 0, toMs: HOUR, reason: "unread_place" };

type Repaired = {
  readonly gaps: GapBook;
  readonly asked: readonly { readonly atMs: number; readonly request: PastRequest }[];
  readonly told: readonly string[];
  readonly kept: ReadonlyMap<string, Gap>;
};

/** Runs for so long; sleeping turns the clock. The book goes by the clock of the machine, so gaps are old at once. */
async function repair(
  forMs: number,
  answer: (count: number) => void,
  more: Partial<RepairNeeds> & { readonly found?: readonly FoundGap[] } = {},
): Promise<Repaired> {
  const gaps = createGapBook([], () => undefined);
  for (const found of more.found ?? [FOUND]) gaps.found("in", found);
  const startMs = Date.now();
  let passedMs = 0;
  const stop = new AbortController();
  const clock: Clock = {
    nowMs: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    random: () => 0,
    sleep: async (ms) => {
      passedMs += ms;
      await Promise.resolve();
      if (passedMs >= forMs) stop.abort();
    },
  };
  const asked: { atMs: number; request: PastRequest }[] = [];
  const [told, kept]: [string[], Map<string, Gap>] = [[], new Map()];
  const limits = { objects: 1, bytes: 2, requests: 3 };
  await repairGaps({
    repair: { auto: true, wait: 10 * MINUTE, maxSpan: 24 * HOUR, ...limits },
    gaps,
    clock,
    run: async (request) => {
      asked.push({ atMs: passedMs, request });
      answer(asked.length);
      return OUTCOME;
    },
    hasPast: () => true,
    reachMs: () => HOUR,
    tell: (_, { why }) => void told.push(why),
    keep: () => {
      for (const { key, value } of gaps.drain()) kept.set(key, parseGap(key, value) as Gap);
    },
    signal: stop.signal,
    ...more,
  });
  return { gaps, asked, told, kept };
}

test("a gap is read when it has not grown for a while, once, by the limits of the configuration", async () => {
  const { asked, kept, told } = await repair(24 * HOUR, () => undefined);
  expect(asked.map(({ atMs }) => Math.round(atMs / MINUTE))).toEqual([10]);
  const span = { account: null, region: "eu-west-1", fromMs: 0, toMs: HOUR };
  expect(asked[0]?.request).toEqual({ ...span, source: "in", limits: { objects: 1, bytes: 2, requests: 3 } });
  expect([...kept.values()].map(({ state, detail }) => `${state}: ${detail}`)).toEqual([
    "repaired: 10 records read again: 1 new alerts, 0 updated",
  ]);
  expect(told).toEqual([]);
});

test("while windows over it may grow it stays open, and is read once more when they are over", async () => {
  const toMs = Date.now() - 5 * MINUTE;
  const found = [{ ...FOUND, fromMs: toMs - HOUR, toMs }];
  const { asked, kept } = await repair(24 * HOUR, () => undefined, { found });
  const [first, second, ...more] = asked.map(({ atMs }) => Math.round(atMs / MINUTE));
  expect([first, more]).toEqual([10, []]);
  expect(second).toBeGreaterThanOrEqual(55);
  expect(second).toBeLessThanOrEqual(56);
  expect([...kept.values()].map(({ state }) => state)).toEqual(["repaired"]);
});

test("a fault that may pass is tried again, less and less often, then left; another is left at once", async () => {
  const away = (): never => {
    throw new SagewatchError("aws_unreachable", "AWS does not answer", { retryable: true });
  };
  const { asked, told, kept } = await repair(48 * HOUR, away);
  const times = asked.map(({ atMs }) => atMs);
  const waits = times.slice(1).map((atMs, at) => Math.round((atMs - (times[at] ?? 0)) / MINUTE));
  expect(waits).toEqual([5, 20, 80, 320]);
  expect(told).toEqual([
    expect.stringMatching(/AWS does not answer. Run: sagewatch backfill --from 1970-01-01T00:00:00Z/),
  ]);
  expect([...kept.values()].map(({ state }) => state)).toEqual(["left"]);
  const passed = await repair(48 * HOUR, (count) => (count < 3 ? away() : undefined));
  expect([passed.asked.length, passed.told]).toEqual([3, []]);
  const denied = await repair(48 * HOUR, () => {
    throw new SagewatchError("aws_denied", "allow it");
  });
  expect([denied.asked.length, denied.told.length]).toEqual([1, 1]);
});

test("one that the source itself cannot read is read by the others, and the command says so", async () => {
  const hasPast = (): boolean => false;
  const { asked } = await repair(HOUR, () => undefined, { hasPast });
  expect(asked[0]?.request.source).toBeNull();
  const found = [{ ...FOUND, toMs: 100 * HOUR }];
  const { told } = await repair(HOUR, () => undefined, { hasPast, found });
  expect(told[0]).toMatch(/4d4h.* Run: sagewatch backfill --from \S+ --to \S+ --region eu-west-1$/);
});

test("gaps beside each other are one, others are not; their texts come back", () => {
  const told: unknown[] = [];
  const book = createGapBook([], (signal) => told.push(signal.type));
  book.found("a|b", FOUND);
  book.found("a|b", { ...FOUND, fromMs: 90 * MINUTE, toMs: 3 * HOUR });
  book.found("a|b", { ...FOUND, fromMs: HOUR, toMs: 2 * HOUR });
  book.found("a|b", { ...FOUND, fromMs: 9 * HOUR, toMs: 10 * HOUR });
  book.found("other", FOUND);
  const spans = book.open().map(({ source, fromMs, toMs }) => `${source} ${fromMs / HOUR} ${toMs / HOUR}`);
  expect(new Set(spans)).toEqual(new Set(["a|b 0 3", "a|b 9 10", "other 0 1"]));
  expect(told).toEqual(["gap_found", "gap_found", "gap_found"]);
  for (const gap of book.open())
    expect(parseGap(toGapKey(gap), formatGap({ ...gap, detail: "x|y" }))).toEqual({ ...gap, detail: "x|y" });
  expect(parseGap("what|a|b|1|s", "open|1|2|3|")).toBeNull();
});
