/**
 * The AI and ML work of the company: notebooks, pipelines, training, endpoints, Bedrock applications, training data.
 *
 * Request fields are those of the SageMaker and Bedrock records in CloudTrail, the keys that the service adds by itself
 * included. Bedrock's InvokeModel and Converse are management events with `readOnly: true` and no more than a model id.
 * The builders at the top also serve the planted attacks; the activities below them are benign.
 */
import { s3Extra, s3Host, s3Resources, kmsKeyArn, kmsCall, type Activity, type Scene } from "./calls.ts";
import { readCall, type Call, type Json } from "./record.ts";
import { bucketName, type Region } from "./world.ts";

/** Models that the company's applications call. */
export const MODEL_IDS: readonly string[] = [
  "anthropic.claude-sonnet-4-5-20250929-v1:0",
  "anthropic.claude-haiku-4-5-20251001-v1:0",
  "amazon.nova-pro-v1:0",
  "amazon.titan-embed-text-v2:0",
  "meta.llama3-3-70b-instruct-v1:0",
];

/** A call of a model: only its id is recorded, no prompt and no tokens. */
export function modelCall(
  name: "InvokeModel" | "InvokeModelWithResponseStream" | "Converse" | "ConverseStream",
  region: Region,
  modelId: string,
): Call {
  return {
    source: "bedrock",
    name,
    readOnly: true,
    request: { modelId },
    host: `bedrock-runtime.${region}.amazonaws.com`,
    region,
  };
}

/** A training job. */
export type TrainingOptions = {
  name: string;
  instanceType: string;
  instanceCount: number;
  roleName: string;
  tags?: Json[];
};

/** CreateTrainingJob as it stands in a record. */
export function createTrainingJob(scene: Scene, options: TrainingOptions): Call {
  const { account, region } = scene;
  const trainingJobArn = `arn:aws:sagemaker:${region}:${account.id}:training-job/${options.name}`;
  const models = bucketName(account, "models", region);
  const dataSource = {
    s3DataSource: {
      s3DataType: "S3Prefix",
      s3Uri: `s3://${bucketName(account, "training", region)}/corpus/`,
      s3DataDistributionType: "FullyReplicated",
    },
  };
  const request: Json = {
    trainingJobName: options.name,
    algorithmSpecification: {
      trainingImage: `763104351884.dkr.ecr.${region}.amazonaws.com/pytorch-training:2.5.1-gpu-py311-cu124-ubuntu22.04-sagemaker`,
      trainingInputMode: "FastFile",
      enableSageMakerMetricsTimeSeries: false,
    },
    roleArn: `arn:aws:iam::${account.id}:role/${options.roleName}`,
    inputDataConfig: [{ channelName: "train", dataSource }],
    outputDataConfig: {
      kmsKeyId: kmsKeyArn(account, region),
      s3OutputPath: `s3://${models}/`,
      removeJobNameFromS3OutputPath: false,
      disableModelUpload: false,
    },
    resourceConfig: {
      instanceType: options.instanceType,
      instanceCount: options.instanceCount,
      volumeSizeInGB: 200,
      useReservedCapacity: false,
    },
    vpcConfig: { securityGroupIds: ["sg-0b233157065b7d5e2"], subnets: ["subnet-0ed352584ab4aa265"] },
    stoppingCondition: { maxRuntimeInSeconds: 86_400 },
    tags: options.tags ?? [{ key: "team", value: account.owner }],
    enableNetworkIsolation: false,
    enableInterContainerTrafficEncryption: options.instanceCount > 1,
    enableManagedSpotTraining: false,
    disableEFA: false,
    withWarmPoolValidationError: false,
    trainingJobArn,
  };
  return { source: "sagemaker", name: "CreateTrainingJob", request, response: { trainingJobArn } };
}

