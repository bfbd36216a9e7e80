/**
 * The resource that a CloudTrail call names: one short text for the evidence line.
 *
 * Request parameters differ by call; a small table of names, most telling first, covers the calls that rules are about.
 * Only a hint for people: no rule reads it. Pure.
 */
import { isObject, ownValue, textAt } from "../../lib/json.ts";
import type { JsonObject } from "../../model/event.ts";

/** Request parameters that name what a call is about, most telling first. */
const NAMES = [
  "endpointName", "trainingJobName", "processingJobName", "transformJobName", "hyperParameterTuningJobName",
  "notebookInstanceName", "endpointConfigName", "modelPackageName", "pipelineName", "modelName", "domainId",
  "modelId", "modelIdentifier", "guardrailIdentifier", "jobName", "agentId", "knowledgeBaseId", "provisionedModelName",
  "functionName", "secretId", "userName", "roleName", "roleArn", "groupName", "policyArn", "policyName", "instanceProfileName",
  "trailName", "detectorId", "flowLogId", "logGroupName", "repositoryName", "clusterName", "dBInstanceIdentifier",
  "snapshotId", "imageId", "groupId", "keyId", "tableName", "queueUrl", "topicArn", "stackName",
  "instanceId", "resourceArn", "name",
] as const; // prettier-ignore
/** A call has a few parameters: looking these up is quicker than looking for each name. */
const RANKS: ReadonlyMap<string, number> = new Map(NAMES.map((name, rank) => [name, rank]));

/** The resource named, or "". */
export function toTarget(record: JsonObject): string {
  const request = record["requestParameters"];
  const bucket = textAt(request, "bucketName");
  if (bucket !== "") {
    const key = textAt(request, "key");
    return key === "" ? bucket : `${bucket}/${key}`;
  }
  const instanceType = textAt(request, "instanceType");
  if (instanceType !== "") return instanceType;
  const named = firstNamed(request);
  if (named !== "") return named;
  const item = firstOf(ownValue(ownValue(request, "instancesSet"), "items"));
  return textAt(item, "instanceId") || textAt(firstOf(ownValue(record, "resources")), "ARN");
}

/** The most telling parameter that is a text, or "". */
function firstNamed(request: unknown): string {
  if (!isObject(request)) return "";
  let [least, named] = [Infinity, ""];
  for (const key of Object.keys(request)) {
    const rank = RANKS.get(key) ?? Infinity;
    const value = rank < least ? request[key] : "";
    if (typeof value === "string" && value !== "") [least, named] = [rank, value];
  }
  return named;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? (value[0] as unknown) : undefined;
}
