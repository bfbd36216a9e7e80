/**
 * The daemon as a process: one on a state folder (reliability.md T21), a drained SIGTERM (T14), full disks (T7).
 */
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Store } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Alert } from "../../src/model/alert.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { openStore } from "../../src/store/store.ts";
import { openViews } from "../../src/store/views.ts";
import { toRecordsText } from "../chaos/input.ts";
import { judge, readRuleSet } from "../chaos/judge.ts";
import {
  type Command,
  createPlace,
  type Place,
  replay,
  run,
  type Settings,
  startRun,
  TIMEOUT_MS,
  toConfig,
  toContents,
  until,
  write,
} from "./make.ts";

const QUIET_RULE = `title: Never
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: NoSuchCall}
  condition: selection
`;

/** Writes a simulated day as delivery files; returns its records. */
function writeDay(place: Place, records: number): Uint8Array[] {
  const all = [...generateRecords({ seed: 9, records, attacks: ATTACK_NAMES })];
  for (const [name, inside] of Map.groupBy(all, ({ file }) => file))
    write(join(place.input, name), gzipSync(toRecordsText(inside), { level: 1 }));
  return all.map(({ bytes }) => bytes);
}

/** Writes records that no rule wants behind a day: so much to read, and nothing more to deliver. Returns how many. */
function writeQuietRest(place: Place, day: readonly Uint8Array[], files: number): number {
  const { eventTime } = JSON.parse(Buffer.from(day.at(-1) ?? []).toString()) as { eventTime: string };
  const slot = eventTime.replaceAll(/[-:]/g, "").slice(0, 13);
  const quiet = (file: number, at: number): object => ({
    eventVersion: "1.11",
    eventID: `quiet-${file}-${at}`,
    eventTime,
    eventSource: "example.amazonaws.com",
    eventName: "Nothing",
    awsRegion: "eu-west-1",
    recipientAccountId: "111122223333",
    userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
  });
  for (let file = 0; file < files; file += 1) {
    const Records = Array.from({ length: 100 }, (_, at) => quiet(file, at));
    const name = `zz/111122223333_CloudTrail_eu-west-1_${slot}Z_${String(file).padStart(6, "0")}.json.gz`;
    write(join(place.input, name), gzipSync(JSON.stringify({ Records }), { level: 1 }));
  }
  return files * 100;
}

function readSink(place: Place): Alert[] {
  const text = existsSync(place.sink) ? readFileSync(place.sink, "utf8") : "";
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Alert);
}

function stored(place: Place): Alert[] {
  const views = openViews(place.state);
  try {
    return [...views.alerts({})];
  } finally {
    views.close();
  }
}

test(
  "a second daemon on the same state folder ends at once with store_locked, the first works on",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const first = startRun(place, { mode: "watch" });
    await until(
      () => first.log().includes('"store_opened"') || first.log().includes("control_opened"),
      "the first daemon is open",
    );
    const begunMs = Date.now();
    const second = startRun(place, { mode: "watch" }, "second.yml");
    expect(await second.ended).toBe(3);
    expect(Date.now() - begunMs).toBeLessThan(10_000);
    expect(second.log()).toContain("store_locked");
    writeDay(place, 300);
    await until(() => readSink(place).length > 0, "the first daemon delivers");
    first.process.kill("SIGTERM");
    expect(await first.ended).toBe(0);
  },
);

test(
  "SIGTERM under load: drained with 0 in under 25 s, and the next start ends with the same contents",
  { timeout: 2 * TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const day = writeDay(place, 20_000);
    const records = day.length + writeQuietRest(place, day, 1_500);
    // A commit for each hundred or so, so that alerts are out long before the end of the input.
    const daemon = startRun(place, { more: { commit: { records: 100 } } });
    await until(() => readSink(place).length > 0, "the first alerts are out");
    const begunMs = Date.now();
    daemon.process.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
    expect(Date.now() - begunMs).toBeLessThan(25_000);
    const views = openViews(place.state);
    const [counts] = views.counts();
    views.close();
    expect(counts?.read).toBeLessThan(records);
    // What is stored is delivered: nothing that was due stays behind.
    expect(new Set(readSink(place).map(({ id }) => id))).toEqual(new Set(stored(place).map(({ id }) => id)));
    await finish(place, {});
    const { alerts } = await replay(toConfig(place), [place.input]);
    expect(toContents(stored(place))).toEqual(toContents(alerts));
    expect(toContents(readSink(place))).toEqual(toContents(alerts));
  },
);

/** Until the log says that so many records were taken in and are not committed yet; then how many they were. */
function untilInFlight({ process: { stderr } }: Command, wanted: number): Promise<number> {
  let [rest, records] = ["", 0];
  return new Promise((resolve) => {
    stderr?.on("data", (chunk) => {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((text) => /"(batch|committed)"/.test(text))) {
        const told = JSON.parse(line) as { signal: string; read?: number; records?: number };
        if (told.signal === "batch") records += told.read ?? 0;
        if (told.signal === "committed") records -= told.records ?? 0;
      }
      if (records >= wanted) resolve(records);
    });
  });
}

