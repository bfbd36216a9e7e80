/**
 * Gets one object whole, or says why not.
 *
 * The packed bytes are held in memory until they are known to be complete: as long as S3 says, as long as the notice said,
 * and by S3's checksum or the ETag where that is the MD5 of the object. So nothing of a body that
 * was cut, stalled or altered on its way is ever split, and what is broken after that was stored so. A fault on the way is
 * tried again with pauses; what waiting cannot mend is told apart: gone, refused, denied. The bytes stand in memory once.
 */
import { createHash } from "node:crypto";
import { type Aws, type AwsLimits, CALL_LIMITS } from "../../aws/clients.ts";
import { codeOf } from "../../aws/errors.ts";
import type { ObjectAnswer, ObjectGet } from "../../aws/object-get.ts";
import type { NoticedObject } from "../../decode/envelope-notice.ts";
import type { Clock } from "../../lib/clock.ts";
import { type ErrorCode, SagewatchError, toErrorCode, toMessage } from "../../model/errors.ts";
import { toUri } from "./places.ts";

/** A whole object. `metadata` by the names behind `x-amz-meta-`. */
type Whole = { readonly bytes: Uint8Array; readonly etag: string; readonly metadata: Readonly<Record<string, string>> };

/** What became of it. `gone`, `refused` and `large` are for good; `again`: the message must come again. */
export type Fetched =
  | ({ readonly is: "whole" } & Whole)
  | ({ readonly is: "gone" | "refused" | "large" } & Unread)
  | ({ readonly is: "again" } & Unread);
/** Why it was not had; the code of what S3 said, where it said it. */
type Unread = { readonly detail: string; readonly code?: ErrorCode | undefined };

/** Needs of fetchObject. */
export type FetchBy = {
  readonly aws: Aws;
  readonly get: ObjectGet;
  readonly clock: Clock;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Adds to a whole object what it only points to. */
  readonly complete?: (bytes: Uint8Array, object: NoticedObject) => Promise<Uint8Array>;
};

/** An object of 64 MiB at half a MiB a second; a socket that is silent ends sooner. */
export const OBJECT_LIMITS: AwsLimits = { ...CALL_LIMITS, silenceMs: 15_000, totalMs: 120_000 };

/** Tries, and the wait before the second, ms, doubled each time: together below a visibility timeout. */
const TRIES = 5;
const RETRY_MS = 500;

/** `isCut`: not as many bytes came as there are. */
type Body = Whole & { readonly fault: string | null; readonly isCut: boolean; readonly md5: string };

/** Gets an object, complete. Never throws but what an abort throws. */
export async function fetchObject(object: NoticedObject, by: FetchBy): Promise<Fetched> {
  const fetched = await fetchStored(object, by);
  if (fetched.is !== "whole" || by.complete === undefined) return fetched;
  return { ...fetched, bytes: await by.complete(fetched.bytes, object) };
}

/** Gets an object as it is stored. Never throws but what an abort throws. */
export async function fetchStored(object: NoticedObject, by: FetchBy): Promise<Fetched> {
  const large = toLarge(object.sizeBytes, by);
  if (large !== null) return large;
  let why: Unread = { detail: "" };
  let md5Before = "";
  for (let attempt = 0; attempt < TRIES && !by.signal.aborted; attempt += 1) {
    if (attempt > 0) await by.clock.sleep(RETRY_MS * 2 ** (attempt - 1) * (0.5 + by.clock.random() / 2), by.signal);
    try {
      const body = await getBody(object, by);
      if ("is" in body) return body;
      // Twice the same bytes, and all of them: it is stored so, by something whose ETags are no MD5.
      if (body.fault === null || (!body.isCut && body.md5 === md5Before))
        return { is: "whole", bytes: body.bytes, etag: body.etag, metadata: body.metadata };
      md5Before = body.md5;
      why = { detail: body.fault };
    } catch (error) {
      const final = toFinal(error);
      if (final !== null) return final;
      why = { detail: toMessage(error), code: toErrorCode(error) };
      if (why.code === "aws_denied") break;
    }
  }
  return { is: "again", ...why };
}

