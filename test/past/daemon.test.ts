/** Beside a running daemon: a backfill that is asked for, a gap that is repaired by itself, one that is left to a person. */
import { expect, test } from "vitest";
import { loadEngineVersion } from "../../src/config/load.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { formatGap, type Gap, GAPS, toGapKey } from "../../src/model/past/gap.ts";
import { openStore } from "../../src/store/store.ts";
import { openViews } from "../../src/store/views.ts";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import { start } from "../commands/cli.ts";
import { TIMEOUT_MS, toContents, until } from "../e2e/make.ts";
import { type Missed, missAnHour, NOTHING } from "./set-up.ts";

useEnvironmentCredentials();

const HOUR: Gap = {
  source: "in",
  account: "111122223333",
  region: "eu-west-1",
  reason: "missed_objects",
  state: "open",
  fromMs: Date.UTC(2026, 0, 2, 5),
  toMs: Date.UTC(2026, 0, 2, 6),
  foundMs: Date.UTC(2026, 0, 2, 8),
  changedMs: Date.UTC(2026, 0, 2, 8),
  detail: "",
};
/** Writes a gap into the state, as the commit after its finding does. */
function keepGap({ place }: Missed, gap: Gap): void {
  const store = openStore({ dir: place.state, clock: systemClock, engine: loadEngineVersion() });
  const position = { source: GAPS, key: toGapKey(gap), value: formatGap(gap) };
  store.commit({ ...NOTHING, nowMs: systemClock.nowMs(), positions: [position] });
  store.close();
}

function expectAll({ alerts, expected }: Missed): void {
  expect(toContents(alerts())).toEqual(toContents(expected));
}

test(
  "the daemon makes a backfill that is asked for, goes on, and delivers what it found",
  { timeout: TIMEOUT_MS },
  async () => {
    const missed = await missAnHour();
    const { alerts, delivered, backfill, daemon } = missed;
    const before = new Set(alerts().map(({ id }) => id));
    const running = await daemon();
    const dry = await backfill("--dry-run").ended;
    expect(dry.stdout, dry.stderr).toMatch(/40 objects of S3/);
    const { code, stdout, stderr } = await backfill().ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ records read; [1-9]\d* new alerts/);
    expectAll(missed);
    const once = alerts();
    const again = await backfill().ended;
    expect(again.stdout).toMatch(/; 0 new alerts, 0 updated/);
    expect(alerts()).toEqual(once);
    expect((await backfill("--max-objects", "1").ended).code).toBe(1);
    const opened = once.filter(({ id }) => !before.has(id)).map(({ id }) => id);
    await until(() => opened.every((id) => delivered().some((line) => line.id === id)), "the alerts at the sink");
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  },
);

test(
  "a daemon killed in the middle of a backfill goes on with it when it is asked again",
  { timeout: TIMEOUT_MS },
  async () => {
    const missed = await missAnHour({ commit: { intervalMs: 20 } });
    const { backfill, daemon, emulator, fetched } = missed;
    const killed = await daemon();
    emulator.proxy.set({ operation: "GetObject", fault: { kind: "delay", ms: 250 } });
    const asked = backfill();
    await expect.poll(fetched, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(16);
    killed.child.kill("SIGKILL");
    // Told that the daemon has gone; or, between two questions, it goes on without one.
    expect([0, 3]).toContain((await asked.ended).code);
    emulator.proxy.set();
    const running = await daemon();
    const { code, stderr } = await backfill().ended;
    expect(code, stderr).toBe(0);
    expectAll(missed);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  },
);

test("a gap is repaired by itself and listed as repaired", { timeout: TIMEOUT_MS }, async () => {
  const missed = await missAnHour({ repair: { wait: "1s" } });
  keepGap(missed, HOUR);
  const { daemon, config } = missed;
  const listed = await start(["gaps", "--config", config]).ended;
  expect(listed.stdout, listed.stderr).toMatch(
    /2026-01-02T05:00:00Z +2026-01-02T06:00:00Z +open +in +111122223333 +eu-west-1/,
  );
  const running = await daemon();
  await running.until(/"gap_ended"|a gap was dealt with/);
  expectAll(missed);
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  const { stdout } = await start(["gaps", "--format", "ndjson", "--config", config]).ended;
  expect(JSON.parse(stdout)).toMatchObject({
    state: "repaired",
    detail: expect.stringMatching(/^\d+ records read again/),
  });
  expect((await start(["gaps", "--open", "--config", config]).ended).stdout).toBe("");
});

test.each([
  ["longer than may be read by itself", { wait: "1s", maxSpan: "30m" }, "repair.maxSpan"],
  ["that needs more than the limits allow", { wait: "1s", objects: 3 }, "more than 3 objects"],
  ["while nothing is repaired by itself", { wait: "1s", auto: false }, "repair.auto is off"],
])("a gap %s is an alert with the command that repairs it", { timeout: TIMEOUT_MS }, async (_, repair, why) => {
  const missed = await missAnHour({ repair });
  keepGap(missed, HOUR);
  const { daemon, config, place } = missed;
  const running = await daemon();
  const left = (): readonly string[] => {
    const views = openViews(place.state);
    const found = views.alerts({ ruleId: "sagewatch.gap_left" }).map((alert) => alert.why);
    views.close();
    return found;
  };
  await until(() => left().length > 0, "the operational alert");
  const [text = ""] = left();
  expect(text).toContain(why);
  const [, command = ""] = /Run: (.+)$/.exec(text) ?? [];
  expect(command).toBe(
    "sagewatch backfill --from 2026-01-02T05:00:00Z --to 2026-01-02T06:00:00Z --source in --account 111122223333 --region eu-west-1",
  );
  const args = command.split(" ").slice(1);
  const { code, stderr } = await start([...args, "--max-objects", "1000", "--config", config]).ended;
  expect(code, stderr).toBe(0);
  expectAll(missed);
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});
