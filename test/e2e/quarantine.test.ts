/**
 * Poison in the input (reliability.md T10): every reason that files can give, one record in twenty. Each poisoned record
 * ends in quarantine under its reason, no neighbour is harmed, and what can be mended gives its alerts when replayed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { composeQuarantineReplay } from "../../src/compose.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Views } from "../../src/contracts.ts";
import { systemClock, toUtcText } from "../../src/lib/clock.ts";
import type { Alert } from "../../src/model/alert.ts";
import { callControl, CONTROL_SOCKET, QUARANTINE_REPLAY } from "../../src/ops/control.ts";
import { openViews } from "../../src/store/views.ts";
import { toRecordsText } from "../chaos/input.ts";
import { type Expected, judge, readRuleSet } from "../chaos/judge.ts";
import { createPlace, type Place, replay, run, TIMEOUT_MS, toConfig, toContents, until, write } from "./make.ts";
import { MENDED, poison, STRICT } from "./poison.ts";

function look<T>(place: Place, ask: (views: Views) => T): T {
  const views = openViews(place.state);
  try {
    return ask(views);
  } finally {
    views.close();
  }
}

/** Alerts that speak of the input: what Sagewatch says of itself is left out. */
function alertsOf(place: Place): Alert[] {
  return look(place, (views) => views.alerts({})).filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
}

function judged(place: Place, good: readonly Uint8Array[]): Expected {
  return judge(readRuleSet([join(place.root, "rules")]), good);
}

/** Holds alerts against what the judge says: the same ids, and the same events in each. */
function expectAlerts(alerts: readonly Alert[], expected: Expected): void {
  const toEvents = ({ id, eventCount, eventIds }: { id: string; eventCount: number; eventIds: readonly string[] }) =>
    [id, { eventCount, eventIds }] as const;
  expect(Object.fromEntries(alerts.map(toEvents))).toEqual(Object.fromEntries([...expected.values()].map(toEvents)));
}

/** A daemon on a watched folder; ended by the test or after it. */
function watch(place: Place, settings: { limits?: typeof STRICT; lateness?: string }): () => Promise<void> {
  const stop = new AbortController();
  const running = run(toConfig(place, { mode: "watch", ...settings }), { signal: stop.signal });
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  onTestFinished(end);
  return end;
}

async function untilRead(place: Place, count: number): Promise<void> {
  const read = (): number => look(place, (views) => views.counts().find(({ source }) => source === "in")?.read ?? 0);
  await until(() => existsSync(join(place.state, "store.db")) && read() >= count, `${count} records were read`);
}

/** Asks the daemon on the socket, as the command does. */
async function askReplay(place: Place): Promise<unknown> {
  const ask = (): ReturnType<typeof callControl> =>
    callControl(join(place.state, CONTROL_SOCKET), QUARANTINE_REPLAY, { ids: "all" });
  let answer = await ask();
  for (let tries = 0; answer.status === "absent" && tries < 200; tries += 1) {
    await systemClock.sleep(50);
    answer = await ask();
  }
  if (answer.status !== "answered") throw new Error("no daemon is there");
  return answer.result;
}

/** The rule of the chaos runs that gives one alert an event. */
const SINGLE = "signs_in";
const MINUTE = 60_000;

async function replayAll(config: Config): ReturnType<typeof composeQuarantineReplay> {
  const { signal } = new AbortController();
  return composeQuarantineReplay({ config, ids: "all", emit: () => undefined, signal });
}

test(
  "each poisoned record is kept under its reason, and the alerts are those of the records around them",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const planned = poison(place);
    await run(toConfig(place, { limits: STRICT }));
    expect(look(place, (views) => views.quarantineCounts())).toEqual(planned.counts);
    const [counts] = look(place, (views) => views.counts());
    const quarantined = Object.values(planned.counts).reduce((sum, n) => sum + n, 0);
    expect(counts).toMatchObject({
      read: planned.read,
      evaluated: planned.read - quarantined,
      quarantined,
      skipped: {},
      late: 0,
    });
    expectAlerts(alertsOf(place), judged(place, planned.good));
    const own = look(place, (views) => views.alerts({})).filter(({ ruleId }) => ruleId.startsWith("sagewatch."));
    expect(own.map(({ ruleId }) => ruleId)).toEqual(["sagewatch.quarantine_rate"]);
  },
);

