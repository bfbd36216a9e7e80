/** The daemon on a queue of S3 notices, killed with SIGKILL and started again: the alerts of a replay of the same files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { eventually, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";
import { createPlace, replay, type Settings, startRun, TIMEOUT_MS, toConfig, toContents, write } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  await emulator.createBucket("trail-logs");
});
afterAll(() => emulator.close());

const RULE = `title: Bucket ACL read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
`;

test("no alert is lost and none invented over kills", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  const queue = await emulator.createQueue("kills");
  const rules = [write(join(place.root, "own", "acl.yml"), RULE)];
  for (let file = 0; file < 40; file += 1) {
    const name = deliveryName("20260102T0305Z", `file${file}`);
    const bytes = gzipSync(delivery(...Array.from({ length: 10 }, (_, at) => call(`k${file}-${at}`))));
    write(join(place.input, name), bytes);
    const etag = await emulator.put("trail-logs", name, bytes);
    await emulator.send(queue, [toNotice({ bucket: "trail-logs", key: name, size: bytes.length, etag })]);
  }
  const { endpoint } = emulator;
  const source = { type: "sqs-s3", region: "eu-west-1", queue: queue.url, endpoint, wait: "1s", visibility: "2s" };
  const settings: Settings = {
    rules,
    more: { sources: [source], http: { enabled: false }, commit: { intervalMs: 20 } },
  };
  // Slow objects, so that the kills meet it at work.
  emulator.proxy.set({ operation: "GetObject", fault: { kind: "delay", ms: 100 } });
  for (const killAfter of [3, 9]) {
    const daemon = startRun(place, settings);
    const before = emulator.proxy.log.length;
    const fetched = (): number =>
      emulator.proxy.log.slice(before).filter((one) => one.operation === "GetObject").length;
    await expect.poll(fetched, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(killAfter);
    await sleep(120);
    daemon.process.kill("SIGKILL");
    expect(await daemon.ended).toBe("SIGKILL");
  }
  const last = startRun(place, settings);
  await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 }, 30_000);
  last.process.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  const expected = await replay(toConfig(place, { rules }), [place.input]);
  const views = openViews(place.state);
  const alerts = views.alerts({ limit: 10_000 }).filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
  views.close();
  expect(expected.alerts.length).toBeGreaterThanOrEqual(400);
  expect(Object.keys(toContents(alerts))).toEqual(Object.keys(toContents(expected.alerts)));
  const delivered = new Set(
    readFileSync(place.sink, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: string }).id),
  );
  for (const { id } of expected.alerts) expect(delivered.has(id)).toBe(true);
});
