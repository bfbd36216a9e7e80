/**
 * The daemon killed with SIGKILL over the reading and judging of digest files, and started again: every hour is proven that is
 * sound, what was altered is told once, and nothing sound is told of.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { type Delivered, makeSigningKey, makeTrail } from "../../fakes/digests.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { type Fake, startFake } from "../../fakes/service.ts";
import { call } from "../../sources/records.ts";
import { createPlace, type Settings, startRun, TIMEOUT_MS } from "../make.ts";

useEnvironmentCredentials();
const BUCKET = "trail-logs";
const HOUR = 3_600_000;
const HOURS = 5;
const FILES = 3;
const START = Math.floor(Date.now() / HOUR) * HOUR - 9 * HOUR;
const key = makeSigningKey();
let emulator: Emulator;
let fake: Fake;
beforeAll(async () => {
  emulator = await startEmulator();
  await emulator.createBucket(BUCKET);
  fake = await startFake([
    serveCloudTrail(
      () => [],
      () => [key],
    ),
  ]);
  emulator.proxy.target(fake.url, "cloudtrail");
});
afterAll(async () => {
  await emulator.close();
  await fake.close();
});

test("kills over digest files lose no proof and invent no finding", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  const queue = await emulator.createQueue("digest-kills");
  const trail = makeTrail({ bucket: BUCKET, key, prefix: "kills/" });
  const put = async (object: Delivered, body = object.body): Promise<void> => {
    const { bucket, key: name, metadata } = object;
    const etag = await emulator.deliver({ bucket, key: name, body, metadata });
    await emulator.send(queue, [toNotice({ bucket, key: name, size: body.length, etag })]);
  };
  let altered = "";
  for (let hour = 0; hour < HOURS; hour += 1) {
    const files = Array.from({ length: FILES }, (_, at) =>
      trail.log(START + hour * HOUR + (at + 1) * 300_000, [call(`k${hour}-${at}`)]),
    );
    for (const [at, file] of files.entries()) {
      const isAltered = hour === 2 && at === 1;
      if (isAltered) altered = file.key;
      await put(file, isAltered ? gzipSync(`{"Records":[${call("other")}]}`) : file.body);
    }
    await put(trail.digest(START + hour * HOUR, files));
  }
  const { endpoint } = emulator;
  const source = { type: "sqs-s3", name: "trail", region: "eu-west-1", queue: queue.url, endpoint, wait: "1s" };
  const more = { sources: [{ ...source, visibility: "2s", digestWait: "1s" }], http: { enabled: false } };
  const settings: Settings = { more: { ...more, commit: { intervalMs: 20 } } };
  const look = (): { readonly states: string[]; readonly hours: object[]; readonly why: string[] } => {
    const views = openViews(place.state);
    const hours = views.logHours({ fromMs: START, toMs: START + HOURS * HOUR }, Date.now());
    const why = views.alerts({ ruleId: "sagewatch.log_integrity" }).map((alert) => alert.why);
    views.close();
    return { states: hours.map(({ state }) => state), hours: [...hours], why };
  };
  const states = (): string[] => {
    try {
      return look().states;
    } catch {
      return [];
    }
  };
  const expected = ["proven", "proven", "broken", "proven", "proven"];
  emulator.proxy.set({ operation: "GetObject", fault: { kind: "delay", ms: 60 } });
  const isOver = (): boolean => JSON.stringify(states()) === JSON.stringify(expected);
  let open = 0;
  for (const killAfter of [2, 7, 5]) {
    const daemon = startRun(place, settings);
    const before = emulator.proxy.log.length;
    const fetched = (): number =>
      emulator.proxy.log.slice(before).filter((one) => one.operation === "GetObject").length;
    await expect.poll(() => fetched() >= killAfter || isOver(), { timeout: 30_000, interval: 5 }).toBe(true);
    await sleep(90);
    daemon.process.kill("SIGKILL");
    expect(await daemon.ended).toBe("SIGKILL");
    if (!isOver()) open += 1;
  }
  // The kills met it at work.
  expect(open).toBeGreaterThanOrEqual(2);
  emulator.proxy.set();
  const last = startRun(place, settings);
  await expect.poll(states, { timeout: 60_000, interval: 50 }).toEqual(expected);
  last.process.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  const { hours, why } = look();
  for (const hour of hours) expect(hour).toMatchObject({ seen: FILES, missing: 0, unlisted: 0 });
  expect(hours.map((hour) => (hour as { readonly proven: number }).proven)).toEqual([3, 3, 2, 3, 3]);
  expect(why).toEqual([expect.stringContaining(altered)]);
});
