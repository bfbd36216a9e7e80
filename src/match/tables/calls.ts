/**
 * The calls that ask for instances, and where in their records types and counts stand.
 *
 * Data for match/gpu.ts, written by hand from the request shapes of botocore's models and from records. To add a call: a
 * row here and one in the test's table. Calls that only store a type for later (launch templates, job definitions, default
 * settings of a domain) are left out: what they lead to is a call of its own.
 */

/**
 * A place where a call asks for instances. Paths are dotted, in CloudTrail's spelling with a small first letter, "" being
 * where they start from; arrays and EC2's `items` on the way are walked through.
 */
export type Place = {
  /** What asks, from requestParameters on: each object found here counts, and all are added up. */
  readonly at: string;
  /** Where nothing stands at `at`, the whole request asks. */
  readonly orWhole?: true;
  /** Alternatives below each object: the service takes one of them, so only the largest counts. */
  readonly of?: string;
  /** The instance type: looked for in the alternative, in the object at `at`, then in the whole. */
  readonly type: string;
  /** The number of instances, looked for likewise, the first of these that stands. None stands: 1. */
  readonly count?: readonly string[];
  /** None stands: 0. A change that names types and no number asks for nothing yet. */
  readonly orNone?: true;
  /** Where no type is named, a family of types such as "p4d": counts as its type with the fewest accelerators. */
  readonly family?: string;
  /** The number of instances is that of the values here. */
  readonly countOf?: string;
  /** Fleets: units of the count that one instance stands for. */
  readonly weight?: string;
  /** Tuning: how many jobs run at a time, shared out over the definitions at `over`. */
  readonly parallel?: { readonly jobs: string; readonly over: string };
};

/** A call that asks for instances. */
export type Call = {
  /** eventSource without `.amazonaws.com`. */
  readonly source: string;
  readonly request: readonly Place[];
  /** Where responseElements say what was given; without it, all that was asked for. */
  readonly response?: Place;
};

const one: Pick<Place, "at" | "type"> = { at: "", type: "instanceType" };
const counted = (at: string): Place => ({ at, type: "instanceType", count: ["instanceCount"] });
/** One of several types, tried in order. */
const preferred = (at: string): Place => ({ ...counted(at), of: "instancePreferences" });

const variants = (at: string): Place[] => [
  { at, type: "instanceType", count: ["initialInstanceCount"] },
  { at, of: "instancePools", type: "instanceType", count: ["initialInstanceCount"] },
];
const clusterGroups = (at: string): Place[] => [
  counted(at),
  { at, of: "instanceRequirements.instanceTypes", type: "", count: ["instanceCount"] },
];
const tuning = (over: string): Place[] => {
  const parallel = { jobs: "hyperParameterTuningJobConfig.resourceLimits.maxParallelTrainingJobs", over };
  const [own, tuned] = [`${over}.resourceConfig`, `${over}.hyperParameterTuningResourceConfig`];
  const places = [counted(own), counted(`${own}.instanceGroups`), preferred(own), counted(tuned)];
  return [...places, { ...counted(tuned), of: "instanceConfigs" }].map((place) => ({ ...place, parallel }));
};

/** A fleet's new size. The list of templates is spelled as in the API or as on the wire. */
const resized = (count: readonly string[]): Place[] =>
  ["launchTemplateConfig.overrides", "launchTemplateConfigs.overrides"].map((of) => ({
    at: "",
    of,
    type: "instanceType",
    count,
    orNone: true,
    weight: "weightedCapacity",
  }));

