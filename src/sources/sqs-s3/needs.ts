/**
 * What the sources `sqs-s3` and `bedrock-log` need of AWS beside its queue, and what is tried of it: one listing, one byte of one object.
 */
import type * as Sdk from "@aws-sdk/client-s3";
import { codeOf } from "../../aws/errors.ts";
import { keyNeed, type Need, queueAccount, toCaller, withCaller } from "../../aws/needs.ts";
import { notTried, withClient } from "../../aws/probes.ts";
import { toPartition } from "../../aws/settings.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { queueNeeds, queueProbes } from "../sqs/needs.ts";
import { createQueueAws } from "../sqs/settings.ts";
import type { ObjectsConfig, TrailPlace } from "./settings.ts";

/** Accounts whose folders doctor looks into for an object of the log. */
const ACCOUNTS_LOOKED_AT = 10;
const VERIFY = "to verify CloudTrail's digest files (`digests`), with the keys of whichever Region they are of";

/** Needs of the source. Errors by code: config_invalid. */
export function objectNeeds(config: ObjectsConfig): readonly Need[] {
  const { queue, region, trails, digests, folder } = config;
  const partition = toPartition(region);
  const isTrail = folder === "CloudTrail";
  const read = isTrail ? "to read the trail's files" : "to read the log's files, and outputs that they point to";
  // Folders of an organisation's trail stand a level deeper; its digest files are read too.
  const files = isTrail ? "AWSLogs/*" : `AWSLogs/*/${folder}/*`;
  const objects =
    trails.length === 0
      ? [{ action: "s3:GetObject", resource: `arn:${partition}:s3:::*/${files}`, why: read }]
      : trails.flatMap(({ bucket, prefix }) => [
          { action: "s3:GetObject", resource: `arn:${partition}:s3:::${bucket}/${prefix}${files}`, why: read },
          {
            action: "s3:ListBucket",
            resource: `arn:${partition}:s3:::${bucket}`,
            condition: { StringLike: { "s3:prefix": [`${prefix}AWSLogs/*`] } },
            why: `to find files of which no notice came (\`${isTrail ? "trails" : "logs"}\`), and to tell a file that is gone from one that is denied`,
          },
        ]);
  const caller = toCaller(config, queueAccount(queue));
  const keys = digests ? [{ action: "cloudtrail:ListPublicKeys", resource: "*", why: VERIFY }] : [];
  return [...queueNeeds(config), ...withCaller(caller, [...objects, ...keys, keyNeed("kms:Decrypt", "s3", region)])];
}

/** Probes of the source. Errors by code: config_invalid. */
export function objectProbes(config: ObjectsConfig): readonly Probe[] {
  const { name, trails } = config;
  const buckets =
    trails.length > 0
      ? trails.map((trail): Probe => {
          const at = `s3://${trail.bucket}/${trail.prefix}`;
          return { name: `source ${name}: bucket ${at}`, run: (by) => probeBucket(config, trail, by) };
        })
      : [
          {
            name: `source ${name}: bucket`,
            run: async () =>
              notTried(
                "s3:GetObject",
                "no bucket is named (`trails`, `logs`); name it, and files without a notice are found too",
              ),
          },
        ];
  const keys: Probe = { name: `source ${name}: keys of digest files`, run: (by) => probeKeys(config, by) };
  return [...queueProbes(config), ...buckets, ...(config.digests ? [keys] : [])];
}

async function probeKeys(config: ObjectsConfig, by: ProbeBy): Promise<Finding> {
  const { CloudTrailClient, ListPublicKeysCommand } = await import("@aws-sdk/client-cloudtrail");
  const call = { service: "cloudtrail", operation: "ListPublicKeys", resource: config.region };
  const { PublicKeyList = [] } = await withClient(
    { aws: createQueueAws(config, by.clock), type: CloudTrailClient, extra: {} },
    by,
    (ask) => ask(call, (client, abortSignal) => client.send(new ListPublicKeysCommand({}), { abortSignal })),
  );
  const keys = PublicKeyList.length === 1 ? "one key is" : `${PublicKeyList.length} keys are`;
  return { status: "ok", did: `cloudtrail:ListPublicKeys is allowed; ${keys} valid in ${config.region} now` };
}

async function probeBucket(config: ObjectsConfig, { bucket, prefix }: TrailPlace, by: ProbeBy): Promise<Finding> {
  const sdk = await import("@aws-sdk/client-s3");
  const extra = { forcePathStyle: config.endpoint !== undefined, followRegionRedirects: true };
  const folder = `${prefix}AWSLogs/`;
  return withClient({ aws: createQueueAws(config, by.clock), type: sdk.S3Client, extra }, by, async (ask) => {
    const list = (
      Prefix: string,
      more: Partial<Sdk.ListObjectsV2CommandInput>,
    ): Promise<Sdk.ListObjectsV2CommandOutput> =>
      ask({ service: "s3", operation: "ListObjectsV2", resource: `s3://${bucket}/${Prefix}` }, (client, abortSignal) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix, ...more }), { abortSignal }),
      );
    const places = [folder];
    if (config.folder !== "CloudTrail") {
      // A trail may write to the same bucket, and nobody needs to be allowed to read its files for the log.
      const { CommonPrefixes = [] } = await list(folder, { Delimiter: "/", MaxKeys: ACCOUNTS_LOOKED_AT });
      places.splice(0, 1, ...CommonPrefixes.map(({ Prefix = folder }) => `${Prefix}${config.folder}/`));
    }
    let key: string | undefined;
    for (const place of places) key ??= (await list(place, { MaxKeys: 1 })).Contents?.[0]?.Key;
    const listed = `s3:ListBucket: ${bucket} is there`;
    if (key === undefined)
      return {
        status: "ok",
        did: listed,
        notes: [`no object stands under ${folder} yet, so s3:GetObject was not tried; is the prefix right?`],
      };
    const get = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, Range: "bytes=0-0" });
    const getting = { service: "s3", operation: "GetObject", resource: `s3://${bucket}/${key}` };
    await ask(getting, async (client, abortSignal) => {
      const { Body } = await client.send(get, { abortSignal });
      await Body?.transformToByteArray();
    }).catch((error: unknown) => {
      // An object without a byte was allowed all the same.
      if (codeOf((error as Error).cause) !== "InvalidRange") throw error;
    });
    return { status: "ok", did: `${listed}; s3:GetObject: the first byte of ${key} was read` };
  });
}
