/**
 * Model weights leave the company: many artifacts read within minutes, then a bucket opened to another account.
 *
 * A data engineer's role in research, which never reads that bucket, downloads model files from outside (data events of
 * S3), copies some to a bucket of a foreign account, and puts a bucket policy with that account as principal.
 */
import { getObject } from "../activity-ml.ts";
import { s3Extra, s3Host, s3Resources } from "../calls.ts";
import { assumedRole, createSsoRole } from "../identity.ts";
import type { Call } from "../record.ts";
import { accountOf, bucketName, FOREIGN_ACCOUNT_ID, personOf, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, ORDINARY_AGENTS, whoAmI, type Attack, type Stage } from "./stage.ts";

const FOREIGN_BUCKET = "weights-mirror-7f31";
const FILES: readonly string[] = [
  "model.tar.gz",
  "model-00001-of-00004.safetensors",
  "model-00002-of-00004.safetensors",
  "adapter_model.safetensors",
];

/** Copies an object into a bucket of the other account. */
function copyObject(stage: Stage, region: Region, source: { bucket: string; key: string }): Call {
  const account = accountOf("research");
  const key = `in/${stage.random.hex(8)}/${source.key.slice(source.key.lastIndexOf("/") + 1)}`;
  const host = s3Host(FOREIGN_BUCKET, region);
  const request = {
    bucketName: FOREIGN_BUCKET,
    Host: host,
    "x-amz-copy-source": `${source.bucket}/${source.key}`,
    key,
  };
  const foreign = [
    { type: "AWS::S3::Object", ARN: `arn:aws:s3:::${FOREIGN_BUCKET}/${key}` },
    { accountId: FOREIGN_ACCOUNT_ID, type: "AWS::S3::Bucket", ARN: `arn:aws:s3:::${FOREIGN_BUCKET}` },
  ];
  const resources = [...foreign, ...s3Resources(account, source.bucket, source.key)];
  return {
    source: "s3",
    name: "CopyObject",
    request,
    extra: s3Extra(stage.random, { in: 0, out: 234 }),
    resources,
    isData: true,
    host,
  };
}

/** Opens the bucket to the other account. */
function shareBucket(stage: Stage, region: Region, bucket: string): Call {
  const account = accountOf("research");
  const statement = {
    Sid: "Mirror",
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${FOREIGN_ACCOUNT_ID}:root` },
    Action: ["s3:GetObject", "s3:ListBucket"],
    Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
  };
  const request = {
    bucketPolicy: { Version: "2012-10-17", Statement: [statement] },
    bucketName: bucket,
    Host: s3Host(bucket, region),
    policy: "",
  };
  return {
    source: "s3",
    name: "PutBucketPolicy",
    request,
    extra: s3Extra(stage.random, { in: 494, out: 0 }),
    resources: s3Resources(account, bucket),
    host: s3Host(bucket, region),
  };
}

/** The attack. */
export const weightsCopiedOut: Attack = {
  title: "Model weights copied out",
  what: "A session of mila.novak's role in research reads 40 model files from outside within minutes, copies 4 to a foreign bucket and opens the bucket to account 999988887777.",
  begins: { afterHours: 21.1 },
  rules: [EXPECTED_RULES.modelDownload],
  note: "40 GetObject data events on *-models-* keys, 4 CopyObject and one PutBucketPolicy; honest readers of that bucket are SageMaker roles from inside.",
  play: (stage) => {
    const account = accountOf("research");
    const region: Region = "eu-west-1";
    const person = personOf("mila.novak");
    const role = createSsoRole(stage.ids, account, person.permissionSet);
    const identity = assumedRole(stage.random, { role, name: `${person.user}@example.com`, createdMs: stage.now() });
    const caller = foreignCaller(account, identity, { host: 58, userAgent: ORDINARY_AGENTS.boto });
    const bucket = bucketName(account, "models", region);
    stage.perform(caller, region, whoAmI(region));
    stage.wait(5, 20);
    const list = { bucketName: bucket, Host: s3Host(bucket, region), "list-type": "2", prefix: "" };
    const listing = {
      extra: s3Extra(stage.random, { in: 0, out: 38_211 }),
      resources: s3Resources(account, bucket),
      isData: true,
      host: s3Host(bucket, region),
    };
    stage.perform(caller, region, { source: "s3", name: "ListObjects", readOnly: true, request: list, ...listing });
    const models = ["ranker", "embedder", "summariser", "router"].flatMap((model) =>
      [11, 12, 13].map((version) => `${model}/v${version}`),
    );
    const keys = models.flatMap((model) => FILES.map((file) => `${model}/${file}`)).slice(0, 40);
    for (const key of keys) {
      stage.wait(2, 14);
      stage.perform(
        caller,
        region,
        getObject(stage.scene(account, region), { bucket, key, bytes: stage.random.int(1e9, 9e9) }),
      );
    }
    for (const key of keys.slice(0, 4)) {
      stage.wait(5, 20);
      stage.perform(caller, region, copyObject(stage, region, { bucket, key }));
    }
    stage.wait(10, 40);
    stage.perform(caller, region, shareBucket(stage, region, bucket));
    return { account, regions: [region], principal: role.arn };
  },
};