const EC2: Readonly<Record<string, Omit<Call, "source">>> = {
  RunInstances: {
    request: [{ at: "instancesSet", orWhole: true, type: "instanceType", count: ["maxCount", "minCount"] }],
    response: { at: "instancesSet", type: "instanceType" },
  },
  CreateFleet: {
    request: [
      {
        at: "",
        of: "launchTemplateConfigs.overrides",
        type: "instanceType",
        count: ["targetCapacitySpecification.totalTargetCapacity"],
        weight: "weightedCapacity",
      },
    ],
    response: { at: "fleetInstanceSet", type: "instanceType", countOf: "instanceIds" },
  },
  RequestSpotInstances: {
    request: [{ at: "", type: "launchSpecification.instanceType", count: ["instanceCount"] }],
  },
  RequestSpotFleet: {
    request: ["launchSpecifications", "launchTemplateConfigs.overrides"].map((of) => ({
      at: "spotFleetRequestConfig",
      of,
      type: "instanceType",
      count: ["targetCapacity"],
      weight: "weightedCapacity",
    })),
  },
  ModifyFleet: { request: resized(["targetCapacitySpecification.totalTargetCapacity"]) },
  ModifySpotFleetRequest: { request: resized(["targetCapacity", "onDemandTargetCapacity"]) },
  RunScheduledInstances: { request: [{ at: "", type: "launchSpecification.instanceType", count: ["instanceCount"] }] },
  CreateCapacityReservation: { request: [counted("")] },
  CreateCapacityReservationFleet: {
    request: ["instanceTypeSpecification", "instanceTypeSpecifications"].map((of) => ({
      at: "",
      of,
      type: "instanceType",
      count: ["totalTargetCapacity"],
      weight: "weight",
    })),
  },
  // The request names an offer, the response what it is. A refused purchase counts nothing.
  PurchaseCapacityBlock: {
    request: [],
    response: { at: "capacityReservation", type: "instanceType", count: ["totalInstanceCount"] },
  },
  // How many instances a host holds is in no record: one is certain.
  AllocateHosts: { request: [{ at: "", type: "instanceType", family: "instanceFamily", count: ["quantity"] }] },
  ModifyInstanceAttribute: { request: [one] },
};

/** Rules of the debugger and profiler: each runs on an instance of its own beside the job. */
const watchers = ["debugRuleConfigurations", "profilerRuleConfigurations"].map((at) => ({ at, type: "instanceType" }));
const experiment = [counted("modelVariants.infrastructureConfig.realTimeInferenceConfig")];
const schedule = [counted("monitoringScheduleConfig.monitoringJobDefinition.monitoringResources.clusterConfig")];

const SAGEMAKER: Readonly<Record<string, readonly Place[]>> = {
  CreateTrainingJob: [
    counted("resourceConfig"),
    counted("resourceConfig.instanceGroups"),
    preferred("resourceConfig"),
    ...watchers,
  ],
  UpdateTrainingJob: watchers,
  CreateHyperParameterTuningJob: [...tuning("trainingJobDefinition"), ...tuning("trainingJobDefinitions")],
  CreateProcessingJob: [counted("processingResources.clusterConfig"), preferred("processingResources.clusterConfig")],
  CreateTransformJob: [counted("transformResources")],
  CreateMonitoringSchedule: schedule,
  UpdateMonitoringSchedule: schedule,
  CreateOptimizationJob: [{ at: "", type: "deploymentInstanceType" }],
  CreateInferenceRecommendationsJob: [{ at: "inputConfig.endpointConfigurations", type: "instanceType" }],
  CreateAIRecommendationJob: [{ at: "computeSpec", of: "instanceTypes", type: "" }],
  CreateInferenceExperiment: experiment,
  UpdateInferenceExperiment: experiment,
  CreateEndpointConfig: [...variants("productionVariants"), ...variants("shadowProductionVariants")],
  CreateNotebookInstance: [one],
  UpdateNotebookInstance: [one],
  CreateApp: [{ at: "resourceSpec", type: "instanceType" }],
  CreateCluster: [...clusterGroups("instanceGroups"), ...clusterGroups("restrictedInstanceGroups")],
  UpdateCluster: [...clusterGroups("instanceGroups"), ...clusterGroups("restrictedInstanceGroups")],
};

const OTHERS: Readonly<Record<string, Call>> = {
  // A group with one type names none in the request; the nodes of the response may.
  BatchAddClusterNodes: {
    source: "sagemaker",
    request: [{ at: "nodesToAdd", of: "instanceTypes", type: "", count: ["incrementTargetCountBy"] }],
    response: { at: "successful", of: "instanceTypes", type: "" },
  },
  CreateMarketplaceModelEndpoint: {
    source: "bedrock",
    request: [{ at: "endpointConfig.sageMaker", type: "instanceType", count: ["initialInstanceCount"] }],
  },
  CreateNodegroup: {
    source: "eks",
    request: [{ at: "", of: "instanceTypes", type: "", count: ["scalingConfig.desiredSize", "scalingConfig.minSize"] }],
  },
  CreateAutoScalingGroup: {
    source: "autoscaling",
    request: [
      {
        at: "",
        of: "mixedInstancesPolicy.launchTemplate.overrides",
        type: "instanceType",
        count: ["desiredCapacity", "minSize"],
        weight: "weightedCapacity",
      },
    ],
  },
};

/** The calls by eventName. */
export const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ...Object.entries(EC2).map(([name, call]) => [name, { source: "ec2", ...call }] as const),
  ...Object.entries(SAGEMAKER).map(([name, request]) => [name, { source: "sagemaker", request }] as const),
  ...Object.entries(OTHERS),
]);
