/**
 * What people and models said goes no further than the rules: not into alerts, the state folder or the log, whether it
 * stands in the invocation log, beside it, or in a piece of it that is broken. Kept where `state.prompts` says so.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { createPlace, type Place, startRun, TIMEOUT_MS, until } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  await emulator.createBucket("bedrock-logs");
});
afterAll(() => emulator.close());

const SECRET = "the secret recipe";
const HOUR = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/2026/03/10/12";
const BLOCKED = {
  completion: SECRET,
  "amazon-bedrock-guardrailAction": "INTERVENED",
  "amazon-bedrock-trace": {
    guardrail: { output: [{ sensitiveInformationPolicy: { piiEntities: [{ match: SECRET, action: "BLOCKED" }] } }] },
  },
};

/** An entry of the log; odd ones have their output beside the log. */
function entry(at: number, over: object = {}): string {
  const output =
    at % 2 === 0
      ? { outputBodyJson: BLOCKED }
      : { outputBodyS3Path: `s3://bedrock-logs/${HOUR}/data/r${at}_output.json.gz` };
  return JSON.stringify({
    schemaType: "ModelInvocationLog",
    schemaVersion: "1.0",
    timestamp: new Date(Math.floor(Date.now() / 1000) * 1000 - 600_000 + at * 1000).toISOString(),
    accountId: "111122223333",
    identity: { arn: "arn:aws:sts::111122223333:assumed-role/app/session" },
    region: "eu-west-1",
    requestId: `r${at}`,
    operation: "InvokeModel",
    modelId: "anthropic.claude-3-haiku-20240307-v1:0",
    input: { inputTokenCount: 7, inputBodyJson: { prompt: SECRET } },
    output,
    ...over,
  });
}

const put = async (key: string, text: string) => {
  const bytes = gzipSync(text);
  return { bucket: "bedrock-logs", key, size: bytes.length, etag: await emulator.put("bedrock-logs", key, bytes) };
};

/** Files of the folder that hold the secret. */
const tellers = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => {
    const path = join(folder, name);
    return statSync(path).isFile() && readFileSync(path).includes(SECRET);
  });

/** A run over six calls that a guardrail stopped, and three pieces that are no records: one ends in the middle. */
async function runOnce(place: Place, prompts: boolean) {
  const queue = await emulator.createQueue(`bedrock-${prompts}`);
  const bodies = [1, 3, 5].map((at) => put(`${HOUR}/data/r${at}_output.json.gz`, JSON.stringify(BLOCKED)));
  const input = await put(`${HOUR}/data/r1_input.json.gz`, JSON.stringify({ prompt: SECRET }));
  await Promise.all(bodies);
  const lines = [
    ...[0, 1, 2, 3, 4, 5].map((at) => entry(at)),
    entry(6, { timestamp: undefined }),
    `{"schemaType":"ModelInvocationLog","input":{"inputBodyJson":${SECRET}}}`,
    `{"schemaType":"ModelInvocationLog","input":{"inputBodyJson":"${SECRET}`,
  ];
  const log = await put(`${HOUR}/20260310T120000000Z_a.json.gz`, lines.join("\n"));
  await emulator.send(queue, [toNotice(input), toNotice(log)]);
  const settings = {
    rules: ["shipped"],
    more: {
      state: { dir: place.state, prompts },
      sources: [
        { type: "bedrock-log", region: "eu-west-1", endpoint: emulator.endpoint, queue: queue.url, wait: "1s" },
      ],
      http: { enabled: false },
      log: { level: "trace" },
    },
  };
  const daemon = startRun(place, settings);
  await until(() => /"signal":"alert_written".*0f1f0c0b-7a31-4d0f-8a9e-2f64a6f2b7d5/.test(daemon.log()), "the alert");
  daemon.process.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);
  const views = openViews(place.state);
  const alerts = views.alerts({ limit: 100 });
  const records = alerts.flatMap(({ id }) => views.alert(id)?.records.map(({ record }) => record) ?? []);
  const rows = views.quarantine({ limit: 100 }).flatMap(({ id }) => views.quarantined(id) ?? []);
  views.close();
  return { names: alerts.map(({ ruleName }) => ruleName), records, rows, log: daemon.log() };
}

test(
  "by default nothing that is kept, told or logged has it, and detections are the same",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const { names, records, rows, log } = await runOnce(place, false);
    expect(names).toEqual(
      expect.arrayContaining([
        "Guardrail stopped one caller again and again",
        "Guardrail kept personal data or secrets from one caller many times",
      ]),
    );
    expect(records.length).toBeGreaterThanOrEqual(11);
    for (const record of records) {
      const { requestId, input, output } = JSON.parse(Buffer.from(record ?? []).toString());
      expect(requestId).toMatch(/^r\d$/);
      expect(input).toEqual({ inputTokenCount: 7 });
      expect(output.outputBodyJson).toEqual({
        "amazon-bedrock-guardrailAction": "INTERVENED",
        sensitiveInformationPolicy: { action: "BLOCKED" },
      });
    }
    expect(rows.map(({ reason, record }) => [reason, record ?? null])).toEqual([
      ["bad_json", null],
      ["truncated", null],
      ["no_event_time", null],
    ]);
    expect([tellers(place.root), log.includes(SECRET)]).toEqual([[], false]);
  },
);

test("`state.prompts` keeps it in the state folder, and in no alert", { timeout: TIMEOUT_MS }, async () => {
  const place = createPlace();
  const { records, rows, log } = await runOnce(place, true);
  expect(Buffer.from(records[0] ?? []).toString()).toContain(SECRET);
  expect(rows.map(({ record }) => Buffer.from(record ?? []).includes(SECRET))).toEqual([true, true, true]);
  expect(tellers(place.root)).toEqual([expect.stringMatching(/^state\/store\.db/)]);
  expect(log).not.toContain(SECRET);
});
