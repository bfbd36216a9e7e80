/**
 * Outputs that a model-invocation log points to, fetched for what they say of guardrail and tokens.
 *
 * Only beside the log itself and under the name that Bedrock gives: a pointer leads nowhere else, whoever wrote it. A body
 * that is missing, denied, too large or no JSON holds nothing up: its record is evaluated without, and it is told and counted.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { NoticedObject } from "../../decode/envelope-notice.ts";
import { type BodyPointer, findBodyPointers, putOutcomes, toBodyOutcome } from "../../decode/envelope-bedrock.ts";
import { isGzip } from "../../lib/gzip-frame.ts";
import { type FetchBy, fetchStored } from "./fetch.ts";
import { toUri } from "./places.ts";
import type { ErrorCode, Warn } from "../../model/errors.ts";

/** Bodies fetched at a time for one log file, and in all: behind that a file of pointers would hold the rest up. */
const [AT_A_TIME, BODIES_MAX] = [4, 500];
/** Bedrock's largest answers have some MiB; images are not asked for. */
const BODY_BYTES: number = 16 * 1024 * 1024;
/** Unpacked, of a body or of the log file itself: one that is larger is read as it is. */
const PLAIN_BYTES: number = 64 * 1024 * 1024;
/** https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html: bodies of more than 100 KB, or binary. */
export const BEDROCK_BODY: RegExp =
  /(?:^|\/)AWSLogs\/\d{12}\/BedrockModelInvocationLogs\/(?:[^/]+\/)*(?:data\/[^/]+|amazon-bedrock-logs-permission-check[^/]*)$/;
const OUTPUT_KEY = /(?:^|\/)AWSLogs\/\d{12}\/BedrockModelInvocationLogs\/(?:[^/]+\/)*data\/[^/]+\.json(?:\.gz)?$/;

/** The same fetching, which completes log files by what their outputs elsewhere say. */
export function withOutputs(by: FetchBy, warn: Warn): FetchBy {
  return { ...by, complete: (bytes, object) => complete(bytes, object, { by, warn }) };
}

type Completing = { readonly by: FetchBy; readonly warn: Warn };
/** Why an output says nothing. */
type Unknown = { readonly detail: string; readonly code?: ErrorCode | undefined };
type Known = BodyPointer & { readonly outcome: Record<string, unknown> };

/** `bytes` themselves where the log file points to no output. Never throws but what an abort throws. */
async function complete(bytes: Uint8Array, object: NoticedObject, { by, warn }: Completing): Promise<Uint8Array> {
  const plain = isGzip(bytes) ? await unpack(bytes) : bytes;
  const found = plain === null ? [] : findBodyPointers(plain);
  if (plain === null || found.length === 0) return bytes;
  const known: Known[] = [];
  let missing = Math.max(0, found.length - BODIES_MAX);
  let first: Unknown = { detail: `more than ${BODIES_MAX} of one log file` };
  for (let at = 0; at < Math.min(found.length, BODIES_MAX); at += AT_A_TIME) {
    const some = found.slice(at, Math.min(at + AT_A_TIME, BODIES_MAX));
    const outcomes = await Promise.all(some.map((pointer) => follow(pointer, object, by)));
    for (const [n, told] of outcomes.entries()) {
      if ("outcome" in told) known.push({ ...(some[n] as BodyPointer), outcome: told.outcome });
      else if ((missing += 1) === 1) first = told;
    }
  }
  if (missing > 0)
    warn(
      `What a guardrail did is not known of ${missing} records of ${toUri(object)}, whose outputs stand beside it: ${first.detail}`,
      first.code,
    );
  return putOutcomes(plain, known);
}

async function follow(
  { uri }: BodyPointer,
  { bucket }: NoticedObject,
  by: FetchBy,
): Promise<Pick<Known, "outcome"> | Unknown> {
  const key = uri.startsWith(`s3://${bucket}/`) ? uri.slice(`s3://${bucket}/`.length) : "";
  if (!OUTPUT_KEY.test(key)) return { detail: `${uri.slice(0, 200)} is none of Bedrock's beside the log` };
  const object = { bucket, key, etag: "", sequencer: "", sizeBytes: null };
  const fetched = await fetchStored(object, { ...by, maxBytes: BODY_BYTES });
  if (fetched.is !== "whole") return fetched;
  const { bytes } = fetched;
  const plain = isGzip(bytes) ? await unpack(bytes) : bytes;
  const outcome = plain === null ? null : toBodyOutcome(plain);
  return outcome === null ? { detail: `${uri} is no JSON, or too large` } : { outcome };
}

const gunzipAside = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(gunzip);

/** Null: damaged or too large, which whoever reads it on finds out for himself. */
async function unpack(bytes: Uint8Array): Promise<Uint8Array | null> {
  try {
    return await gunzipAside(bytes, { maxOutputLength: PLAIN_BYTES });
  } catch {
    return null;
  }
}
