/**
 * Calls that ask for accelerators, in the shape that CloudTrail writes them, each with what it asks for.
 */
import type { Json, JsonObject } from "../../../src/model/event.ts";

/** A record of a call, with what a test needs of it. */
export const call = (
  source: string,
  eventName: string,
  parts: { request: Json } & { rest?: JsonObject },
): JsonObject => ({
  eventSource: `${source}.amazonaws.com`,
  eventName,
  awsRegion: "us-east-1",
  requestParameters: parts.request,
  responseElements: null,
  ...parts.rest,
});
/** A call of EC2. */
export const ec2 = (name: string, request: Json, rest: JsonObject = {}): JsonObject =>
  call("ec2", name, { request, rest });
/** A call of SageMaker. */
export const sagemaker = (name: string, request: Json): JsonObject => call("sagemaker", name, { request });

/** What is launched. */
export const image = { imageId: "ami-0a1b2c3d4e5f60718" };
/** Two instances of 8 A100. */
export const p4d = { instanceType: "ml.p4d.24xlarge", instanceCount: 2, volumeSizeInGB: 100 };
const limits = (maxParallelTrainingJobs: number): JsonObject => ({
  hyperParameterTuningJobConfig: {
    strategy: "Bayesian",
    resourceLimits: { maxNumberOfTrainingJobs: 40, maxParallelTrainingJobs },
  },
});
/** What CreateFleet is asked. */
export const fleet = (overrides: Json, totalTargetCapacity: number): JsonObject => ({
  CreateFleetRequest: {
    TargetCapacitySpecification: { DefaultTargetCapacityType: "on-demand", TotalTargetCapacity: totalTargetCapacity },
    Type: "instant",
    LaunchTemplateConfigs: {
      LaunchTemplateSpecification: { LaunchTemplateName: "train", Version: "$Latest" },
      Overrides: overrides,
      tag: 1,
    },
  },
});

/** A call and what it asks for. */
export type Row = readonly [what: string, record: JsonObject, requested: number];

