/** The sqs-s3 source through faults: bodies that break on their way, denials, and what a listing finds. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ObjectAnswer } from "../../../src/aws/object-get.ts";
import { type Clock, toUtcText } from "../../../src/lib/clock.ts";
import { type Fetched, fetchStored } from "../../../src/sources/sqs-s3/fetch.ts";
import type { Source } from "../../../src/contracts.ts";
import { awsAt, hasteClock, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { textsOf } from "../../contracts/source-exam.ts";
import type { Fault } from "../../fakes/fault-proxy.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { call, delivery, deliveryName } from "../records.ts";
import { createBucketTests, outcomesOf, takeAll } from "./s3-set-up.ts";

useEnvironmentCredentials();
const tests = createBucketTests();
beforeAll(() => tests.start());
afterAll(() => tests.stop());
afterEach(() => tests.reset());

const records = Array.from({ length: 200 }, (_, at) => call(`r${at}`));
let objects = 0;

describe.each(["first", "later"])(
  "a body that breaks on its way is tried again, and nothing of it is taken: %s",
  (turn) => {
    const error = (code: string, status: number): Fault => ({ kind: "error", code, status });
    test.each<[string, number, Fault]>([
      ["cut", 3, { kind: "truncate" }],
      ["short, its length saying so", 3, { kind: "short" }],
      ["altered", 3, { kind: "corrupt" }],
      ["throttled", 7, error("SlowDown", 503)],
      ["failing", 7, error("InternalError", 500)],
      ["reset", 7, { kind: "reset" }],
      ["lost", 7, { kind: "lose" }],
      ["expired credentials", 1, error("ExpiredToken", 400)],
    ])("%s", async (_name, times, fault) => {
      const queue = await tests.queue();
      const object = await tests.put(`broken/${(objects += 1)}.json.gz`, delivery(...records));
      const sendBroken = async (): Promise<void> => {
        tests.emulator.proxy.set({ operation: "GetObject", times, fault });
        await tests.emulator.send(queue, [toNotice(object)]);
      };
      // Later objects of a bucket are asked for after the model of the first.
      const before = turn === "first" ? [] : [call("before")];
      if (turn === "first") await sendBroken();
      else await tests.emulator.send(queue, [toNotice(await tests.put("before.json.gz", delivery(...before)))]);
      const source = tests.open(queue, {}, { clock: hasteClock(150, 20) });
      let sent = turn === "first";
      const onBatch = (): void => {
        if (!sent) void sendBroken();
        sent = true;
      };
      const batches = await takeAll(source, before.length + records.length, { onBatch });
      expect(outcomesOf(batches)).toEqual({ records: [...before, ...records].toSorted(), rejected: {}, skipped: {} });
      await tests.isEmpty(queue);
    });
  },
);

describe("an object of which S3 tells no checksum", () => {
  const stored = Buffer.from(call("stored"));
  const etag = createHash("md5").update(stored).digest("hex");
  const noticed = { bucket: "b", key: "k", etag, sequencer: "", sizeBytes: stored.length };
  /** What comes of it where each answer has these bytes, and the ETag of those that were stored. */
  const fetchAs = (bytes: Uint8Array): Promise<Fetched> => {
    const body = { [Symbol.asyncIterator]: () => Readable.from([bytes])[Symbol.asyncIterator]() };
    const answer = { ContentLength: bytes.length, ETag: `"${etag}"`, Metadata: {}, body, check: null };
    return fetchStored(noticed, {
      aws: awsAt("http://127.0.0.1:1"),
      get: () => Promise.resolve(answer as unknown as ObjectAnswer),
      clock: hasteClock(150, 1),
      maxBytes: 1000,
      signal: new AbortController().signal,
    });
  };

  test("is not taken while it is shorter than its notice says, however often it comes so", async () => {
    const detail = `20 bytes came of ${stored.length} of s3://b/k`;
    expect(await fetchAs(stored.subarray(0, 20))).toEqual({ is: "again", detail });
  });

  test("is taken where the same other bytes come twice: its ETag is no MD5", async () => {
    expect(await fetchAs(stored.fill("x", 5, 6))).toMatchObject({ is: "whole", etag });
  });
});

test("a denied object is told with the action to allow, stays in the queue, and is read when it is mended", async () => {
  const queue = await tests.queue();
  const object = await tests.put("denied.json", call("denied"));
  await tests.emulator.send(queue, [toNotice(object)]);
  tests.emulator.proxy.set({
    operation: "GetObject",
    times: 1,
    fault: { kind: "error", code: "AccessDenied", status: 403 },
  });
  const batches = await takeAll(tests.open(queue, { visibility: "1s" }), 1);
  expect(batches.flatMap(textsOf)).toEqual([call("denied")]);
  expect(tests.warnings[0]).toMatch(/s3:\/\/trail-logs\/denied.json is not read: .*allow s3:GetObject/);
  await tests.isEmpty(queue);
});