/** Gets an object ahead of its turn, if it has no more than `mostBytes`; null when it has. */
export async function fetchAhead(object: NoticedObject, by: FetchBy, mostBytes: number): Promise<Fetched | null> {
  const fetched = await fetchObject(object, { ...by, maxBytes: Math.min(mostBytes, by.maxBytes) });
  return fetched.is === "large" && mostBytes < by.maxBytes ? null : fetched;
}

function toLarge(sizeBytes: number | null | undefined, { maxBytes }: FetchBy): Fetched | null {
  const isLarge = sizeBytes !== null && sizeBytes !== undefined && sizeBytes > maxBytes;
  return isLarge ? { is: "large", detail: `the object has ${sizeBytes} bytes, limit ${maxBytes}` } : null;
}

/** What waiting does not mend. A bucket that is missing is a fault of the set-up, and may be mended. */
function toFinal(error: unknown): Fetched | null {
  if (!(error instanceof SagewatchError)) return null;
  if (error.code === "aws_missing" && codeOf(error.cause) !== "NoSuchBucket")
    return { is: "gone", detail: error.message, code: error.code };
  return error.code === "aws_refused" ? { is: "refused", detail: error.message, code: error.code } : null;
}

async function getBody(object: NoticedObject, by: FetchBy): Promise<Body | Fetched> {
  const call = { service: "s3", operation: "GetObject", resource: toUri(object) };
  const send = async (abortSignal: AbortSignal): Promise<Body | Fetched> => {
    const answer = await by.get(object, abortSignal);
    const large = toLarge(answer.ContentLength, by);
    if (large !== null) {
      // Not read to its end: the socket goes with it.
      answer.body.destroy?.();
      return large;
    }
    const bytes = await readBody(answer.body, { sizeBytes: answer.ContentLength, maxBytes: by.maxBytes });
    if (bytes === null) return { is: "large", detail: `the object has more than ${by.maxBytes} bytes` };
    await answer.check?.(bytes);
    return { bytes, metadata: answer.Metadata ?? {}, ...judge(bytes, answer, object) };
  };
  return by.aws.call(call, send, { limits: OBJECT_LIMITS, signal: by.signal });
}

/** First buffer of a body that does not say how long it is. */
const BODY_BYTES = 256 * 1024;

/** All bytes of a body, in a buffer made for them: joined of pieces they would stand in memory twice. Null: too many. */
async function readBody(
  body: ObjectAnswer["body"],
  { sizeBytes = BODY_BYTES, maxBytes }: { readonly sizeBytes: number | undefined; readonly maxBytes: number },
): Promise<Uint8Array | null> {
  let bytes = new Uint8Array(sizeBytes);
  let filled = 0;
  for await (const piece of body) {
    const need = filled + piece.length;
    if (need > maxBytes) return null;
    if (need > bytes.length) {
      const next = new Uint8Array(Math.max(need, Math.min(2 * bytes.length, maxBytes)));
      next.set(bytes.subarray(0, filled));
      bytes = next;
    }
    bytes.set(piece, filled);
    filled = need;
  }
  return bytes.subarray(0, filled);
}

/** Whether the bytes are all of the object. */
function judge(bytes: Uint8Array, answer: ObjectAnswer, object: NoticedObject): Omit<Body, "bytes" | "metadata"> {
  const etag = answer.ETag?.replaceAll('"', "") ?? "";
  const md5 = createHash("md5").update(bytes).digest("hex");
  const isSame = etag !== "" && etag === object.etag;
  const length = isSame ? (object.sizeBytes ?? answer.ContentLength) : answer.ContentLength;
  const isPlainMd5 = /^[0-9a-f]{32}$/.test(etag) && !/kms/.test(answer.ServerSideEncryption ?? "");
  const isCut = length !== undefined && bytes.length !== length;
  if (isCut) return { etag, md5, isCut, fault: `${bytes.length} bytes came of ${length} of ${toUri(object)}` };
  if (isPlainMd5 && answer.SSECustomerAlgorithm === undefined && md5 !== etag)
    return { etag, md5, isCut, fault: `the bytes of ${toUri(object)} are not those of its ETag` };
  return { etag, md5, isCut, fault: null };
}