/** Calls that start something, with the accelerators that each asks for. */
export const rows: readonly Row[] = [
  // 8 A100 × 10
  [
    "RunInstances asks for maxCount",
    ec2("RunInstances", {
      instancesSet: { items: [{ ...image, minCount: 1, maxCount: 10 }] },
      instanceType: "p4d.24xlarge",
    }),
    80,
  ],
  [
    "RunInstances without maxCount: minCount",
    ec2("RunInstances", { instancesSet: { items: [{ ...image, minCount: 3 }] }, instanceType: "p5.48xlarge" }),
    24,
  ],
  [
    "RunInstances without counts: 1",
    ec2("RunInstances", { instancesSet: { items: [image] }, instanceType: "p5.48xlarge" }),
    8,
  ],
  ["RunInstances without items: 1", ec2("RunInstances", { instanceType: "trn1.32xlarge" }), 16],
  ["RunInstances with a type as an object", ec2("RunInstances", { instanceType: { value: "p5.48xlarge" } }), 8],
  [
    "RunInstances of several items adds up",
    ec2("RunInstances", {
      instancesSet: { items: [{ maxCount: 1 }, { maxCount: 2 }] },
      instanceType: "g5.12xlarge",
    }),
    12,
  ],
  [
    "RunInstances of a CPU type",
    ec2("RunInstances", { instancesSet: { items: [{ maxCount: 9 }] }, instanceType: "m5.large" }),
    0,
  ],
  ["CreateFleet of one type", ec2("CreateFleet", fleet({ InstanceType: "p5.48xlarge", tag: 1 }, 4)), 32],
  // Ten instances of one of the types: 10 × 8, not 10 × (8 + 4).
  [
    "CreateFleet takes the largest of its types",
    ec2("CreateFleet", fleet([{ InstanceType: "g5.12xlarge" }, { InstanceType: "p4d.24xlarge" }], 10)),
    80,
  ],
  // 64 units at 8 an instance are 8 instances of 8 GPUs.
  ["CreateFleet by weights", ec2("CreateFleet", fleet({ InstanceType: "p4d.24xlarge", WeightedCapacity: 8 }, 64)), 64],
  [
    "RequestSpotInstances",
    ec2("RequestSpotInstances", {
      spotPrice: "5.00",
      instanceCount: 20,
      type: "one-time",
      launchSpecification: { ...image, instanceType: "g4dn.12xlarge" },
    }),
    80,
  ],
  [
    "RequestSpotInstances without a count: 1",
    ec2("RequestSpotInstances", { launchSpecification: { instanceType: "g4dn.12xlarge" } }),
    4,
  ],
  [
    "RequestSpotFleet by launch specifications",
    ec2("RequestSpotFleet", {
      spotFleetRequestConfig: {
        targetCapacity: 5,
        launchSpecifications: [
          { ...image, instanceType: "p3.16xlarge" },
          { ...image, instanceType: "p3.2xlarge" },
        ],
      },
    }),
    40,
  ],
  [
    "RequestSpotFleet by a launch template",
    ec2("RequestSpotFleet", {
      spotFleetRequestConfig: {
        targetCapacity: 3,
        launchTemplateConfigs: [{ overrides: [{ instanceType: "p3.8xlarge", weightedCapacity: 1 }] }],
      },
    }),
    12,
  ],
  [
    "CreateCapacityReservation",
    ec2("CreateCapacityReservation", { instanceType: "p5.48xlarge", instancePlatform: "Linux/UNIX", instanceCount: 3 }),
    24,
  ],
  [
    "ModifyInstanceAttribute to another type",
    ec2("ModifyInstanceAttribute", { instanceId: "i-0a1b2c3d4e5f60718", instanceType: { value: "p4d.24xlarge" } }),
    8,
  ],
  [
    "ModifyInstanceAttribute of something else",
    ec2("ModifyInstanceAttribute", { instanceId: "i-0a1b2c3d4e5f60718", disableApiTermination: { value: true } }),
    0,
  ],
  ["CreateTrainingJob", sagemaker("CreateTrainingJob", { trainingJobName: "t", resourceConfig: p4d }), 16],
  [
    "CreateTrainingJob without a count: 1",
    sagemaker("CreateTrainingJob", { resourceConfig: { instanceType: "ml.p4d.24xlarge" } }),
    8,
  ],
  // 1 × 0 + 4 × 8 + 2 × 4
  [
    "CreateTrainingJob in groups adds up",
    sagemaker("CreateTrainingJob", {
      resourceConfig: {
        volumeSizeInGB: 50,
        instanceGroups: [
          { instanceGroupName: "head", instanceType: "ml.c5.xlarge", instanceCount: 1 },
          { instanceGroupName: "a", instanceType: "ml.p5.48xlarge", instanceCount: 4 },
          { instanceGroupName: "b", instanceType: "ml.g5.12xlarge", instanceCount: 2 },
        ],
      },
    }),
    40,
  ],
  [
    "CreateTrainingJob takes the largest of its preferences",
    sagemaker("CreateTrainingJob", {
      resourceConfig: {
        instancePreferences: [
          { instanceType: "ml.g5.12xlarge", instanceCount: 3 },
          { instanceType: "ml.p4d.24xlarge", instanceCount: 2 },
        ],
      },
    }),
    16,
  ],
  [
    "CreateHyperParameterTuningJob: jobs in parallel",
    sagemaker("CreateHyperParameterTuningJob", { ...limits(5), trainingJobDefinition: { resourceConfig: p4d } }),
    80,
  ],
  [
    "CreateHyperParameterTuningJob without limits",
    sagemaker("CreateHyperParameterTuningJob", { trainingJobDefinition: { resourceConfig: p4d } }),
    16,
  ],
  // Four jobs over two definitions: two of 16 and two of 4.
  [
    "CreateHyperParameterTuningJob of several definitions",
    sagemaker("CreateHyperParameterTuningJob", {
      ...limits(4),
      trainingJobDefinitions: [
        { definitionName: "a", resourceConfig: p4d },
        { definitionName: "b", resourceConfig: { instanceType: "ml.g5.12xlarge", instanceCount: 1 } },
      ],
    }),
    40,
  ],
  [
    "CreateHyperParameterTuningJob with its own resources",
    sagemaker("CreateHyperParameterTuningJob", {
      ...limits(2),
      trainingJobDefinition: {
        hyperParameterTuningResourceConfig: {
          instanceConfigs: [
            { instanceType: "ml.p3.2xlarge", instanceCount: 1, volumeSizeInGB: 30 },
            { instanceType: "ml.g4dn.12xlarge", instanceCount: 2, volumeSizeInGB: 30 },
          ],
        },
      },
    }),
    16,
  ],
  [
    "CreateProcessingJob",
    sagemaker("CreateProcessingJob", {
      processingResources: { clusterConfig: { instanceCount: 3, instanceType: "ml.g4dn.12xlarge" } },
    }),
    12,
  ],
  [
    "CreateTransformJob",
    sagemaker("CreateTransformJob", {
      transformResources: { instanceType: "ml.p3.16xlarge", instanceCount: 2 },
    }),
    16,
  ],
  [
    "CreateMonitoringSchedule",
    sagemaker("CreateMonitoringSchedule", {
      monitoringScheduleConfig: {
        monitoringJobDefinition: {
          monitoringResources: { clusterConfig: { instanceCount: 1, instanceType: "ml.g4dn.xlarge" } },
        },
      },
    }),
    1,
  ],
  ["CreateOptimizationJob", sagemaker("CreateOptimizationJob", { deploymentInstanceType: "ml.p5.48xlarge" }), 8],
  [
    "CreateInferenceRecommendationsJob adds up",
    sagemaker("CreateInferenceRecommendationsJob", {
      inputConfig: {
        endpointConfigurations: [{ instanceType: "ml.g5.xlarge" }, { instanceType: "ml.g5.48xlarge" }],
      },
    }),
    9,
  ],
  [
    "CreateInferenceExperiment",
    sagemaker("CreateInferenceExperiment", {
      modelVariants: [
        {
          modelName: "m",
          infrastructureConfig: {
            infrastructureType: "RealTimeInference",
            realTimeInferenceConfig: { instanceType: "ml.g5.48xlarge", instanceCount: 2 },
          },
        },
      ],
    }),
    16,
  ],
  [
    "CreateEndpointConfig: variants and shadows add up, serverless counts nothing",
    sagemaker("CreateEndpointConfig", {
      endpointConfigName: "e",
      productionVariants: [
        { variantName: "a", instanceType: "ml.g5.12xlarge", initialInstanceCount: 2 },
        { variantName: "b", instanceType: "ml.inf2.48xlarge" },
        { variantName: "c", serverlessConfig: { memorySizeInMB: 2048, maxConcurrency: 5 } },
      ],
      shadowProductionVariants: [{ variantName: "d", instanceType: "ml.g5.xlarge", initialInstanceCount: 1 }],
    }),
    21,
  ],
  [
    "CreateEndpointConfig takes the largest of a variant's pools",
    sagemaker("CreateEndpointConfig", {
      productionVariants: [
        {
          variantName: "a",
          initialInstanceCount: 3,
          instancePools: [
            { instanceType: "ml.g5.xlarge", priority: 1 },
            { instanceType: "ml.p4d.24xlarge", priority: 2 },
          ],
        },
      ],
    }),
    24,
  ],
  ["CreateNotebookInstance", sagemaker("CreateNotebookInstance", { instanceType: "ml.p3.8xlarge" }), 4],
  ["UpdateNotebookInstance", sagemaker("UpdateNotebookInstance", { instanceType: "ml.p3.16xlarge" }), 8],
  ["CreateApp", sagemaker("CreateApp", { appType: "JupyterLab", resourceSpec: { instanceType: "ml.g5.48xlarge" } }), 8],
  [
    "CreateCluster adds its groups up",
    sagemaker("CreateCluster", {
      clusterName: "c",
      instanceGroups: [
        { instanceGroupName: "head", instanceType: "ml.m5.xlarge", instanceCount: 1 },
        { instanceGroupName: "w", instanceType: "ml.p5.48xlarge", instanceCount: 16 },
        {
          instanceGroupName: "x",
          instanceCount: 2,
          instanceRequirements: { instanceTypes: ["ml.g5.12xlarge", "ml.p4d.24xlarge"] },
        },
      ],
      restrictedInstanceGroups: [{ instanceGroupName: "r", instanceType: "ml.p5.48xlarge", instanceCount: 1 }],
    }),
    152,
  ],
  [
    "UpdateCluster",
    sagemaker("UpdateCluster", { instanceGroups: [{ instanceType: "ml.trn1.32xlarge", instanceCount: 4 }] }),
    64,
  ],
  [
    "CreateMarketplaceModelEndpoint",
    call("bedrock", "CreateMarketplaceModelEndpoint", {
      request: {
        endpointName: "m",
        endpointConfig: { sageMaker: { initialInstanceCount: 2, instanceType: "ml.g5.48xlarge" } },
      },
    }),
    16,
  ],
  [
    "CreateNodegroup takes the largest of its types",
    call("eks", "CreateNodegroup", {
      request: {
        clusterName: "k",
        scalingConfig: { minSize: 0, maxSize: 10, desiredSize: 3 },
        instanceTypes: ["g5.xlarge", "g5.48xlarge"],
      },
    }),
    24,
  ],
  [
    "CreateAutoScalingGroup",
    call("autoscaling", "CreateAutoScalingGroup", {
      request: {
        minSize: 0,
        maxSize: 9,
        desiredCapacity: 2,
        mixedInstancesPolicy: { launchTemplate: { overrides: [{ instanceType: "p4d.24xlarge" }] } },
      },
    }),
    16,
  ],
];
