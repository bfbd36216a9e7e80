/**
 * Builders of single calls and of the parts that many calls share: S3, KMS, STS, EC2.
 *
 * Field names and nesting are those of real records (`instancesSet.items`, `Host`, `x-amz-id-2`). The benign activities
 * and the planted attacks both build from here, so neither can be told by its shape. Nothing here decides what happens.
 */
import type { Random } from "../lib/random.ts";
import type { Call, Json } from "./record.ts";
import { resourceId, type Account, type Region } from "./world.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** What an activity may know: one moment in one Region of one account. */
export type Scene = {
  readonly random: Random;
  /** Source of unique ids: the same for all scenes of a run, so that a role keeps its id. */
  readonly ids: Random;
  readonly account: Account;
  readonly region: Region;
  /** When it begins, epoch ms. */
  readonly timeMs: number;
};

/** One thing that happens, as calls. */
export type Activity = (scene: Scene) => readonly Call[];

/** The `additionalEventData` of S3 records. */
export function s3Extra(random: Random, bytes: { in: number; out: number }): Json {
  return {
    SignatureVersion: "SigV4",
    CipherSuite: "TLS_AES_128_GCM_SHA256",
    bytesTransferredIn: bytes.in,
    AuthenticationMethod: "AuthHeader",
    "x-amz-id-2": `${random.text(BASE64, 75)}=`,
    bytesTransferredOut: bytes.out,
  };
}

/** `resources` of a call on an S3 bucket, with the object first when there is one. */
export function s3Resources(account: Account, bucket: string, key?: string): Json[] {
  const found: Json[] = key === undefined ? [] : [{ type: "AWS::S3::Object", ARN: `arn:aws:s3:::${bucket}/${key}` }];
  return [...found, { accountId: account.id, type: "AWS::S3::Bucket", ARN: `arn:aws:s3:::${bucket}` }];
}

/** Host of a bucket. */
export function s3Host(bucket: string, region: Region): string {
  return `${bucket}.s3.${region}.amazonaws.com`;
}

/** The account's own KMS key in a Region; the same for every seed. */
export function kmsKeyArn(account: Account, region: Region): string {
  const tail = String(region.length).padStart(2, "0");
  return `arn:aws:kms:${region}:${account.id}:key/5b0c2f4e-8d1a-4c37-9e62-${account.id.slice(0, 10)}${tail}`;
}

/** KMS used by a service on the caller's behalf: the commonest record of all. */
export function kmsCall(
  scene: Scene,
  name: "Decrypt" | "GenerateDataKey",
  use: { via: string; encryptionContext: Json },
): Call {
  const { via, encryptionContext } = use;
  const { account, region } = scene;
  const arn = kmsKeyArn(account, region);
  const request: Json =
    name === "GenerateDataKey"
      ? { keySpec: "AES_256", encryptionContext, keyId: arn }
      : { encryptionAlgorithm: "SYMMETRIC_DEFAULT", encryptionContext };
  const resources = [{ accountId: account.id, type: "AWS::KMS::Key", ARN: arn }];
  return { source: "kms", name, readOnly: true, request, resources, via: `${via}.amazonaws.com` };
}

/** A token as STS gives it out, shortened. */
function sessionToken(random: Random): string {
  return `IQoJb3JpZ2luX2VjE${random.text(BASE64, 120)}==`;
}

/** `responseElements` of AssumeRole. */
export function assumeRoleResponse(scene: Scene, target: { roleArn: string; roleId: string; session: string }): Json {
  const { random, account, timeMs } = scene;
  const roleName = target.roleArn.slice(target.roleArn.lastIndexOf("/") + 1);
  const arn = `arn:aws:sts::${account.id}:assumed-role/${roleName}/${target.session}`;
  const expiration = new Date(timeMs + 3_600_000).toISOString();
  const hour = Number(expiration.slice(11, 13));
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
    Number(expiration.slice(5, 7)) - 1
  ];
  const day = `${month} ${Number(expiration.slice(8, 10))}, ${expiration.slice(0, 4)}`;
  const clock = `${((hour + 11) % 12) + 1}${expiration.slice(13, 19)} ${hour < 12 ? "AM" : "PM"}`;
  return {
    credentials: {
      accessKeyId: `ASIA${random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`,
      sessionToken: sessionToken(random),
      expiration: `${day}, ${clock}`,
    },
    assumedRoleUser: { assumedRoleId: `${target.roleId}:${target.session}`, arn },
  };
}

/** An instance as RunInstances answers with it. */
function launchedInstance(scene: Scene, instanceType: string, imageId: string): Json {
  const { random, region, timeMs } = scene;
  const address = `10.${random.int(0, 3)}.${random.int(0, 255)}.${random.int(4, 250)}`;
  return {
    instanceId: resourceId(random, "i"),
    imageId,
    instanceState: { code: 0, name: "pending" },
    privateDnsName: `ip-${address.replaceAll(".", "-")}.${region}.compute.internal`,
    amiLaunchIndex: 0,
    productCodes: {},
    instanceType,
    launchTime: timeMs,
    placement: { availabilityZone: `${region}${random.pick(["a", "b"])}`, tenancy: "default" },
    monitoring: { state: "disabled" },
    subnetId: resourceId(random, "subnet"),
    vpcId: "vpc-06fe1a64761a0f720",
    privateIpAddress: address,
    stateReason: { code: "pending", message: "pending" },
    architecture: "x86_64",
    rootDeviceType: "ebs",
    rootDeviceName: "/dev/xvda",
    blockDeviceMapping: {},
    virtualizationType: "hvm",
    hypervisor: "xen",
    groupSet: { items: [{ groupId: "sg-0b233157065b7d5e2" }] },
    sourceDestCheck: true,
    ebsOptimized: false,
    enaSupport: true,
    metadataOptions: { state: "pending", httpTokens: "required", httpPutResponseHopLimit: 2, httpEndpoint: "enabled" },
  };
}

/** RunInstances: with an answer, or denied with `error`. */
export function runInstances(
  scene: Scene,
  wanted: {
    instanceType: string;
    count: number;
    imageId: string;
    keyName?: string;
    error?: Call["error"];
    extra?: Json;
  },
): Call {
  const items = [
    {
      imageId: wanted.imageId,
      minCount: 1,
      maxCount: wanted.count,
      ...(wanted.keyName === undefined ? {} : { keyName: wanted.keyName }),
    },
  ];
  const request: Json = {
    instancesSet: { items },
    instanceType: wanted.instanceType,
    blockDeviceMapping: {},
    monitoring: { enabled: false },
    disableApiTermination: false,
    disableApiStop: false,
    clientToken: scene.random.uuid(),
    ...wanted.extra,
  };
  if (wanted.error !== undefined) return { source: "ec2", name: "RunInstances", request, error: wanted.error };
  const instances = Array.from({ length: wanted.count }, () =>
    launchedInstance(scene, wanted.instanceType, wanted.imageId),
  );
  const response = {
    requestId: scene.random.uuid(),
    reservationId: resourceId(scene.random, "r"),
    ownerId: scene.account.id,
    groupSet: {},
    instancesSet: { items: instances },
  };
  return { source: "ec2", name: "RunInstances", request, response };
}
