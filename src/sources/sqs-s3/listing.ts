/**
 * Lists what CloudTrail, or Bedrock's model-invocation log, stored in a bucket, by account, Region and day.
 *
 * Keys begin with account, Region and day and go on with CloudTrail's time slot or Bedrock's hour, so that a listing begins
 * where the span does and costs a call for each account, Region and day, and one more for each thousand objects.
 * Keys: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html,
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
 */
import type { ListObjectsV2CommandOutput, S3Client } from "@aws-sdk/client-s3";
import { type Aws, CALL_LIMITS } from "../../aws/clients.ts";
import type { NoticedObject } from "../../decode/envelope-notice.ts";
import { toUtcText } from "../../lib/clock.ts";
import { slotOf } from "../file/list.ts";
import type { LogFolder, TrailPlace } from "./settings.ts";

/** A listed object, and when it was stored (epoch ms). */
export type ListedObject = NoticedObject & { readonly storedMs: number };

/** Time slots of names, epoch ms: from the minute of `fromMs` to the end of the day of `toMs`. */
export type ListSpan = { readonly fromMs: number; readonly toMs: number };

export type ListBy = {
  readonly aws: Aws;
  readonly client: S3Client;
  readonly signal: AbortSignal;
  /** Accounts and Regions to list; left out: all. */
  readonly account?: string | null;
  readonly region?: string | null;
  /** Whose folder it is below the account's. */
  readonly folder: LogFolder;
  /** Digest files too, whole days of them: their names go on with the trail's. */
  readonly withDigests?: boolean;
  /** Called before each request; may throw to end the listing. */
  readonly onRequest?: () => void;
};

const DAY_MS = 86_400_000;
const HOUR_FOLDER = /\/BedrockModelInvocationLogs\/[^/]+\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\//;

/** Epoch ms by the name that CloudTrail gives, or the hour's folder of Bedrock's log; what has neither, by when it was stored. */
export function slotMsOf({ key, storedMs }: Pick<ListedObject, "key" | "storedMs">): number {
  return slotOf(key) ?? hourOf(key) ?? storedMs;
}

/** Start of the hour whose folder an object of Bedrock's log lies in, epoch ms: also of one that was put there again later. */
function hourOf(key: string): number | null {
  const [, year, month, day, hour] = HOUR_FOLDER.exec(key) ?? [];
  return year === undefined ? null : Date.parse(`${year}-${month}-${day}T${hour}:00:00Z`);
}

/** Objects of a trail's folders, account by account, Region by Region. Digest files are in folders of their own. */
export async function* listTrail(
  { bucket, prefix }: TrailPlace,
  span: ListSpan,
  by: ListBy,
): AsyncGenerator<ListedObject> {
  const { account = null, region = null, folder, withDigests = false } = by;
  const kinds = withDigests ? [folder, "CloudTrail-Digest"] : [folder];
  for (const ofAccount of await listAccounts(bucket, `${prefix}AWSLogs/`, by)) {
    if (account !== null && !ofAccount.endsWith(`/${account}/`)) continue;
    for (const kind of kinds) {
      for (const ofRegion of await listFolders(bucket, `${ofAccount}${kind}/`, by)) {
        if (region !== null && !ofRegion.endsWith(`/${region}/`)) continue;
        for (const day of toDays(ofRegion, span)) yield* listObjects({ bucket, ...day }, by);
      }
    }
  }
}

/** Folders of accounts; those of an organisation stand one level below. */
async function listAccounts(bucket: string, top: string, by: ListBy): Promise<readonly string[]> {
  const accounts: string[] = [];
  for (const folder of await listFolders(bucket, top, by)) {
    const name = folder.slice(top.length, -1);
    if (/^\d{12}$/.test(name)) accounts.push(folder);
    else if (/^o-[a-z0-9]+$/.test(name)) accounts.push(...(await listAccounts(bucket, folder, by)));
  }
  return accounts;
}

/** Folders of days of the span, and the key behind which the first begins. */
function toDays(region: string, { fromMs, toMs }: ListSpan): readonly { folder: string; after: string }[] {
  const days: { folder: string; after: string }[] = [];
  for (let dayMs = Math.floor(fromMs / DAY_MS) * DAY_MS; dayMs <= toMs; dayMs += DAY_MS) {
    const folder = `${region}${toUtcText(dayMs).slice(0, 10).replaceAll("-", "/")}/`;
    const [account = "", kind, name = ""] = region.split("/").slice(-4, -1);
    const slot = toUtcText(Math.floor(fromMs / 60_000) * 60_000).replaceAll(/[-:]|00Z$/g, "");
    const starts: Readonly<Record<string, string>> = {
      CloudTrail: `${account}_CloudTrail_${name}_${slot}`,
      BedrockModelInvocationLogs: slot.slice(9, 11),
    };
    days.push({ folder, after: dayMs < fromMs ? `${folder}${starts[kind ?? ""] ?? ""}` : "" });
  }
  return days;
}

async function listFolders(bucket: string, folder: string, by: ListBy): Promise<readonly string[]> {
  const folders: string[] = [];
  for await (const { CommonPrefixes = [] } of listPages({ bucket, folder, after: "", delimiter: "/" }, by))
    for (const { Prefix } of CommonPrefixes) if (Prefix !== undefined) folders.push(Prefix);
  return folders;
}

type Listing = {
  readonly bucket: string;
  readonly folder: string;
  readonly after: string;
  readonly delimiter?: string;
};

async function* listObjects(listing: Listing, by: ListBy): AsyncGenerator<ListedObject> {
  for await (const { Contents = [] } of listPages(listing, by)) {
    for (const { Key: key = "", ETag = "", Size, LastModified } of Contents) {
      const storedMs = LastModified?.getTime() ?? -Infinity;
      const etag = ETag.replaceAll('"', "");
      yield { bucket: listing.bucket, key, etag, sequencer: "", sizeBytes: Size ?? null, storedMs };
    }
  }
}

async function* listPages(
  { bucket, folder, after, delimiter }: Listing,
  { aws, client, signal, onRequest }: ListBy,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: folder,
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(after === "" ? {} : { StartAfter: after }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    onRequest?.();
    const call = { service: "s3", operation: "ListObjectsV2", resource: `s3://${bucket}/${folder}` };
    const page = await aws.call(call, (abortSignal) => client.send(command, { abortSignal }), {
      limits: CALL_LIMITS,
      signal,
    });
    yield page;
    token = page.NextContinuationToken;
  } while (token !== undefined && !signal.aborted);
}
