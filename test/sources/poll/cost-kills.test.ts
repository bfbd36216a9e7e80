/** The daemon on Cost Explorer, killed with SIGKILL and started again: no row is lost, and no call too many is made. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Anomaly } from "@aws-sdk/client-cost-explorer";
import { expect, onTestFinished, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { createPlace, type Place, type Settings, startRun, TIMEOUT_MS } from "../../e2e/make.ts";
import { serveCostExplorer } from "../../fakes/cost/cost-explorer.ts";
import { type FaultProxy, startFaultProxy } from "../../fakes/fault-proxy.ts";
import { startFake } from "../../fakes/service.ts";
import { anomaly } from "../../support/costs.ts";

useEnvironmentCredentials();

const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

/** Cost Explorer with a service that was not used before yesterday, and an anomaly; each answer takes a while. */
async function serveCosts(): Promise<FaultProxy> {
  const { RetrievedAt: _asked, ...found } = anomaly({ AnomalyStartDate: day(2), AnomalyEndDate: day(1) });
  const charges = ["Amazon Bedrock", "Amazon SageMaker", "AmazonCloudWatch"].map((service, at) => ({
    start: day(1),
    usd: String(500 - 200 * at),
    of: { LINKED_ACCOUNT: "111122223333", SERVICE: service },
  }));
  const books = {
    nowMs: Date.now,
    charges: () => charges,
    anomalies: () => [found as unknown as Anomaly],
    pageGroups: 8,
  };
  const fake = await startFake([serveCostExplorer(books)]);
  const proxy = await startFaultProxy(fake.url);
  onTestFinished(async () => {
    await proxy.close();
    await fake.close();
  });
  proxy.set({ fault: { kind: "delay", ms: 150 } });
  return proxy;
}

function toSettings(proxy: FaultProxy, callsPerDay: number, rules: readonly string[] = []): Settings {
  const groups = [["LINKED_ACCOUNT", "SERVICE"]];
  const source = { type: "cost", endpoint: proxy.url, groups, callsPerDay };
  return { rules, more: { sources: [source], http: { enabled: false }, commit: { intervalMs: 20 } } };
}

/** Runs the daemon until so many calls were made in whole, and kills it while the last one is under way. */
async function killAfter(
  calls: number,
  place: Place,
  { proxy, settings }: { proxy: FaultProxy; settings: Settings },
): Promise<void> {
  const daemon = startRun(place, settings);
  await expect.poll(() => proxy.log.length, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(calls);
  daemon.process.kill("SIGKILL");
  expect(await daemon.ended).toBe("SIGKILL");
}

/** Runs the daemon for a while and ends it; what it logged. */
async function runFor(ms: number, place: Place, settings: Settings): Promise<string> {
  const daemon = startRun(place, settings);
  await expect.poll(() => daemon.log(), { timeout: 30_000 }).toContain("opened");
  await sleep(ms);
  daemon.process.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);
  return daemon.log();
}

function alertsOf({ state }: Place): readonly string[] {
  const views = openViews(state);
  const alerts = views.alerts({ limit: 1000 });
  views.close();
  return alerts.map(({ ruleName, evidence }) => `${ruleName}: ${evidence[0]?.target ?? ""}`).toSorted();
}

test(
  "what was killed is asked again, what was committed is not, and each alert comes once",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const proxy = await serveCosts();
    const settings = toSettings(proxy, 30, ["shipped"]);
    await killAfter(2, place, { proxy, settings });
    await killAfter(proxy.log.length + 2, place, { proxy, settings });
    await runFor(3_000, place, settings);
    const calls = proxy.log.length;
    await runFor(1_500, place, settings);
    expect(proxy.log.length).toBe(calls);
    expect(alertsOf(place)).toEqual([
      "A service costs far more in a day than in the two weeks before: Amazon Bedrock",
      "A service costs far more in a day than in the two weeks before: Amazon SageMaker",
      "A service costs far more in a day than in the two weeks before: AmazonCloudWatch",
      "AWS found a cost anomaly of AI services or accelerators: USW2-BoxUsage:p4d.24xlarge",
    ]);
    const delivered = readFileSync(place.sink, "utf8").trimEnd().split("\n");
    expect(new Set(delivered.map((line) => (JSON.parse(line) as { id: string }).id)).size).toBe(4);
  },
);

test(
  "however often it is killed, a day has no call too many, and that costs are stale is an alert",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const proxy = await serveCosts();
    const settings = toSettings(proxy, 4);
    for (let kill = 1; kill <= 3; kill += 1) await killAfter(kill, place, { proxy, settings });
    for (let start = 0; start < 2; start += 1) await runFor(1_500, place, settings);
    expect(proxy.log.length).toBe(4);
    expect(alertsOf(place)).toContainEqual(expect.stringContaining("What a source gives is older than it should be"));
  },
);
