/**
 * The resource that a CloudTrail call names: one short text for the evidence line.
 *
 * Request parameters differ by call; a small table of names, most telling first, covers the calls that rules are about.
 * Only a hint for people: no rule reads it. Pure.
 */
import { ownValue, textAt } from "../../lib/json.ts";
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
  for (const name of NAMES) {
    const value = ownValue(request, name);
    if (typeof value === "string" && value !== "") return value;
  }
  const item = firstOf(ownValue(ownValue(request, "instancesSet"), "items"));
  return textAt(item, "instanceId") || textAt(firstOf(ownValue(record, "resources")), "ARN");
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? (value[0] as unknown) : undefined;
}
