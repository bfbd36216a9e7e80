/**
 * CloudTrail's digest files through the whole daemon: what is proven is shown as proven, and whatever was altered, deleted,
 * forged or left out is told by a critical alert that names it.
 */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Alert } from "../../../src/model/alert.ts";
import type { LogHour } from "../../../src/model/integrity/hours.ts";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { type Delivered, type DigestTrail, makeSigningKey, makeTrail } from "../../fakes/digests.ts";
import { type Emulator, type Queue, startEmulator } from "../../fakes/emulator.ts";
import { type Fake, startFake } from "../../fakes/service.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { call } from "../../sources/records.ts";
import { createPlace, type Place, run, startRun, TIMEOUT_MS, toConfig, until } from "../make.ts";

useEnvironmentCredentials();
const BUCKET = "trail-logs";
const HOUR = 3_600_000;
/** Hours that are over for long enough for their digest files to be there. */
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
      (region) => (region === "eu-west-1" ? [key] : []),
    ),
  ]);
  emulator.proxy.target(fake.url, "cloudtrail");
});
afterAll(async () => {
  await emulator.close();
  await fake.close();
});

let tests = 0;

/** A trail in a folder of its own, its queue, and a daemon that can be started on it. */
type World = {
  readonly place: Place;
  readonly trail: DigestTrail;
  /** Log files of an hour, in each a record whose id is the name. */
  readonly logs: (hour: number, ...ids: readonly string[]) => readonly Delivered[];
  /** Stores objects, spoiled where `body` or `metadata` is given, and tells of them unless `isSilent`. */
  readonly put: (objects: readonly Delivered[], spoil?: Spoil) => Promise<void>;
  /** Runs until `isDone`, looking at what is stored. */
  readonly run: (isDone: (seen: Seen) => boolean) => Promise<Seen>;
};
type Spoil = {
  readonly body?: Uint8Array;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly isSilent?: boolean;
};
type Seen = {
  readonly hours: readonly LogHour[];
  readonly states: readonly string[];
  readonly alerts: readonly Alert[];
  readonly read: number;
};

async function createWorld(more: Readonly<Record<string, unknown>> = {}): Promise<World> {
  const name = `t${(tests += 1)}`;
  const place = createPlace();
  const queue = await emulator.createQueue(`digests-${name}`);
  const trail = makeTrail({ bucket: BUCKET, key, prefix: `${name}/` });
  const source = { type: "sqs-s3", name: "trail", queue: queue.url, region: "eu-west-1", endpoint: emulator.endpoint };
  const sources = [{ ...source, wait: "1s", digestWait: "1s", ...more }];
  const config = toConfig(place, { more: { sources, http: { enabled: false }, commit: { intervalMs: 20 } } });
  return {
    place,
    trail,
    logs: (hour, ...ids) => ids.map((id, at) => trail.log(START + hour * HOUR + (at + 1) * 300_000, [call(id)])),
    put: (objects, spoil) => put(queue, objects, spoil),
    run: async (isDone) => {
      const stop = new AbortController();
      const running = run(config, { signal: stop.signal });
      let seen = look(place);
      try {
        await until(() => isDone((seen = look(place))), "what the test waits for");
      } catch (error) {
        throw new Error(JSON.stringify(seen.hours), { cause: error });
      } finally {
        stop.abort();
        await running;
      }
      return look(place);
    },
  };
}

async function put(queue: Queue, objects: readonly Delivered[], spoil: Spoil = {}): Promise<void> {
  for (const object of objects) {
    const { body = object.body, metadata = object.metadata, isSilent = false } = spoil;
    const { bucket, key: name } = object;
    const etag = await emulator.deliver({ bucket, key: name, body, metadata });
    if (!isSilent) await emulator.send(queue, [toNotice({ bucket, key: name, size: body.length, etag })]);
  }
}

function look(place: Place): Seen {
  try {
    const views = openViews(place.state);
    const hours = views.logHours({ fromMs: START, toMs: START + 4 * HOUR }, Date.now());
    const alerts = views.alerts({ ruleId: "sagewatch.log_integrity" });
    const read = views.counts().reduce((sum, { evaluated }) => sum + evaluated, 0);
    views.close();
    return { hours, states: hours.map(({ state }) => state), alerts, read };
  } catch {
    return { hours: [], states: [], alerts: [], read: 0 };
  }
}

/** The metrics of a daemon on the state folder. */
async function scrape(place: Place): Promise<string> {
  const daemon = startRun(place, { mode: "watch", more: { http: { enabled: true, port: 0 } } });
  const port = (): string | undefined => /"http_opened".*"port":(\d+)/.exec(daemon.log())?.[1];
  await until(() => port() !== undefined, "the daemon's pages");
  // The pages are there before the readings: what is stored is read as soon as the daemon runs.
  let text = "";
  const deadline = AbortSignal.timeout(TIMEOUT_MS / 2);
  while (!text.includes("sagewatch_state_limit_bytes"))
    text = await (await fetch(`http://127.0.0.1:${port()}/metrics`, { signal: deadline })).text();
  daemon.process.kill("SIGKILL");
  await daemon.ended;
  return text;
}

