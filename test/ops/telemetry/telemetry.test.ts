/**
 * Metrics: what signals and readings come to, as a scraper and as a collector get it; bounded whatever strangers invent.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { AGE_BOUNDS_MS, toAges } from "../../../src/model/ages.ts";
import { createSecret } from "../../../src/model/secret.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { createTelemetry, type Telemetry, type TelemetryOptions } from "../../../src/ops/telemetry.ts";
import { SERIES_MAX } from "../../../src/ops/telemetry/labels.ts";
import { READINGS } from "../../../src/ops/telemetry/readings.ts";
import { METRICS } from "../../../src/ops/telemetry/table.ts";
import { type Family, parsePrometheus, toKey } from "./prometheus-text.ts";

const OFF = { endpoint: null, headers: {}, intervalMs: 60_000, attributes: {} };
const open: Telemetry[] = [];
afterEach(async () => {
  for (const telemetry of open.splice(0)) await telemetry.close();
});

function create(options: Partial<TelemetryOptions> = {}): Telemetry {
  const telemetry = createTelemetry({
    clock: systemClock,
    version: "1.2.3",
    emit: (signal) => telemetry.listen(signal),
    otlp: OFF,
    ...options,
  });
  open.push(telemetry);
  return telemetry;
}

async function count(signals: readonly Signal[]): Promise<Map<string, Family>> {
  const telemetry = create();
  for (const signal of signals) telemetry.listen(signal);
  return parsePrometheus(await telemetry.text());
}

const batch = (source: string, read: number): Signal => ({
  type: "batch",
  source,
  read,
  evaluated: read - 1,
  bytes: 1000,
  matches: 2,
  elapsedMs: 4,
});
const lateness = (accountId: string, region: string): Signal => ({
  type: "lateness",
  stage: "read",
  source: "trail",
  accountId,
  region,
  ages: toAges([0, 0, 10_000], 12_000),
});

describe("counting", () => {
  test("counters add up by label, gauges keep the last, ms become seconds", async () => {
    const families = await count([
      batch("a", 10),
      batch("a", 5),
      batch("b", 1),
      { type: "state", groups: 5, members: 9, bytes: 100 },
      { type: "state", groups: 4, members: 8, bytes: 90 },
      { type: "watermark", logsource: "aws/cloudtrail", watermarkMs: 0, lagMs: 1500 },
    ]);
    expect(Object.fromEntries(families.get("sagewatch_records_read_total")!.samples)).toEqual({
      'sagewatch_records_read_total{source="a"}': 15,
      'sagewatch_records_read_total{source="b"}': 1,
    });
    expect([...families.get("sagewatch_state_groups")!.samples.values()]).toEqual([4]);
    expect([...families.get("sagewatch_watermark_lag_seconds")!.samples.values()]).toEqual([1.5]);
    expect(
      families
        .get("sagewatch_match_seconds")!
        .samples.get(toKey("sagewatch_match_seconds_bucket", { source: "a", le: "0.005" })),
    ).toBe(2);
    expect(
      families.get("sagewatch_match_seconds")!.samples.get(toKey("sagewatch_match_seconds_sum", { source: "a" })),
    ).toBeCloseTo(0.008);
  });

  test("ages arrive as counts: by stage, source, account and Region", async () => {
    const families = await count([lateness("111122223333", "us-east-1"), lateness("111122223333", "us-east-1")]);
    const { samples } = families.get("sagewatch_record_age_seconds")!;
    const labels = { stage: "read", source: "trail", account: "111122223333", region: "us-east-1" };
    const at = (end: string, le?: string): number | undefined =>
      samples.get(toKey(`sagewatch_record_age_seconds_${end}`, { ...labels, ...(le === undefined ? {} : { le }) }));
    expect([at("count"), at("sum"), at("bucket", "1"), at("bucket", "2"), at("bucket", "15")]).toEqual([
      6, 52, 0, 2, 6,
    ]);
  });

  test("an alert counts once, its revisions apart; the rules in use have one hash", async () => {
    const written = (revision: number): Signal => ({
      type: "alert_written",
      ruleId: "r-1",
      severity: "high",
      alertId: "x",
      revision,
    });
    const loaded = (hash: string): Signal => ({
      type: "rules_loaded",
      rules: 1,
      correlations: 0,
      warnings: 0,
      hash,
      elapsedMs: 1,
    });
    const families = await count([written(1), written(2), written(3), loaded("aa"), loaded("bb")]);
    const labels = { rule: "r-1", severity: "high" };
    expect(families.get("sagewatch_alerts_total")!.samples.get(toKey("sagewatch_alerts_total", labels))).toBe(1);
    expect(
      families.get("sagewatch_alert_revisions_total")!.samples.get(toKey("sagewatch_alert_revisions_total", labels)),
    ).toBe(3);
    expect([...families.get("sagewatch_rules_info")!.samples]).toEqual([['sagewatch_rules_info{hash="bb"}', 1]]);
  });

  test("any names and codes give a text that a scraper takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), async (source, code) => {
        await count([
          batch(source, 3),
          { type: "delivery_retry", sink: source, code, alerts: 1, waitMs: 1 },
          lateness(code, source),
        ]);
      }),
      { numRuns: 60 },
    );
    const families = await count([batch('a"b\\c', 3)]);
    expect(
      families
        .get("sagewatch_records_read_total")!
        .samples.get(toKey("sagewatch_records_read_total", { source: 'a"b\\c' })),
    ).toBe(3);
  });

  test("what the text tells is what the tables promise", async () => {
    const telemetry = create();
    telemetry.add(() =>
      Object.entries(READINGS)
        .filter(([name]) => !name.startsWith("process_"))
        .map(([name, { labels }]) => ({
          name: name as keyof typeof READINGS,
          labels: Object.fromEntries(labels.map((label) => [label, "x"])),
          value: 1,
        })),
    );
    telemetry.listen(batch("a", 3));
    const families = parsePrometheus(await telemetry.text());
    for (const name of Object.keys(READINGS)) expect([...families.keys()]).toContain(name);
    for (const [name, { type, help }] of families)
      expect(METRICS.find((entry) => entry.name === name)).toMatchObject({ type, what: help.replaceAll("\\\\", "\\") });
  });

  test("a part whose reading fails takes nothing from the others", async () => {
    const telemetry = create();
    telemetry.add(() => {
      throw new Error("database is not open");
    });
    const forget = telemetry.add(() => [{ name: "sagewatch_up", value: 1 }]);
    expect((await telemetry.text()).includes("sagewatch_up 1")).toBe(true);
    forget();
    expect((await telemetry.text()).includes("sagewatch_up 1")).toBe(false);
  });
});

describe("bounds", () => {
  test("accounts, Regions and codes beyond a number of them, or of no such shape, are `other`", async () => {
    const account = (number: number): string => String(number).padStart(12, "0");
    const families = await count([
      ...Array.from({ length: 300 }, (_, index) => lateness(account(index), "us-east-1")),
      lateness("arn:aws:iam::1:user/x", "192.0.2.1"),
      ...Array.from({ length: 90 }, (_, index): Signal => ({
        type: "delivery_retry",
        sink: "s",
        code: `E${index}`,
        alerts: 1,
        waitMs: 1,
      })),
      { type: "delivery_retry", sink: "s", code: "connect ECONNREFUSED 10.0.0.1:9092", alerts: 1, waitMs: 1 },
    ]);
    const { samples } = families.get("sagewatch_record_age_seconds")!;
    const counts = [...samples].filter(([key]) => key.includes("_count{"));
    expect(counts).toHaveLength(102);
    expect(counts.reduce((sum, [, value]) => sum + value, 0)).toBe(903);
    expect(
      samples.get(
        toKey("sagewatch_record_age_seconds_count", {
          stage: "read",
          source: "trail",
          account: "other",
          region: "us-east-1",
        }),
      ),
    ).toBe(600);
    const retries = families.get("sagewatch_delivery_retries_total")!.samples;
    expect(retries.get(toKey("sagewatch_delivery_retries_total", { sink: "s", code: "other" }))).toBe(31);
    expect(await create().text()).not.toContain("192.0.2.1");
  });

  test("accounts times Regions stay below the number of series", async () => {
    const signals = Array.from({ length: 100 }, (_, account) =>
      Array.from({ length: 40 }, (_, region) => lateness(String(account).padStart(12, "0"), `us-east-${region}`)),
    ).flat();
    const { samples } = (await count(signals)).get("sagewatch_record_age_seconds")!;
    const counts = [...samples].filter(([key]) => key.includes("_count{"));
    expect(counts).toHaveLength(SERIES_MAX + 1);
    expect(counts.reduce((sum, [, value]) => sum + value, 0)).toBe(3 * signals.length);
  });

  test("an age falls into the bucket of the least bound that holds it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 200_000_000 })), (ages) => {
        const { counts, sumMs } = toAges(
          ages.map((age) => -age),
          0,
        );
        const expected = [...AGE_BOUNDS_MS, Infinity].map(
          (bound, index) => ages.filter((age) => age <= bound && age > (AGE_BOUNDS_MS[index - 1] ?? -Infinity)).length,
        );
        expect(counts).toEqual(expected);
        expect(sumMs).toBe(ages.reduce((sum, age) => sum + Math.max(0, age), 0));
      }),
    );
  });
});

type Received = { readonly headers: Record<string, unknown>; readonly body: OtlpBody };
type OtlpMetric = {
  readonly name: string;
  readonly unit: string;
  readonly sum?: object;
  readonly gauge?: object;
  readonly histogram?: { readonly dataPoints: readonly object[] };
};
type OtlpBody = {
  resourceMetrics: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeMetrics: { metrics: OtlpMetric[] }[];
  }[];
};

async function collector(status: () => number): Promise<{ url: string; received: Received[]; close(): Promise<void> }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (status() === 200)
        received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(status(), { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

describe("OTLP", () => {
  test("a collector gets the same figures, with resource, units and headers", async () => {
    const hub = await collector(() => 200);
    const token = createSecret({ env: "TOKEN" });
    token.fill("s3cr3t");
    const otlp = {
      endpoint: hub.url,
      headers: { "x-token": token },
      intervalMs: 60_000,
      attributes: { "deployment.environment.name": "test" },
    };
    const telemetry = createTelemetry({ clock: systemClock, version: "1.2.3", emit: () => undefined, otlp });
    await telemetry.start();
    telemetry.listen(batch("a", 10));
    telemetry.listen(lateness("111122223333", "us-east-1"));
    const text = parsePrometheus(await telemetry.text());
    await telemetry.close();
    await hub.close();
    const { headers, body } = hub.received.at(-1)!;
    expect(headers["x-token"]).toBe("s3cr3t");
    const [{ resource, scopeMetrics }] = body.resourceMetrics as [OtlpBody["resourceMetrics"][number]];
    const attributes = Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value.stringValue]));
    expect(attributes).toEqual({
      "service.name": "sagewatch",
      "service.version": "1.2.3",
      "deployment.environment.name": "test",
    });
    const metrics = new Map(scopeMetrics.flatMap(({ metrics: all }) => all).map((metric) => [metric.name, metric]));
    expect(new Set(metrics.keys())).toEqual(new Set(text.keys()));
    expect(metrics.get("sagewatch_records_read_total")!.sum).toMatchObject({
      isMonotonic: true,
      aggregationTemporality: 2,
      dataPoints: [{ asDouble: 10, attributes: [{ key: "source", value: { stringValue: "a" } }] }],
    });
    const age = metrics.get("sagewatch_record_age_seconds")!;
    expect(age.unit).toBe("s");
    expect(age.histogram!.dataPoints[0]).toMatchObject({
      count: 3,
      sum: 26,
      explicitBounds: AGE_BOUNDS_MS.map((ms) => ms / 1000),
    });
    expect(metrics.get("process_resident_memory_bytes")).toMatchObject({ unit: "By", gauge: {} });
  });

  test("a collector that refuses is told of once, and again when it takes them", async () => {
    let status = 400;
    const told: string[] = [];
    const hub = await collector(() => status);
    const otlp = { ...OFF, endpoint: hub.url, intervalMs: 1000 };
    const telemetry = createTelemetry({
      clock: systemClock,
      version: "1",
      emit: ({ type }) => void told.push(type),
      otlp,
    });
    await telemetry.start();
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(1);
    await systemClock.sleep(1500);
    status = 200;
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(["telemetry_failed", "telemetry_restored"]);
    await telemetry.close();
    await hub.close();
  });

  test("a dead collector does not hold up the end", async () => {
    const told: Signal[] = [];
    const otlp = { ...OFF, endpoint: "http://127.0.0.1:9/v1/metrics", intervalMs: 1000 };
    const telemetry = createTelemetry({
      clock: systemClock,
      version: "1",
      emit: (signal) => void told.push(signal),
      otlp,
    });
    await telemetry.start();
    const begunMs = performance.now();
    await telemetry.close();
    expect(performance.now() - begunMs).toBeLessThan(4000);
  });
});
