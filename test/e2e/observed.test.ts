/**
 * A real daemon watched from outside: its pages and its collector tell the figures of the run, and no output tells a secret.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { parseLines, run, type Running, start } from "../commands/cli.ts";
import { deliver, record } from "../commands/records.ts";
import { parsePrometheus, toKey } from "../ops/telemetry/prometheus-text.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-observed-"));
const live: Running[] = [];
afterAll(() => rmSync(root, { recursive: true }));
afterEach(async () => {
  for (const { child, ended } of live.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});

function setUp(
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): { dir: string; spool: string; config: string } {
  const dir = join(root, name);
  const spool = join(dir, "spool");
  mkdirSync(spool, { recursive: true });
  const config = join(dir, "sagewatch.yml");
  const settings = {
    state: { dir: join(dir, "state") },
    sources: [{ type: "file", name: "trail", paths: [spool], mode: "watch" }],
    sinks: [{ type: "file", name: "out", path: join(dir, "alerts.ndjson") }],
    http: { enabled: true, port: 0 },
    ...more,
  };
  writeFileSync(config, JSON.stringify(settings));
  return { dir, spool, config };
}

type Daemon = { readonly url: string; readonly running: Running; readonly errors: () => string };

async function startDaemon(config: string, env: Record<string, string> = {}): Promise<Daemon> {
  const running = start(["run", "--config", config], { env });
  live.push(running);
  let errors = "";
  running.child.stderr?.on("data", (chunk) => void (errors += String(chunk)));
  await running.until(/"http_opened".*\n/);
  const port = /"http_opened","host":"127.0.0.1","port":(\d+)/.exec(errors)?.[1];
  return { url: `http://127.0.0.1:${port}`, running, errors: () => errors };
}

const now = (secondsAgo = 0): string => new Date(Date.now() - secondsAgo * 1000).toISOString().replace(/\.\d+Z/, "Z");
const scrape = async (url: string): ReturnType<typeof read> => read(await (await fetch(`${url}/metrics`)).text());
const read = async (text: string): Promise<(name: string, labels?: Record<string, string>) => number | undefined> => {
  const samples = new Map([...parsePrometheus(text).values()].flatMap((family) => [...family.samples]));
  return (name, labels = {}) => samples.get(toKey(name, labels));
};
const ready = async (url: string): Promise<{ status: number; body: { reasons: { code: string }[] } }> => {
  const answer = await fetch(`${url}/ready`);
  return { status: answer.status, body: (await answer.json()) as { reasons: { code: string }[] } };
};

type OtlpPoints = { readonly dataPoints: readonly { readonly asDouble: number }[] };
type OtlpMetric = { readonly name: string; readonly sum?: OtlpPoints; readonly gauge?: OtlpPoints };
type Otlp = { resourceMetrics: { scopeMetrics: { metrics: OtlpMetric[] }[] }[] };

test("pages and collector tell the figures of the run; a drain is not ready", async () => {
  const bodies: Otlp[] = [];
  const hub = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => void (body += String(chunk)));
    request.on("end", () => {
      bodies.push(JSON.parse(body));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => void hub.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/v1/metrics`;
  const { spool, config, dir } = setUp("figures", { telemetry: { otlp: { endpoint, intervalMs: 1000 } } });
  const { url, running } = await startDaemon(config);
  await expect.poll(async () => (await ready(url)).status, { timeout: 20_000 }).toBe(200);
  deliver(spool, "0805", [
    record(1, { eventTime: now(30) }),
    record(2, { eventTime: now(30), eventName: "DescribeTrails", readOnly: true }),
    record(3, { eventTime: now(400), recipientAccountId: "444455556666", awsRegion: "eu-central-1" }),
    "[1]",
  ]);
  const figures = async (): Promise<unknown[]> => {
    const at = await scrape(url);
    const age = (stage: string, account: string, region: string): number | undefined =>
      at("sagewatch_record_age_seconds_count", { stage, source: "trail", account, region });
    return [
      at("sagewatch_records_read_total", { source: "trail" }),
      at("sagewatch_records_evaluated_total", { source: "trail" }),
      at("sagewatch_records_quarantined_total", { source: "trail", reason: "bad_json" }),
      at("sagewatch_quarantine_rows"),
      at("sagewatch_alerts_delivered_total", { sink: "out" }),
      at("sagewatch_outbox_bytes", { sink: "out" }),
      at("sagewatch_alert_wait_seconds_count", { sink: "out" }),
      age("read", "444455556666", "eu-central-1"),
      age("committed", "444455556666", "eu-central-1"),
      at("sagewatch_record_age_seconds_bucket", {
        stage: "read",
        source: "trail",
        account: "444455556666",
        region: "eu-central-1",
        le: "300",
      }),
      at("sagewatch_up"),
    ];
  };
  await expect.poll(figures, { timeout: 20_000 }).toEqual([4, 3, 1, 1, 2, 0, 2, 1, 1, 0, 1]);
  const at = await scrape(url);
  const [alert] = parseLines(readFileSync(join(dir, "alerts.ndjson"), "utf8"));
  const rule = String(alert?.["ruleId"]);
  expect(at("sagewatch_alerts_total", { rule, severity: String(alert?.["severity"]) })).toBe(2);
  expect(at("sagewatch_rule_matches_total", { rule })).toBe(2);
  const health = await (await fetch(`${url}/health`)).json();
  expect(health).toMatchObject({ status: "ok", reasons: [], lastCommitAgeS: expect.any(Number) });

  // A SIGTERM while something holds the drain up would show `draining`; what is certain is the end.
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  await expect(fetch(`${url}/health`)).rejects.toThrow("fetch failed");
  const metrics = new Map(
    bodies
      .at(-1)!
      .resourceMetrics.flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ metrics: all }) => all.map((metric) => [metric.name, metric] as const)),
      ),
  );
  expect(metrics.get("sagewatch_records_read_total")!.sum!.dataPoints[0]!.asDouble).toBe(4);
  expect(metrics.get("sagewatch_up")!.gauge!.dataPoints[0]!.asDouble).toBe(0);
  hub.closeAllConnections();
  hub.close();
});

test("while a sink does not answer the drain is told of as not ready, and health is", async () => {
  const { spool, config } = setUp("drain", {
    sinks: [{ type: "kafka", name: "bus", brokers: ["127.0.0.1:9"], topic: "alerts" }],
  });
  const { url, running } = await startDaemon(config);
  await expect.poll(async () => (await ready(url)).status, { timeout: 20_000 }).toBe(200);
  deliver(spool, "0805", [record(1, { eventTime: now(30) })]);
  await running.until(/"delivery_retry"/);
  running.child.kill("SIGTERM");
  await running.until(/"draining"/);
  expect(await ready(url)).toMatchObject({ status: 503, body: { ready: false, reasons: [{ code: "draining" }] } });
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const at = await scrape(url);
  expect(at("sagewatch_not_ready", { reason: "draining" })).toBe(1);
  expect(at("sagewatch_outbox_age_seconds", { sink: "bus" })).toBeGreaterThan(0);
});

describe("the port", () => {
  test("a daemon whose port is taken ends with http_failed; a run that reads once goes on without it", async () => {
    const first = setUp("first");
    const { url } = await startDaemon(first.config);
    const port = Number(new URL(url).port);
    const second = setUp("second", { http: { enabled: true, port } });
    const taken = await run(["run", "--config", second.config]);
    expect(taken.code).toBe(3);
    expect(parseLines(taken.stderr).at(-1)).toMatchObject({ signal: "failed", code: "http_failed" });
    const once = setUp("once", {
      http: { enabled: true, port },
      sources: [{ type: "file", mode: "once", paths: [root] }],
    });
    const ran = await run(["run", "--config", once.config]);
    expect(parseLines(ran.stderr).map(({ signal }) => signal)).toContain("http_unserved");
    expect(ran.code).toBe(0);
  });

  test("$SAGEWATCH_HTTP says where, the file goes before it, and nonsense is refused", async () => {
    const { config } = setUp("variable", { http: {} });
    const bad = await run(["run", "--config", config], { env: { SAGEWATCH_HTTP: "everywhere" } });
    expect([bad.code, bad.stderr]).toEqual([
      2,
      expect.stringContaining('must be off or HOST:PORT, such as 0.0.0.0:9464, is "everywhere"'),
    ]);
    const printed = await run(["config", "print", "--config", config], { env: { SAGEWATCH_HTTP: "[::1]:9000" } });
    expect(printed.stdout).toMatch(/http:\n {2}enabled: true\n {2}host: ::1\n {2}port: 9000\n/);
    const own = setUp("own", { http: { enabled: true, host: "127.0.0.1", port: 9001 } });
    const kept = await run(["config", "print", "--config", own.config], { env: { SAGEWATCH_HTTP: "off" } });
    expect(kept.stdout).toMatch(/http:\n {2}enabled: true\n {2}host: 127\.0\.0\.1\n {2}port: 9001\n/);
  });
});

test("planted secrets come out nowhere: log at its most talkative, pages, standard error", async () => {
  const planted = {
    collectorKey: "plantedCollectorKey0123",
    environment: "plantedEnvironmentKey4567890123456789012",
    accessKey: "AKIAPLANTEDKEY234567",
    sessionKey: "ASIAPLANTEDKEY234567",
    bearer: "plantedBearer.abcdefgh.ijklmnop",
    password: "plantedPassword1",
    urlPassword: "plantedUrlPassword2",
  };
  const { spool, config } = setUp("secrets", {
    log: { level: "trace" },
    telemetry: {
      otlp: {
        endpoint: "http://127.0.0.1:9/v1/metrics",
        intervalMs: 1000,
        headers: { authorization: { env: "COLLECTOR_KEY" } },
      },
    },
    sinks: [
      {
        type: "kafka",
        name: "bus",
        brokers: ["127.0.0.1:9"],
        topic: "alerts",
        tls: {},
        sasl: { mechanism: "plain", username: "u", password: { env: "KAFKA_PASSWORD" } },
      },
    ],
  });
  const { url, running, errors } = await startDaemon(config, {
    COLLECTOR_KEY: planted.collectorKey,
    KAFKA_PASSWORD: planted.password,
    AWS_SECRET_ACCESS_KEY: planted.environment,
    AWS_ACCESS_KEY_ID: planted.accessKey,
  });
  deliver(spool, "0805", [
    record(1, {
      eventTime: now(30),
      userAgent: `Bearer ${planted.bearer}`,
      errorMessage: `https://user:${planted.urlPassword}@db.example.com refused ${planted.accessKey}`,
      requestParameters: {
        password: planted.password,
        key: planted.sessionKey,
        name: `Authorization: Bearer ${planted.bearer}`,
      },
    }),
    `{"password": "${planted.password}", "broken": ${planted.accessKey}`,
    JSON.stringify({ ...record(2), eventTime: `${planted.sessionKey} Bearer ${planted.bearer}` }),
  ]);
  // A name that cannot be read ends up in a warning.
  const loop = join(
    spool,
    `https:user:${planted.accessKey} Bearer ${planted.bearer} password=${planted.password}.json`,
  );
  symlinkSync(loop, loop);
  await running.until(/"telemetry_failed"[^]*"delivery_retry"|"delivery_retry"[^]*"telemetry_failed"/);
  await running.until(/"source_warning"/);
  const pages = await Promise.all(
    ["/metrics", "/ready", "/health", "/elsewhere"].map(async (path) => (await fetch(url + path)).text()),
  );
  running.child.kill("SIGTERM");
  await running.until(/"draining"/);
  const outputs = [...pages, errors()].join("\n");
  expect(outputs).toContain("[secret]");
  const found = Object.entries(planted).filter(([, value]) => outputs.includes(value));
  expect(found).toEqual([]);
});
