/** The heartbeat comes in its rhythm, over restarts too, as one alert a day. */
import { expect, test } from "vitest";
import { MINUTE, openTurned, pass, startLive } from "./make.ts";

const heartbeat = { name: "eu", everyMs: 5 * MINUTE };

test("all sinks hear it in its rhythm, as revisions of one alert a day, with what was read", async () => {
  const store = openTurned();
  const run = startLive(store, ["trail"], { heartbeat });
  await run.speak("trail", ["111122223333", "444455556666"]);
  await pass(31 * MINUTE);
  await run.end();
  const beats = run.told("heartbeat").map(({ alert }) => alert);
  expect(beats).toHaveLength(6);
  const [first, second] = beats;
  expect(first).toMatchObject({ severity: "informational", ruleId: "sagewatch.heartbeat", group: { monitor: "eu" } });
  expect(first?.why).toBe("eu is alive; 2 records were read since its last heartbeat.");
  expect(second?.why).toBe("eu is alive; 0 records were read since its last heartbeat.");
  const times = beats.map(({ lastEventTime }) => Date.parse(lastEventTime));
  for (const [index, time] of times.slice(1).entries())
    expect(Math.abs(time - (times[index] ?? 0) - 5 * MINUTE)).toBeLessThan(10_000);
  const days = new Set(beats.map(({ lastEventTime }) => lastEventTime.slice(0, 10)));
  expect(store.views.alerts({ ruleId: "sagewatch.heartbeat" })).toHaveLength(days.size);
  // The revision counts the beats of a day, so that a receiver sees that one is missing.
  const lastDay = beats.filter(({ lastEventTime }) => lastEventTime.slice(0, 10) === [...days].at(-1));
  expect(lastDay.map(({ revision }) => revision)).toEqual(lastDay.map((_, index) => index + 1));
});

test("a process that starts again goes on in the rhythm of the one before; one that was down for long beats at once", async () => {
  const store = openTurned();
  const first = startLive(store, ["trail"], { heartbeat: { name: "eu", everyMs: 20 * MINUTE } });
  await pass(21 * MINUTE);
  expect(first.told("heartbeat")).toHaveLength(1);
  await first.end();
  const second = startLive(store, ["trail"], { heartbeat: { name: "eu", everyMs: 20 * MINUTE } });
  await pass(17 * MINUTE);
  expect(second.told("heartbeat")).toEqual([]);
  await pass(3 * MINUTE);
  expect(second.told("heartbeat")).toHaveLength(1);
  await second.end();
  const times = [first, second].map((run) => Date.parse(run.told("heartbeat")[0]?.alert.lastEventTime ?? ""));
  expect(Math.abs((times[1] ?? 0) - (times[0] ?? 0) - 20 * MINUTE)).toBeLessThan(10_000);
  await pass(25 * MINUTE);
  const third = startLive(store, ["trail"], { heartbeat: { name: "eu", everyMs: 20 * MINUTE } });
  await pass(10_000);
  expect(third.told("heartbeat")).toHaveLength(1);
  await third.end();
});

test("neither a replay nor a run without a live source beats", async () => {
  const run = startLive(openTurned(), ["trail"], { heartbeat, operational: false });
  await pass(20 * MINUTE);
  await run.end();
  const none = startLive(openTurned(), [], { heartbeat });
  await none.end();
  expect([...run.sent, ...none.sent]).toEqual([]);
});
