/**
 * What the keys of CloudTrail's files say: account, Region, the chain of a digest file, the hour of a log file.
 *
 * Keys are written by whoever may write to the bucket: what does not have the form of CloudTrail's keys is none of its files.
 * Pure. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html
 */

/** Where a log file belongs; `hourMs`: the hour (epoch ms) of the time in its name, which is near that of its delivery. */
export type LogPlace = { readonly accountId: string; readonly region: string; readonly hourMs: number };

/** Where a digest file belongs. `endMs`: end of what it covers; `chain` is the same for all digest files of one chain. */
export type DigestPlace = {
  readonly accountId: string;
  readonly region: string;
  readonly chain: string;
  readonly endMs: number;
  /** It lists log files that came too late for the digest file of their hour, and covers no hour itself. */
  readonly isBackfill: boolean;
};

export const HOUR_MS = 3_600_000;

const LOG =
  /(?:^|\/)AWSLogs\/(?:o-[a-z0-9]{10,32}\/)?(\d{12})\/CloudTrail(?:-Insight)?\/([a-z0-9-]+)\/\d{4}\/\d\d\/\d\d\/[^/]*_(\d{8}T\d{4})Z_[^/]*\.json\.gz$/;
const DIGEST =
  /^((?:.*\/)?AWSLogs\/(?:o-[a-z0-9]{10,32}\/)?(\d{12})\/CloudTrail-Digest\/([a-z0-9-]+)\/)\d{4}\/\d\d\/\d\d\/\2_CloudTrail-Digest_([^/]+)_(\d{8}T\d{6})Z(_backfill)?\.json\.gz$/;

/** The place of a log file, null when the key is not one of CloudTrail's. */
export function toLogPlace(key: string): LogPlace | null {
  const [, accountId, region, time] = LOG.exec(key) ?? [];
  const timeMs = time === undefined ? Number.NaN : toMs(`${time}00`);
  if (accountId === undefined || region === undefined || Number.isNaN(timeMs)) return null;
  return { accountId, region, hourMs: Math.floor(timeMs / HOUR_MS) * HOUR_MS };
}

/** The place of a digest file, null when the key is not one of CloudTrail's. */
export function toDigestPlace({ bucket, key }: { readonly bucket: string; readonly key: string }): DigestPlace | null {
  const [, folder, accountId, region, trail, time, backfill] = DIGEST.exec(key) ?? [];
  const endMs = time === undefined ? Number.NaN : toMs(time);
  if (accountId === undefined || region === undefined || Number.isNaN(endMs)) return null;
  const chain = `s3://${bucket}/${folder}${trail}${backfill ?? ""}`;
  return { accountId, region, chain, endMs, isBackfill: backfill !== undefined };
}

/** Epoch ms of yyyymmddThhmmss. */
function toMs(text: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Bucket and key of an object's URI. */
export function fromUri(uri: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]*)\/(.*)$/s.exec(uri) ?? [];
  return { bucket, key };
}
