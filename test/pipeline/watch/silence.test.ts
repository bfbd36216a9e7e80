/** Accounts and sources that fall silent are told of once an outage, and so is their end, over restarts too. */
import { expect, test } from "vitest";
import type { OutboxItem } from "../../../src/contracts.ts";
import { type LiveRun, MINUTE, openTurned, pass, startLive, turned } from "./make.ts";

const [A, B] = ["111122223333", "444455556666"] as const;
const limitOf = (): { afterMs: number; isNamed: boolean } => ({ afterMs: 30 * MINUTE, isNamed: false });
const groups = (items: readonly OutboxItem[]): unknown[] => items.map(({ alert }) => alert.group);

/** Accounts speak once a minute for so many minutes. */
async function speakFor(run: LiveRun, minutes: number, accounts: readonly string[]): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    await run.speak("trail", accounts);
    await pass(MINUTE);
  }
}

test("an account that falls silent is told of after half an hour, once, and when it speaks again, by the same alert", async () => {
  const run = startLive(openTurned(), ["trail"], { silence: limitOf });
  await run.speak("trail", [A, B]);
  const lastMs = turned.nowMs();
  await speakFor(run, 29, [B]);
  expect(run.told("source_silent")).toEqual([]);
  await speakFor(run, 61, [B]);
  expect(run.told("source_silent")).toHaveLength(1);
  const [opened] = run.told("source_silent");
  expect(opened?.alert).toMatchObject({
    severity: "high",
    revision: 1,
    accountId: A,
    group: { source: "trail", account: A, state: "silent" },
  });
  expect(opened?.alert.why).toMatch(/^No record of account 111122223333 has come by the source trail for 30m/);
  expect(Math.abs(Date.parse(opened?.alert.firstEventTime ?? "") - lastMs)).toBeLessThan(MINUTE);
  expect(Date.parse(opened?.alert.lastEventTime ?? "") - lastMs).toBeGreaterThan(29 * MINUTE);
  await run.speak("trail", [A]);
  await pass(MINUTE);
  expect(run.told("source_silent")[1]).toMatchObject({
    opened: false,
    alert: { id: opened?.alert.id, revision: 2, accountId: A, group: { source: "trail", account: A, state: "heard" } },
  });
  // What did not come may be read again: the command is at hand.
  expect(run.told("source_silent")[1]?.alert.why).toMatch(
    new RegExp(`again, after .* min\\. .*: sagewatch backfill --from [\\dTZ:-]+ --to [\\dTZ:-]+ --account ${A}$`),
  );
  await run.end();
});

test("a source of several accounts that falls silent as a whole is one alert; who stays silent after it is told of apart", async () => {
  const run = startLive(openTurned(), ["trail"], { silence: limitOf });
  await speakFor(run, 5, [A, B]);
  await run.speak("trail", [B]);
  await pass(29 * MINUTE);
  expect(run.told("source_silent")).toEqual([]);
  await pass(90 * MINUTE);
  expect(groups(run.told("source_silent"))).toEqual([{ source: "trail", account: "", state: "silent" }]);
  expect(run.told("source_silent")[0]?.alert.why).toContain("which carried 2 accounts");
  await speakFor(run, 40, [B]);
  expect(groups(run.told("source_silent").slice(1))).toEqual([
    { source: "trail", account: "", state: "heard" },
    { source: "trail", account: A, state: "silent" },
  ]);
  await run.end();
});

test("the same account is watched by each source apart", async () => {
  const run = startLive(openTurned(), ["trail", "files"], { silence: limitOf });
  await run.speak("files", [A]);
  await speakFor(run, 45, [A]);
  expect(groups(run.told("source_silent"))).toEqual([{ source: "files", account: A, state: "silent" }]);
  await run.end();
});

