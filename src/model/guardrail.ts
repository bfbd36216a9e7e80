/**
 * What a guardrail of Bedrock did and how many tokens a call took, read out of a model's output.
 *
 * What a guardrail did stands there under several names, by operation and streaming or not: all are looked for, in a bounded walk.
 * Shapes: https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-invoke-model.html and guardrails-use-converse-api.html
 */
import { isObject, ownValue } from "../lib/json.ts";

/** `blocked`: the policies that blocked something, sorted. */
export type GuardrailOutcome = { readonly intervened: boolean; readonly blocked: readonly string[] };

/** Tokens by kind, as the model-invocation log names them. */
export type TokenCounts = Readonly<Record<(typeof COUNTS)[number][0], number>>;

/** What each count is called in the log, and by Converse, by models of Anthropic and in Bedrock's own last piece of a stream. */
const COUNTS = [
  ["inputTokenCount", "inputTokens", "input_tokens"],
  ["outputTokenCount", "outputTokens", "output_tokens"],
  ["cacheReadInputTokenCount", "cacheReadInputTokens", "cache_read_input_tokens"],
  ["cacheWriteInputTokenCount", "cacheWriteInputTokens", "cache_creation_input_tokens"],
] as const;

/** Values that are looked at in an output: those of a long stream; what is behind says nothing new. */
const VALUES_MAX = 50_000;
const DEPTH_MAX = 24;
/** A guardrail's policies, as its assessment names them. */
const POLICIES = new Set([
  "topicPolicy", "contentPolicy", "wordPolicy", "sensitiveInformationPolicy", "contextualGroundingPolicy",
]); // prettier-ignore

type Seen = { intervened: boolean; readonly blocked: Set<string>; left: number };

/** Looks through an output: an answer's JSON, or the list of its pieces. Total. */
export function guardrailOf(output: unknown): GuardrailOutcome {
  const seen: Seen = { intervened: false, blocked: new Set(), left: VALUES_MAX };
  walk(output, { depth: 0, policy: "" }, seen);
  return { intervened: seen.intervened, blocked: [...seen.blocked].toSorted() };
}

/**
 * Tokens that an output says it took; null when it says none. Only where models and Bedrock write them: a model's own words
 * may look like it. Of the pieces of a stream each count is the largest.
 * Shapes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html and
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
 */
export function tokensOfOutput(output: unknown): TokenCounts | null {
  const pieces = Array.isArray(output) ? (output as unknown[]) : [output];
  const usages = pieces.flatMap((piece) => [
    ownValue(piece, "usage"),
    ownValue(ownValue(piece, "message"), "usage"),
    ownValue(ownValue(piece, "metadata"), "usage"),
    ownValue(piece, "amazon-bedrock-invocationMetrics"),
  ]);
  const found = COUNTS.map((names) =>
    usages.flatMap((usage) => names.map((name) => ownValue(usage, name))).filter((count) => typeof count === "number"),
  );
  if (found.every((counts) => counts.length === 0)) return null;
  const most = (counts: readonly number[]): number => counts.reduce((one, other) => Math.max(one, other), 0);
  return Object.fromEntries(COUNTS.map(([name], at) => [name, most(found[at] ?? [])])) as TokenCounts;
}

/** An output that says of guardrail and tokens what `output` does, and nothing else. */
export function toBareOutput(output: unknown): Record<string, unknown> {
  const { intervened, blocked } = guardrailOf(output);
  const policies = Object.fromEntries(blocked.map((policy) => [policy, { action: "BLOCKED" }]));
  const tokens = tokensOfOutput(output);
  return {
    "amazon-bedrock-guardrailAction": intervened ? "INTERVENED" : "NONE",
    ...policies,
    ...(tokens === null ? {} : { usage: tokens }),
  };
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
