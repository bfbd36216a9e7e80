/** Canaries that do not come back are told of once an outage, over restarts too, and so is the end. */
import { expect, test } from "vitest";
import type { CanaryWatch } from "../../../src/pipeline/watch/canary-watch.ts";
import { type LiveRun, MINUTE, openTurned, pass, startLive } from "./make.ts";

type Flown = LiveRun & { readonly canary: CanaryWatch };

function start(store: ReturnType<typeof openTurned>): Flown {
  let canary: CanaryWatch = () => undefined;
  const run = startLive(store, ["events"], { onCanary: (to) => void (canary = to) });
  return { ...run, canary };
}
const missing = { status: "missing", forMs: 2 * MINUTE, detail: "a canary has not come back within 2m" } as const;

test("an outage is one alert, whatever comes and goes meanwhile, and its end is told by the same", async () => {
  const store = openTurned();
  const first = start(store);
  first.canary("events", { status: "returned", tripMs: 900 });
  first.canary("events", missing);
  first.canary("events", missing);
  await pass(MINUTE);
  expect(first.told("canary_missing")).toHaveLength(1);
  const [opened] = first.told("canary_missing");
  expect(opened?.alert).toMatchObject({ severity: "high", revision: 1, group: { source: "events", state: "missing" } });
  expect(opened?.alert.why).toMatch(/^Source events: a canary has not come back within 2m\./);
  await first.end();
  await pass(90 * MINUTE);
  const second = start(store);
  second.canary("events", missing);
  await pass(MINUTE);
  expect(second.told("canary_missing")).toEqual([]);
  second.canary("events", { status: "returned", tripMs: 1_400 });
  await pass(MINUTE);
  expect(second.told("canary_missing")).toHaveLength(1);
  expect(second.told("canary_missing")[0]?.alert).toMatchObject({
    id: opened?.alert.id,
    revision: 2,
    group: { source: "events", state: "returned" },
  });
  await second.end();
  expect([...first.signals, ...second.signals].filter(({ type }) => type.startsWith("canary"))).toEqual([
    { type: "canary", source: "events", tripMs: 900 },
    { type: "canary_missing", source: "events", detail: missing.detail },
    { type: "canary_missing", source: "events", detail: missing.detail },
    { type: "canary_missing", source: "events", detail: missing.detail },
    { type: "canary", source: "events", tripMs: 1_400 },
  ]);
});
