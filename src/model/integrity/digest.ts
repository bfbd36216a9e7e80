/**
 * CloudTrail's digest files: what one says, and whether CloudTrail signed it.
 *
 * Every hour CloudTrail delivers a file that lists the log files of the hour with the hash of each, names the digest file
 * before it with its hash and signature, and is signed with a key of the Region. The signature stands in the metadata of the
 * object. It covers end, place, content and the signature before it, so that a digest file can be neither altered, moved nor
 * left out unseen. Backfill digest files (`_backfill`) list log files that came too late for theirs, in a chain of their own.
 * Total and pure: a file that is no digest file gives a fault with its reason, never an exception.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { sha256Hex } from "../../lib/canonical.ts";
import { isObject, textAt } from "../../lib/json.ts";

/** Why a digest file proves nothing. `missing`: another digest file names it, or a notice did, and it is gone. */
export const DIGEST_FAULTS = {
  missing: "a digest file is missing",
  unsigned: "a digest file has no signature",
  malformed: "a digest file cannot be read",
  moved: "a digest file does not lie where CloudTrail put it",
  unknown_key: "a digest file is signed with a key that CloudTrail does not know",
  bad_signature: "a digest file was altered: its signature does not fit",
} as const;
export type DigestFault = keyof typeof DIGEST_FAULTS;

/** A fault, with what exactly is wrong. */
export type Faulty = { readonly fault: DigestFault; readonly detail: string };

/** A log file that a digest file lists: its URI, and the SHA-256 of its content as unpacked, hex. */
export type ListedFile = { readonly uri: string; readonly hash: string };

/** What a digest file says. Hashes are SHA-256, hex, of unpacked content; times epoch ms, of delivery. */
export type Digest = {
  readonly startMs: number;
  readonly endMs: number;
  readonly hash: string;
  readonly signature: string;
  readonly fingerprint: string;
  /** The digest file before it; null: the chain begins here. */
  readonly previous: { readonly uri: string; readonly hash: string; readonly signature: string } | null;
  readonly files: readonly ListedFile[];
  /** What the signature is over. */
  readonly signed: string;
};

/** A digest file as it came: `bytes` unpacked, `metadata` of the object by the names behind `x-amz-meta-`. */
export type DigestObject = {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Name of the one algorithm there is, in the metadata and in the file. */
const ALGORITHM = "SHA256withRSA";
const HASH = /^[0-9a-f]{64}$/i;
/** Metadata of S3 is 2 KB at most; the signature of the longest RSA key in use has 1024 digits. */
const SIGNATURE = /^(?:[0-9a-f]{2}){64,1024}$/i;

/** Reads a digest file. That it is signed is yet to be seen: verifyDigest. */
export function readDigest(object: DigestObject): Digest | Faulty {
  const parsed = parseJson(object.bytes);
  if (!isObject(parsed)) return malformed("it is no JSON object");
  const at = `${textAt(parsed, "digestS3Bucket")}/${textAt(parsed, "digestS3Object")}`;
  if (at !== `${object.bucket}/${object.key}`) return { fault: "moved", detail: `it says that it lies at s3://${at}` };
  const signature = object.metadata["signature"] ?? "";
  const algorithm = object.metadata["signature-algorithm"] ?? "";
  if (signature === "" || algorithm === "")
    return { fault: "unsigned", detail: "its object has no metadata signature and signature-algorithm" };
  if (algorithm !== ALGORITHM || !SIGNATURE.test(signature))
    return { fault: "bad_signature", detail: `its signature is no ${ALGORITHM} in hexadecimal` };
  const [startMs, endMs] = [Date.parse(textAt(parsed, "digestStartTime")), Date.parse(textAt(parsed, "digestEndTime"))];
  if (!(startMs < endMs)) return malformed("digestStartTime and digestEndTime are no span of time");
  const previous = toPrevious(parsed);
  if (previous === undefined) return malformed("it names the digest file before it in part only");
  const files = toFiles(parsed["logFiles"]);
  if (typeof files === "string") return malformed(files);
  const hash = sha256Hex(object.bytes);
  const signed = [textAt(parsed, "digestEndTime"), at, hash, previous?.signature ?? "null"].join("\n");
  const fingerprint = textAt(parsed, "digestPublicKeyFingerprint");
  return { startMs, endMs, hash, signature: signature.toLowerCase(), fingerprint, previous, files, signed };
}

/**
 * Whether CloudTrail signed it. `key` is the public key of its fingerprint as ListPublicKeys gives it (DER, in PKCS #1 as
 * documented or as SubjectPublicKeyInfo as in its examples); null when there is none. Null: it did.
 */
export function verifyDigest(digest: Digest, key: Uint8Array | null): Faulty | null {
  if (key === null)
    return { fault: "unknown_key", detail: `CloudTrail has no key ${digest.fingerprint || "without fingerprint"}` };
  const publicKey = toPublicKey(key);
  if (publicKey === null) return { fault: "unknown_key", detail: `the key ${digest.fingerprint} cannot be read` };
  const isSigned = verify("sha256", Buffer.from(digest.signed), publicKey, Buffer.from(digest.signature, "hex"));
  return isSigned ? null : { fault: "bad_signature", detail: `its signature is not by the key ${digest.fingerprint}` };
}

function malformed(detail: string): Faulty {
  return { fault: "malformed", detail };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The digest file before it, null for the first of a chain, undefined where only a part is named. */
function toPrevious(parsed: Record<string, unknown>): Digest["previous"] | undefined {
  const names = [
    "previousDigestS3Bucket",
    "previousDigestS3Object",
    "previousDigestHashValue",
    "previousDigestSignature",
  ];
  const [bucket = "", key = "", hash = "", signature = ""] = names.map((name) => textAt(parsed, name));
  if (names.every((name) => (parsed[name] ?? null) === null)) return null;
  if (bucket === "" || key === "" || !HASH.test(hash) || !SIGNATURE.test(signature)) return undefined;
  return { uri: `s3://${bucket}/${key}`, hash: hash.toLowerCase(), signature };
}

/** The log files, or what is wrong with the list. */
function toFiles(list: unknown): readonly ListedFile[] | string {
  if (!Array.isArray(list)) return "it has no list logFiles";
  const files: ListedFile[] = [];
  for (const file of list as readonly unknown[]) {
    const [bucket, key, hash] = ["s3Bucket", "s3Object", "hashValue"].map((name) => textAt(file, name));
    if (!bucket || !key || hash === undefined || !HASH.test(hash)) return "a log file lacks its place or its hash";
    if (textAt(file, "hashAlgorithm") !== "SHA-256") return "a log file's hash is no SHA-256";
    files.push({ uri: `s3://${bucket}/${key}`, hash: hash.toLowerCase() });
  }
  return files;
}

function toPublicKey(der: Uint8Array): KeyObject | null {
  for (const type of ["pkcs1", "spki"] as const) {
    try {
      const key = createPublicKey({ key: Buffer.from(der), format: "der", type });
      return key.asymmetricKeyType === "rsa" ? key : null;
    } catch {
      // The other form is tried, or it is no key.
    }
  }
  return null;
}
