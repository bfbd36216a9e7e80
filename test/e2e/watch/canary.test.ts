/** The daemon killed in the middle of an outage of its canary: one alert, its end, and a heart that beats on. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Alert } from "../../../src/model/alert.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { createPlace, type Settings, startRun, TIMEOUT_MS, until } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

test("kill -9 doubles neither the alert nor the heartbeat, and the end is told", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  const queue = await emulator.createQueue("own");
  const { endpoint } = emulator;
  const at = { region: "eu-west-1", queue: queue.url, endpoint, wait: "1s", visibility: "2s" };
  const source = { type: "sqs-eventbridge", ...at, canary: "10s", canaryWithin: "10s" };
  const settings: Settings = {
    more: { sources: [source], http: { enabled: false }, selfWatch: { name: "test", heartbeat: "10s" } },
  };
  const told = (name: string): Alert[] => {
    const lines = existsSync(place.sink) ? readFileSync(place.sink, "utf8").split("\n") : [];
    const alerts = lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Alert);
    // What was written and not yet noted as written at the kill comes again, under the same id and revision.
    const once = new Map(alerts.map((alert) => [`${alert.id} ${alert.revision}`, alert]));
    return [...once.values()].filter(({ ruleId }) => ruleId === `sagewatch.${name}`);
  };
  emulator.proxy.set({
    operation: "SendMessage",
    fault: { kind: "error", code: "AccessDenied", status: 403, message: "not allowed" },
  });
  const first = startRun(place, settings);
  await until(() => told("canary_missing").length > 0 && told("heartbeat").length > 0, "the alert and a heartbeat");
  first.process.kill("SIGKILL");
  await first.ended;
  const second = startRun(place, settings);
  const beats = told("heartbeat").length;
  await until(() => told("heartbeat").length > beats, "a heartbeat of the second process");
  // As long as it takes to miss a canary.
  await sleep(12_000);
  expect(told("canary_missing")).toHaveLength(1);
  emulator.proxy.set();
  await until(() => told("canary_missing").length > 1, "the end");
  second.process.kill("SIGTERM");
  expect(await second.ended).toBe(0);
  expect(told("canary_missing").map(({ revision, group }) => [revision, group["state"]])).toEqual([
    [1, "missing"],
    [2, "returned"],
  ]);
  expect(new Set(told("canary_missing").map(({ id }) => id)).size).toBe(1);
  const numbers = told("heartbeat").map(({ lastEventTime, revision }) => `${lastEventTime.slice(0, 10)} ${revision}`);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(second.log()).toContain("canary missing");
});
