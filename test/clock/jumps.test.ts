/**
 * The machine's clock is set (reliability.md T8): forward and back, by an hour, over a change of summer time, by a year; or
 * it stands still.
 *
 * The daemon is the real process; shift.ts shifts what it takes for the time. Events carry the true time throughout, as
 * AWS's clocks do not jump. What a clock that is behind takes for the future waits in quarantine and is told; everything
 * else is an alert within seconds, also what was committed under the wrong time and had still to be sent.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openViews } from "../../src/store/views.ts";
import { createPlace, replay, toConfig, write } from "../e2e/make.ts";
import { type LiveDaemon, startLive } from "../live/daemon.ts";
import { type AlertFile, followAlerts } from "../live/lines.ts";
import { toMark, toTrio } from "../live/records.ts";
import { writeLiveRules } from "../live/rules.ts";
import { openQueue } from "../outages/sources.ts";

const TIMEOUT_MS = 120_000;
/** Within so long an alert must come; a slow machine. */
const SOON_MS = 20_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

type World = {
  /** The process of now. */
  daemon: LiveDaemon;
  readonly alerts: AlertFile;
  readonly state: string;
  readonly config: string;
  /** Path of its rules. */
  readonly rules: string;
  readonly send: (...texts: readonly string[]) => Promise<void>;
  /** Sets the clock of the daemon to the true time and so much, or stops it. */
  readonly jump: (by: number | "frozen") => Promise<void>;
  /** Takes the folder of the sink's file away, or brings it back. */
  readonly setSink: (isAway: boolean) => void;
  /** Kills the daemon and starts another, whose clock is off by so much. */
  readonly restart: (byMs: number) => Promise<void>;
};

async function createWorld(env: Readonly<Record<string, string>> = {}, startMs = 0): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-clock-"));
  const queue = await openQueue();
  const home = join(folder, "alerts");
  mkdirSync(home);
  const [state, clock] = [join(folder, "state"), join(folder, "clock")];
  writeFileSync(clock, String(startMs));
  const rules = writeLiveRules(join(folder, "rules", "live.yml"));
  const config = {
    state: { dir: state },
    sources: [queue.config],
    sinks: [{ type: "file", name: "file", path: join(home, "alerts.ndjson") }],
    rules: { paths: [rules] },
    commit: { intervalMs: 20 },
    updateEvery: "1s",
    selfWatch: { silence: "1m" },
  };
  const flags = ["--import", join(import.meta.dirname, "shift.ts")];
  const start = (): LiveDaemon => startLive({ folder, config, flags, env: { ...env, CLOCK_FILE: clock } });
  onTestFinished(async () => {
    world.daemon.process.kill("SIGKILL");
    await world.daemon.ended;
    await queue.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const world: World = {
    daemon: start(),
    alerts: followAlerts(join(home, "alerts.ndjson")),
    state,
    config: join(folder, "sagewatch.yml"),
    rules,
    send: async (...texts) => queue.send?.(texts),
    jump: async (by) => {
      writeFileSync(clock, String(by));
      world.daemon.process.kill("SIGUSR2");
      await expect.poll(() => readFileSync(`${clock}.taken`, "utf8"), { timeout: SOON_MS }).toBe(String(by));
    },
    setSink: (isAway) => {
      if (isAway) {
        renameSync(home, `${home}.away`);
        writeFileSync(home, "");
        return;
      }
      rmSync(home);
      renameSync(`${home}.away`, home);
    },
    restart: async (byMs) => {
      world.daemon.process.kill("SIGKILL");
      await world.daemon.ended;
      writeFileSync(clock, String(byMs));
      world.daemon = start();
      await world.daemon.opened;
    },
  };
  await world.daemon.opened;
  return world;
}

/** Waits until events are in alerts. */
async function untilAlerted({ alerts }: World, ids: readonly string[], what: string): Promise<void> {
  const missing = (): readonly string[] => {
    alerts.look();
    return ids.filter((id) => !alerts.byEvent.has(id));
  };
  await expect.poll(missing, { timeout: SOON_MS, interval: 50, message: what }).toEqual([]);
}

function quarantined({ state }: World): Readonly<Record<string, number>> {
  const views = openViews(state);
  const counts = views.quarantineCounts();
  views.close();
  return counts;
}

/** Sagewatch's own alerts, which nothing here gives a reason for. */
function ownAlerts({ state }: World): string[] {
  const views = openViews(state);
  const found = views.alerts({ limit: 1000 }).map(({ ruleId }) => ruleId);
  views.close();
  return [...new Set(found)].filter((id) => id.startsWith("sagewatch.") && id !== "sagewatch.heartbeat");
}

async function end({ daemon }: World): Promise<void> {
  daemon.process.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);
  expect(daemon.strays).toEqual([]);
}

