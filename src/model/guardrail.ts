/**
 * What a guardrail of Bedrock did, read out of a model's output.
 *
 * It stands there under several names, by operation and streaming or not: all are looked for, in a bounded walk.
 * Shapes: https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-invoke-model.html and guardrails-use-converse-api.html
 */
import { isObject } from "../lib/json.ts";

/** `blocked`: the policies that blocked something, sorted. */
export type GuardrailOutcome = { readonly intervened: boolean; readonly blocked: readonly string[] };

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

/** An output that says of a guardrail what `outcome` does, and nothing else: guardrailOf reads it back. */
export function toGuardrailOutput({ intervened, blocked }: GuardrailOutcome): Record<string, unknown> {
  const policies = Object.fromEntries(blocked.map((policy) => [policy, { action: "BLOCKED" }]));
  return { "amazon-bedrock-guardrailAction": intervened ? "INTERVENED" : "NONE", ...policies };
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