/** CreateModel, CreateEndpointConfig and CreateEndpoint, a few seconds apart: how an endpoint comes up. */
export function createEndpoint(
  scene: Scene,
  options: { name: string; instanceType: string; instanceCount: number },
): readonly Call[] {
  const { account, region } = scene;
  const arn = `arn:aws:sagemaker:${region}:${account.id}`;
  const modelName = `${options.name}-model`;
  const config = `${options.name}-config`;
  const primaryContainer = {
    image: `763104351884.dkr.ecr.${region}.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128`,
    mode: "SingleModel",
    modelDataUrl: `s3://${bucketName(account, "models", region)}/${options.name}/model.tar.gz`,
    environment: { SAGEMAKER_CONTAINER_LOG_LEVEL: "20" },
  };
  const variant = {
    variantName: "AllTraffic",
    modelName,
    initialInstanceCount: options.instanceCount,
    instanceType: options.instanceType,
    initialVariantWeight: 1,
  };
  const role = `arn:aws:iam::${account.id}:role/SageMakerExecutionRole`;
  return [
    {
      source: "sagemaker",
      name: "CreateModel",
      request: { modelName, primaryContainer, executionRoleArn: role, enableNetworkIsolation: false },
      response: { modelArn: `${arn}:model/${modelName}` },
    },
    {
      source: "sagemaker",
      name: "CreateEndpointConfig",
      request: { endpointConfigName: config, productionVariants: [variant], kmsKeyId: kmsKeyArn(account, region) },
      response: { endpointConfigArn: `${arn}:endpoint-config/${config}` },
      afterSeconds: 4,
    },
    {
      source: "sagemaker",
      name: "CreateEndpoint",
      request: { endpointName: options.name, endpointConfigName: config },
      response: { endpointArn: `${arn}:endpoint/${options.name}` },
      afterSeconds: 3,
    },
  ];
}

/** GetObject, a data event. */
export function getObject(scene: Scene, target: { bucket: string; key: string; bytes: number }): Call {
  const { account, region, random } = scene;
  const request = { bucketName: target.bucket, Host: s3Host(target.bucket, region), key: target.key };
  const resources = s3Resources(account, target.bucket, target.key);
  const extra = s3Extra(random, { in: 0, out: target.bytes });
  return {
    source: "s3",
    name: "GetObject",
    readOnly: true,
    request,
    extra,
    resources,
    isData: true,
    host: s3Host(target.bucket, region),
  };
}

/** A training or batch job reads shards of its data set: data events, and a KMS call for the bucket key. */
export const readTrainingData: Activity = (scene) => {
  const { account, region, random } = scene;
  const bucket = bucketName(account, "training", region);
  const first = random.int(0, 900);
  const shards = Array.from({ length: random.int(1, 6) }, (_, index) => {
    const key = `corpus/2026-03/part-${String(first + index).padStart(5, "0")}.parquet`;
    return {
      ...getObject(scene, { bucket, key, bytes: random.int(40_000_000, 130_000_000) }),
      afterSeconds: random.int(0, 2),
    };
  });
  return random.chance(0.3)
    ? [
        ...shards,
        kmsCall(scene, "Decrypt", { via: "s3", encryptionContext: { "aws:s3:arn": `arn:aws:s3:::${bucket}` } }),
      ]
    : shards;
};

/** The execution role writes a checkpoint, or an endpoint loads its model: from inside, under a known role. */
export const moveModelArtifacts: Activity = (scene) => {
  const { account, region, random } = scene;
  const bucket = bucketName(account, "models", region);
  const model = random.pick(["ranker", "embedder", "summariser", "router"]);
  if (random.chance(0.15)) {
    const key = `${model}/v${random.int(1, 40)}/model.tar.gz`;
    return [getObject(scene, { bucket, key, bytes: random.int(1e8, 9e9) })];
  }
  const key = `${model}/checkpoints/step-${random.int(1, 400) * 100}.pt`;
  const request = { bucketName: bucket, Host: s3Host(bucket, region), key, "x-amz-server-side-encryption": "aws:kms" };
  const extra = s3Extra(random, { in: random.int(1e8, 4e9), out: 0 });
  return [
    {
      source: "s3",
      name: "PutObject",
      request,
      extra,
      resources: s3Resources(account, bucket, key),
      isData: true,
      host: s3Host(bucket, region),
    },
  ];
};

