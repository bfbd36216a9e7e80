/**
 * The whole daemon with Kafka: how soon an alert is in the topic, and what the daemon costs when nothing happens.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { composeRun } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Sink, Source } from "../../src/contracts.ts";
import type { Additions } from "../../src/model/addition.ts";
import { record } from "../commands/records.ts";
import { type Kafka, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { countMessages, makeTopic, readByConsole } from "../support/kafka/topics.ts";
import { p99 } from "./load.ts";
import { KAFKA_MS } from "./make.ts";

const why = await whyNoKafka("own");
const TICKS_PER_S = 10;
const RECORDS_PER_TICK = 100;
const ALERTS_PER_TICK = 5;

describe.skipIf(why !== null)(`the daemon and a real broker${toNote(why)}`, () => {
  let kafka: Kafka;
  let root: string;
  beforeAll(async () => {
    kafka = await startKafka();
    root = mkdtempSync(join(tmpdir(), "sagewatch-kafka-daemon-"));
  }, KAFKA_MS);
  afterAll(async () => {
    await kafka?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  /** Writes a rule and a configuration with two sinks into a folder of its own; gives its text. */
  const configure = (
    name: string,
    { topic, isShipped }: { topic: string; isShipped: boolean },
  ): { input: string; config: string } => {
    const place = join(root, name);
    const input = join(place, "input");
    mkdirSync(input, { recursive: true });
    writeFileSync(
      join(place, "rule.yml"),
      "title: Logging off\nname: logging_off\nlevel: high\ntags: [attack.t1562.008]\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  sel: {eventName: StopLogging}\n  condition: sel\n",
    );
    const config = JSON.stringify({
      state: { dir: join(place, "state") },
      sources: [{ type: "file", name: "in", paths: [input], mode: "watch" }],
      sinks: [
        { type: "kafka", brokers: kafka.plain, topic },
        { type: "file", path: join(place, "alerts.ndjson") },
      ],
      accounts: { "111122223333": { name: "ml-prod", env: "prod", owner: "team-ml" } },
      http: { port: 0 },
      rules: { paths: [isShipped ? "shipped" : join(place, "rule.yml")] },
    });
    return { input, config };
  };

  /** A file of records, of which some make an alert; it appears whole. */
  const drop = (input: string, tick: number, { records, alerts }: { records: number; alerts: number }): void => {
    const all = Array.from({ length: records }, (_, i) =>
      record(tick * records + i, i < alerts ? {} : { eventName: "DescribeTrails", readOnly: true }),
    );
    const path = join(input, `${String(tick).padStart(6, "0")}.json`);
    writeFileSync(`${path}.part`, JSON.stringify({ Records: all }));
    renameSync(`${path}.part`, path);
  };

  test("1,000 records a second, 50 of them alerts, enriched, to two sinks: in the topic in under a second", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 12 });
    const { input, config } = configure("latency", { topic, isShipped: false });
    const readMs = new Map<string, number>();
    const latencies: number[] = [];
    const additions: (Additions | undefined)[] = [];
    const onRead = (source: Source): Source => ({
      ...source,
      async *read(positions, signal) {
        for await (const batch of source.read(positions, signal)) {
          for (let i = 0; i < batch.offsets.length; i += 2) {
            const text = Buffer.from(batch.chunk.slice(batch.offsets[i], batch.offsets[i + 1])).toString();
            readMs.set((JSON.parse(text) as { eventID: string }).eventID, performance.now());
          }
          yield batch;
        }
      },
    });
    const onSent = (sink: Sink): Sink =>
      sink.name !== "kafka"
        ? sink
        : {
            ...sink,
            send: async (items, signal) => {
              const results = await sink.send(items, signal);
              for (const [i, item] of items.entries()) {
                if (results[i]?.status !== "accepted") continue;
                latencies.push(performance.now() - (readMs.get(item.alert.eventIds[0] ?? "") ?? Infinity));
                additions.push(item.additions);
              }
              return results;
            },
          };
    const stop = new AbortController();
    const running = composeRun({
      config: parseConfig(config, { adapters: ADAPTERS, path: null }).config,
      emit: () => undefined,
      signal: stop.signal,
      wraps: { source: onRead, sink: onSent },
    });
    const seconds = 30;
    for (let tick = 0; tick < seconds * TICKS_PER_S; tick += 1) {
      drop(input, tick, { records: RECORDS_PER_TICK, alerts: ALERTS_PER_TICK });
      await sleep(1000 / TICKS_PER_S);
    }
    const wanted = seconds * TICKS_PER_S * ALERTS_PER_TICK;
    for (let waited = 0; latencies.length < wanted && waited < 60_000; waited += 100) await sleep(100);
    stop.abort();
    await running;
    expect(latencies).toHaveLength(wanted);
    // Each left with all that is looked up, not because its deadline was over.
    for (const one of additions) {
      expect(one?.errors).toEqual([]);
      expect(Object.keys(one?.enrichment ?? {})).toEqual(expect.arrayContaining(["account", "attack", "related"]));
    }
    const sorted = latencies.toSorted((a, b) => a - b);
    const p50 = sorted[Math.floor(sorted.length / 2)] ?? 0;
    process.stderr.write(`read to acknowledged: p50 ${p50.toFixed(0)} ms, p99 ${p99(latencies).toFixed(0)} ms\n`);
    expect(p99(latencies)).toBeLessThan(1000);
    const ids = new Set((await readByConsole(kafka.direct, topic)).map(({ headers }) => headers["id"]));
    expect(ids.size).toBe(wanted);
  });

  test("idle for a minute, watching and serving, it takes less than a hundredth of a core, and no timer goes wrong", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 12 });
    const { input, config } = configure("idle", { topic, isShipped: true });
    const path = join(root, "idle", "sagewatch.yml");
    writeFileSync(path, config);
    const main = join(import.meta.dirname, "../../src/main.ts");
    const child = spawn(process.execPath, [main, "run", "--config", path], { stdio: ["ignore", "ignore", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let log = "";
    child.stderr.on("data", (bytes: Buffer) => (log += bytes.toString()));
    // Enough alerts that every lane has its producer and its connections.
    drop(input, 1, { records: 60, alerts: 60 });
    for (let waited = 0; (await countMessages(kafka.direct, topic)) < 60 && waited < 60; waited += 1) await sleep(500);
    await sleep(5000);
    expect(log).toContain('"http_opened"');
    const seconds = 60;
    const before = cpuMs(child.pid);
    await sleep(seconds * 1000);
    const share = (cpuMs(child.pid) - before) / (seconds * 1000);
    process.stderr.write(`idle: ${(share * 100).toFixed(2)} % of a core\n`);
    expect(await countMessages(kafka.direct, topic)).toBe(60);
    expect(share).toBeLessThan(0.01);
    expect(log).not.toContain("Warning");
  });
});

/** CPU time of a process, user and system, ms (Linux; clock ticks of 10 ms). */
function cpuMs(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
