/**
 * Nine sinks over AWS and HTTP, one of which takes an alert a second: the others have their alerts as soon as without it.
 * Three of them are slow in turn; SAGEWATCH_SLOW_SINKS names others, by commas. Time is taken from the commit to the outbox knowing that the sink has the alert. Kafka and the file:
 * test/kafka/slow-sink.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { isSecret } from "../../src/model/secret.ts";
import { type SinkConfig, sinkRegistry } from "../../src/sinks/registry.ts";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import type { FaultProxy } from "../fakes/fault-proxy.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Target } from "../outages/target.ts";
import { TARGETS } from "../outages/targets.ts";
import { measureSinks, type SinkTimes } from "../support/slow-sinks.ts";

useEnvironmentCredentials();

const NAMES = ["eventbridge", "security-hub", "sqs", "sns", "splunk-hec", "elastic", "webhook", "slack", "pagerduty"];
/** Each sink takes it one by one within a tick, slow as this machine is. */
const LOAD = { ticks: 12, perTick: 2, tickMs: 100 };
const ALERTS = LOAD.ticks * LOAD.perTick;
const SLOW = (process.env["SAGEWATCH_SLOW_SINKS"] ?? "sqs,elastic,slack").split(",");
/** Below it a percentile of a shared machine, receivers on it, says nothing, ms; whoever waits for the slow one waits ten times as long. */
const NOISE_MS = 2000;

function openSink({ config, env = {} }: Target): Sink {
  const { type } = config as SinkConfig;
  const parsed = ADAPTERS.sinks[type]?.schema.parse(config) as Record<string, unknown>;
  for (const value of Object.values(parsed)) if (isSecret(value)) value.fill(Object.values(env)[0] ?? "");
  return sinkRegistry[type].create(parsed as never, { version: "0.1.0", stdout: process.stdout });
}

/** When each id had first come to a receiver. */
function watchArrivals(proxy: FaultProxy | undefined): Map<string, number> {
  const seen = new Map<string, number>();
  proxy?.watch((body) => {
    const atMs = systemClock.monotonicMs();
    for (const [id] of body.matchAll(/[0-9a-f]{64}/g)) if (!seen.has(id)) seen.set(id, atMs);
  });
  return seen;
}

/** p99 until the alert is at the receiver, and until it is acknowledged, ms. */
function tell(times: readonly (readonly [string, SinkTimes])[]): string {
  const told = times.map(([name, { arrivedP99, p99 }]) => `${name} ${arrivedP99?.toFixed(0)}/${p99.toFixed(0)}`);
  return `${told.join(", ")} ms`;
}

test(
  "a sink that takes an alert a second delays none of the others, whichever it is",
  { timeout: 240_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sagewatch-slow-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const targets = await Promise.all(
      NAMES.map((name) => (TARGETS[name] as (typeof TARGETS)[string]).open({ folder, timeout: "5s" })),
    );
    onTestFinished(async () => void (await Promise.all(targets.map((target) => target.close()))));
    const arrivals = new Map(targets.map(({ name, proxy }) => [name, watchArrivals(proxy)]));
    const measure = (slow: string | null): ReturnType<typeof measureSinks> => {
      for (const seen of arrivals.values()) seen.clear();
      return measureSinks(targets.map(openSink), slow, { ...LOAD, arrivals });
    };
    const all = await measure(null);
    process.stderr.write(`none slow: ${tell([...all])}\n`);
    for (const slow of SLOW) {
      const now = await measure(slow);
      const others = [...now].filter(([name]) => name !== slow);
      process.stderr.write(`${slow} slow: ${tell(others)}\n`);
      for (const [name, { p99, arrivedP99, taken, waiting }] of others) {
        expect({ name, taken, waiting }).toEqual({ name, taken: ALERTS, waiting: 0 });
        expect(arrivedP99, `${name} came to its receiver`).toBeLessThanOrEqual(p99);
        expect(p99 / Math.max(all.get(name)?.p99 ?? 0, NOISE_MS), `${name} beside a slow ${slow}`).toBeLessThan(2);
      }
      expect(now.get(slow)?.waiting).toBeGreaterThan(ALERTS / 2);
    }
  },
);