test(
  "a clock that goes forward and comes back loses nothing, doubles nothing and raises no false alarm",
  { timeout: TIMEOUT_MS },
  async () => {
    const world = await createWorld();
    await world.send(toMark("mark-before", Date.now()));
    await untilAlerted(world, ["mark-before"], "before");
    const sent = ["mark-before"];
    for (const [name, byMs] of [
      ["an hour", HOUR_MS],
      ["a year", YEAR_MS],
    ] as const) {
      // Two of three events before the jump, the third after it: one alert.
      const [one, two, three] = toTrio(`trio-${name}`, Date.now());
      await world.send(one, two);
      await world.jump(byMs);
      await world.send(three, toMark(`mark-ahead-${name}`, Date.now()));
      sent.push(`mark-ahead-${name}`, `trio-${name}-2`);
      await untilAlerted(world, sent, `${name} ahead`);
      await world.jump(0);
      await world.send(toMark(`mark-back-${name}`, Date.now()), ...toTrio(`trio-back-${name}`, Date.now()));
      sent.push(`mark-back-${name}`, `trio-back-${name}-2`);
      await untilAlerted(world, sent, `${name} ahead, and back`);
    }
    for (const id of sent) expect(world.alerts.byEvent.get(id)?.alertIds.size).toBe(1);
    expect([quarantined(world), ownAlerts(world)]).toEqual([{}, []]);
    await end(world);
  },
);

test.each([
  ["in a daemon that goes on", false],
  ["over a restart", true],
])(
  "what waits for a sink when the clock goes back is sent at once, not when it comes there again, %s",
  { timeout: TIMEOUT_MS },
  async (_how, isRestarted) => {
    const world = await createWorld({}, YEAR_MS);
    world.setSink(true);
    // More than a worker takes at once.
    const ids = Array.from({ length: 700 }, (_, n) => `mark-${n}`);
    await world.send(...ids.map((id) => toMark(id, Date.now())));
    const isWritten = (): number => world.daemon.lines.filter(({ signal }) => signal === "alert_written").length;
    await expect.poll(isWritten, { timeout: SOON_MS }).toBeGreaterThanOrEqual(ids.length);
    if (isRestarted) await world.restart(0);
    else await world.jump(0);
    world.setSink(false);
    await untilAlerted(world, ids, "sent after the clock went back a year");
    await end(world);
  },
);

test(
  "a clock that is behind takes events for the future: they wait, that is told, and nothing of them is lost",
  { timeout: TIMEOUT_MS },
  async () => {
    const world = await createWorld();
    const trueMs = Date.now();
    await world.send(toMark("mark-before", trueMs));
    await untilAlerted(world, ["mark-before"], "before");
    await world.jump(-HOUR_MS);
    await world.send(toMark("mark-early", trueMs), ...toTrio("trio-early", trueMs));
    await expect.poll(() => quarantined(world), { timeout: SOON_MS }).toEqual({ future_event: 4 });
    await world.jump(0);
    await world.send(toMark("mark-back", Date.now()));
    await untilAlerted(world, ["mark-back"], "after it came back");
    const main = join(import.meta.dirname, "../../src/main.ts");
    const replayed = spawnSync(process.execPath, [main, "quarantine", "replay", "--all", "--config", world.config], {
      encoding: "utf8",
    });
    expect([replayed.status, replayed.stderr]).toEqual([0, expect.any(String)]);
    await untilAlerted(world, ["mark-early", "trio-early-2"], "replayed in their time");
    expect(quarantined(world)).toEqual({});
    await end(world);
  },
);

