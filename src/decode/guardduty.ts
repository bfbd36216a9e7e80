/**
 * GuardDuty findings to events, in both spellings: camelCase (EventBridge, S3 export, the API's wire) and PascalCase
 * (clients of GetFindings). The event's record is always as EventBridge spells it, so that one rule meets both.
 *
 * A finding needs its id and `updatedAt`: they are its identity and version. Pure and total.
 * Shape: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html and
 * https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
 */
import type { Arrival, Decoder, Undecodable } from "../contracts.ts";
import { isObject, ownValue, textAt } from "../lib/json.ts";
import type { Event, EventFlag, Json, JsonObject, Principal } from "../model/event.ts";
import { toRoleId } from "./cloudtrail/principal.ts";
import { toEvidence } from "./evidence.ts";
import { parseRecord } from "./parse.ts";
import { FUTURE_MS, parseEventTime } from "./time.ts";

/** The decoder. Reasons it gives: bad_utf8, bad_json, too_deep, schema, no_event_time, future_event. */
export const guarddutyDecoder: Decoder = { kind: "guardduty", decode };

function decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable {
  const parsed = parseRecord(bytes);
  if (!("record" in parsed)) return parsed;
  const finding = isPascal(parsed.record) ? toCamelObject(parsed.record, "") : parsed.record;
  const id = textAt(finding, "id");
  const updatedAt = ownValue(finding, "updatedAt");
  if (id === "") return { reason: "schema", detail: "the finding has no id" };
  if (updatedAt === undefined) return { reason: "schema", detail: "the finding has no updatedAt" };
  const time = parseEventTime(updatedAt);
  const shown = `updatedAt is ${JSON.stringify(updatedAt).slice(0, 100)}`;
  if (time === null) return { reason: "no_event_time", detail: shown };
  if (arrival.nowMs !== null && time.timeMs > arrival.nowMs + FUTURE_MS)
    return { reason: "future_event", detail: shown };
  const flags: EventFlag[] = [];
  if (arrival.duplicateKeys) flags.push("duplicate_keys");
  if (time.isLoose) flags.push("loose_time");
  return {
    provider: "aws",
    kind: "guardduty",
    logsource: "aws/guardduty",
    key: id,
    eventId: id,
    version: time.timeMs,
    timeMs: time.timeMs,
    accountId: textAt(finding, "accountId"),
    region: textAt(finding, "region"),
    principal: toPrincipal(ownValue(finding, "resource")),
    evidence: toEvidence({
      action: textAt(finding, "type") + (isSample(finding) ? " (sample)" : ""),
      ip: toRemoteIp(ownValue(finding, "service")),
      agent: "",
      error: "",
      target: toTarget(ownValue(finding, "resource")),
    }),
    flags,
    record: finding,
  };
}

function isPascal(record: JsonObject): boolean {
  return Object.hasOwn(record, "Id") && !Object.hasOwn(record, "id");
}

/** Fields whose names differ by more than the case of the first letter, by the list they stand in. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  productCodes: { Code: "productCodeId", ProductType: "productCodeType" },
};

/** Spells the keys as EventBridge does. Keys that are values themselves ("AWS::S3::Bucket") stay. */
function toCamelObject(record: JsonObject, parent: string): JsonObject {
  const renamed = Object.hasOwn(RENAMED, parent) ? RENAMED[parent] : undefined;
  // fromEntries defines properties, so that a key __proto__ stays a key.
  return Object.fromEntries(
    Object.entries(record).map(([key, inner]) => {
      const name = renamed !== undefined && Object.hasOwn(renamed, key) ? (renamed[key] as string) : toCamelKey(key);
      return [name, toCamel(inner, name)];
    }),
  );
}

function toCamel(value: Json, parent: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => toCamel(item, parent));
  return isObject(value) ? toCamelObject(value, parent) : value;
}

function toCamelKey(key: string): string {
  return /^[A-Z][a-z0-9]/.test(key) ? key.charAt(0).toLowerCase() + key.slice(1) : key;
}

/** CreateSampleFindings marks its findings; newer ones carry the mark in a JSON text. */
function isSample(finding: JsonObject): boolean {
  const additional = ownValue(ownValue(finding, "service"), "additionalInfo");
  return ownValue(additional, "sample") === true || /"sample"\s*:\s*true/.test(textAt(additional, "value"));
}

/** Who a finding is about: the owner of the access key, else the instance. */
function toPrincipal(resource: unknown): Principal {
  const access = ownValue(resource, "accessKeyDetails");
  const type = textAt(access, "userType");
  const principalId = textAt(access, "principalId");
  const id = toRoleId(principalId) || textAt(access, "userName");
  if (id !== "") {
    const session = id.length < principalId.length ? principalId.slice(id.length + 1) : "";
    const kind =
      type === "Root" ? "root" : type === "IAMUser" ? "human" : type.endsWith("Role") ? "workload" : "unknown";
    return { id, name: textAt(access, "userName") || id, kind, session };
  }
  const instance = textAt(resource, "instanceDetails", "instanceId");
  return { id: instance, name: instance, kind: instance === "" ? "unknown" : "workload", session: "" };
}

/** Remote address of the finding's action, whichever of the actions it has. */
function toRemoteIp(service: unknown): string {
  const action = ownValue(service, "action");
  if (!isObject(action)) return "";
  for (const part of Object.values(action)) {
    const ip =
      textAt(part, "remoteIpDetails", "ipAddressV4") ||
      textAt(firstOf(ownValue(part, "portProbeDetails")), "remoteIpDetails", "ipAddressV4");
    if (ip !== "") return ip;
  }
  return "";
}

/** The resource: bucket, function, cluster, instance, else the key's owner. */
function toTarget(resource: unknown): string {
  return (
    textAt(firstOf(ownValue(resource, "s3BucketDetails")), "name") ||
    textAt(resource, "lambdaDetails", "functionName") ||
    textAt(resource, "eksClusterDetails", "name") ||
    textAt(resource, "ecsClusterDetails", "name") ||
    textAt(resource, "rdsDbInstanceDetails", "dbInstanceIdentifier") ||
    (textAt(resource, "resourceType") === "Instance" ? textAt(resource, "instanceDetails", "instanceId") : "") ||
    textAt(resource, "accessKeyDetails", "userName")
  );
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? (value[0] as unknown) : undefined;
}
