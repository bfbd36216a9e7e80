/**
 * CloudTrail's delivery to S3 with log file validation: log files, and each hour a signed digest file that lists them.
 *
 * Form and string to sign as AWS documents them; the key pair is made here, so that ListPublicKeys of cloudtrail.ts can give
 * it. Nothing is stored: whoever asks puts the objects where he likes, and may spoil them on the way.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { gzipSync } from "node:zlib";

/** An object as it is to be put. */
export type Delivered = {
  readonly bucket: string;
  readonly key: string;
  /** Unpacked. */
  readonly text: string;
  readonly body: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
};

/** A key pair as CloudTrail has one a Region. */
export type SigningKey = {
  readonly fingerprint: string;
  /** Of the public key, as ListPublicKeys gives it: DER, PKCS #1. */
  readonly der: Uint8Array;
  readonly privateKey: KeyObject;
};

export function makeSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = Uint8Array.from(publicKey.export({ format: "der", type: "pkcs1" }));
  return { fingerprint: createHash("md5").update(der).digest("hex"), der, privateKey };
}

export type DigestOptions = {
  readonly bucket: string;
  readonly key?: SigningKey;
  readonly account?: string;
  readonly region?: string;
  readonly trail?: string;
  readonly prefix?: string;
};

export type DigestTrail = {
  readonly key: SigningKey;
  /** A log file with these records, of the time slot. */
  log(slotMs: number, records: readonly string[]): Delivered;
  /** The digest file of the hour that begins at `startMs`. It follows the last one made, or, `starting`, none. */
  digest(
    startMs: number,
    files: readonly Delivered[],
    options?: { readonly starting?: boolean; readonly backfill?: boolean },
  ): Delivered;
};

const HOUR_MS = 3_600_000;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
/** yyyymmddThhmmssZ. */
const stamp = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/\.\d+Z/, "Z")
    .replaceAll(/[-:]/g, "");
const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z/, "Z");

/** A trail that delivers to a bucket. */
export function makeTrail(options: DigestOptions): DigestTrail {
  const { bucket, key = makeSigningKey(), account = "111122223333", region = "eu-west-1" } = options;
  const { trail = "main", prefix = "" } = options;
  let previous: { readonly made: Delivered; readonly signature: string } | null = null;
  let made = 0;
  const folder = (kind: string, ms: number): string =>
    `${prefix}AWSLogs/${account}/${kind}/${region}/${iso(ms).slice(0, 10).replaceAll("-", "/")}`;
  return {
    key,
    log: (slotMs, records) => {
      made += 1;
      const name = `${account}_CloudTrail_${region}_${stamp(slotMs).slice(0, 13)}Z_${String(made).padStart(16, "A")}.json.gz`;
      const text = `{"Records":[${records.join(",")}]}`;
      return { bucket, key: `${folder("CloudTrail", slotMs)}/${name}`, text, body: gzipSync(text), metadata: {} };
    },
    digest: (startMs, files, { starting = false, backfill = false } = {}) => {
      const endMs = startMs + HOUR_MS;
      const before = starting || backfill ? null : previous;
      const end = `${stamp(endMs)}${backfill ? "_backfill" : ""}.json.gz`;
      const name = `${account}_CloudTrail-Digest_${region}_${trail}_${region}_${end}`;
      const place = `${folder("CloudTrail-Digest", endMs)}/${name}`;
      const text = JSON.stringify({
        awsAccountId: account,
        digestStartTime: iso(startMs),
        digestEndTime: iso(endMs),
        digestS3Bucket: bucket,
        digestS3Object: place,
        digestPublicKeyFingerprint: key.fingerprint,
        digestSignatureAlgorithm: "SHA256withRSA",
        ...toTimes(files, startMs),
        ...toPrevious(before),
        logFiles: files.map((file) => toListed(file, startMs)),
      });
      const toSign = `${iso(endMs)}\n${bucket}/${place}\n${sha256(text)}\n${before?.signature ?? "null"}`;
      const signature = sign("sha256", Buffer.from(toSign), key.privateKey).toString("hex");
      const metadata: Record<string, string> = { signature, "signature-algorithm": "SHA256withRSA" };
      if (backfill) metadata["backfill-generation-timestamp"] = iso(endMs + 6 * HOUR_MS);
      const delivered = { bucket, key: place, text, body: gzipSync(text), metadata };
      if (!backfill) previous = { made: delivered, signature };
      return delivered;
    },
  };
}

function toTimes(files: readonly Delivered[], startMs: number): object {
  const isEmpty = files.length === 0;
  return {
    newestEventTime: isEmpty ? null : iso(startMs + HOUR_MS - 1000),
    oldestEventTime: isEmpty ? null : iso(startMs),
  };
}

function toPrevious(before: { readonly made: Delivered; readonly signature: string } | null): object {
  return {
    previousDigestS3Bucket: before?.made.bucket ?? null,
    previousDigestS3Object: before?.made.key ?? null,
    previousDigestHashValue: before === null ? null : sha256(before.made.text),
    previousDigestHashAlgorithm: before === null ? null : "SHA-256",
    previousDigestSignature: before?.signature ?? null,
  };
}

function toListed(file: Delivered, startMs: number): object {
  const { bucket: s3Bucket, key: s3Object, text } = file;
  return { s3Bucket, s3Object, hashValue: sha256(text), hashAlgorithm: "SHA-256", ...toTimes([file], startMs) };
}