const starts = (seen: Seen, ...states: readonly string[]): boolean =>
  states.every((state, at) => seen.states[at] === state);
/** What the alerts are about, sorted. */
const findings = ({ alerts }: Seen): readonly string[] =>
  alerts.map(({ group }) => (group as Record<string, string>)["finding"] ?? "").toSorted();

describe("digest files", { timeout: TIMEOUT_MS }, () => {
  test("of a good chain prove their hours, each log file and each link", async () => {
    const { place, trail, logs, put: deliver, run: daemon } = await createWorld();
    for (let hour = 0; hour < 3; hour += 1) {
      const files = logs(hour, `a${hour}`, `b${hour}`);
      await deliver([...files, trail.digest(START + hour * HOUR, files)]);
    }
    await deliver([trail.digest(START + 3 * HOUR, [])]);
    const seen = await daemon((now) => starts(now, "proven", "proven", "proven", "proven"));
    expect(seen.hours[0]).toMatchObject({ accountId: "111122223333", region: "eu-west-1", hourMs: START });
    expect(seen.hours[0]).toMatchObject({ seen: 2, proven: 2, missing: 0, altered: 0, unlisted: 0, late: 0 });
    expect(seen.hours[3]).toMatchObject({ seen: 0, proven: 0 });
    expect(seen.read).toBe(6);
    expect(seen.alerts).toEqual([]);
    // Of the hours behind the last digest file some are missing and some may still come.
    const metrics = await scrape(place);
    const hours = (state: string): string | undefined =>
      new RegExp(`sagewatch_log_hours\\{account="111122223333",region="eu-west-1",state="${state}"\\} (\\d+)`).exec(
        metrics,
      )?.[1];
    expect([hours("proven"), hours("broken"), hours("missing") === "0"]).toEqual(["4", "0", false]);
  });

  test("show a log file that was altered; the other hours stay proven", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const [good, bad] = logs(0, "good", "bad") as [Delivered, Delivered];
    await deliver([good]);
    await deliver([bad], { body: gzipSync(`{"Records":[${call("other")}]}`) });
    await deliver([trail.digest(START, [good, bad]), trail.digest(START + HOUR, [])]);
    const seen = await daemon((now) => starts(now, "broken", "proven"));
    expect(seen.hours[0]).toMatchObject({ seen: 2, proven: 1, altered: 1 });
    expect(findings(seen)).toEqual(["log_altered"]);
    expect(seen.alerts[0]).toMatchObject({ severity: "critical", accountId: "111122223333", region: "eu-west-1" });
    expect(seen.alerts[0]?.why).toContain(bad.key);
    expect(seen.alerts[0]?.why).not.toContain(good.key);
  });

  test("show a log file that was deleted, whether a notice came of it or not", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const [told, untold, good] = logs(0, "told", "untold", "good") as [Delivered, Delivered, Delivered];
    await deliver([told, good]);
    await emulator.remove(BUCKET, told.key);
    await deliver([trail.digest(START, [told, untold, good])]);
    const seen = await daemon((now) => now.hours[0]?.missing === 2 && now.hours[0].proven === 1);
    expect(seen.states[0]).toBe("broken");
    expect(new Set(findings(seen))).toEqual(new Set(["log_missing"]));
    const [last] = seen.alerts;
    expect(last?.why).toContain("2 log files");
    expect([told.key, untold.key].every((name) => last?.why.includes(name))).toBe(true);
  });

  test("bring a log file of which no notice came: it is read, proven, and counted as late", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const [noticed, missed] = logs(0, "noticed", "missed") as [Delivered, Delivered];
    await deliver([noticed]);
    await deliver([missed], { isSilent: true });
    await deliver([trail.digest(START, [noticed, missed])]);
    const seen = await daemon((now) => starts(now, "proven"));
    expect(seen.hours[0]).toMatchObject({ seen: 2, proven: 2, late: 1 });
    expect(seen.read).toBe(2);
    expect(seen.alerts).toEqual([]);
  });

  const spoils: readonly (readonly [string, string, (digest: Delivered, other: Delivered) => Spoil])[] = [
    ["was altered", "digest_bad_signature", ({ text }) => ({ body: gzipSync(text.replace('"SHA256withRSA"', '"x"')) })],
    ["has the signature of another", "digest_bad_signature", (_digest, { metadata }) => ({ metadata })],
    ["has no signature", "digest_unsigned", () => ({ metadata: {} })],
    ["is another digest file", "digest_moved", (_digest, { body, metadata }) => ({ body, metadata })],
    ["is no digest file", "digest_malformed", () => ({ body: Buffer.from("x") })],
  ];
  test.each(spoils)("prove nothing where one %s: %s", async (_what, finding, spoil) => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const files = logs(1, "a");
    const [first, bad, last] = [
      trail.digest(START, []),
      trail.digest(START + HOUR, files),
      trail.digest(START + 2 * HOUR, []),
    ];
    await deliver([...files, first, last]);
    await deliver([bad], spoil(bad, first));
    const seen = await daemon((now) => starts(now, "proven", "broken", "proven"));
    expect(findings(seen)).toEqual([finding]);
    expect(seen.alerts[0]?.why).toContain(bad.key);
    expect(seen.hours[1]).toMatchObject({ seen: 1, proven: 0 });
  });

  test("signed with a key that CloudTrail does not have prove nothing", async () => {
    const { put: deliver, run: daemon } = await createWorld();
    const forged = makeTrail({ bucket: BUCKET, prefix: `t${tests}/` });
    await deliver([forged.digest(START, [])]);
    const seen = await daemon((now) => starts(now, "broken"));
    expect(findings(seen)).toEqual(["digest_unknown_key"]);
  });

  test("that are missing are missed by the next one; one without a notice is found by it", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const files = logs(2, "a");
    const [first, gone, silent, last] = [
      trail.digest(START, []),
      trail.digest(START + HOUR, []),
      trail.digest(START + 2 * HOUR, files),
      trail.digest(START + 3 * HOUR, []),
    ];
    await deliver([first, ...files]);
    await deliver([silent], { isSilent: true });
    await daemon((now) => starts(now, "proven"));
    await deliver([last]);
    const seen = await daemon((now) => starts(now, "proven", "broken", "proven", "proven"));
    expect(findings(seen)).toEqual(["digest_missing"]);
    expect(seen.alerts[0]?.why).toContain(gone.key);
  });

  test("of a chain that began anew show the hours between as missing", async () => {
    const { trail, put: deliver, run: daemon } = await createWorld();
    await deliver([trail.digest(START, []), trail.digest(START + 3 * HOUR, [], { starting: true })]);
    const seen = await daemon((now) => starts(now, "proven", "missing", "missing", "proven"));
    expect(findings(seen)).toEqual(["chain_restarted"]);
  });

  test("that leave a log file out show who put it there, and what was changed after it was proven", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const [good] = logs(0, "good") as [Delivered];
    for (let hour = 0; hour < 4; hour += 1)
      await deliver([trail.digest(START + hour * HOUR, hour === 0 ? [good] : [])]);
    await deliver([good]);
    await daemon((now) => starts(now, "proven", "proven", "proven", "proven"));
    const [forged] = logs(1, "forged") as [Delivered];
    await deliver([forged]);
    await deliver([good], { body: gzipSync(`{"Records":[${call("changed")}]}`) });
    const seen = await daemon((now) => starts(now, "broken", "broken", "proven", "proven"));
    expect(findings(seen)).toEqual(["log_altered", "log_unlisted"]);
    expect(seen.hours[0]).toMatchObject({ altered: 1, unlisted: 0 });
    expect(seen.hours[1]).toMatchObject({ unlisted: 1 });
    expect(seen.alerts.find(({ why }) => why.includes(forged.key))?.group).toMatchObject({ finding: "log_unlisted" });
  });

  test("of one trail say nothing of a second one without validation in the same folder, where that is said to be there", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld({ unlisted: false });
    const [listed] = logs(0, "listed") as [Delivered];
    const strangers = logs(1, "second-a", "second-b");
    await deliver([listed, ...strangers]);
    for (let hour = 0; hour < 4; hour += 1)
      await deliver([trail.digest(START + hour * HOUR, hour === 0 ? [listed] : [])]);
    await daemon((now) => starts(now, "proven", "proven", "proven", "proven"));
    // What is altered is told all the same, and after it there were looks enough for anything else.
    await deliver([listed], { body: gzipSync(`{"Records":[${call("changed")}]}`) });
    const seen = await daemon((now) => starts(now, "broken", "proven", "proven", "proven"));
    expect(findings(seen)).toEqual(["log_altered"]);
    expect(seen.hours[1]).toMatchObject({ seen: 2, proven: 0, unlisted: 0 });
    expect(seen.read).toBe(4);
  });

  test("made later for log files that came too late prove them", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const files = logs(0, "late");
    await deliver([...files, trail.digest(START, []), trail.digest(START, files, { backfill: true })]);
    const seen = await daemon((now) => starts(now, "proven") && now.hours[0]?.proven === 1);
    expect(seen.alerts).toEqual([]);
  });

  test("are verified after a restart where they could not be before, and are not read meanwhile as proven", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld();
    const files = logs(0, "a", "b");
    emulator.proxy.set({ service: "cloudtrail", fault: { kind: "error", code: "AccessDeniedException" } });
    onTestFinished(() => emulator.proxy.set());
    await deliver([...files, trail.digest(START, files)]);
    const before = await daemon((now) => now.read === 2 && now.states.length > 0);
    expect(before.states[0]).toBe("open");
    expect(before.alerts).toEqual([]);
    emulator.proxy.set();
    const seen = await daemon((now) => starts(now, "proven"));
    expect(seen.hours[0]).toMatchObject({ seen: 2, proven: 2, late: 0 });
    expect(seen.read).toBe(2);
  });

  test("are passed over where they are not to be verified", async () => {
    const { trail, logs, put: deliver, run: daemon } = await createWorld({ digests: false });
    const files = logs(0, "a");
    await deliver([...files, trail.digest(START, files)]);
    const seen = await daemon((now) => now.read === 1);
    expect(seen.hours).toEqual([]);
  });
});
