/** Sources tell of gaps: objects found too late by listing, a place that could not be asked for an hour. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Clock, systemClock, toUtcText } from "../../src/lib/clock.ts";
import type { FoundGap } from "../../src/model/past/gap.ts";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import { serveCloudTrail } from "../fakes/cloudtrail.ts";
import { ask, quickClock, readUntil } from "../sources/poll/set-up.ts";
import { call, delivery, deliveryName } from "../sources/records.ts";
import { createBucketTests } from "../sources/sqs/s3-set-up.ts";

useEnvironmentCredentials();
const tests = createBucketTests();
beforeAll(() => tests.start());
afterAll(() => tests.stop());
afterEach(() => tests.reset());

const MINUTE = 60_000;

/** Key of a file of a slot, by its time. */
function toKey(slotMs: number, suffix: string): string {
  const slot = toUtcText(slotMs);
  const folder = `AWSLogs/111122223333/CloudTrail/eu-west-1/${slot.slice(0, 10).replaceAll("-", "/")}`;
  return `${folder}/${deliveryName(slot.replaceAll(/[-:]|00Z$/g, "").concat("Z"), suffix)}`;
}

test("an object of which no notice came is a gap when correlations no longer wait for it, but not at a start", async () => {
  const queue = await tests.queue();
  const nowMs = Math.floor(Date.now() / MINUTE) * MINUTE + 20 * MINUTE;
  // Listings follow one another at once; the emulator stores now, and no notice can be on its way.
  const sleep: Clock["sleep"] = (ms, signal) => systemClock.sleep(ms === 61_000 ? 50 : ms, signal);
  const clock = { ...systemClock, nowMs: () => nowMs, sleep };
  const lateMs = nowMs - 45 * MINUTE;
  await tests.put(toKey(lateMs, "before"), delivery(call("before")));
  const gaps: FoundGap[] = [];
  const trails = [{ bucket: tests.bucket }];
  const deps = { clock, gap: (found: FoundGap): void => void gaps.push(found) };
  const source = tests.open(queue, { trails, sweepEvery: "61s" }, deps);
  const end = new AbortController();
  let step = 0;
  let toldAtStart = -1;
  for await (const batch of source.read(new Map(), end.signal)) {
    batch.settle();
    const isListed = batch.positions.some(({ key }) => key.startsWith("sweep|"));
    if (isListed && step === 0) {
      toldAtStart = gaps.length;
      await tests.put(toKey(lateMs, "late"), delivery(call("late")));
      await tests.put(toKey(nowMs - 20 * MINUTE, "early"), delivery(call("early")));
      step = 1;
    }
    if (gaps.length > 0 && isListed) end.abort();
  }
  expect(toldAtStart).toBe(0);
  const place = { account: "111122223333", region: "eu-west-1", reason: "missed_objects" };
  expect(gaps).toEqual([{ ...place, fromMs: lateMs - 15 * MINUTE, toMs: lateMs + MINUTE }]);
});

test.each([
  ["longer than it keeps messages is a gap up to what it still has", { outageDays: 6 }, [2]],
  ["shorter than that is none", { outageDays: 3 }, []],
])("a silence of a queue %s", async (_, { outageDays }, lostDays) => {
  const DAY = 1440 * MINUTE;
  const queue = await tests.emulator.createQueue(`kept-${outageDays}`, { MessageRetentionPeriod: "345600" });
  let nowMs = Date.UTC(2026, 0, 20);
  const clock = { ...systemClock, nowMs: () => nowMs };
  const gaps: FoundGap[] = [];
  const aliveMs = nowMs - outageDays * DAY;
  const deps = { clock, aliveMs, gap: (found: FoundGap): void => void gaps.push(found) };
  const asked = (): number =>
    tests.emulator.proxy.log.filter(({ operation }) => operation === "GetQueueAttributes").length;
  const before = asked();
  const end = new AbortController();
  const reading = (async () => {
    for await (const batch of tests.open(queue, {}, deps).read(new Map(), end.signal)) batch.settle();
  })();
  await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThan(before);
  await expect.poll(() => gaps.length, { timeout: 10_000 }).toBe(lostDays.length);
  const place = { account: null, region: null, reason: "queue_retention" };
  expect(gaps).toEqual(lostDays.map((days) => ({ ...place, fromMs: aliveMs, toMs: aliveMs + days * DAY })));
  // While it runs, too; each answer counts.
  nowMs += 5 * DAY;
  await expect.poll(() => gaps.length, { timeout: 10_000 }).toBe(lostDays.length + 1);
  expect(gaps.at(-1)).toEqual({ ...place, fromMs: nowMs - 5 * DAY, toMs: nowMs - 4 * DAY });
  end.abort();
  await reading;
});

test("a place that could not be asked for more than an hour is a gap from where it was complete", async () => {
  const startMs = Date.UTC(2026, 0, 2, 12);
  const quick = quickClock(startMs);
  let passedMs = 0;
  const clock = { ...quick, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const { source, proxy, isScanned, gaps, warnings } = await ask([serveCloudTrail(() => [])], clock);
  const fault = { kind: "error", code: "AccessDeniedException", status: 400, message: "not authorized" } as const;
  proxy.set({ fault });
  const lookup = source("cloudtrail-lookup", { since: "10m", every: "30s" });
  await readUntil(lookup, new Map(), () => {
    if (warnings.length === 0 || passedMs > 0) return gaps.length > 0;
    expect([isScanned(), gaps]).toEqual([false, []]);
    passedMs = 61 * MINUTE;
    quick.add(passedMs);
    proxy.set();
    return false;
  });
  const place = { account: null, region: "eu-west-1", reason: "unread_place" };
  expect(gaps).toEqual([{ ...place, fromMs: startMs - 10 * MINUTE, toMs: startMs + 61 * MINUTE }]);
});