test(
  "after the windows closed, a replay gives the missing alerts of single events and changes no other; a second changes nothing",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const planned = poison(place);
    await run(toConfig(place, { limits: STRICT }));
    const before = toContents(look(place, (views) => views.alerts({})));
    const config = toConfig(place, { limits: MENDED });
    const outcome = await replayAll(config);
    expect(outcome).toMatchObject({ evaluated: outcome.replayed - outcome.quarantinedAgain, gone: 0 });
    const after = toContents(look(place, (views) => views.alerts({})));
    const whole = judged(place, [...planned.good, ...planned.mendable]);
    const singles = [...whole.values()].filter(({ ruleId }) => ruleId === SINGLE);
    expect(singles.filter(({ id }) => before[id] === undefined).length).toBeGreaterThan(2);
    expect(singles.filter(({ id }) => after[id] === undefined)).toEqual([]);
    const left = look(place, (views) => views.quarantineCounts());
    const { too_big: _big, too_deep: _deep, gzip_ratio: _ratio, ...lasting } = planned.counts;
    expect(left).toEqual(lasting);
    for (const id of Object.keys(before)) expect(after[id]).toEqual(before[id]);
    const added = Object.values(after).filter(({ id }) => before[id] === undefined);
    expect(added.filter(({ eventCount, late }) => eventCount !== 1 || late !== true)).toEqual([]);
    await replayAll(config);
    expect(toContents(look(place, (views) => views.alerts({})))).toEqual(after);
    expect(look(place, (views) => views.quarantineCounts())).toEqual(left);
    for (const count of look(place, (views) => views.counts()))
      expect(count.read).toBe(count.evaluated + count.quarantined);
    // The correlations that lack a member are to be had by reading the files anew.
    const missing = [...whole.keys()].filter((id) => after[id] === undefined);
    expect(missing.length).toBeGreaterThan(0);
    expectAlerts((await replay(config, [place.input])).alerts, whole);
  },
);

test(
  "while the windows are open, correlations that lacked a member come or grow: all is as if it had never been away",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const planned = poison(place);
    const end = watch(place, { limits: STRICT, lateness: "3d" });
    await untilRead(place, planned.read);
    await end();
    const before = toContents(alertsOf(place));
    expectAlerts(Object.values(before) as Alert[], judged(place, planned.good));
    // The limit was raised, the daemon started again; it is asked while it runs.
    const endAgain = watch(place, { limits: MENDED, lateness: "3d" });
    expect(await askReplay(place)).toMatchObject({ gone: 0 });
    await endAgain();
    expectAlerts(alertsOf(place), judged(place, [...planned.good, ...planned.mendable]));
    const windows = Object.values(toContents(alertsOf(place))).filter(({ ruleId }) => ruleId !== SINGLE);
    expect(windows.filter(({ id }) => before[id] === undefined).length).toBeGreaterThan(0);
    expect(windows.filter(({ id, eventCount }) => eventCount > (before[id]?.eventCount ?? eventCount))).not.toEqual([]);
    const { too_big: _big, too_deep: _deep, gzip_ratio: _ratio, ...lasting } = planned.counts;
    expect(look(place, (views) => views.quarantineCounts())).toEqual(lasting);
  },
);

test(
  "a watched folder: a record dated ahead waits as future_event, and gives its alerts when it is replayed in its time",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const passTime = turnClock();
    const AHEAD = 10 * MINUTE;
    const sound = [-8, -4, -2].map((minutes) => call("GetObject", Date.now() + minutes * MINUTE));
    const ahead = call("PutObject", Date.now() + AHEAD);
    const end = watch(place, {});
    write(join(place.input, "a.json"), toRecordsText([...sound, ahead].map((bytes) => ({ bytes }))));
    await untilRead(place, sound.length + 1);
    expect(look(place, (views) => views.quarantineCounts())).toEqual({ future_event: 1 });
    expectAlerts(alertsOf(place), judged(place, sound));
    // Asked too soon it stays where it is.
    expect(await askReplay(place)).toMatchObject({ evaluated: 0, quarantinedAgain: 1 });
    passTime(AHEAD);
    expect(await askReplay(place)).toMatchObject({ evaluated: 1, quarantinedAgain: 0 });
    await end();
    // Its own alert, and those of the correlations that it completes.
    const whole = judged(place, [...sound, ahead]);
    expect(whole.size - judged(place, sound).size).toBe(3);
    expectAlerts(alertsOf(place), whole);
    expect(look(place, (views) => views.quarantineCounts())).toEqual({});
  },
);

/** Lets the wall clock of this process be set forward, until the test ends. */
function turnClock(): (ms: number) => void {
  const { now } = Date;
  onTestFinished(() => {
    Date.now = now;
  });
  return (ms) => {
    Date.now = () => now() + ms;
  };
}

/** A call by one person at a time, epoch ms. */
function call(eventName: string, timeMs: number): Uint8Array {
  const identity = {
    type: "IAMUser",
    principalId: "AIDAX",
    arn: "arn:aws:iam::111122223333:user/ana",
    userName: "ana",
  };
  return Buffer.from(
    JSON.stringify({
      eventVersion: "1.11",
      userIdentity: { ...identity, accountId: "111122223333" },
      eventTime: toUtcText(timeMs - (timeMs % 1000)),
      eventSource: "s3.amazonaws.com",
      eventName,
      awsRegion: "eu-west-1",
      sourceIPAddress: "203.0.113.7",
      userAgent: "aws-cli/2.15",
      eventID: `e-${timeMs}`,
      recipientAccountId: "111122223333",
    }),
  );
}
