/**
 * What people and models said, kept out of what Sagewatch keeps: records of Bedrock's model-invocation log.
 *
 * Rules see a record as it came. What is kept of it, beside an alert, in a window or in the quarantine, has tokens, model,
 * identity and what a guardrail did, so that it still reads as a record and says the same of all but the texts. A record
 * that is no record cannot be told apart into those: of it the place alone is kept. Pure and total.
 */
import { isObject, ownValue } from "../../lib/json.ts";
import type { Event, Rejected } from "../../model/event.ts";
import { toBareOutput } from "../../model/guardrail.ts";

/** Bodies of input and output, whatever form they have, but not the paths of those that stand elsewhere. */
const BODY = /^(?:input|output)Body(?!S3Path$)/;
/** Where Bedrock puts its log. */
const LOG_PATH = "/BedrockModelInvocationLogs/";

/** The record's bytes, of a model's call without what was said. */
export function withoutTexts({ kind, record }: Event, { bytes }: { readonly bytes: Uint8Array }): Uint8Array {
  if (kind !== "bedrock") return bytes;
  const { input, output } = record;
  const said = ownValue(output, "outputBodyJson");
  const outcome = said === undefined ? {} : { outputBodyJson: toBareOutput(said) };
  const kept = {
    ...record,
    ...(input === undefined ? {} : { input: withoutBodies(input) }),
    ...(output === undefined ? {} : { output: { ...withoutBodies(output), ...outcome } }),
  };
  return Buffer.from(JSON.stringify(kept));
}

/** A side that is no object is no side that Bedrock writes. */
function withoutBodies(side: unknown): Record<string, unknown> {
  return isObject(side) ? Object.fromEntries(Object.entries(side).filter(([name]) => !BODY.test(name))) : {};
}

/** The same, of a piece of that log its place and reason alone. */
export function withholdRejected(rejected: Rejected): Rejected {
  const { kind, pointer, reason, detail } = rejected;
  if (kind !== "bedrock" && !pointer.path.includes(LOG_PATH)) return rejected;
  // A parser's message quotes the record.
  const told = reason === "bad_json" ? "it is no JSON; what it says is not kept (state.prompts)" : detail;
  return { ...rejected, detail: told, bytes: null };
}
