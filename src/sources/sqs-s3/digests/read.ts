/**
 * Reads one digest file: fetches it, finds the key that it is signed with, verifies it, and tells what it says.
 *
 * What is wrong with it is told at once; what cannot be had at the moment is left open and tried again.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Aws } from "../../../aws/clients.ts";
import type { ObjectGet } from "../../../aws/object-get.ts";
import type { Clock } from "../../../lib/clock.ts";
import { isGzip } from "../../../lib/gzip-frame.ts";
import { type ErrorCode, toErrorCode, toMessage, type Warn } from "../../../model/errors.ts";
import { type Digest, type Faulty, readDigest, verifyDigest } from "../../../model/integrity/digest.ts";
import { toFaultFinding, toSaid } from "../../../model/integrity/judge.ts";
import type { DigestRow, IntegrityLog, IntegrityNote, ReadDigest } from "../../../model/integrity/notes.ts";
import { fromUri, HOUR_MS } from "../../../model/integrity/place.ts";
import { fetchObject } from "../fetch.ts";
import type { Jobs } from "../jobs.ts";
import type { BackOff } from "./back-off.ts";
import type { KeyRing } from "./keys.ts";

export type DigestsBy = {
  readonly source: string;
  readonly log: IntegrityLog;
  readonly aws: Aws;
  readonly get: ObjectGet;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly jobs: Pick<Jobs, "note" | "add">;
  /** Whether a key is one to be read. */
  readonly isWanted: (key: string) => boolean;
  /** Whether log files that no digest file lists are told of. */
  readonly tellsUnlisted: boolean;
  /** How long a listed log file may still come by itself. */
  readonly waitMs: number;
  readonly warn: Warn;
  readonly signal: AbortSignal;
};

/** What a look keeps in mind until the next. */
export type Looking = {
  readonly by: DigestsBy;
  /** Objects that could not be had, and when they are tried again. */
  readonly backOff: BackOff;
  /** Digest files of which a note is not committed yet. */
  readonly busy: Set<string>;
  /** Digest files of which it was told that none followed. */
  readonly overdue: Set<string>;
  readonly startedMs: number;
};

/** Largest digest file as stored: of 100,000 log files it has some 10 MiB. */
const DIGEST_BYTES = 32 * 1024 * 1024;
/** What it may unpack to: four times that. */
const UNPACKED_BYTES = 128 * 1024 * 1024;
const unpack = promisify(gunzip);

/** Notes that are about a digest file, which is left alone until they are committed. */
export function tell(uri: string, notes: readonly IntegrityNote[], { by, busy }: Looking): void {
  busy.add(uri);
  const done = (): void => void busy.delete(uri);
  by.jobs.note({ rejected: [], skipped: {}, positions: [], integrity: notes, message: null, done });
}

/**
 * Reads a digest file and tells what it says, or what is wrong with it. `isAgain`: it was read before. False: it could not
 * be had, and nothing was told.
 */
export async function readAndTell(row: DigestRow, looking: Looking, isAgain: boolean): Promise<boolean> {
  const { by, backOff } = looking;
  const { uri } = row;
  const outcome = await readOne(row, by);
  if (by.signal.aborted) return false;
  if ("wait" in outcome) {
    backOff.failed(uri);
    by.warn(`The digest file ${uri} is not verified: ${outcome.wait}`, outcome.code);
    return false;
  }
  const base = { is: "read", source: by.source, uri, place: row, readMs: by.clock.nowMs(), isAgain } as const;
  if ("fault" in outcome) {
    const note: ReadDigest = { ...base, fault: outcome.fault, said: null, files: [] };
    tell(uri, [note, toFaultFinding(uri, row, outcome)], looking);
  } else tell(uri, [{ ...base, fault: null, said: toSaid(outcome), files: outcome.files }], looking);
  return true;
}

/** A digest file that is signed, what is wrong with it, or why that cannot be said yet. */
async function readOne(
  row: DigestRow,
  by: DigestsBy,
): Promise<Digest | Faulty | { readonly wait: string; readonly code: ErrorCode | undefined }> {
  const { aws, get, clock, signal } = by;
  const object = { ...fromUri(row.uri), etag: "", sequencer: "", sizeBytes: null };
  const fetched = await fetchObject(object, { aws, get, clock, maxBytes: DIGEST_BYTES, signal });
  if (fetched.is === "gone") return { fault: "missing", detail: "it was deleted" };
  if (fetched.is === "large") return { fault: "malformed", detail: fetched.detail };
  if (fetched.is !== "whole") return { wait: fetched.detail, code: fetched.code };
  const bytes = await toPlain(fetched.bytes);
  if (bytes === null) return { fault: "malformed", detail: "it cannot be unpacked" };
  const digest = readDigest({ ...object, bytes, metadata: fetched.metadata });
  if ("fault" in digest) return digest;
  try {
    const key = await by.keys.get({ ...toSpan(digest, fetched.metadata), region: row.region }, signal);
    return verifyDigest(digest, key) ?? digest;
  } catch (error) {
    return { wait: toMessage(error), code: toErrorCode(error) };
  }
}

/** Which key it is signed with. A backfill digest file is signed when it is made, which its metadata say. */
function toSpan(
  { startMs, endMs, fingerprint }: Digest,
  metadata: Readonly<Record<string, string>>,
): { readonly fingerprint: string; readonly fromMs: number; readonly toMs: number } {
  const madeMs = Date.parse(metadata["backfill-generation-timestamp"] ?? "");
  if (Number.isNaN(madeMs)) return { fingerprint, fromMs: startMs, toMs: endMs };
  return { fingerprint, fromMs: madeMs - HOUR_MS, toMs: madeMs + HOUR_MS };
}

async function toPlain(bytes: Uint8Array): Promise<Uint8Array | null> {
  if (!isGzip(bytes)) return bytes;
  return unpack(bytes, { maxOutputLength: UNPACKED_BYTES }).catch(() => null);
}
