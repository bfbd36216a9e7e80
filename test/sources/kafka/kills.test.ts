/** The daemon on a topic of Kafka, killed with SIGKILL and started again: the alerts of a replay of the same records. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { call, delivery, deliveryName } from "../records.ts";
import { tellMissed } from "./missed.ts";
import { openPut } from "./set-up.ts";
import { type Kafka, startKafka } from "../../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../../support/kafka/find.ts";
import { makeTopic } from "../../support/kafka/topics.ts";
import { createPlace, replay, type Settings, startRun, toConfig, toContents, write } from "../../e2e/make.ts";

const why = await whyNoKafka("own");
const PARTITIONS = 3;

const RULE = `title: Bucket ACL read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c12
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
`;
const BURST = `title: Many bucket ACLs read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c13
correlation:
  type: event_count
  rules: [5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c12]
  group-by: [sourceIPAddress]
  timespan: 10m
  condition: {gte: 5}
  generate: true
level: high
`;

/** True as soon as it is so; false when it is not within `ms`. */
async function holds(isSo: () => boolean, ms: number): Promise<boolean> {
  for (const endMs = performance.now() + ms; performance.now() < endMs; await sleep(100)) if (isSo()) return true;
  return isSo();
}

describe.skipIf(why !== null)(`a daemon on a topic of a real broker${toNote(why)}`, () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka();
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  test(
    "no alert is lost and none invented over kills of the daemon and of the broker",
    { timeout: 2 * KAFKA_MS },
    async () => {
      const topic = await makeTopic(kafka.direct, { partitions: PARTITIONS });
      const place = createPlace();
      const rules = [write(join(place.root, "own", "acl.yml"), `${RULE}---\n${BURST}`)];
      const { put, close } = await openPut(kafka.direct);
      const records = Array.from({ length: 600 }, (_, at) =>
        call(`k${at}`)
          .replace("203.0.113.7", `203.0.113.${at % 50}`)
          .replace(":04:05Z", `:0${at % 10}:05Z`),
      );
      const putSome = async (from: number, to: number): Promise<void> => {
        for (let at = from; at < to; at += 20) {
          const part = records.slice(at, at + 20);
          // Half of them as pages.
          await put(topic, (at / 20) % PARTITIONS, at % 40 === 0 ? [delivery(...part)] : part);
          await sleep(30);
        }
      };
      const name = deliveryName("20260102T0305Z", "all");
      write(join(place.input, name), gzipSync(delivery(...records)));
      const source = { type: "kafka", brokers: kafka.plain, topics: [topic], requestTimeout: "1500ms" };
      const settings: Settings = {
        rules,
        more: { sources: [source], http: { enabled: false }, commit: { intervalMs: 20, records: 20 } },
      };
      const logs: (() => string)[] = [];
      const start = (): ReturnType<typeof startRun> => {
        const daemon = startRun(place, settings);
        logs.push(() => daemon.log());
        return daemon;
      };
      const delivered = (): string[] => {
        try {
          const lines = readFileSync(place.sink, "utf8").trimEnd().split("\n");
          return lines.map((line) => (JSON.parse(line) as { id: string }).id);
        } catch {
          return [];
        }
      };
      for (const round of [0, 1]) {
        const daemon = start();
        const before = delivered().length;
        const putting = putSome(round * 200, round * 200 + 200);
        await expect.poll(() => delivered().length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(before + 20);
        daemon.process.kill("SIGKILL");
        expect(await daemon.ended).toBe("SIGKILL");
        await putting;
      }
      const last = start();
      await putSome(400, 500);
      await kafka.nodes[0]?.kill();
      await sleep(1000);
      await kafka.nodes[0]?.start();
      await putSome(500, 600);
      const expected = await replay(toConfig(place, { rules }), [place.input]);
      const missing = (): ReadonlySet<string> =>
        new Set(expected.alerts.map(({ id }) => id)).difference(new Set(delivered()));
      const run = { place, brokers: kafka.direct, topic, expected: expected.alerts };
      const isThere = await holds(() => missing().size === 0, 90_000);
      expect(isThere ? "" : await tellMissed({ ...run, logs: logs.map((log) => log()) }, missing())).toBe("");
      last.process.kill("SIGTERM");
      expect(await last.ended).toBe(0);
      await close();
      const views = openViews(place.state);
      const alerts = views.alerts({ limit: 10_000 }).filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
      const [counts] = views.counts();
      views.close();
      expect(expected.alerts.length).toBeGreaterThan(650);
      expect(toContents(alerts)).toEqual(toContents(expected.alerts));
      expect(counts).toMatchObject({ source: "kafka", read: 600, evaluated: 600 });
    },
  );
});
