/**
 * One event by EventBridge, in a file of S3, by LookupEvents and through Kafka, in any order: one alert, one revision, all
 * its ways.
 *
 * Each way writes the record's bytes in its own form, as AWS does.
 */
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { AlertWithRecords } from "../../../src/contracts.ts";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { call } from "../../commands/cli.ts";
import { type Kept, serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { startFake } from "../../fakes/service.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { openPut } from "../../sources/kafka/set-up.ts";
import { call as recordOf, delivery, deliveryName } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import type { Kafka } from "../../support/kafka/broker.ts";
import { toNote, useKafka, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic } from "../../support/kafka/topics.ts";
import { createPlace, type Place, run, TIMEOUT_MS, toConfig, until, write } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  await emulator.createBucket("trail-logs");
});
afterAll(() => emulator.close());

const RULES = `title: Bucket ACL read
name: acl
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
---
title: Three bucket ACLs read
id: 7d0e7ab2-5a0e-4f0b-8a53-51c0b5a3d4f2
correlation:
  type: event_count
  rules: [acl]
  group-by: [userIdentity.arn]
  timespan: 1h
  condition: {gte: 3}
  generate: true
level: medium
`;
type Way = "push" | "trail" | "lookup" | "topic";
type Brokers = Pick<Kafka, "plain" | "direct">;
/** How long ago the events happened: what LookupEvents shows by now, and what no rule calls late. */
const DELAY_MS = 600_000;
const IDS = ["one", "two", "three"];

/** A record as it is today, in the form of each way: LookupEvents has its own order of members, EventBridge and Kafka spaces. */
function toForm(way: Way, id: string, time: string): string {
  const text = recordOf(id).replace("2026-01-02T03:04:05Z", time);
  const record = JSON.parse(text) as Record<string, unknown>;
  if (way === "push" || way === "topic") return JSON.stringify(record, null, way === "push" ? 1 : 2);
  return way === "trail" ? text : JSON.stringify(Object.fromEntries(Object.entries(record).toReversed()));
}

/** A topic, the source that reads it, and what puts values into it. */
async function openTopic({ plain, direct }: Brokers) {
  const topic = await makeTopic(direct);
  const { put, close } = await openPut(direct);
  onTestFinished(close);
  const source = { type: "kafka", name: "topic", brokers: plain, topics: [topic], group: topic };
  return { source, put: (texts: readonly string[]) => put(topic, 0, texts) };
}

/** The ways of a test; Kafka is one of them where there are brokers. */
async function openWays(place: Place, name: string, brokers: Brokers | null) {
  const kept: Kept[] = [];
  const fake = await startFake([serveCloudTrail(() => kept)]);
  onTestFinished(() => fake.close());
  const [push, trail] = [await emulator.createQueue(`push-${name}`), await emulator.createQueue(`trail-${name}`)];
  const shared = { region: "eu-west-1", endpoint: emulator.endpoint, wait: "1s" };
  const topic = brokers === null ? null : await openTopic(brokers);
  const sources = [
    ...(topic === null ? [] : [topic.source]),
    { ...shared, type: "sqs-eventbridge", name: "push", queue: push.url },
    { ...shared, type: "sqs-s3", name: "trail", queue: trail.url },
    { type: "cloudtrail-lookup", name: "lookup", regions: ["eu-west-1"], endpoint: fake.url, since: "1h" },
  ];
  const time = new Date(Math.floor(Date.now() / 1000) * 1000 - DELAY_MS).toISOString().replace(".000Z", "Z");
  const send: Record<Way, () => Promise<unknown>> = {
    push: () =>
      emulator.send(
        push,
        IDS.map((id) => envelope("AWS API Call via CloudTrail", toForm("push", id, time), "aws.s3")),
      ),
    trail: async () => {
      const key = deliveryName("20260102T0305Z", name);
      const bytes = gzipSync(delivery(...IDS.map((id) => toForm("trail", id, time))));
      const etag = await emulator.put("trail-logs", key, bytes);
      await emulator.send(trail, [toNotice({ bucket: "trail-logs", key, size: bytes.length, etag })]);
    },
    lookup: async () => {
      for (const id of IDS) kept.push({ timeMs: Date.parse(time), text: toForm("lookup", id, time) });
    },
    topic: async () => topic?.put(IDS.map((id) => toForm("topic", id, time))),
  };
  const rules = [write(`${place.root}/own/acl.yml`, RULES)];
  const config = toConfig(place, { rules, more: { sources, http: { enabled: false }, commit: { intervalMs: 20 } } });
  return { config, send };
}

