/** Envelopes that are events: identity, time in every spelling, what is rejected and why. */
import { describe, expect, test } from "vitest";
import { decoders } from "../../src/decode/registry.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 4);
const envelope = (over: Readonly<Record<string, unknown>> = {}): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      version: "0",
      id: "844e2571-85d4-695f-b930-0153b71dcb42",
      "detail-type": "SageMaker Training Job State Change",
      source: "aws.sagemaker",
      account: "056392974792",
      time: "2026-01-02T03:04:05Z",
      region: "eu-west-1",
      resources: ["arn:aws:sagemaker:eu-west-1:056392974792:training-job/t"],
      detail: { TrainingJobName: "t", TrainingJobStatus: "Completed" },
      ...over,
    }),
  );
const decode = (over: Readonly<Record<string, unknown>> = {}): unknown =>
  decoders.eventbridge.decode(envelope(over), { nowMs: NOW_MS, duplicateKeys: false });

describe("an EventBridge envelope", () => {
  test("becomes an event under its own id, with the whole envelope for rules", () => {
    expect(decode()).toMatchObject({
      kind: "eventbridge",
      logsource: "aws/eventbridge",
      key: "844e2571-85d4-695f-b930-0153b71dcb42",
      version: 0,
      timeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      accountId: "056392974792",
      region: "eu-west-1",
      evidence: {
        action: "sagemaker:SageMaker Training Job State Change",
        target: "arn:aws:sagemaker:eu-west-1:056392974792:training-job/t",
      },
      record: { source: "aws.sagemaker", detail: { TrainingJobStatus: "Completed" } },
    });
  });

  test.each([
    [{ time: "1767323045000" }, { timeMs: 1_767_323_045_000, flags: [] }],
    [{ time: "2026-01-02 03:04:05" }, { timeMs: Date.UTC(2026, 0, 2, 3, 4, 5), flags: ["loose_time"] }],
    [{ id: undefined }, { key: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string }],
    [
      { resources: "none", account: 7 },
      { accountId: "", evidence: { target: "" } },
    ],
    [{ time: undefined }, { reason: "no_event_time", detail: "time is missing" }],
    [{ time: "yesterday" }, { reason: "no_event_time", detail: 'time is "yesterday"' }],
    [{ time: "2026-01-02T04:06:00Z" }, { reason: "future_event" }],
  ])("%j", (over, expected) => {
    expect(decode(over)).toMatchObject(expected);
  });

  test("a repeated key is told, and what is no JSON is rejected", () => {
    const at = { nowMs: null, duplicateKeys: true };
    expect(decoders.eventbridge.decode(envelope(), at)).toMatchObject({ flags: ["duplicate_keys"] });
    expect(decoders.eventbridge.decode(Buffer.from("{"), at)).toMatchObject({ reason: "bad_json" });
  });
});
