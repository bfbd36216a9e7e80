/**
 * Whatever EventBridge puts on a queue for Sagewatch, straight or by a topic, comes to the rules of its logsource: an alert
 * each. So does an event of 1 MiB, the most that a message of SQS holds.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { toSnsMessage } from "../../fakes/s3-notices.ts";
import { call, finding } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { createPlace, type Place, run, TIMEOUT_MS, toConfig, until, write } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

const MIB = 1024 * 1024;
const rule = (title: string, service: string, selection: object): string =>
  JSON.stringify({
    title,
    id: `7d0e7ab2-5a0e-4f0b-8a53-${title.length.toString().padStart(12, "0")}`,
    logsource: { product: "aws", service },
    detection: { selection, condition: "selection" },
    level: "low",
  });
const RULES = [
  rule("A call", "cloudtrail", { eventSource: "s3.amazonaws.com" }),
  rule("A finding", "guardduty", { type: "Recon:EC2/Portscan" }),
  rule("A cost anomaly", "cost", { AnomalyId: "*" }),
  rule("Another event", "eventbridge", { source: ["aws.securityhub", "aws.sagemaker", "aws.bedrock"] }),
];

/** A finding as Security Hub hands it on, of the product that found it. */
const hub = (product: string): string =>
  JSON.stringify({ findings: [{ ProductName: product, Severity: { Label: "HIGH" } }] });
const anomaly = (id: string): string =>
  JSON.stringify({ anomalyId: id, anomalyStartDate: "2026-01-02T00:00:00Z", impact: { totalImpact: 1001 } });

type Made = readonly [type: string, source: string, detail: (id: string) => string];
const KINDS: readonly Made[] = [
  ["AWS API Call via CloudTrail", "aws.s3", call],
  ["AWS API Call via CloudTrail", "aws.s3", (id) => call(id).replace('"eventType"', '"readOnly":true,"eventType"')],
  ["GuardDuty Finding", "aws.guardduty", finding],
  ...["Security Hub", "Config", "Inspector", "Macie"].map((product): Made => [
    "Security Hub Findings - Imported",
    "aws.securityhub",
    () => hub(product),
  ]),
  ["SageMaker Training Job State Change", "aws.sagemaker", () => '{"TrainingJobStatus":"Failed"}'],
  ["SageMaker Endpoint State Change", "aws.sagemaker", () => '{"EndpointStatus":"IN_SERVICE"}'],
  ["Model Customization Job State Change", "aws.bedrock", () => '{"status":"Completed"}'],
  ["Batch Inference Job State Change", "aws.bedrock", () => '{"status":"Submitted"}'],
  ["Anomaly Detected", "aws.ce", anomaly],
];

function countAlerts({ state }: Place): Record<string, number> {
  if (!existsSync(`${state}/store.db`)) return {};
  const views = openViews(state);
  const names = views.alerts({ limit: 1000 }).map(({ ruleName }) => ruleName);
  views.close();
  const counts = Map.groupBy(
    names.filter((name) => RULES.some((text) => text.includes(`"${name}"`))),
    (name) => name,
  );
  return Object.fromEntries([...counts].map(([name, all]) => [name, all.length]));
}

test(
  "each kind, straight and by a topic, is an alert, and so is an event of 1 MiB",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const queue = await emulator.createQueue("kinds");
    const bodies = KINDS.flatMap(([type, source, detail], at) =>
      ["straight", "topic"].map((way) => {
        const id = `${way}-${at}`;
        const text = envelope(type, detail(id), source).replace("844e2571", id);
        return way === "topic" ? toSnsMessage(text) : text;
      }),
    );
    const large = (fill: number): string =>
      envelope("AWS API Call via CloudTrail", call("large").replace('"b"', `"${"x".repeat(fill)}"`), "aws.s3");
    const most = large(MIB - large(0).length);
    expect(Buffer.byteLength(most)).toBe(MIB);
    await emulator.send(queue, bodies);
    await emulator.send(queue, [most]);
    const rules = [write(`${place.root}/own/kinds.yml`, RULES.join("\n---\n"))];
    const source = {
      type: "sqs-eventbridge",
      region: "eu-west-1",
      endpoint: emulator.endpoint,
      queue: queue.url,
      wait: "1s",
    };
    const end = new AbortController();
    const over = run(toConfig(place, { rules, more: { sources: [source], http: { enabled: false } } }), {
      signal: end.signal,
    });
    const expected = { "A call": 5, "A finding": 2, "A cost anomaly": 2, "Another event": 16 };
    await until(
      () => Object.values(countAlerts(place)).reduce((sum, count) => sum + count, 0) >= 25,
      "the alerts",
    ).catch(() => undefined);
    end.abort();
    await over;
    const views = openViews(place.state);
    const rows = views.quarantine({ limit: 10 }).map(({ reason, detail }) => [reason, detail]);
    views.close();
    expect([countAlerts(place), rows]).toEqual([expected, []]);
  },
);