function look(place: Place): AlertWithRecords[] {
  if (!existsSync(`${place.state}/store.db`)) return [];
  const views = openViews(place.state);
  const alerts = views.alerts({ limit: 100 }).filter(({ ruleName }) => ruleName.includes("ucket ACL"));
  const found = alerts.flatMap(({ id }) => views.alert(id) ?? []);
  views.close();
  return found;
}

/** Each way in its turn; then one alert for each event, and all ways on it. How many alerts there are. */
async function meet(order: readonly Way[], brokers: Brokers | null): Promise<number> {
  const place = createPlace();
  const { config, send } = await openWays(place, order.join(""), brokers);
  for (const [at, way] of order.entries()) {
    // Each way is met by a daemon of its own: what the ones before brought is known after a restart too.
    const end = new AbortController();
    await send[way]();
    const over = run(config, { signal: end.signal });
    await until(
      () => {
        const found = look(place);
        return found.length === 4 && found.every(({ paths }) => paths.length === at + 1);
      },
      `the alerts by ${order.slice(0, at + 1).join(", ")}`,
    );
    end.abort();
    await over;
    // The polls of a daemon that was stopped are cut; until the queue hears of it, they take what is sent.
    await emulator.quiet();
  }
  const alerts = look(place);
  for (const { alert, records, paths } of alerts) {
    const events = alert.severity === "medium" ? 3 : 1;
    expect(alert).toMatchObject({ revision: 1, eventCount: events });
    expect([alert.eventIds.length, alert.evidence.length, records.length]).toEqual([events, events, events]);
    expect(paths.map(({ source }) => source).toSorted()).toEqual(order.toSorted());
    for (const path of paths) {
      expect(path.events).toBe(events);
      expect(path.minDelayMs).toBeGreaterThanOrEqual(DELAY_MS);
      expect(path.maxDelayMs).toBeLessThan(DELAY_MS + TIMEOUT_MS);
    }
  }
  const burst = alerts.find(({ alert }) => alert.severity === "medium")?.alert.id ?? "";
  const { stdout } = await call("alerts", "show", "--state", place.state, burst);
  for (const way of order) expect(stdout).toMatch(new RegExp(`\\b${way}: 3 events, 1\\d min.* after they happened`));
  return alerts.length;
}

const orders: readonly (readonly Way[])[] = [
  ["push", "trail", "lookup"],
  ["lookup", "push", "trail"],
  ["trail", "lookup", "push"],
];

test.each(orders.map((order) => [...order]))("first %s, then %s, then %s", { timeout: TIMEOUT_MS }, async (...order) =>
  expect(await meet(order, null)).toBe(4),
);

const why = await whyNoKafka("any");
const fourWays: readonly (readonly Way[])[] = [
  ["topic", "lookup", "push", "trail"],
  ["trail", "push", "topic", "lookup"],
];

describe.skipIf(why !== null)(`with a topic of a real broker${toNote(why)}`, () => {
  let kafka: Awaited<ReturnType<typeof useKafka>>;
  beforeAll(async () => {
    kafka = await useKafka();
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  test.each(fourWays.map((order) => [...order]))(
    "first %s, then %s, then %s, then %s",
    { timeout: KAFKA_MS },
    async (...order) => expect(await meet(order, kafka)).toBe(4),
  );
});
