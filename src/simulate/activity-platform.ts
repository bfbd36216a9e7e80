/**
 * What machines and AWS services do all day: agents, keys, secrets, logs, scaling. The bulk of every real stream.
 *
 * An activity draws what happens once and gives the calls of it, in order. Proportions follow captured streams: KMS, S3,
 * STS, SSM and EC2 lead. Nothing here changes logging, opens a bucket or starts more than one small GPU instance.
 */
import type { Random } from "../lib/random.ts";
import { assumedRole, awsService, createRole } from "./identity.ts";
import { readCall, type Call, type Json } from "./record.ts";
import { bucketName, resourceId, type Account, type Region } from "./world.ts";

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

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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
export function kmsCall(scene: Scene, name: "Decrypt" | "GenerateDataKey" | "Encrypt", via: string, encryptionContext: Json): Call {
  const { account, region } = scene;
  const arn = kmsKeyArn(account, region);
  const request: Json =
    name === "GenerateDataKey" ? { keySpec: "AES_256", encryptionContext, keyId: arn } : { encryptionAlgorithm: "SYMMETRIC_DEFAULT", encryptionContext };
  const resources = [{ accountId: account.id, type: "AWS::KMS::Key", ARN: arn }];
  return { source: "kms", name, readOnly: true, request, resources, via: `${via}.amazonaws.com` };
}

/** The SSM agent of an instance reports. */
export const ssmAgent: Activity = ({ random }) => {
  const instanceId = `i-0${random.int(0, 39).toString(16).padStart(2, "0")}fb91f429e48ee`;
  if (random.chance(0.2)) return [readCall("ssm", "ListInstanceAssociations", { instanceId, maxResults: 20 })];
  const request = { instanceId, agentVersion: "3.3.1611.0", agentStatus: "Active", platformType: "Linux", agentName: "amazon-ssm-agent" };
  return [{ source: "ssm", name: "UpdateInstanceInformation", request }];
};

/** A workload reads a secret; Secrets Manager decrypts it. */
export const readSecret: Activity = (scene) => {
  const { account, region, random } = scene;
  const name = random.pick(["feature-store/db", "mlflow/backend", "registry/token", "warehouse/reader"]);
  const arn = `arn:aws:secretsmanager:${region}:${account.id}:secret:${name}-a8Kx2P`;
  const via = "secretsmanager";
  return [
    readCall("secretsmanager", "GetSecretValue", { secretId: random.chance(0.5) ? arn : name }),
    kmsCall(scene, "Decrypt", via, { SecretARN: arn, SecretVersionId: random.uuid() }),
  ];
};

/** A workload reads parameters. */
export const readParameter: Activity = (scene) => {
  const { account, region, random } = scene;
  const name = `/${account.name}/${random.pick(["pipelines", "endpoints", "feature-store", "batch"])}/config`;
  const arn = `arn:aws:ssm:${region}:${account.id}:parameter${name}`;
  if (random.chance(0.3)) return [readCall("ssm", "GetParametersByPath", { path: name, recursive: true, withDecryption: true })];
  const read: Call = { ...readCall("ssm", "GetParameter", { name, withDecryption: true }), resources: [{ accountId: account.id, ARN: arn }] };
  return [read, kmsCall(scene, "Decrypt", "ssm", { PARAMETER_ARN: arn })];
};

/** Objects under a CMK are read or written: S3 asks KMS. */
export const useDataKey: Activity = (scene) => {
  const bucket = bucketName(scene.account, scene.random.pick(["training", "artifacts"] as const), scene.region);
  const name = scene.random.chance(0.7) ? "Decrypt" : "GenerateDataKey";
  return [kmsCall(scene, name, "s3", { "aws:s3:arn": `arn:aws:s3:::${bucket}` })];
};

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
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][Number(expiration.slice(5, 7)) - 1];
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

/** An AWS service takes a role of the account: no ARN, no key, only the service's name. */
export const serviceAssumesRole: Activity = (scene) => {
  const { random, account } = scene;
  const [service, roleName] = random.pick([
    ["ec2", "ml-worker-instance"],
    ["lambda", "feature-sync-lambda"],
    ["sagemaker", "SageMakerExecutionRole"],
    ["ecs-tasks", "inference-gateway-task"],
    ["states", "pipeline-orchestrator"],
  ] as const);
  const role = createRole(scene.ids, account, roleName);
  const session = service === "ec2" ? resourceId(random, "i") : service === "sagemaker" ? "SageMaker" : random.hex(32);
  const target = { roleArn: role.arn, roleId: role.id, session };
  const resources = [{ accountId: account.id, type: "AWS::IAM::Role", ARN: role.arn }];
  const request = { roleArn: role.arn, roleSessionName: session, durationSeconds: 3600 };
  const response = assumeRoleResponse(scene, target);
  return [{ source: "sts", name: "AssumeRole", readOnly: true, request, response, resources, identity: awsService(service) }];
};

/** Describe calls of controllers that watch the fleet. */
export const watchFleet: Activity = ({ random }) => {
  const asked: readonly (readonly [string, string, Json | null])[] = [
    ["ec2", "DescribeInstances", { instancesSet: {}, filterSet: { items: [{ name: "instance-state-name", valueSet: { items: [{ value: "running" }] } }] } }],
    ["ec2", "DescribeInstanceStatus", { instancesSet: {}, filterSet: {}, includeAllInstances: false }],
    ["ec2", "DescribeVolumes", { volumeSet: {}, filterSet: {} }],
    ["ec2", "DescribeNetworkInterfaces", { networkInterfaceIdSet: {}, filterSet: {} }],
    ["ec2", "DescribeTags", { filterSet: {} }],
    ["autoscaling", "DescribeAutoScalingGroups", { maxRecords: 100 }],
    ["elasticloadbalancing", "DescribeTargetHealth", { targetGroupArn: "arn:aws:elasticloadbalancing:targetgroup/inference/6d0ecf831eec9f09" }],
    ["monitoring", "DescribeAlarms", { maxRecords: 100 }],
    ["tagging", "GetResources", { resourcesPerPage: 100 }],
  ];
  const throttled = random.chance(0.02);
  const [source, name, request] = random.pick(asked);
  if (!throttled) return [readCall(source, name, request)];
  const code = source === "ec2" ? "Client.RequestLimitExceeded" : "ThrottlingException";
  return [{ ...readCall(source, name, source === "ec2" ? request : null), error: [code, source === "ec2" ? "Request limit exceeded." : "Rate exceeded"] }];
};

