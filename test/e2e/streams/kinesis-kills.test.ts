/** The daemon on a Kinesis stream that is split, killed with SIGKILL and started again: the alerts of a replay of the same records. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Signal } from "../../../src/model/signal.ts";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type KinesisFake, startKinesis } from "../../fakes/kinesis.ts";
import { toAggregate, toLogs } from "../../sources/kinesis/set-up.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";
import { createPlace, type Place, replay, run, type Settings, startRun, TIMEOUT_MS, toConfig, toContents, until, write } from "../make.ts"; // prettier-ignore

useEnvironmentCredentials();
let kinesis: KinesisFake;
beforeAll(async () => void (kinesis = await startKinesis()));
afterAll(() => kinesis.close());

const RULES = `title: Bucket ACL read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
`;
const PIECES = 8;
const RECORDS = 25;

/** Puts the records in every shape into shards that are split between; the same records as files to be replayed. */
async function fill(stream: string, place: Place): Promise<void> {
  const open = ["shardId-000000000000", "shardId-000000000001"];
  for (let piece = 0; piece < PIECES; piece += 1) {
    const records = Array.from({ length: RECORDS }, (_, at) => call(`k${piece}-${at}`));
    write(join(place.input, deliveryName("20260102T0305Z", `p${piece}`)), gzipSync(delivery(...records)));
    const shapes = [[toLogs(records)], [toAggregate(records)], [gzipSync(delivery(...records))], records];
    const target = open[piece % open.length];
    await kinesis.put(stream, shapes[piece % shapes.length] ?? [], target);
    if (piece % 4 !== 3) continue;
    const children = await kinesis.split(stream, target ?? "");
    open.splice(open.indexOf(target ?? ""), 1, ...children.map(({ ShardId = "" }) => ShardId));
  }
}

function settingsFor(stream: string, rules: readonly string[] = []): Settings {
  const { endpoint } = kinesis;
  const source = { type: "kinesis", region: "eu-west-1", stream, endpoint, every: "200ms", concurrency: 1 };
  return { rules, more: { sources: [source], http: { enabled: false }, commit: { intervalMs: 20 } } };
}

/** The alerts of a state folder. */
function alertsOf(place: Place): ReturnType<ReturnType<typeof openViews>["alerts"]> {
  const views = openViews(place.state);
  const alerts = views.alerts({ limit: 10_000 });
  views.close();
  return alerts;
}
const isOwn = ({ ruleId }: { readonly ruleId: string }): boolean => ruleId.startsWith("sagewatch.");

test("no alert is lost and none invented over kills, also through splits", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  await kinesis.createStream("kills", 2);
  await fill("kills", place);
  const rules = [write(join(place.root, "own", "acl.yml"), RULES)];
  const settings = settingsFor("kills", rules);
  // Slow answers, so that the kills meet it at work; and small ones, as a shard that is behind gives many of.
  kinesis.proxy.set({ operation: "GetRecords", fault: { kind: "delay", ms: 150 } });
  const answers = (): number => kinesis.proxy.log.filter(({ operation }) => operation === "GetRecords").length;
  for (const killAfter of [1, 2, 3]) {
    const daemon = startRun(place, settings);
    const before = answers();
    await expect.poll(() => answers() - before, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(killAfter);
    await sleep(60 * killAfter);
    daemon.process.kill("SIGKILL");
    expect(await daemon.ended).toBe("SIGKILL");
  }
  const last = startRun(place, settings);
  const expected = await replay(toConfig(place, { rules }), [place.input]);
  const found = (): ReturnType<typeof alertsOf> => alertsOf(place).filter((alert) => !isOwn(alert));
  await until(() => found().length >= expected.alerts.length, "the alerts of all records");
  last.process.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  expect(expected.alerts.length).toBeGreaterThanOrEqual(PIECES * RECORDS);
  expect(Object.keys(toContents(found()))).toEqual(Object.keys(toContents(expected.alerts)));
  const lines = readFileSync(place.sink, "utf8").trimEnd().split("\n");
  const delivered = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id));
  for (const { id } of expected.alerts) expect(delivered.has(id)).toBe(true);
  expect(last.log()).not.toContain("source_gap");
});

test("records that are gone unread are an alert, once", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  await kinesis.createStream("gap");
  await kinesis.put("gap", [call("a")]);
  kinesis.proxy.set();
  const config = toConfig(place, settingsFor("gap"));
  const runUntil = async (isEnough: (signals: readonly Signal[]) => boolean): Promise<void> => {
    const end = new AbortController();
    const signals: Signal[] = [];
    const emit = (signal: Signal): void => {
      signals.push(signal);
      if (isEnough(signals)) end.abort();
    };
    await run(config, { signal: end.signal, emit });
  };
  const hasCommitted = (signals: readonly Signal[]): boolean => signals.some(({ type }) => type === "committed");
  await runUntil(hasCommitted);
  expect(alertsOf(place).filter(isOwn)).toEqual([]);
  const stuck = (body: string): string =>
    JSON.stringify({ ...(JSON.parse(body) as object), Records: [], MillisBehindLatest: 86_400_000 });
  kinesis.proxy.set({ operation: "GetRecords", times: 1, fault: { kind: "edit", edit: stuck } });
  const isWritten = ({ type, ...signal }: Signal): boolean =>
    type === "alert_written" && (signal as { ruleId: string }).ruleId === "sagewatch.source_gap";
  await runUntil((signals) => signals.some(isWritten));
  await runUntil((signals) => signals.some(({ type }) => type === "store_opened"));
  const gaps = alertsOf(place).filter(({ ruleId }) => ruleId === "sagewatch.source_gap");
  expect(gaps).toMatchObject([{ severity: "high", why: expect.stringContaining("Source kinesis: records of shard") }]);
});
