/** What LookupEvents allows an account and Region: shared by all who ask, in one process or in several. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { createPaces, LOOKUPS_PER_SECOND, type Paces } from "../../../src/sources/poll/pace.ts";

const GAP_MS = 1000 / LOOKUPS_PER_SECOND;
const place = { accountId: null, region: "eu-west-1" };
const signal = new AbortController().signal;

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "paces-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "paces");
}

/** A clock that stands still but for who sleeps: each sleeper has the time at which it woke. */
function toClock(time: { nowMs: number }): Clock {
  return {
    ...systemClock,
    nowMs: () => time.nowMs,
    monotonicMs: () => time.nowMs,
    sleep: async (ms) => void (time.nowMs += ms),
  };
}

/** When `count` requests would be made, ms. */
async function times(paces: Paces, time: { readonly nowMs: number }, count: number): Promise<number[]> {
  const made: number[] = [];
  for (let at = 0; at < count; at += 1) {
    await paces.of(place).turn(signal);
    made.push(time.nowMs);
  }
  return made;
}

test("two processes of one folder make no more requests together than one alone", async () => {
  const dir = makeDir();
  const [daemon, command] = [{ nowMs: 1_000_000 }, { nowMs: 1_000_000 }];
  const both = [createPaces(toClock(daemon), dir), createPaces(toClock(command), dir)] as const;
  const made: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    made.push(...(await times(both[0], daemon, 1)), ...(await times(both[1], command, 2)));
  }
  const sorted = made.toSorted((a, b) => a - b);
  for (const [at, ms] of sorted.slice(1).entries()) expect(ms - (sorted[at] ?? 0)).toBeGreaterThan(GAP_MS - 1);
});

test("alone it makes 1.8 requests a second, and other places have their own", async () => {
  const time = { nowMs: 1_000_000 };
  const paces = createPaces(toClock(time), makeDir());
  const made = await times(paces, time, 19);
  expect((made.at(-1) ?? 0) - (made[0] ?? 0)).toBeCloseTo(10_000, -1);
  const before = time.nowMs;
  await paces.of({ accountId: "111122223333", region: "eu-west-1" }).turn(signal);
  expect(time.nowMs - before).toBeLessThan(GAP_MS + 1);
});

test("what a killed process left is taken away, and little is kept of one that runs", async () => {
  const dir = makeDir();
  mkdirSync(dir);
  for (const slot of [3, 4, 5]) writeFileSync(join(dir, `own_eu-west-1.${slot}`), "");
  const time = { nowMs: 1_000_000 };
  await times(createPaces(toClock(time), dir), time, 100);
  expect(readdirSync(dir).length).toBeLessThan(5);
});

test("a folder that cannot be written to, or a clock that is set back, stops nobody", async () => {
  const dir = makeDir();
  writeFileSync(dir, "no folder");
  const time = { nowMs: 1_000_000 };
  expect(await times(createPaces(toClock(time), dir), time, 3)).toHaveLength(3);
  const paces = createPaces(toClock(time), makeDir());
  await times(paces, time, 2);
  time.nowMs -= 3_600_000;
  const before = time.nowMs;
  await times(paces, time, 2);
  expect(time.nowMs - before).toBeLessThan(60_000);
});