test("a process that starts again neither tells an outage twice nor forgets its end, nor what was heard before it", async () => {
  const store = openTurned();
  const first = startLive(store, ["trail"], { silence: limitOf });
  await first.speak("trail", [A, B]);
  await speakFor(first, 45, [B]);
  expect(first.told("source_silent")).toHaveLength(1);
  await first.end();
  // B was heard by the first process only. What it was silent while nothing ran does not count.
  await pass(60 * MINUTE);
  const second = startLive(store, ["trail"], { silence: limitOf });
  await pass(29 * MINUTE);
  expect(second.told("source_silent")).toEqual([]);
  await pass(2 * MINUTE);
  expect(groups(second.told("source_silent"))).toEqual([{ source: "trail", account: B, state: "silent" }]);
  await second.speak("trail", [A]);
  await pass(MINUTE);
  expect(second.told("source_silent")[1]?.alert).toMatchObject({ revision: 2, group: { account: A, state: "heard" } });
  await second.end();
  expect(store.views.alerts({ ruleId: "sagewatch.source_silent" })).toHaveLength(2);
});

test("findings and the like rest as they please, unless their source is named; null watches nothing", async () => {
  const limits = { findings: limitOf(), named: { afterMs: 40 * MINUTE, isNamed: true }, off: null };
  const silence = (source: string): { afterMs: number | null; isNamed: boolean } =>
    limits[source as keyof typeof limits] ?? { afterMs: null, isNamed: true };
  const run = startLive(openTurned(), ["findings", "named", "off"], { silence });
  await run.speak("findings", [A], "guardduty");
  await run.speak("named", [A], "guardduty");
  await run.speak("off", [A]);
  await pass(70 * MINUTE);
  expect(groups(run.told("source_silent"))).toEqual([{ source: "named", account: A, state: "silent" }]);
  await run.end();
});

test("how long an account has been quiet, and how old its newest record is, are told all the time", async () => {
  const run = startLive(openTurned(), ["trail"], { silence: limitOf });
  const quiet = (account: string): { quietMs: number; lagMs: number } =>
    run.signals.findLast((one) => one.type === "source_quiet" && one.accountId === account) as never;
  await run.speak("trail", [A, B]);
  await pass(10 * MINUTE);
  expect(quiet(A).quietMs).toBeGreaterThan(9 * MINUTE);
  expect(quiet(A).quietMs).toBeLessThan(11 * MINUTE);
  expect(quiet(A).lagMs - quiet(A).quietMs).toBe(MINUTE);
  // Also through an outage of the whole source.
  await pass(50 * MINUTE);
  await run.speak("trail", [B]);
  await pass(MINUTE);
  expect(quiet(A).quietMs).toBeGreaterThan(60 * MINUTE);
  expect(quiet(B).quietMs).toBeLessThan(2 * MINUTE);
  await run.end();
});

test("a replay is told nothing", async () => {
  const run = startLive(openTurned(), ["trail"], { silence: limitOf, operational: false });
  await run.speak("trail", [A]);
  await pass(45 * MINUTE);
  expect(run.sent).toEqual([]);
  await run.end();
});

test("what is not read for want of room is not silent", async () => {
  const store = openTurned();
  let isFull = false;
  const run = startLive({ ...store, quarantineFull: () => isFull }, ["trail"], { silence: limitOf });
  await run.speak("trail", [A]);
  isFull = true;
  // The source hands out one more, which is settled, and waits then.
  await run.speak("trail", [A]);
  await pass(90 * MINUTE);
  expect(run.told("source_silent")).toEqual([]);
  isFull = false;
  await pass(29 * MINUTE);
  expect(run.told("source_silent")).toEqual([]);
  await pass(2 * MINUTE);
  expect(groups(run.told("source_silent"))).toEqual([{ source: "trail", account: A, state: "silent" }]);
  await run.end();
});

test("an account id that is none, and a thousand that were made up, neither fail nor are told twice", async () => {
  const run = startLive(openTurned(), ["trail"], { silence: limitOf });
  const made = Array.from({ length: 1_000 }, (_, at) => String(100_000_000_000 + at));
  await run.speak("trail", [...made, "", "not an account", "1234567890123"]);
  await pass(40 * MINUTE);
  expect(groups(run.told("source_silent"))).toEqual([{ source: "trail", account: "", state: "silent" }]);
  expect(run.told("source_silent")[0]?.alert.why).toContain("which carried 1000 accounts");
  await run.end();
});