/** An instance as RunInstances answers with it. */
export function launchedInstance(scene: Scene, instanceType: string, imageId: string): Json {
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
  wanted: { instanceType: string; count: number; imageId: string; keyName?: string; error?: Call["error"]; extra?: Json },
): Call {
  const items = [{ imageId: wanted.imageId, minCount: 1, maxCount: wanted.count, ...(wanted.keyName === undefined ? {} : { keyName: wanted.keyName }) }];
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
  const instances = Array.from({ length: wanted.count }, () => launchedInstance(scene, wanted.instanceType, wanted.imageId));
  const response = {
    requestId: scene.random.uuid(),
    reservationId: resourceId(scene.random, "r"),
    ownerId: scene.account.id,
    groupSet: {},
    instancesSet: { items: instances },
  };
  return { source: "ec2", name: "RunInstances", request, response };
}

/** Auto Scaling brings up or ends an instance: mostly without a GPU, at times one g4dn.xlarge or g5.xlarge. */
export const scaleFleet: Activity = (scene) => {
  const { random, account, timeMs } = scene;
  const role = createRole(scene.ids, account, "AWSServiceRoleForAutoScaling", "/aws-service-role/autoscaling.amazonaws.com/");
  const session = { role, name: "AutoScaling", createdMs: timeMs - 60_000, hasKey: false };
  const identity = { ...assumedRole(random, session), invokedBy: "autoscaling.amazonaws.com" };
  if (random.chance(0.45)) {
    const instanceId = resourceId(random, "i");
    const states = { currentState: { code: 32, name: "shutting-down" }, previousState: { code: 16, name: "running" } };
    const response = { requestId: random.uuid(), instancesSet: { items: [{ instanceId, ...states }] } };
    return [{ source: "ec2", name: "TerminateInstances", request: { instancesSet: { items: [{ instanceId }] } }, response, identity }];
  }
  const hasGpus = account.name === "prod-ml" || account.name === "research";
  const instanceType = random.weighted([
    [5, "m6i.2xlarge"],
    [5, "c6i.4xlarge"],
    [hasGpus ? 0.5 : 0, "g4dn.xlarge"],
    [hasGpus ? 0.3 : 0, "g5.xlarge"],
  ]);
  const template = { launchTemplateId: "lt-0a20c965061f64abc", version: "7" };
  return [{ ...runInstances(scene, { instanceType, count: 1, imageId: "ami-0c7217cdde317cfec", extra: { launchTemplate: template } }), identity }];
};

/** Log delivery into a bucket that refuses it: the noise that makes "many AccessDenied" useless as a rule. */
export const deniedLogDelivery: Activity = (scene) => {
  const { account, region, random } = scene;
  const bucket = bucketName(account, "logs", region);
  const key = `AWSLogs/${account.id}/vpcflowlogs/${region}/${account.id}_vpcflowlogs_${region}_fl-${random.hex(8)}.log.gz`;
  const request = { bucketName: bucket, Host: s3Host(bucket, region), "x-amz-acl": "bucket-owner-full-control", key };
  const error = ["AccessDenied", "Access Denied"] as const;
  const shared: Partial<Call> = { identity: awsService("delivery.logs"), extra: s3Extra(random, { in: 0, out: 243 }) };
  const resources = s3Resources(account, bucket, key);
  return [{ ...shared, source: "s3", name: "PutObject", request, error, resources, isData: true }];
};

/** CloudTrail and AWS Config look at the bucket they deliver to. */
export const checkLogBucket: Activity = (scene) => {
  const { account, region, random } = scene;
  const bucket = bucketName(account, "logs", region);
  const request = { bucketName: bucket, Host: s3Host(bucket, region), acl: "" };
  const identity = awsService(random.pick(["cloudtrail", "config"]));
  const resources = s3Resources(account, bucket);
  return [{ source: "s3", name: "GetBucketAcl", readOnly: true, request, extra: s3Extra(random, { in: 0, out: 552 }), resources, identity }];
};

/** Service events: no request, some without any type of identity. */
export const serviceEvent: Activity = (scene) => {
  const { account, random, region } = scene;
  if (random.chance(0.5)) {
    const identity = { accountId: account.id, invokedBy: "ec2.amazonaws.com" };
    const top = { sharedEventID: random.uuid(), serviceEventDetails: { snapshotId: resourceId(random, "snap") } };
    return [{ source: "ec2", name: "SharedSnapshotVolumeCreated", eventType: "AwsServiceEvent", identity, top }];
  }
  const identity = { accountId: account.id, invokedBy: "AWS Internal" };
  const keyId = kmsKeyArn(account, region);
  const top = { serviceEventDetails: { keyId, rotationType: "AUTOMATIC" } };
  const resources = [{ accountId: account.id, type: "AWS::KMS::Key", ARN: keyId }];
  return [{ source: "kms", name: "RotateKey", eventType: "AwsServiceEvent", identity, top, resources }];
};

