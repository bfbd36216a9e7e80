/** What a call of a model took and cost, by hand calculation, and what its guardrail did, however the log spells it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decoders } from "../../src/decode/registry.ts";
import { createFields } from "../../src/match/fields.ts";
import { TOKEN_PRICES } from "../../src/match/tables/token-prices.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { renderTokenPrices } from "../../tools/make-token-prices.ts";
import { cpuMs } from "../support/cpu.ts";

const fields = createFields({ calendars: {}, accountCalendars: {} });

function event(over: Readonly<Record<string, unknown>>): Event {
  const record = {
    timestamp: "2026-03-10T10:04:00Z",
    requestId: "r",
    modelId: "anthropic.claude-sonnet-4-5-20250929-v1:0",
    schemaType: "ModelInvocationLog",
    ...over,
  };
  return decoders.bedrock.decode(Buffer.from(JSON.stringify(record)), { nowMs: null, duplicateKeys: false }) as Event;
}
const value = (name: string, over: Readonly<Record<string, unknown>>): Json | undefined =>
  fields.get(name)?.(event(over));

describe("tokens and their price", () => {
  test.each([
    ["in and out", { input: { inputTokenCount: 1_000_000 }, output: { outputTokenCount: 100_000 } }, 1_100_000, 4.5],
    [
      "the cache",
      { input: { inputTokenCount: 10, cacheReadInputTokenCount: 1_000_000, cacheWriteInputTokenCount: 200_000 } },
      1_200_010,
      1.05003,
    ],
    ["nothing counted", {}, 0, 0],
    [
      "an answer of Converse that the log does not count",
      { output: { outputBodyJson: { usage: { inputTokens: 1_000, outputTokens: 500 } } } },
      1_500,
      0.0105,
    ],
    [
      "an answer of Anthropic's models in pieces, the last of Bedrock's own",
      {
        output: {
          outputBodyJson: [
            { type: "message_start", message: { usage: { input_tokens: 1_000, output_tokens: 1 } } },
            { type: "message_delta", usage: { output_tokens: 400 } },
            {
              type: "message_stop",
              "amazon-bedrock-invocationMetrics": { inputTokenCount: 1_000, outputTokenCount: 500 },
            },
          ],
        },
      },
      1_500,
      0.0105,
    ],
    [
      "what the log counts comes first",
      { output: { outputTokenCount: 500, outputBodyJson: { usage: { inputTokens: 1_000, outputTokens: 9 } } } },
      500,
      0.0075,
    ],
    [
      "a model's own words are none",
      { output: { outputBodyJson: { content: [{ type: "tool_use", input: { usage: { input_tokens: 9 } } }] } } },
      0,
      0,
    ],
    ["counts that are none", { input: { inputTokenCount: "many" }, output: { outputTokenCount: -5 } }, 0, 0],
    [
      "a foundation model by its ARN",
      {
        modelId: "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        input: { inputTokenCount: 1000 },
      },
      1000,
      0.003,
    ],
    [
      "a profile of several Regions",
      { modelId: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", input: { inputTokenCount: 1_000_000 } },
      1_000_000,
      3.3,
    ],
    [
      "a profile of one's own",
      {
        modelId: "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/9tr38q319pda",
        input: { inputTokenCount: 1000 },
      },
      1000,
      null,
    ],
    ["a name every object has", { modelId: "constructor", input: { inputTokenCount: 1000 } }, 1000, null],
  ])("%s", (...[, over, tokens, usd]) => {
    expect(value("enrich.model.tokens", over)).toBe(tokens);
    expect(value("enrich.model.usd", over)).toBe(usd);
  });

  test("every price is one: four numbers that are not below zero", () => {
    expect(Object.keys(TOKEN_PRICES).length).toBeGreaterThan(200);
    for (const text of Object.values(TOKEN_PRICES))
      expect(text).toMatch(/^\d[\d.e-]* \d[\d.e-]* \d[\d.e-]* \d[\d.e-]*$/);
  });

  const source = join(import.meta.dirname, "../../../shared/data/prices/bedrock-token-prices.json");
  test.skipIf(!existsSync(source))("the table is what the generator makes of its source", () => {
    const target = join(import.meta.dirname, "../../src/match/tables/token-prices.ts");
    const plain = (text: string): string => text.replace(/\s+/g, " ");
    expect(plain(readFileSync(target, "utf8"))).toBe(plain(renderTokenPrices(source)));
  });
});

describe("what a guardrail did", () => {
  const output = (outputBodyJson: unknown): Readonly<Record<string, unknown>> => ({ output: { outputBodyJson } });
  const policy = (name: string, action: string): unknown => ({ [name]: { filters: [{ type: "X", action }] } });
  test.each([
    [
      "Converse",
      output({
        stopReason: "guardrail_intervened",
        trace: { guardrail: { inputAssessment: { g: policy("contentPolicy", "BLOCKED") } } },
      }),
      true,
      ["contentPolicy"],
    ],
    [
      "InvokeModel",
      output({
        "amazon-bedrock-guardrailAction": "INTERVENED",
        "amazon-bedrock-trace": {
          guardrail: {
            input: { g: { ...Object(policy("topicPolicy", "BLOCKED")), ...Object(policy("wordPolicy", "BLOCKED")) } },
          },
        },
      }),
      true,
      ["topicPolicy", "wordPolicy"],
    ],
    ["a stream", output([{ messageStart: {} }, { messageStop: { stopReason: "guardrail_intervened" } }]), true, null],
    ["a body of a model", output({ stop_reason: "guardrail_intervened" }), true, null],
    [
      "masked",
      output({ stopReason: "guardrail_intervened", trace: policy("sensitiveInformationPolicy", "ANONYMIZED") }),
      true,
      null,
    ],
    ["let through", output({ stopReason: "end_turn", trace: policy("contentPolicy", "NONE") }), false, null],
    ["said in a text", output({ content: [{ text: "stopReason guardrail_intervened BLOCKED" }] }), false, null],
    ["an action outside of a policy", output({ toolUse: { action: "BLOCKED" } }), false, null],
    ["no output", {}, null, null],
    ["an output that is too large", { output: { outputBodyS3Path: "s3://b/k" } }, null, null],
  ])("%s", (...[, over, intervened, blocked]) => {
    expect(value("enrich.guardrail.intervened", over)).toBe(intervened);
    expect(value("enrich.guardrail.blocked", over)).toEqual(blocked);
  });

  test("an output made to be walked for ever ends in time", () => {
    let deep: unknown = { stopReason: "guardrail_intervened" };
    for (let n = 0; n < 60; n += 1) deep = { deep };
    const wide = Array.from({ length: 200_000 }, () => ({}));
    const begunMs = cpuMs();
    expect(value("enrich.guardrail.intervened", output(deep))).toBe(false);
    expect(value("enrich.guardrail.intervened", output(wide))).toBe(false);
    expect(cpuMs() - begunMs).toBeLessThan(1000);
  });
});