/** What a notebook does while somebody works in it. */
export const useNotebook: Activity = (scene) => {
  const { account, region, random } = scene;
  const bucket = bucketName(account, "training", region);
  const job = `${account.name}-ranker-${random.hex(6)}`;
  const asked: readonly (() => Call)[] = [
    () => readCall("sagemaker", "DescribeTrainingJob", { trainingJobName: job }),
    () =>
      readCall("sagemaker", "ListTrainingJobs", { maxResults: 20, sortBy: "CreationTime", sortOrder: "Descending" }),
    () => readCall("sagemaker", "DescribeEndpoint", { endpointName: "ranker-live" }),
    () => ({ ...readCall("sts", "GetCallerIdentity"), host: `sts.${region}.amazonaws.com` }),
    () => ({
      ...readCall("s3", "GetBucketLocation", { bucketName: bucket, Host: s3Host(bucket, region), location: "" }),
      host: s3Host(bucket, region),
      extra: s3Extra(random, { in: 0, out: 137 }),
      resources: s3Resources(account, bucket),
    }),
    () => ({ source: "ecr", name: "GetAuthorizationToken", readOnly: true }),
    () => getObject(scene, { bucket, key: `samples/day-${random.int(1, 60)}.csv`, bytes: random.int(5000, 9_000_000) }),
    () =>
      readCall("logs", "DescribeLogStreams", {
        logGroupName: "/aws/sagemaker/TrainingJobs",
        limit: 5,
        logStreamNamePrefix: job,
        descending: false,
      }),
  ];
  return Array.from({ length: random.int(1, 4) }, () => ({ ...random.pick(asked)(), afterSeconds: random.int(0, 20) }));
};

/** A SageMaker pipeline runs: processing, training by the pipeline's own role (at any hour), registration. */
export const runPipeline: Activity = (scene) => {
  const { account, region, random } = scene;
  const run = `pipelines-${random.text("abcdefghijklmnopqrstuvwxyz0123456789", 12)}`;
  const arn = `arn:aws:sagemaker:${region}:${account.id}`;
  const via = "sagemaker.amazonaws.com";
  const processingResources = {
    clusterConfig: { instanceCount: 2, instanceType: "ml.m5.4xlarge", volumeSizeInGB: 100 },
  };
  const appSpecification = {
    imageUri: `683313688378.dkr.ecr.${region}.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3`,
  };
  const roleArn = `arn:aws:iam::${account.id}:role/SageMakerPipelineRole`;
  const processing = { processingJobName: `${run}-Prepare`, processingResources, appSpecification, roleArn };
  const train = {
    name: `${run}-Train`,
    instanceType: random.pick(["ml.g5.2xlarge", "ml.g5.xlarge", "ml.m5.4xlarge"]),
    instanceCount: 1,
    roleName: "SageMakerPipelineRole",
  };
  const modelPackageGroupName = `${account.name}-ranker`;
  return [
    {
      source: "sagemaker",
      name: "CreateProcessingJob",
      request: processing,
      response: { processingJobArn: `${arn}:processing-job/${run}-Prepare` },
      via,
    },
    {
      ...readCall("sagemaker", "DescribeProcessingJob", { processingJobName: `${run}-Prepare` }),
      via,
      afterSeconds: 60,
    },
    { ...createTrainingJob(scene, train), via, afterSeconds: 15 },
    { ...readCall("sagemaker", "DescribeTrainingJob", { trainingJobName: train.name }), via, afterSeconds: 60 },
    {
      source: "sagemaker",
      name: "CreateModelPackage",
      request: { modelPackageGroupName, modelApprovalStatus: "PendingManualApproval" },
      response: { modelPackageArn: `${arn}:model-package/${modelPackageGroupName}/${random.int(1, 90)}` },
      via,
      afterSeconds: 45,
    },
  ];
};

/** An application asks a model. Now and then it is throttled, as all are. */
export const askModel: Activity = ({ random, region }) => {
  const name = random.weighted([
    [6, "Converse"],
    [3, "InvokeModel"],
    [2, "ConverseStream"],
    [1, "InvokeModelWithResponseStream"],
  ] as const);
  return Array.from({ length: random.int(1, 3) }, () => {
    const call = { ...modelCall(name, region, random.pick(MODEL_IDS)), afterSeconds: random.int(0, 6) };
    if (!random.chance(0.015)) return call;
    return { ...call, error: ["ThrottlingException", "Too many requests, please wait before trying again."] as const };
  });
};