test("an object of which no notice came is found by listing, once; one that was read is not", async () => {
  const queue = await tests.queue();
  // The emulator stores objects now; seen from twenty minutes on, no notice can be on its way.
  const clock = { ...hasteClock(1e9, 1), nowMs: () => Date.now() + 20 * 60_000 };
  const slot = toUtcText(Math.floor(Date.now() / 60_000) * 60_000);
  const folder = `org/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/${slot.slice(0, 10).replaceAll("-", "/")}`;
  const name = (suffix: string): string => deliveryName(slot.replaceAll(/[-:]|00Z$/g, "").concat("Z"), suffix);
  const missed = await tests.put(`${folder}/${name("missed")}`, delivery(call("missed")));
  const known = await tests.put(`${folder}/${name("known")}`, delivery(call("known")));
  const old = await tests.put(
    `${folder.replace(/\d{4}\/\d\d\/\d\d$/, "2020/01/01")}/${name("old")}`,
    delivery(call("old")),
  );
  const positions = new Map([[`s3://${known.bucket}/${known.key}`, `done|${known.etag}|`]]);
  const trails = [{ bucket: tests.bucket, prefix: "org/" }];
  const source = tests.open(queue, { trails }, { clock });
  const batches = await takeAll(source, 2, { positions, by: "settled" });
  expect(batches.flatMap(textsOf)).toEqual([call("missed")]);
  expect(batches.flatMap(({ positions }) => positions.map(({ key }) => key)).toSorted()).toEqual([
    `s3://${missed.bucket}/${missed.key}`,
    `sweep|${tests.bucket}|org/`,
  ]);
  expect(tests.warnings).toEqual([
    `1 objects of s3://${tests.bucket}/org/ were found by listing: no notice had come of them.`,
  ]);
  expect(old.key).toContain("2020/01/01");
});

describe("an object that a listing finds and that cannot be read is met again", () => {
  const EVERY_MS = 14 * 60_000;
  const settings = (prefix: string): Record<string, unknown> => ({
    trails: [{ bucket: tests.bucket, prefix }],
    sweepEvery: `${EVERY_MS}ms`,
  });
  const hoursAgo = (hours: number): number => Math.floor(Date.now() / 60_000 - hours * 60) * 60_000;
  /** Of a trail that was listed five hours ago: an object of three hours ago, which all tries of one fetch fail to get. */
  const prepare = async (prefix: string): Promise<ReadonlyMap<string, string>> => {
    const slot = toUtcText(hoursAgo(3));
    const folder = `${prefix}AWSLogs/111122223333/CloudTrail/eu-west-1/${slot.slice(0, 10).replaceAll("-", "/")}`;
    const name = deliveryName(slot.replaceAll(/[-:]|00Z$/g, "").concat("Z"), "held");
    await tests.put(`${folder}/${name}`, delivery(call("held")));
    const fault: Fault = { kind: "error", code: "InternalError", status: 500 };
    tests.emulator.proxy.set({ operation: "GetObject", times: 15, fault });
    return new Map([[`sweep|${tests.bucket}|${prefix}`, String(hoursAgo(5))]]);
  };
  // The emulator stores objects now; seen from twenty minutes on, no notice can be on its way.
  const hasty = { ...hasteClock(150, 20), nowMs: () => Date.now() + 20 * 60_000 };

  test("after a restart", async () => {
    const queue = await tests.queue();
    const open = (): Source => tests.open(queue, settings("after/"), { clock: hasty });
    const [listed] = await takeAll(open(), 1, { positions: await prepare("after/"), by: "settled" });
    const [position] = listed?.positions ?? [];
    expect(position?.key).toBe(`sweep|${tests.bucket}|after/`);
    expect(Number(position?.value)).toBeLessThanOrEqual(hoursAgo(3));
    const positions = new Map([[position!.key, position!.value]]);
    const batches = await takeAll(open(), 1, { positions });
    expect(batches.flatMap(textsOf)).toEqual([call("held")]);
  });

  test("also when the listing after it fails", { timeout: 20_000 }, async () => {
    const queue = await tests.queue();
    const positions = await prepare("failing/");
    const waits = new Set<() => void>();
    const sleep: Clock["sleep"] = (ms, signal) => {
      if (ms !== EVERY_MS) return hasty.sleep(ms, signal);
      const { promise, resolve } = Promise.withResolvers<void>();
      waits.add(resolve);
      signal?.addEventListener("abort", () => resolve());
      return promise;
    };
    const end = (): void => {
      for (const resolve of waits) resolve();
      waits.clear();
    };
    let timer: NodeJS.Timeout | null = null;
    const onBatch = (): void => {
      if (timer !== null) return;
      const fault: Fault = { kind: "error", code: "AccessDenied", status: 403 };
      tests.emulator.proxy.set({ operation: "ListObjectsV2", times: 1, fault });
      timer = setInterval(end, 50);
    };
    const batches = await takeAll(tests.open(queue, settings("failing/"), { clock: { ...hasty, sleep } }), 1, {
      positions,
      onBatch,
    });
    clearInterval(timer ?? undefined);
    expect(batches.flatMap(textsOf)).toEqual([call("held")]);
    expect(tests.warnings.some((text) => text.startsWith("Objects without a notice are not looked for"))).toBe(true);
  });
});