/** Runs to the end of the input, and as often again as something is left to deliver: a busy machine may not do it in one. */
async function finish(place: Place, settings: Settings): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    expect(await startRun(place, settings).ended).toBe(0);
    if (isDelivered(place)) return;
  }
}

/** Whether the sink has the newest revision of each alert. */
function isDelivered(place: Place): boolean {
  const sent = new Map<string, number>();
  for (const { id, revision } of readSink(place)) sent.set(id, Math.max(sent.get(id) ?? 0, revision));
  return stored(place).every(({ id, revision }) => sent.get(id) === revision);
}

test(
  "SIGTERM at random with at least 5,000 records in flight: drained with 0 in under 25 s, all of them in the last commit",
  { timeout: 2 * TIMEOUT_MS },
  async () => {
    const place = createPlace();
    // So many that it still reads when the signal comes, and so few alerts that the records alone are in flight.
    writeDay(place, 60_000);
    write(join(place.root, "rules/chaos.yml"), QUIET_RULE);
    // Nothing is committed before 5 s are over, so what is read is in flight.
    const commit = { intervalMs: 5000, records: 100_000, bytes: "64 MiB", matches: 100_000 };
    const rules = ["shipped"];
    const settings = { rules, more: { commit, log: { level: "debug" } } };
    const wanted = 5000 + Math.floor(Math.random() * 5000);
    const daemon = startRun(place, settings);
    const inFlight = await untilInFlight(daemon, wanted);
    const begunMs = Date.now();
    daemon.process.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
    expect(Date.now() - begunMs).toBeLessThan(25_000);
    expect(inFlight).toBeGreaterThanOrEqual(5000);
    const views = openViews(place.state);
    const [counts] = views.counts();
    views.close();
    expect(counts?.read).toBeGreaterThanOrEqual(inFlight);
    expect(counts?.read).toBeLessThan(60_000);
    expect(new Set(readSink(place).map(({ id }) => id))).toEqual(new Set(stored(place).map(({ id }) => id)));
    await finish(place, { rules });
    const { alerts } = await replay(toConfig(place, { rules }), [place.input]);
    expect(alerts.length).toBeGreaterThan(10);
    expect(toContents(stored(place))).toEqual(toContents(alerts));
    expect(toContents(readSink(place))).toEqual(toContents(alerts));
  },
);

test(
  "a sink on a full disk gets nothing and costs nothing: what it missed comes at the next start",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    writeDay(place, 300);
    symlinkSync("/dev/full", place.sink);
    const retries: string[] = [];
    const stop = new AbortController();
    const watching = run(toConfig(place, { mode: "watch" }), {
      signal: stop.signal,
      emit: (signal) => void (signal.type === "delivery_retry" && retries.push(signal.code)),
    });
    await until(() => retries.length > 1, "the sink was tried again");
    rmSync(place.sink);
    await until(() => readSink(place).length > 0, "the sink is back");
    await sleep(1500);
    stop.abort();
    await watching;
    expect(new Set(retries)).toEqual(new Set(["disk_full"]));
    expect(toContents(readSink(place))).toEqual(toContents(stored(place)));
  },
);

/** In place of the opened store one with a quota. */
function withQuota(dir: string, maxBytes: number): (opened: Store) => Store {
  return (opened) => {
    opened.close();
    const limits = { maxBytes, reserveBytes: 512 * 1024 };
    return openStore({ dir, clock: systemClock, engine: "0.1.0", updateEveryMs: 1000, limits });
  };
}

test(
  "a full disk: the daemon ends with store_full and says so at the sink; nothing is taken that is not stored",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const records = writeDay(place, 1500);
    const config = toConfig(place, { afterRead: "delete" });
    const wraps = { store: withQuota(place.state, 1536 * 1024) };
    await expect(run(config, { wraps })).rejects.toMatchObject({ code: "store_full", exitCode: 3 });
    const told = readSink(place).filter(({ ruleId }) => ruleId === "sagewatch.store_full");
    expect(told).toHaveLength(1);
    expect(told[0]?.severity).toBe("critical");
    // With room again the rest is read: files that were deleted are in the store.
    await run(config);
    const rules = readRuleSet([join(place.root, "rules")]);
    const contents = toContents(stored(place).filter(({ ruleId }) => !ruleId.startsWith("sagewatch.")));
    const expected = judge(rules, records);
    expect(Object.keys(contents)).toEqual([...expected.keys()].toSorted());
    for (const { id, eventCount } of expected.values()) expect(contents[id]?.eventCount).toBe(eventCount);
  },
);
