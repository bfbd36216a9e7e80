/**
 * Bodies that Bedrock's model-invocation log only points to: outputs of more than 100 KB, stored beside the log.
 *
 * What a rule asks of an output is what a guardrail did, and the tokens where the record does not count them. Those alone
 * are taken out of a body and put where the record would have had the output: what people and models said goes no further. Lines are looked at one by one, as Bedrock writes them.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
 */
import { ownValue, textAt } from "../lib/json.ts";
import type { JsonObject } from "../model/event.ts";
import { toBareOutput } from "../model/guardrail.ts";
import { parseRecord } from "./parse.ts";

/** A record whose output stands elsewhere: its line from `from` up to `to`, and the body's `s3://` URI. */
export type BodyPointer = {
  readonly from: number;
  readonly to: number;
  readonly uri: string;
  readonly record: JsonObject;
};

const NEEDLE = Buffer.from('"outputBodyS3Path"');
const NEWLINE = 0x0a;

/** The records of a log file, as unpacked, that point to an output and do not have it. */
export function findBodyPointers(plain: Uint8Array): readonly BodyPointer[] {
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length);
  const found: BodyPointer[] = [];
  for (let at = bytes.indexOf(NEEDLE); at !== -1;) {
    const from = bytes.lastIndexOf(NEWLINE, at) + 1;
    const newline = bytes.indexOf(NEWLINE, at);
    const to = newline === -1 ? bytes.length : newline;
    const parsed = parseRecord(bytes.subarray(from, to));
    // The name may stand inside what somebody said, too.
    if ("record" in parsed) {
      const output = ownValue(parsed.record, "output");
      const uri = textAt(output, "outputBodyS3Path");
      if (uri !== "" && ownValue(output, "outputBodyJson") === undefined)
        found.push({ from, to, uri, record: parsed.record });
    }
    at = bytes.indexOf(NEEDLE, to);
  }
  return found;
}

/** What a stored body says of guardrail and tokens, as an output; null when it is no JSON. */
export function toBodyOutcome(body: Uint8Array): Record<string, unknown> | null {
  const parsed = parseRecord(toObject(body));
  return "record" in parsed ? toBareOutput(ownValue(parsed.record, "pieces") ?? parsed.record) : null;
}

/**
 * The pieces of a streamed answer are a list, or an object a line. The white space is matched as one run: what tries each
 * break in it takes hours for a body of line breaks.
 */
function toObject(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString().trim();
  if (text.startsWith("[")) return Buffer.from(`{"pieces":${text}}`);
  const joined = text.replaceAll(/\}(\s+)\{/g, (found, space: string) => (space.includes("\n") ? "},{" : found));
  return joined === text ? body : Buffer.from(`{"pieces":[${joined}]}`);
}

/**
 * The log file with these outcomes in their records. `found` in the order of the file. A record that is nested deeper than
 * can be written stays as it is: whoever splits the file rejects it. Never throws.
 */
export function putOutcomes(
  plain: Uint8Array,
  found: readonly (BodyPointer & { readonly outcome: Record<string, unknown> })[],
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const { from, to, record, outcome } of found) {
    const output = { ...(ownValue(record, "output") as JsonObject), outputBodyJson: outcome };
    const completed = toBytes({ ...record, output });
    if (completed === null) continue;
    pieces.push(plain.subarray(at, from), completed);
    at = to;
  }
  pieces.push(plain.subarray(at));
  return Buffer.concat(pieces);
}

function toBytes(record: object): Uint8Array | null {
  try {
    return Buffer.from(JSON.stringify(record));
  } catch {
    return null;
  }
}
