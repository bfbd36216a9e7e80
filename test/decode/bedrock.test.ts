/** Records of the model-invocation log: who called what, under the names that CloudTrail has too, and nothing of what was said. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toBodyOutcome } from "../../src/decode/envelope-bedrock.ts";
import { decoders } from "../../src/decode/registry.ts";
import type { Event } from "../../src/model/event.ts";
import { createRecordBatcher } from "../../src/sources/records/batches.ts";
import { LIMITS } from "../sources/records.ts";
import { cpuMs } from "../support/cpu.ts";

const NOW_MS = Date.UTC(2026, 2, 10, 11);

/** A call as the log has it, with changes. */
function invocation(over: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    timestamp: "2026-03-10T10:04:00Z",
    accountId: "123456789012",
    identity: { arn: "arn:aws:sts::123456789012:assumed-role/support-bot/i-0abc" },
    region: "us-east-1",
    requestId: "0c0d0e0f-0000-4000-8000-000000000001",
    operation: "Converse",
    modelId: "anthropic.claude-sonnet-4-5-20250929-v1:0",
    input: { inputBodyJson: { messages: [{ content: [{ text: "the secret plan" }] }] }, inputTokenCount: 820 },
    output: { outputBodyJson: { stopReason: "end_turn" }, outputTokenCount: 12 },
    schemaType: "ModelInvocationLog",
    schemaVersion: "1.0",
    ...over,
  });
}
const decode = (text: string): unknown =>
  decoders.bedrock.decode(Buffer.from(text), { nowMs: NOW_MS, duplicateKeys: false });

describe("a record of the model-invocation log", () => {
  test("becomes an event under its request's id, by the role behind the session; texts stay in the record", () => {
    const event = decode(invocation()) as Event;
    expect(event).toMatchObject({
      kind: "bedrock",
      logsource: "aws/bedrock",
      key: "0c0d0e0f-0000-4000-8000-000000000001",
      version: 0,
      timeMs: Date.UTC(2026, 2, 10, 10, 4),
      accountId: "123456789012",
      region: "us-east-1",
      principal: {
        id: "arn:aws:iam::123456789012:role/support-bot",
        name: "support-bot",
        kind: "workload",
        session: "i-0abc",
      },
      evidence: { action: "bedrock:Converse", target: "anthropic.claude-sonnet-4-5-20250929-v1:0", error: "" },
    });
    const { record, ...envelope } = event;
    expect(JSON.stringify(record)).toContain("secret plan");
    expect(JSON.stringify(envelope)).not.toContain("secret plan");
  });

  test.each([
    [
      { identity: { arn: "arn:aws:iam::123456789012:user/ci" } },
      { principal: { id: "arn:aws:iam::123456789012:user/ci", name: "ci", kind: "human" } },
    ],
    [{ identity: { arn: "arn:aws:iam::123456789012:root" } }, { principal: { kind: "root" } }],
    [
      { identity: { arn: "arn:aws-us-gov:sts::123456789012:assumed-role/r/s" } },
      { principal: { id: "arn:aws-us-gov:iam::123456789012:role/r" } },
    ],
    [{ identity: undefined }, { principal: { id: "", kind: "unknown" } }],
    [{ errorCode: "AccessDeniedException" }, { evidence: { error: "AccessDeniedException" } }],
    [{ requestId: undefined }, { key: expect.stringMatching(/^sha256:/) as string }],
    [{ timestamp: undefined }, { reason: "no_event_time", detail: "timestamp is missing" }],
    [{ timestamp: "2026-03-10T11:06:00Z" }, { reason: "future_event" }],
  ])("%j", (over, expected) => {
    expect(decode(invocation(over))).toMatchObject(expected);
  });

  test("is known among other records, line by line as S3 gets it", () => {
    const bytes = Buffer.from(`${invocation()}\n${invocation({ requestId: "b" })}\n`);
    const batcher = createRecordBatcher({ source: "s", path: "p", limits: LIMITS, sizeHint: bytes.length, skip: 0 });
    const batches = [...batcher.push(bytes), ...batcher.end()];
    expect(batches.map(({ kind, indexes, rejected }) => [kind, indexes.length, rejected.length])).toEqual([
      ["bedrock", 2, 0],
    ]);
  });
});

const published = join(
  import.meta.dirname,
  "../../../shared/data/bedrock-invocation/publisher-simulated/splunk_cross_region_possible_inference_abuse.ndjson",
);
test.skipIf(!existsSync(published))("records that others published are read too", () => {
  const lines = readFileSync(published, "utf8").trim().split("\n");
  const events = lines.map((line) => decoders.bedrock.decode(Buffer.from(line), { nowMs: null, duplicateKeys: false }));
  expect(events).toHaveLength(2);
  for (const event of events)
    expect(event).toMatchObject({ kind: "bedrock", principal: { name: "bedrock-inference-role", kind: "workload" } });
});

describe("an output that stands beside the log", () => {
  const STOPPED = { "amazon-bedrock-guardrailAction": "INTERVENED" };
  const piece = '{"type":"message_delta","delta":{"stop_reason":"guardrail_intervened"}}';
  test.each([
    ["an object a line", `{"text":"} {"}\n${piece}\n`],
    ["with empty lines and spaces between", `{}\r\n \n\t${piece} \n {}`],
    ["a list", `[{},\n${piece}]`],
    ["one object", `\n${piece}`],
  ])("is read: %s", (_what, body) => {
    expect(toBodyOutcome(Buffer.from(body))).toEqual(STOPPED);
  });

  test.each([
    ["objects on one line", "{} {}"],
    ["no JSON behind", "{}\n!"],
  ])("says nothing: %s", (_what, body) => {
    expect(toBodyOutcome(Buffer.from(body))).toBe(null);
  });

  test("takes a time that grows with its size, whatever stands in it", () => {
    const began = cpuMs();
    expect(toBodyOutcome(Buffer.from(`{}${"\n".repeat(60_000)}!`))).toBe(null);
    expect(cpuMs() - began).toBeLessThan(1000);
  });
});
