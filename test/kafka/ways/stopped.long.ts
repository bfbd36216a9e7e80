/**
 * A daemon over an EventBridge queue, S3 and a topic that stands still (SIGSTOP) for longer than its messages are hidden
 * and its membership of the Kafka group lasts (reliability.md T19): nothing is lost, nothing comes twice beyond what a
 * queue may do, and a daemon that is started beside it on the same state folder is refused. It goes on as another member of
 * the group, from where it was.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import {
  createPlace,
  type Place,
  replay,
  type Settings,
  startRun,
  toConfig,
  toContents,
  write,
} from "../../e2e/make.ts";
import { startEmulator } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { openPut } from "../../sources/kafka/set-up.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { toNote, useKafka, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic, withAdmin } from "../../support/kafka/topics.ts";
import { KAFKA_MS } from "../make.ts";

useEnvironmentCredentials();
const why = await whyNoKafka("any");
/** Longer than the visibility of 2 s and the session of 10 s. */
const STOP_MS = 14_000;
const PER_WAY = 60;

const RULE = `title: Bucket ACL read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c15
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
`;

/** Three ways and what sends records `from` to `to` by each; all of them are in the input of a replay. */
async function openWays(place: Place) {
  const emulator = await startEmulator();
  const kafka = await useKafka();
  onTestFinished(async () => {
    await emulator.close();
    await kafka.stop();
  });
  await emulator.createBucket("trail-logs");
  const [push, files] = [await emulator.createQueue("push"), await emulator.createQueue("files")];
  const topic = await makeTopic(kafka.direct);
  const { put, close } = await openPut(kafka.direct);
  onTestFinished(close);
  const queued = { region: "eu-west-1", endpoint: emulator.endpoint, wait: "1s", visibility: "2s" };
  const sources = [
    { type: "sqs-eventbridge", name: "push", queue: push.url, ...queued },
    { type: "sqs-s3", name: "files", queue: files.url, ...queued },
    { type: "kafka", name: "topic", brokers: kafka.plain, topics: [topic], group: topic },
  ];
  const textsOf = (way: string, from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, at) => call(`${way}-${from + at}`));
  const send = async (from: number, to: number): Promise<void> => {
    const [pushed, filed, topical] = [textsOf("p", from, to), textsOf("f", from, to), textsOf("t", from, to)];
    const key = deliveryName("20260102T0305Z", `n${from}`);
    const bytes = gzipSync(delivery(...filed));
    write(join(place.input, key), gzipSync(delivery(...pushed, ...filed, ...topical)));
    const etag = await emulator.put("trail-logs", key, bytes);
    await emulator.send(files, [toNotice({ bucket: "trail-logs", key, size: bytes.length, etag })]);
    await emulator.send(
      push,
      pushed.map((text) => envelope("AWS API Call via CloudTrail", text, "aws.s3")),
    );
    await put(topic, 0, topical);
  };
  /** Id of the daemon in the group of its topic, null while it is in none. */
  const readMember = (): Promise<string | null> =>
    withAdmin(kafka.direct, async (admin) => {
      const { groups } = await admin.describeGroups([topic]);
      const [{ state, members } = { state: "none", members: [] }] = groups;
      return state === "Stable" ? (members[0]?.memberId ?? null) : null;
    });
  return { sources, send, readMember };
}

function delivered({ sink }: Place): { id: string; revision: number }[] {
  try {
    const lines = readFileSync(sink, "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as { id: string; revision: number });
  } catch {
    return [];
  }
}

describe.skipIf(why !== null)(`a daemon that stands still${toNote(why)}`, () => {
  test("loses nothing and gives nothing twice; another one beside it is refused", { timeout: KAFKA_MS }, async () => {
    const place = createPlace();
    const { sources, send, readMember } = await openWays(place);
    const rules = [write(join(place.root, "own", "acl.yml"), RULE)];
    const settings: Settings = { rules, more: { sources, http: { enabled: false }, commit: { intervalMs: 20 } } };
    await send(0, PER_WAY / 3);
    const daemon = startRun(place, settings);
    await expect.poll(() => delivered(place).length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
    await expect.poll(readMember, { timeout: 60_000 }).not.toBeNull();
    const before = await readMember();
    daemon.process.kill("SIGSTOP");
    await send(PER_WAY / 3, (2 * PER_WAY) / 3);
    const second = startRun(place, settings, "second.yml");
    expect(await second.ended).not.toBe(0);
    expect(second.log()).toContain("store_locked");
    await sleep(STOP_MS);
    expect(await readMember()).toBeNull();
    daemon.process.kill("SIGCONT");
    const isBack = async (): Promise<boolean> => ![null, before].includes(await readMember());
    await expect.poll(isBack, { timeout: 60_000 }).toBe(true);
    await send((2 * PER_WAY) / 3, PER_WAY);
    const expected = await replay(toConfig(place, { rules }), [place.input]);
    expect(expected.alerts.length).toBeGreaterThanOrEqual(3 * PER_WAY);
    const missing = (): string[] => {
      const there = new Set(delivered(place).map(({ id }) => id));
      return expected.alerts.map(({ id }) => id).filter((id) => !there.has(id));
    };
    await expect.poll(missing, { timeout: 60_000, interval: 100 }).toEqual([]);
    daemon.process.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
    // Nobody died, so the sink got each revision once.
    const revisions = delivered(place).map(({ id, revision }) => `${id} ${revision}`);
    expect(revisions.length).toBe(new Set(revisions).size);
    const views = openViews(place.state);
    const alerts = views.alerts({ limit: 10_000 }).filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
    const counts = new Map(views.counts().map((one) => [one.source, one]));
    views.close();
    expect(Object.keys(toContents(alerts))).toEqual(Object.keys(toContents(expected.alerts)));
    expect(counts.get("topic")).toMatchObject({ read: PER_WAY, evaluated: PER_WAY });
    expect(counts.get("files")).toMatchObject({ evaluated: PER_WAY });
    const { read = 0, evaluated = 0 } = counts.get("push") ?? {};
    expect(read).toBe(evaluated);
    expect(read).toBeGreaterThanOrEqual(PER_WAY);
  });
});
