/**
 * What a call of a model took and cost, and what its guardrail did: fields over Bedrock's model-invocation log.
 *
 * Tokens are those that the log counts, cache included. The price is the list price of the model or inference profile that
 * was called; where modelId is a profile of one's own it says no price rather than guess one. A guardrail's answer stands
 * in the output under several names, by operation and streaming or not: all are looked for, in a bounded walk. Pure.
 */
import { isObject, ownValue, textAt } from "../lib/json.ts";
import type { Event, Json } from "../model/event.ts";
import { TOKEN_PRICES } from "./tables/token-prices.ts";

type Tokens = { readonly input: number; readonly output: number; readonly read: number; readonly written: number };

function tokensOf({ kind, record }: Event): Tokens | null {
  if (kind !== "bedrock") return null;
  const count = (value: unknown, key: string): number => {
    const found = ownValue(value, key);
    return typeof found === "number" && found >= 0 ? found : 0;
  };
  const [input, output] = [ownValue(record, "input"), ownValue(record, "output")];
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

/** Values that are looked at in an output: those of a long stream; what is behind says nothing new. */
const VALUES_MAX = 50_000;
const DEPTH_MAX = 24;
/** A guardrail's policies, as its assessment names them. */
const POLICIES = new Set([
  "topicPolicy", "contentPolicy", "wordPolicy", "sensitiveInformationPolicy", "contextualGroundingPolicy",
]); // prettier-ignore

type Seen = { intervened: boolean; readonly blocked: Set<string>; left: number };

/** The field `enrich.guardrail.intervened`: null where there is no output to tell it. */
export function intervenedField(event: Event): Json {
  const seen = look(event);
  return seen === null ? null : seen.intervened;
}

/** The field `enrich.guardrail.blocked`: the policies that blocked something, sorted; null where none did. */
export function blockedField(event: Event): Json {
  const blocked = [...(look(event)?.blocked ?? [])].toSorted();
  return blocked.length === 0 ? null : blocked;
}

function look({ kind, record }: Event): Seen | null {
  const body = kind === "bedrock" ? ownValue(ownValue(record, "output"), "outputBodyJson") : undefined;
  if (body === undefined) return null;
  const seen: Seen = { intervened: false, blocked: new Set(), left: VALUES_MAX };
  walk(body, { depth: 0, policy: "" }, seen);
  return seen;
}

function walk(value: unknown, at: { readonly depth: number; readonly policy: string }, seen: Seen): void {
  seen.left -= 1;
  if (seen.left < 0 || at.depth > DEPTH_MAX) return;
  const depth = at.depth + 1;
  if (Array.isArray(value)) {
    for (const item of value) walk(item, { depth, policy: at.policy }, seen);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "string") noteText(key, inner, { policy: at.policy, seen });
    else walk(inner, { depth, policy: POLICIES.has(key) ? key : at.policy }, seen);
  }
}

function noteText(key: string, text: string, { policy, seen }: { readonly policy: string; readonly seen: Seen }): void {
  // Converse says stopReason, the bodies of models stop_reason; InvokeModel adds a member of Bedrock's own.
  if ((key === "stopReason" || key === "stop_reason") && text === "guardrail_intervened") seen.intervened = true;
  if (key === "amazon-bedrock-guardrailAction" && text === "INTERVENED") seen.intervened = true;
  if (policy !== "" && key === "action" && text === "BLOCKED") seen.blocked.add(policy);
}
