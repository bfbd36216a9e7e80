/**
 * Calls that change what runs, reserve it or stand beside it, in the shape that CloudTrail writes them, each with the
 * accelerators that it asks for.
 */
import type { JsonObject } from "../../../src/model/event.ts";
import { ec2, p4d, type Row, sagemaker } from "./calls.ts";

/** What ModifyFleet is asked. Of one member, EC2 writes a list as that member with a tag. */
export const resize = (targets: JsonObject, overrides?: JsonObject | readonly JsonObject[]): JsonObject => ({
  ModifyFleetRequest: {
    FleetId: "fleet-0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f",
    TargetCapacitySpecification: targets,
    ...(overrides === undefined
      ? {}
      : {
          LaunchTemplateConfig: {
            LaunchTemplateSpecification: { LaunchTemplateName: "train", Version: "$Latest" },
            Overrides: overrides,
            tag: 1,
          },
        }),
  },
});
const spotFleet = (parts: JsonObject): JsonObject => ({
  spotFleetRequestId: "sfr-0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f",
  ...parts,
});
const reserve = (specifications: JsonObject | readonly JsonObject[], units: number): JsonObject => ({
  CreateCapacityReservationFleetRequest: {
    TotalTargetCapacity: units,
    InstanceTypeSpecification: specifications,
    ClientToken: "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f",
  },
});
const clusterConfig = { instanceCount: 2, instanceType: "ml.g4dn.12xlarge", volumeSizeInGB: 20 };
const experiment = { instanceType: "ml.g5.48xlarge", instanceCount: 2 };
const rule = (instanceType: string): JsonObject => ({
  ruleConfigurationName: "r",
  ruleEvaluatorImage: "111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest",
  instanceType,
  volumeSizeInGB: 10,
});

/** A purchase of two instances of 8 H100: only the response says so. */
export const block: JsonObject = ec2(
  "PurchaseCapacityBlock",
  {
    PurchaseCapacityBlockRequest: { CapacityBlockOfferingId: "cb-0a1b2c3d4e5f60718", InstancePlatform: "Linux/UNIX" },
  },
  {
    responseElements: {
      PurchaseCapacityBlockResponse: {
        capacityReservation: {
          capacityReservationId: "cr-0a1b2c3d4e5f60718",
          instanceType: "p5.48xlarge",
          totalInstanceCount: 2,
          state: "payment-pending",
        },
      },
    },
  },
);

/** These calls, with the accelerators that each asks for. */
export const changes: readonly Row[] = [
  [
    "ModifyFleet asks for its new size",
    ec2("ModifyFleet", resize({ TotalTargetCapacity: 4 }, { InstanceType: "p5.48xlarge", tag: 1 })),
    32,
  ],
  [
    "ModifyFleet takes the largest of its types, by weights",
    ec2(
      "ModifyFleet",
      resize({ TotalTargetCapacity: 64 }, [
        { InstanceType: "g5.12xlarge", WeightedCapacity: 8, tag: 1 },
        { InstanceType: "p4d.24xlarge", WeightedCapacity: 8, tag: 2 },
      ]),
    ),
    64,
  ],
  [
    "ModifySpotFleetRequest asks for its new size",
    ec2(
      "ModifySpotFleetRequest",
      spotFleet({ targetCapacity: 3, launchTemplateConfigs: [{ overrides: [{ instanceType: "p3.8xlarge" }] }] }),
    ),
    12,
  ],
  [
    "ModifySpotFleetRequest without types: nothing tells",
    ec2("ModifySpotFleetRequest", spotFleet({ targetCapacity: 3 })),
    0,
  ],
  [
    "RunScheduledInstances",
    ec2("RunScheduledInstances", {
      instanceCount: 2,
      launchSpecification: { imageId: "ami-0a1b2c3d4e5f60718", instanceType: "p3.16xlarge" },
      scheduledInstanceId: "sci-1234-1234-1234-1234-123456789012",
    }),
    16,
  ],
  [
    "CreateCapacityReservationFleet of one type",
    ec2("CreateCapacityReservationFleet", reserve({ InstanceType: "p5.48xlarge", tag: 1 }, 3)),
    24,
  ],
  // 24 units at 6 an instance are 4 instances of 8 GPUs, at 2 an instance 12 of 1.
  [
    "CreateCapacityReservationFleet takes the largest of its types, by weights",
    ec2(
      "CreateCapacityReservationFleet",
      reserve(
        [
          { InstanceType: "p4d.24xlarge", InstancePlatform: "Linux/UNIX", Weight: 6, Priority: 1, tag: 1 },
          { InstanceType: "g5.xlarge", InstancePlatform: "Linux/UNIX", Weight: 2, Priority: 2, tag: 2 },
        ],
        24,
      ),
    ),
    32,
  ],
  [
    "AllocateHosts of a type: one instance a host is certain",
    ec2("AllocateHosts", { instanceType: "g5.12xlarge", quantity: 3, availabilityZone: "us-east-1a" }),
    12,
  ],
  [
    "AllocateHosts of a family of one type",
    ec2("AllocateHosts", { instanceFamily: "p4d", quantity: 2, availabilityZone: "us-east-1a" }),
    16,
  ],
  [
    "AllocateHosts of a family counts its smallest type",
    ec2("AllocateHosts", { InstanceFamily: "g5", quantity: 2 }),
    2,
  ],
  ["AllocateHosts of a CPU family", ec2("AllocateHosts", { instanceFamily: "m5", quantity: 2 }), 0],
  [
    "CreateTrainingJob adds the debugger's and profiler's rules, those without a type run on what AWS gives",
    sagemaker("CreateTrainingJob", {
      resourceConfig: p4d,
      debugRuleConfigurations: [rule("ml.g4dn.12xlarge"), { ruleConfigurationName: "LossNotDecreasing" }],
      profilerRuleConfigurations: [rule("ml.p3.2xlarge")],
    }),
    21,
  ],
  [
    "UpdateTrainingJob asks for the profiler's rules",
    sagemaker("UpdateTrainingJob", {
      trainingJobName: "t",
      profilerRuleConfigurations: [rule("ml.p3.16xlarge"), rule("ml.g4dn.xlarge")],
    }),
    9,
  ],
  [
    "UpdateMonitoringSchedule",
    sagemaker("UpdateMonitoringSchedule", {
      monitoringScheduleName: "m",
      monitoringScheduleConfig: { monitoringJobDefinition: { monitoringResources: { clusterConfig } } },
    }),
    8,
  ],
  [
    "UpdateInferenceExperiment",
    sagemaker("UpdateInferenceExperiment", {
      name: "e",
      modelVariants: [
        {
          modelName: "m",
          variantName: "v",
          infrastructureConfig: { infrastructureType: "RealTimeInference", realTimeInferenceConfig: experiment },
        },
      ],
    }),
    16,
  ],
  [
    "CreateAIRecommendationJob tries types: one of the largest is certain",
    sagemaker("CreateAIRecommendationJob", {
      aIRecommendationJobName: "r",
      computeSpec: { instanceTypes: ["ml.g5.12xlarge", "ml.p5.48xlarge"] },
    }),
    8,
  ],
  [
    "BatchAddClusterNodes adds its groups up, of types to choose from the largest",
    sagemaker("BatchAddClusterNodes", {
      clusterName: "c",
      nodesToAdd: [
        { instanceGroupName: "w", incrementTargetCountBy: 2, instanceTypes: ["ml.p5.48xlarge"] },
        { instanceGroupName: "x", incrementTargetCountBy: 3, instanceTypes: ["ml.g5.xlarge", "ml.g5.12xlarge"] },
      ],
    }),
    28,
  ],
];