test(
  "summer time changes under a daemon: events keep their order and their alerts",
  { timeout: TIMEOUT_MS },
  async () => {
    // A minute before clocks go back in Berlin, and a minute after; events of the same time, in UTC as CloudTrail has them.
    const changeMs = Date.UTC(2026, 9, 25, 1);
    const world = await createWorld({ TZ: "Europe/Berlin" }, changeMs - 60_000 - Date.now());
    const [one, two, three] = toTrio("trio-change", changeMs - 60_000);
    await world.send(one, two, toMark("mark-summer", changeMs - 60_000));
    await untilAlerted(world, ["mark-summer"], "in summer time");
    await world.jump(changeMs + 60_000 - Date.now());
    await world.send(three, toMark("mark-winter", changeMs + 60_000), ...toTrio("trio-winter", changeMs + 60_000));
    await untilAlerted(world, ["mark-winter", "trio-change-2", "trio-winter-2"], "in winter time");
    expect([quarantined(world), ownAlerts(world)]).toEqual([{}, []]);
    await end(world);
  },
);

test(
  "a clock that stands still for a minute and goes on: alerts come all the while, under the ids of a replay",
  { timeout: TIMEOUT_MS },
  async () => {
    const world = await createWorld();
    const texts: string[] = [];
    const ids: string[] = [];
    /** What happens `atMs` by AWS's clock: a call, and three that are one alert. */
    const happen = async (name: string, atMs: number): Promise<void> => {
      const made = [toMark(`mark-${name}`, atMs), ...toTrio(`trio-${name}`, atMs)];
      texts.push(...made);
      ids.push(`mark-${name}`, `trio-${name}-2`);
      await world.send(...made);
    };
    const startMs = Date.now();
    await happen("before", startMs);
    await untilAlerted(world, ids, "before");
    await world.jump("frozen");
    for (const s of [0, 20, 40, 60]) {
      await happen(`still-${s}`, startMs + s * 1000);
      await untilAlerted(world, ids, `${s} s after the clock stopped`);
    }
    world.setSink(true);
    await happen("no-sink", startMs + 60_000);
    const isRetried = (): boolean => world.daemon.lines.some(({ signal }) => signal === "delivery_retry");
    await expect.poll(isRetried, { timeout: SOON_MS }).toBe(true);
    world.setSink(false);
    await untilAlerted(world, ids, "a sink was away while the clock stood still");
    // It goes on from where it stood, and is put right later.
    await world.jump(-MINUTE_MS);
    await happen("behind", startMs + 60_000);
    await untilAlerted(world, ids, "the clock goes on, a minute behind");
    await world.jump(0);
    // As a queue may give everything again.
    await world.send(...texts);
    await happen("right", startMs + 60_000);
    await untilAlerted(world, ids, "the clock is right again");
    expect([quarantined(world), ownAlerts(world)]).toEqual([{}, []]);
    await end(world);
    const place = createPlace();
    write(join(place.input, "all.ndjson"), texts.join("\n"));
    const expected = await replay(toConfig(place, { more: { rules: { paths: [world.rules] } } }), [place.input]);
    const got = new Set([...world.alerts.byEvent.values()].flatMap(({ alertIds }) => [...alertIds]));
    expect([...got].toSorted()).toEqual(expected.alerts.map(({ id }) => id).toSorted());
    expect(got.size).toBe(ids.length);
  },
);
