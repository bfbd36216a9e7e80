/**
 * What /ready goes by: each type of live source tells that it is read once what it reads from has answered, with records
 * or without, and not while that refuses. The kafka source, which needs a broker, is examined in ./kafka/faults.test.ts.
 */
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { type SourceConfig, sourceRegistry } from "../../src/sources/registry.ts";
import { eventually, hasteClock, useEnvironmentCredentials } from "../aws/set-up.ts";
import { serveCloudTrail } from "../fakes/cloudtrail.ts";
import { serveCostExplorer } from "../fakes/cost/cost-explorer.ts";
import { startEmulator } from "../fakes/emulator.ts";
import { type FaultProxy, startFaultProxy } from "../fakes/fault-proxy.ts";
import { toNotice } from "../fakes/s3-notices.ts";
import { serveGuardDuty } from "../fakes/guardduty.ts";
import { startKinesis } from "../fakes/kinesis.ts";
import { type Served, startFake } from "../fakes/service.ts";
import { createFolder, LIMITS } from "./records.ts";

useEnvironmentCredentials();
/** A busy machine. */
const SOON_MS = 60_000;
const SLOW = { timeout: 3 * SOON_MS };

type Subject = { readonly proxy: FaultProxy; readonly settings: Readonly<Record<string, unknown>> };

async function fakeOf(service: Served, settings: Subject["settings"]): Promise<Subject> {
  const fake = await startFake([service]);
  onTestFinished(() => fake.close());
  const proxy = await startFaultProxy(fake.url);
  onTestFinished(() => proxy.close());
  return { proxy, settings: { endpoint: proxy.url, ...settings } };
}

async function queueOf(): Promise<Subject> {
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  const queue = await emulator.createQueue("answers");
  const proxy = await startFaultProxy(emulator.endpoint);
  onTestFinished(() => proxy.close());
  return { proxy, settings: { queue: queue.url, region: "eu-west-1", endpoint: proxy.url, wait: "1s" } };
}

async function streamOf(): Promise<Subject> {
  const kinesis = await startKinesis();
  onTestFinished(() => kinesis.close());
  await kinesis.createStream("answers", 2);
  const settings = { stream: "answers", region: "eu-west-1", endpoint: kinesis.endpoint, every: "200ms" };
  return { proxy: kinesis.proxy, settings };
}

const REFUSED = { kind: "error", code: "AccessDeniedException", status: 400, message: "no" } as const;
const regions = ["eu-west-1"];
const books = { charges: () => [], nowMs: () => Date.UTC(2026, 2, 12) };

const SUBJECTS: readonly (readonly [SourceConfig["type"], () => Promise<Subject>])[] = [
  ["sqs-eventbridge", queueOf],
  ["sqs-s3", queueOf],
  ["bedrock-log", queueOf],
  ["kinesis", streamOf],
  [
    "cloudtrail-lookup",
    () =>
      fakeOf(
        serveCloudTrail(() => []),
        { regions },
      ),
  ],
  [
    "guardduty",
    () =>
      fakeOf(
        serveGuardDuty({ id: "12abc34d567e8fa901bc2d34e56789f0" }, () => []),
        { regions },
      ),
  ],
  ["cost", () => fakeOf(serveCostExplorer(books), { anomalies: false })],
];

/** What polls by the minute or the hour polls at once. Calls of a queue and of a stream keep their deadlines. */
const quick: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 50), signal) };

/** Reads until the test ends, and counts what the source tells. */
function startReading(type: SourceConfig["type"], settings: Subject["settings"]): () => number {
  let answers = 0;
  const entry = sourceRegistry[type];
  const source = entry.create(entry.schema.parse({ type, ...settings }) as never, {
    clock: "queue" in settings || "stream" in settings ? hasteClock(150, 20) : quick,
    limits: LIMITS,
    warn: () => undefined,
    onAnswered: () => void (answers += 1),
  });
  const end = new AbortController();
  const reading = (async () => {
    for await (const batch of source.read(new Map(), end.signal))
      for (const one of [batch, ...(batch.also ?? [])]) one.settle();
  })();
  onTestFinished(async () => {
    end.abort();
    await reading;
  });
  return () => answers;
}

test.each(SUBJECTS)("%s: not while it is refused, and once it is answered", SLOW, async (type, open) => {
  const { proxy, settings } = await open();
  proxy.set({ fault: REFUSED });
  const answers = startReading(type, settings);
  const refused = (): number => proxy.log.filter(({ fault }) => fault === "error").length;
  await eventually(() => refused() > 0, true, SOON_MS);
  expect(answers()).toBe(0);
  proxy.set();
  await eventually(() => answers() > 0, true, SOON_MS);
});

test("sqs-s3: not while the queue answers and its bucket does not", SLOW, async () => {
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  const [bucket, key] = ["answers", "AWSLogs/111122223333/CloudTrail/eu-west-1/a.json.gz"];
  await emulator.createBucket(bucket);
  const queue = await emulator.createQueue("answers");
  const { endpoint, proxy } = emulator;
  proxy.set({ service: "s3", fault: REFUSED });
  const body = gzipSync('{"Records":[]}');
  const etag = await emulator.put(bucket, key, body);
  await emulator.send(queue, [toNotice({ bucket, key, size: body.length, etag })]);
  const visibility = "2s";
  const answers = startReading("sqs-s3", { queue: queue.url, region: "eu-west-1", endpoint, wait: "1s", visibility });
  const received = (): number => proxy.log.filter(({ operation }) => operation === "ReceiveMessage").length;
  const refused = (): number => proxy.log.filter(({ fault }) => fault === "error").length;
  // Refused for the second time, so the first is known.
  await eventually(() => refused() > 1, true, SOON_MS);
  const [before, asked] = [answers(), received()];
  await eventually(() => received() > asked + 2, true, SOON_MS);
  expect(answers()).toBe(before);
  proxy.set();
  await eventually(() => answers() > before, true, SOON_MS);
});

test("file: once its folder was looked through, though it is empty", async () => {
  const folder = createFolder();
  onTestFinished(() => folder.remove());
  const answers = startReading("file", { paths: [folder.path], mode: "watch" });
  await expect.poll(answers, { timeout: 10_000 }).toBeGreaterThan(0);
});

test("every type that the configuration knows is examined", () => {
  const examined = [...SUBJECTS.map(([type]) => type), "file", "kafka"];
  expect(Object.keys(sourceRegistry).toSorted()).toEqual(examined.toSorted());
});
