/**
 * GuardDuty findings to events: both spellings give the same event, versions, samples, and what a finding cannot lack.
 */
import { describe, expect, test } from "vitest";
import { guarddutyDecoder } from "../../src/decode/guardduty.ts";
import type { Event } from "../../src/model/event.ts";

/** A finding as EventBridge delivers it. */
const finding = {
  schemaVersion: "2.0",
  accountId: "111122223333",
  region: "eu-west-1",
  partition: "aws",
  id: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
  arn: "arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/a1b2c3d4e5f60718293a4b5c6d7e8f90",
  type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
  resource: {
    resourceType: "AccessKey",
    accessKeyDetails: {
      accessKeyId: "ASIAEXAMPLE",
      principalId: "AROAEXAMPLE:i-0abc",
      userType: "AssumedRole",
      userName: "train",
    },
    instanceDetails: {
      instanceId: "i-0abc",
      productCodes: [{ productCodeId: "p1", productCodeType: "marketplace" }],
      networkInterfaces: [{ ipv6Addresses: [], publicIp: "198.51.100.1" }],
    },
  },
  service: {
    serviceName: "guardduty",
    detectorId: "d1",
    action: {
      actionType: "AWS_API_CALL",
      awsApiCallAction: {
        api: "GetObject",
        remoteIpDetails: { ipAddressV4: "198.51.100.9", organization: { asn: "64500", asnOrg: "Example" } },
        affectedResources: { "AWS::S3::Bucket": "models" },
      },
    },
    resourceRole: "TARGET",
    additionalInfo: { value: "{}", type: "default" },
    count: 3,
  },
  severity: 8,
  createdAt: "2026-01-02T03:00:00.000Z",
  updatedAt: "2026-01-02T03:04:05.678Z",
  title: "Credentials were used outside AWS.",
};

/** The same as a client of GetFindings spells it. */
function toPascal(value: unknown, parent = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => toPascal(item, parent));
  if (typeof value !== "object" || value === null) return value;
  const renamed: Record<string, string> = { productCodeId: "Code", productCodeType: "ProductType" };
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      (parent === "productCodes" ? renamed[key] : undefined) ?? key.charAt(0).toUpperCase() + key.slice(1),
      toPascal(inner, key),
    ]),
  );
}

type Changes = Readonly<Record<string, unknown>>;
function decode(record: unknown, nowMs: number | null = null): ReturnType<typeof guarddutyDecoder.decode> {
  return guarddutyDecoder.decode(new TextEncoder().encode(JSON.stringify(record)), { nowMs, duplicateKeys: false });
}
const event = (changes: Changes = {}): Event => decode({ ...finding, ...changes }) as Event;

test("a finding, whole", () => {
  expect(event()).toEqual({
    provider: "aws",
    kind: "guardduty",
    logsource: "aws/guardduty",
    key: finding.id,
    eventId: finding.id,
    version: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    accountId: "111122223333",
    region: "eu-west-1",
    principal: { id: "AROAEXAMPLE", name: "train", kind: "workload", session: "i-0abc" },
    evidence: { action: finding.type, ip: "198.51.100.9", agent: "", error: "", target: "train" },
    flags: [],
    record: finding,
  });
});

test("the spelling of GetFindings gives the same event, record and all", () => {
  const pascal = toPascal(finding) as Record<string, unknown>;
  expect(Object.keys(pascal)).toContain("SchemaVersion");
  expect(decode(pascal)).toEqual(event());
});

test("a later update is a higher version of the same key", () => {
  const later = event({ updatedAt: "2026-01-02T04:00:00Z" });
  expect([later.key, later.version > event().version]).toEqual([event().key, true]);
});

describe("what it is about", () => {
  const action = (name: string, details: unknown): Changes => ({
    service: { action: { actionType: "X", [name]: details } },
  });
  test.for([
    ["a sample", { service: { additionalInfo: { sample: true } } }, { action: `${finding.type} (sample)` }],
    [
      "a newer sample",
      { service: { additionalInfo: { value: '{"threatName":"x","sample":true}' } } },
      { action: `${finding.type} (sample)` },
    ],
    [
      "a probe",
      action("portProbeAction", { portProbeDetails: [{ remoteIpDetails: { ipAddressV4: "198.51.100.3" } }] }),
      { ip: "198.51.100.3" },
    ],
    [
      "a connection",
      action("networkConnectionAction", { remoteIpDetails: { ipAddressV4: "198.51.100.4" } }),
      { ip: "198.51.100.4" },
    ],
    ["no action", { service: {} }, { ip: "" }],
    ["a bucket", { resource: { s3BucketDetails: [{ name: "models" }] } }, { target: "models" }],
    [
      "an instance",
      { resource: { resourceType: "Instance", instanceDetails: { instanceId: "i-1" } } },
      { target: "i-1" },
    ],
    ["odd types", { resource: "x", service: [] }, { target: "", ip: "" }],
  ] as const)("%s", ([, changes, evidence], { expect }) => expect(event(changes).evidence).toMatchObject(evidence));

  test.for([
    [
      { accessKeyDetails: { principalId: "AIDA1", userName: "ana", userType: "IAMUser" } },
      { id: "AIDA1", name: "ana", kind: "human" },
    ],
    [{ accessKeyDetails: { principalId: "1", userName: "Root", userType: "Root" } }, { id: "1", kind: "root" }],
    [{ instanceDetails: { instanceId: "i-1" } }, { id: "i-1", kind: "workload" }],
    [{}, { id: "", kind: "unknown" }],
  ] as const)("principal of %j", ([resource, principal], { expect }) =>
    expect(event({ resource }).principal).toMatchObject(principal),
  );
});

test.for([
  ["no id", { id: undefined }, "schema"],
  ["an id that is no text", { id: 5 }, "schema"],
  ["no updatedAt", { updatedAt: undefined }, "schema"],
  ["an updatedAt that is no time", { updatedAt: "yesterday" }, "no_event_time"],
] as const)("%s is refused", ([, changes, reason], { expect }) => {
  expect(decode({ ...finding, ...changes })).toMatchObject({ reason });
});

test("a finding from the future is refused live", () => {
  expect(decode(finding, Date.UTC(2026, 0, 2))).toMatchObject({ reason: "future_event" });
});
