/**
 * What people do: sign in, look around in the console, work on the command line, train and try models by day.
 *
 * Promised of the benign stream: a person starts training only from 07:00 to 20:00 UTC on weekdays; those who call models
 * never list or enable them, and those who look at model settings never call one; nobody touches logging.
 */
import { denial } from "./activity-delivery.ts";
import { createTrainingJob, getObject, MODEL_IDS, modelCall } from "./activity-ml.ts";
import { s3Extra, s3Host, s3Resources, type Activity, type Scene } from "./calls.ts";
import { readCall, type Call, type Json } from "./record.ts";
import { bucketName } from "./world.ts";

/** True from 07:00 to 20:00 UTC, Monday to Friday. */
export function isUtcOfficeTime(timeMs: number): boolean {
  const date = new Date(timeMs);
  const day = date.getUTCDay();
  return day >= 1 && day <= 5 && date.getUTCHours() >= 7 && date.getUTCHours() < 20;
}

/** Clicks in the console: each page makes a few calls within a second or two. */
export const browseConsole: Activity = (scene) => {
  const { random, account, region } = scene;
  const pages: readonly (readonly (readonly [string, string, Json | null])[])[] = [
    [
      ["ec2", "DescribeInstances", { maxResults: 100, instancesSet: {}, filterSet: {} }],
      ["ec2", "DescribeInstanceStatus", { instancesSet: {}, filterSet: {}, includeAllInstances: true }],
      ["monitoring", "DescribeAlarms", { maxRecords: 100 }],
    ],
    [
      ["sagemaker", "ListTrainingJobs", { maxResults: 100 }],
      ["sagemaker", "ListEndpoints", { maxResults: 100 }],
      ["sagemaker", "ListDomains", null],
    ],
    [
      ["logs", "DescribeLogGroups", { limit: 50 }],
      [
        "logs",
        "DescribeLogStreams",
        { logGroupName: "/aws/sagemaker/Endpoints/ranker-live", limit: 50, orderBy: "LastEventTime", descending: true },
      ],
    ],
    [
      [
        "health",
        "DescribeEventAggregates",
        { aggregateField: "eventTypeCategory", filter: { eventStatusCodes: ["open", "upcoming"] } },
      ],
    ],
  ];
  if (random.chance(0.3)) {
    const buckets: Call = {
      ...readCall("s3", "ListBuckets", { Host: "s3.amazonaws.com" }),
      extra: s3Extra(random, { in: 0, out: 6322 }),
      host: "s3.amazonaws.com",
    };
    const bucket = bucketName(account, "artifacts", region);
    const acl = readCall("s3", "GetBucketAcl", { bucketName: bucket, Host: s3Host(bucket, region), acl: "" });
    return [
      buckets,
      {
        ...acl,
        extra: s3Extra(random, { in: 0, out: 552 }),
        resources: s3Resources(account, bucket),
        host: s3Host(bucket, region),
      },
    ];
  }
  const page = random.pick(pages);
  return page.map(([source, name, request]): Call =>
    Object.assign(readCall(source, name, request), { afterSeconds: random.int(0, 1) }),
  );
};

/** Work on the command line, with the odd thing that is not allowed. */
export const workInShell: Activity = (scene) => {
  const { random, account, region } = scene;
  const arn = `arn:aws:sts::${account.id}:assumed-role/AWSReservedSSO/${account.name}`;
  const bucket = bucketName(account, "training", region);
  const asked: readonly (() => Call)[] = [
    () => ({ ...readCall("sts", "GetCallerIdentity"), host: `sts.${region}.amazonaws.com` }),
    () => readCall("sagemaker", "DescribeTrainingJob", { trainingJobName: `${account.name}-ranker-${random.hex(6)}` }),
    () => readCall("sagemaker", "ListModels"),
    () =>
      getObject(scene, { bucket, key: `reports/week-${random.int(1, 10)}.csv`, bytes: random.int(4000, 4_000_000) }),
    () => readCall("ssm", "GetParameter", { name: `/${account.name}/endpoints/config`, withDecryption: false }),
    () => ({ ...readCall("iam", "ListUsers"), error: denial(arn, "iam:ListUsers") }),
    () => readCall("cloudformation", "DescribeStacks", { stackName: "feature-store" }),
  ];
  return Array.from({ length: random.int(1, 5) }, () => ({ ...random.pick(asked)(), afterSeconds: random.int(1, 25) }));
};

/** A person opens Studio. */
export const openStudio: Activity = ({ random }) => {
  const request = {
    domainId: "d-x8kq2v7m4pzt",
    userProfileName: `user-${random.int(1, 12)}`,
    sessionExpirationDurationInSeconds: 43_200,
  };
  return [
    { source: "sagemaker", name: "CreatePresignedDomainUrl", request },
    { ...readCall("sagemaker", "DescribeDomain", { domainId: request.domainId }), afterSeconds: 1 },
  ];
};

/** A person starts a training job of usual size; outside the working day of the UTC calendar only looks at jobs. */
export const trainByHand: Activity = (scene) => {
  const { random, account } = scene;
  if (!isUtcOfficeTime(scene.timeMs) || !isUtcOfficeTime(scene.timeMs + 300_000)) return browseConsole(scene);
  const name = `${account.name}-${random.pick(["ranker", "embedder", "router"])}-${random.hex(6)}`;
  const instanceType = random.pick(["ml.g5.xlarge", "ml.g5.2xlarge", "ml.m5.4xlarge"]);
  const job = createTrainingJob(scene, { name, instanceType, instanceCount: 1, roleName: "SageMakerExecutionRole" });
  return [job, { ...readCall("sagemaker", "DescribeTrainingJob", { trainingJobName: name }), afterSeconds: 20 }];
};

/** A researcher tries prompts. */
export const tryModel: Activity = ({ random, region }) => {
  const modelId = random.pick(MODEL_IDS);
  return Array.from({ length: random.int(1, 4) }, () => ({
    ...modelCall("Converse", region, modelId),
    afterSeconds: random.int(5, 40),
  }));
};

/** A platform engineer looks at model settings. */
export const reviewModels: Activity = ({ random }) => [
  readCall("bedrock", "ListFoundationModels"),
  { ...readCall("bedrock", "GetFoundationModelAvailability", { modelId: random.pick(MODEL_IDS) }), afterSeconds: 2 },
  { ...readCall("bedrock", "GetModelInvocationLoggingConfiguration"), afterSeconds: 3 },
];

/** Signing in to the console with credentials of IAM Identity Center. */
export function consoleSignIn(scene: Scene, identity: Json): Call {
  const extra = {
    LoginTo: `https://${scene.region}.console.aws.amazon.com/console/home`,
    MobileVersion: "No",
    MFAUsed: "No",
  };
  const eventType = "AwsConsoleSignIn";
  return { source: "signin", name: "ConsoleLogin", response: { ConsoleLogin: "Success" }, extra, eventType, identity };
}
