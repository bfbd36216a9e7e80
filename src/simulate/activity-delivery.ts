/**
 * Continuous delivery and the posture scanner: builds, Terraform, endpoint releases, sweeps over every setting.
 *
 * This is the noise that looks most like an attack: roles created and removed, AccessDenied, NoSuchEntity, bursts within
 * one second. Endpoint releases are kept rare by the actor that makes them (./actors.ts).
 */
import { createEndpoint } from "./activity-ml.ts";
import { assumeRoleResponse, runInstances, s3Extra, s3Host, s3Resources, type Activity, type Scene } from "./calls.ts";
import { createRole } from "./identity.ts";
import { readCall, type Call, type Json } from "./record.ts";
import { bucketName } from "./world.ts";

const REPOSITORY = "example-org/ml-platform";

/** The denial text that most services give. */
export function denial(arn: string, action: string): readonly [string, string] {
  return [
    "AccessDenied",
    `User: ${arn} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  ];
}

/** A read of a bucket's setting; many buckets have none, which is an error in S3. */
function bucketSetting(scene: Scene, bucket: string): Call {
  const { random, region, account } = scene;
  const [name, key, missing] = random.pick([
    ["GetBucketPolicy", "policy", "NoSuchBucketPolicy"],
    ["GetBucketEncryption", "encryption", ""],
    ["GetBucketPublicAccessBlock", "publicAccessBlock", ""],
    ["GetBucketLogging", "logging", ""],
    ["GetBucketVersioning", "versioning", ""],
    ["GetBucketTagging", "tagging", "NoSuchTagSet"],
    ["GetBucketLifecycle", "lifecycle", "NoSuchLifecycleConfiguration"],
  ] as const);
  const call = readCall("s3", name, { bucketName: bucket, Host: s3Host(bucket, region), [key]: "" });
  const full = {
    ...call,
    extra: s3Extra(random, { in: 0, out: 317 }),
    resources: s3Resources(account, bucket),
    host: s3Host(bucket, region),
  };
  return missing !== "" && random.chance(0.5)
    ? { ...full, error: [missing, "The configuration does not exist"] }
    : full;
}

/** A build in GitHub Actions takes its role with a web identity, then pushes an image. */
export const ciBuild: Activity = (scene) => {
  const { random, account, region } = scene;
  const role = createRole(scene.ids, account, "github-actions-build");
  const provider = `arn:aws:iam::${account.id}:oidc-provider/token.actions.githubusercontent.com`;
  const userName = `repo:${REPOSITORY}:ref:refs/heads/main`;
  const identity = {
    type: "WebIdentityUser",
    principalId: `${provider}:sts.amazonaws.com:${userName}`,
    userName,
    identityProvider: provider,
  };
  const target = { roleArn: role.arn, roleId: role.id, session: "GitHubActions" };
  const resources = [{ accountId: account.id, type: "AWS::IAM::Role", ARN: role.arn }];
  const response = {
    ...assumeRoleResponse(scene, target),
    subjectFromWebIdentityToken: userName,
    provider,
    audience: "sts.amazonaws.com",
  };
  const repository = { repositoryName: "ml-platform/inference", registryId: account.id };
  return [
    {
      source: "sts",
      name: "AssumeRoleWithWebIdentity",
      readOnly: true,
      request: { roleArn: role.arn, roleSessionName: "GitHubActions" },
      response,
      resources,
      identity,
    },
    { source: "ecr", name: "GetAuthorizationToken", readOnly: true, afterSeconds: 2 },
    {
      ...readCall("ecr", "BatchCheckLayerAvailability", { ...repository, layerDigests: [`sha256:${random.hex(64)}`] }),
      afterSeconds: 5,
    },
    {
      source: "ecr",
      name: "InitiateLayerUpload",
      request: repository,
      response: { uploadId: random.uuid(), partSize: 10_485_760 },
      afterSeconds: 1,
    },
    { source: "ecr", name: "PutImage", request: { ...repository, imageTag: random.hex(7) }, afterSeconds: 20 },
    { ...readCall("sts", "GetCallerIdentity"), host: `sts.${region}.amazonaws.com`, afterSeconds: 1 },
  ];
};

/** Terraform reads everything it manages, within seconds; part of it does not exist yet or may not be read. */
export const terraformPlan: Activity = (scene) => {
  const { random, account, region } = scene;
  const roleName = random.pick(["feature-sync-lambda", "ml-worker-instance", "pipeline-orchestrator", "labelling-ui"]);
  const bucket = bucketName(account, random.pick(["training", "models", "artifacts"] as const), region);
  const arn = `arn:aws:sts::${account.id}:assumed-role/terraform-apply/terraform`;
  const gone: Call["error"] = ["NoSuchEntityException", `The role with name ${roleName} cannot be found.`];
  const asked: readonly (() => Call)[] = [
    () => ({ ...readCall("iam", "GetRole", { roleName }), ...(random.chance(0.15) ? { error: gone } : {}) }),
    () => readCall("iam", "ListRolePolicies", { roleName }),
    () => readCall("iam", "ListAttachedRolePolicies", { roleName }),
    () => readCall("ec2", "DescribeVpcs", { vpcSet: { items: [{ vpcId: "vpc-06fe1a64761a0f720" }] }, filterSet: {} }),
    () => readCall("ec2", "DescribeRouteTables", { routeTableIdSet: {}, filterSet: {} }),
    () =>
      readCall("ec2", "DescribeSecurityGroups", {
        securityGroupSet: {},
        securityGroupIdSet: { items: [{ groupId: "sg-0b233157065b7d5e2" }] },
        filterSet: {},
      }),
    () => readCall("ec2", "DescribeSubnets", { subnetSet: {}, filterSet: {} }),
    () => readCall("ssm", "DescribeParameters", { maxResults: 50 }),
    () => readCall("kms", "GetKeyRotationStatus", { keyId: `alias/${account.name}` }),
    () => bucketSetting(scene, bucket),
    () => ({
      ...readCall("organizations", "DescribeOrganization"),
      error: denial(arn, "organizations:DescribeOrganization"),
    }),
    () => ({ ...readCall("logs", "DescribeLogGroups"), error: ["ThrottlingException", "Rate exceeded"] }),
  ];
  return Array.from({ length: random.int(6, 22) }, () => ({
    ...random.pick(asked)(),
    afterSeconds: random.chance(0.6) ? 0 : 1,
  }));
};

/** Terraform changes something: a role with its policy, as honest code does many times a day. */
export const terraformApply: Activity = (scene) => {
  const { random, account, ids } = scene;
  const roleName = `svc-${random.pick(["batch", "labels", "metrics", "export"])}-${random.hex(6)}`;
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const role = createRole(ids, account, roleName);
  const answer: Json = {
    path: "/",
    roleName,
    roleId: role.id,
    arn: role.arn,
    assumeRolePolicyDocument: encodeURIComponent(policy),
  };
  const tags = [{ key: "managed-by", value: "terraform" }];
  return [
    {
      source: "iam",
      name: "CreateRole",
      request: { path: "/", roleName, assumeRolePolicyDocument: policy, maxSessionDuration: 3600, tags },
      response: { role: answer },
    },
    { ...readCall("iam", "GetRole", { roleName }), afterSeconds: 1 },
    {
      source: "iam",
      name: "AttachRolePolicy",
      request: { roleName, policyArn: "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" },
      afterSeconds: 1,
    },
    { ...readCall("iam", "ListAttachedRolePolicies", { roleName }), afterSeconds: 1 },
  ];
};

/** A release brings up one endpoint and takes the old one away. */
export const releaseEndpoint: Activity = (scene) => {
  const { random } = scene;
  const name = `${random.pick(["ranker", "embedder", "router"])}-${random.hex(7)}`;
  const instanceType = random.pick(["ml.g5.xlarge", "ml.m5.2xlarge", "ml.c6i.4xlarge"]);
  const calls = createEndpoint(scene, { name, instanceType, instanceCount: 2 });
  const watch = readCall("sagemaker", "DescribeEndpoint", { endpointName: name });
  return [
    ...calls,
    { ...watch, afterSeconds: 60 },
    { ...watch, afterSeconds: 60 },
    { source: "sagemaker", name: "DeleteEndpoint", request: { endpointName: `${name}-old` }, afterSeconds: 30 },
  ];
};

/** A test run on one small GPU instance, ended some minutes later. */
export const gpuTestRun: Activity = (scene) => {
  const launch = runInstances(scene, { instanceType: "g4dn.xlarge", count: 1, imageId: "ami-0c7217cdde317cfec" });
  const instanceId = `i-0${scene.random.hex(16)}`;
  const states = { currentState: { code: 32, name: "shutting-down" }, previousState: { code: 16, name: "running" } };
  const response = { requestId: scene.random.uuid(), instancesSet: { items: [{ instanceId, ...states }] } };
  return [
    launch,
    {
      source: "ec2",
      name: "TerminateInstances",
      request: { instancesSet: { items: [{ instanceId }] } },
      response,
      afterSeconds: 240,
    },
  ];
};

/** The posture scanner sweeps an account: reads only, AI services included, throttled now and then. */
export const scannerSweep: Activity = (scene) => {
  const { random, account, region } = scene;
  const bucket = bucketName(account, random.pick(["training", "models", "artifacts", "logs"] as const), region);
  const asked: readonly (() => Call)[] = [
    () => readCall("iam", "ListRoles", { maxItems: 1000 }),
    () => readCall("iam", "GetAccountSummary"),
    () => readCall("iam", "ListAccessKeys", { userName: "svc-feature-export" }),
    () => readCall("iam", "GetAccessKeyLastUsed", { accessKeyId: "AKIAIOSFODNN7EXAMPLE" }),
    () =>
      readCall("ec2", "DescribeSnapshots", {
        snapshotSet: {},
        ownersSet: { items: [{ owner: "self" }] },
        sharedUsersSet: {},
        filterSet: {},
      }),
    () =>
      readCall("ec2", "DescribeImages", {
        executableBySet: {},
        imagesSet: {},
        ownersSet: { items: [{ owner: "self" }] },
        filterSet: {},
      }),
    () => readCall("ec2", "DescribeSecurityGroups", { securityGroupSet: {}, securityGroupIdSet: {}, filterSet: {} }),
    () => bucketSetting(scene, bucket),
    () => readCall("cloudtrail", "DescribeTrails", { trailNameList: [], includeShadowTrails: true }),
    () =>
      readCall("cloudtrail", "GetTrailStatus", { name: `arn:aws:cloudtrail:us-east-1:${account.id}:trail/org-trail` }),
    () => readCall("guardduty", "ListDetectors"),
    () => readCall("sagemaker", "ListNotebookInstances"),
    () => readCall("sagemaker", "ListEndpoints", { maxResults: 100 }),
    () => readCall("bedrock", "GetModelInvocationLoggingConfiguration"),
    () => readCall("bedrock", "ListGuardrails", { maxResults: 100 }),
    () => readCall("kms", "ListKeys", { limit: 1000 }),
    () => ({ ...readCall("iam", "ListRoles"), error: ["ThrottlingException", "Rate exceeded"] }),
  ];
  return Array.from({ length: random.int(8, 30) }, () => ({
    ...random.pick(asked)(),
    afterSeconds: random.chance(0.75) ? 0 : 1,
  }));
};
