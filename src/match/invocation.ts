/**
 * What a call of a model took and cost, and what its guardrail did: fields over Bedrock's model-invocation log.
 *
 * Tokens are those that the log counts, or the output where the log does not, cache included. The price is the list price of the model or inference profile that
 * was called; where modelId is a profile of one's own it says no price rather than guess one. Pure.
 */
import { ownValue, textAt } from "../lib/json.ts";
import type { Event, Json } from "../model/event.ts";
import { type GuardrailOutcome, guardrailOf, type TokenCounts, tokensOfOutput } from "../model/guardrail.ts";
import { TOKEN_PRICES } from "./tables/token-prices.ts";

type Tokens = { readonly input: number; readonly output: number; readonly read: number; readonly written: number };

function tokensOf({ kind, record }: Event): Tokens | null {
  if (kind !== "bedrock") return null;
  const [input, output] = [ownValue(record, "input"), ownValue(record, "output")];
  // A call that a guardrail stopped may have no counts; then the output may tell.
  const isCounted = [ownValue(input, "inputTokenCount"), ownValue(output, "outputTokenCount")].some(
    (found) => typeof found === "number",
  );
  const told = isCounted ? null : tokensOfOutput(ownValue(output, "outputBodyJson"));
  const count = (value: unknown, key: keyof TokenCounts): number => {
    const found = told?.[key] ?? ownValue(value, key);
    return typeof found === "number" && found >= 0 ? found : 0;
  };
  return {
    input: count(input, "inputTokenCount"),
    output: count(output, "outputTokenCount"),
    read: count(input, "cacheReadInputTokenCount"),
    written: count(input, "cacheWriteInputTokenCount"),
  };
}

/** The field `enrich.model.tokens`. */
export function tokensField(event: Event): Json {
  const tokens = tokensOf(event);
  return tokens === null ? null : tokens.input + tokens.output + tokens.read + tokens.written;
}

/** The field `enrich.model.id`: a model's or profile's id out of whatever ARN it was called by. */
export function modelIdField({ kind, record }: Event): Json {
  if (kind !== "bedrock") return null;
  const modelId = textAt(record, "modelId");
  return modelId === "" ? null : modelId.slice(modelId.lastIndexOf("/") + 1);
}

/** The field `enrich.model.usd`, to a millionth; null where the price is not known. */
export function modelUsdField(event: Event): Json {
  const [tokens, id] = [tokensOf(event), modelIdField(event)];
  if (tokens === null || typeof id !== "string" || !Object.hasOwn(TOKEN_PRICES, id)) return null;
  const [input = 0, output = 0, read = 0, written = 0] = (TOKEN_PRICES[id] ?? "").split(" ").map(Number);
  // Prices are of a million tokens: the sum is in millionths of a dollar.
  const sum = tokens.input * input + tokens.output * output + tokens.read * read + tokens.written * written;
  return Math.round(sum) / 1_000_000;
}

/** The field `enrich.guardrail.intervened`: null where there is no output to tell it. */
export function intervenedField(event: Event): Json {
  const seen = look(event);
  return seen === null ? null : seen.intervened;
}

/** The field `enrich.guardrail.blocked`: the policies that blocked something, sorted; null where none did. */
export function blockedField(event: Event): Json {
  const blocked = look(event)?.blocked ?? [];
  return blocked.length === 0 ? null : [...blocked];
}

function look({ kind, record }: Event): GuardrailOutcome | null {
  const body = kind === "bedrock" ? ownValue(ownValue(record, "output"), "outputBodyJson") : undefined;
  return body === undefined ? null : guardrailOf(body);
}
