/**
 * What machines and AWS services do all day: agents, keys, secrets, logs, scaling. The bulk of every real stream.
 *
 * An activity draws what happens once and gives the calls of it, in order. Proportions follow captured streams: KMS, S3,
 * STS, SSM and EC2 lead. Nothing here changes logging, opens a bucket or starts more than one small GPU instance.
 */
import {
  assumeRoleResponse,
  kmsCall,
  kmsKeyArn,
  runInstances,
  s3Extra,
  s3Host,
  s3Resources,
  type Activity,
} from "./calls.ts";
import { assumedRole, awsService, createRole } from "./identity.ts";
import { readCall, type Call, type Json } from "./record.ts";
import { bucketName, resourceId } from "./world.ts";

/** The SSM agent of an instance reports. */
export const ssmAgent: Activity = ({ random }) => {
  const instanceId = `i-0${random.int(0, 39).toString(16).padStart(2, "0")}fb91f429e48ee`;
  if (random.chance(0.2)) return [readCall("ssm", "ListInstanceAssociations", { instanceId, maxResults: 20 })];
  const request = {
    instanceId,
    agentVersion: "3.3.1611.0",
    agentStatus: "Active",
    platformType: "Linux",
    agentName: "amazon-ssm-agent",
  };
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
    kmsCall(scene, "Decrypt", { via, encryptionContext: { SecretARN: arn, SecretVersionId: random.uuid() } }),
  ];
};

/** A workload reads parameters. */
export const readParameter: Activity = (scene) => {
  const { account, region, random } = scene;
  const name = `/${account.name}/${random.pick(["pipelines", "endpoints", "feature-store", "batch"])}/config`;
  const arn = `arn:aws:ssm:${region}:${account.id}:parameter${name}`;
  const byPath = readCall("ssm", "GetParametersByPath", { path: name, recursive: true, withDecryption: true });
  if (random.chance(0.3)) return [byPath];
  const read: Call = {
    ...readCall("ssm", "GetParameter", { name, withDecryption: true }),
    resources: [{ accountId: account.id, ARN: arn }],
  };
  return [read, kmsCall(scene, "Decrypt", { via: "ssm", encryptionContext: { PARAMETER_ARN: arn } })];
};

/** Objects under a CMK are read or written: S3 asks KMS. */
export const useDataKey: Activity = (scene) => {
  const bucket = bucketName(scene.account, scene.random.pick(["training", "artifacts"] as const), scene.region);
  const name = scene.random.chance(0.7) ? "Decrypt" : "GenerateDataKey";
  return [kmsCall(scene, name, { via: "s3", encryptionContext: { "aws:s3:arn": `arn:aws:s3:::${bucket}` } })];
};

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
  return [
    { source: "sts", name: "AssumeRole", readOnly: true, request, response, resources, identity: awsService(service) },
  ];
};

/** Describe calls of controllers that watch the fleet. */
export const watchFleet: Activity = ({ random }) => {
  const asked: readonly (readonly [string, string, Json | null])[] = [
    [
      "ec2",
      "DescribeInstances",
      {
        instancesSet: {},
        filterSet: { items: [{ name: "instance-state-name", valueSet: { items: [{ value: "running" }] } }] },
      },
    ],
    ["ec2", "DescribeInstanceStatus", { instancesSet: {}, filterSet: {}, includeAllInstances: false }],
    ["ec2", "DescribeVolumes", { volumeSet: {}, filterSet: {} }],
    ["ec2", "DescribeNetworkInterfaces", { networkInterfaceIdSet: {}, filterSet: {} }],
    ["ec2", "DescribeTags", { filterSet: {} }],
    ["autoscaling", "DescribeAutoScalingGroups", { maxRecords: 100 }],
    [
      "elasticloadbalancing",
      "DescribeTargetHealth",
      { targetGroupArn: "arn:aws:elasticloadbalancing:targetgroup/inference/6d0ecf831eec9f09" },
    ],
    ["monitoring", "DescribeAlarms", { maxRecords: 100 }],
    ["tagging", "GetResources", { resourcesPerPage: 100 }],
  ];
  const throttled = random.chance(0.02);
  const [source, name, request] = random.pick(asked);
  if (!throttled) return [readCall(source, name, request)];
  const code = source === "ec2" ? "Client.RequestLimitExceeded" : "ThrottlingException";
  return [
    {
      ...readCall(source, name, source === "ec2" ? request : null),
      error: [code, source === "ec2" ? "Request limit exceeded." : "Rate exceeded"],
    },
  ];
};

/** Auto Scaling brings up or ends an instance: mostly without a GPU, at times one g4dn.xlarge or g5.xlarge. */
export const scaleFleet: Activity = (scene) => {
  const { random, account, timeMs } = scene;
  const role = createRole(
    scene.ids,
    account,
    "/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
  );
  const session = { role, name: "AutoScaling", createdMs: timeMs - 60_000, hasKey: false };
  const identity = { ...assumedRole(random, session), invokedBy: "autoscaling.amazonaws.com" };
  if (random.chance(0.45)) {
    const instanceId = resourceId(random, "i");
    const states = { currentState: { code: 32, name: "shutting-down" }, previousState: { code: 16, name: "running" } };
    const response = { requestId: random.uuid(), instancesSet: { items: [{ instanceId, ...states }] } };
    return [
      {
        source: "ec2",
        name: "TerminateInstances",
        request: { instancesSet: { items: [{ instanceId }] } },
        response,
        identity,
      },
    ];
  }
  const hasGpus = account.name === "prod-ml" || account.name === "research";
  const instanceType = random.weighted([
    [5, "m6i.2xlarge"],
    [5, "c6i.4xlarge"],
    [hasGpus ? 0.5 : 0, "g4dn.xlarge"],
    [hasGpus ? 0.3 : 0, "g5.xlarge"],
  ]);
  const template = { launchTemplateId: "lt-0a20c965061f64abc", version: "7" };
  return [
    {
      ...runInstances(scene, {
        instanceType,
        count: 1,
        imageId: "ami-0c7217cdde317cfec",
        extra: { launchTemplate: template },
      }),
      identity,
    },
  ];
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
  return [
    {
      source: "s3",
      name: "GetBucketAcl",
      readOnly: true,
      request,
      extra: s3Extra(random, { in: 0, out: 552 }),
      resources,
      identity,
    },
  ];
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
