/**
 * CloudTrail records to events: identity, time, principal, evidence, and why a record is none.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Arrival } from "../../src/contracts.ts";
import { cloudtrailDecoder } from "../../src/decode/cloudtrail.ts";
import type { Event } from "../../src/model/event.ts";
import { base } from "./base-record.ts";

const historic: Arrival = { nowMs: null, duplicateKeys: false };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

type Changes = Readonly<Record<string, unknown>>;

function decode(changes: Changes = {}, arrival = historic): ReturnType<typeof cloudtrailDecoder.decode> {
  return cloudtrailDecoder.decode(bytesOf(JSON.stringify({ ...base, ...changes })), arrival);
}
function event(changes: Changes = {}, arrival = historic): Event {
  const decoded = decode(changes, arrival);
  if ("reason" in decoded) throw new Error(`${decoded.reason}: ${decoded.detail}`);
  return decoded;
}

test("a record of today, whole", () => {
  expect(event()).toEqual({
    provider: "aws",
    kind: "cloudtrail",
    logsource: "aws/cloudtrail",
    key: "111122223333/6d9a0c1e-0000-4000-8000-000000000002",
    eventId: "6d9a0c1e-0000-4000-8000-000000000002",
    version: 0,
    timeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    accountId: "111122223333",
    region: "eu-west-1",
    principal: {
      id: "arn:aws:iam::111122223333:role/ml/deployer",
      name: "deployer",
      kind: "workload",
      session: "ci-run-42",
    },
    evidence: {
      action: "sagemaker:CreateEndpoint",
      ip: "203.0.113.7",
      agent: "aws-sdk-js/3.500",
      error: "",
      target: "chat",
    },
    flags: [],
    record: base,
  });
});

describe("time", () => {
  test.for([
    ["2026-01-02T03:04:05Z", Date.UTC(2026, 0, 2, 3, 4, 5), []],
    ["2026-01-02T03:04:05.123456789Z", Date.UTC(2026, 0, 2, 3, 4, 5, 123), []],
    ["2026-01-02T03:04:05.9999Z", Date.UTC(2026, 0, 2, 3, 4, 5, 999), []],
    ["2026-01-02t03:04:05z", Date.UTC(2026, 0, 2, 3, 4, 5), []],
    ["2026-01-02T03:04:05+05:30", Date.UTC(2026, 0, 1, 21, 34, 5), []],
    ["2026-01-02T03:04:05-08:00", Date.UTC(2026, 0, 2, 11, 4, 5), []],
    ["2026-01-02T03:04:05.07Z", Date.UTC(2026, 0, 2, 3, 4, 5, 70), []],
    ["2026-12-31T23:59:60Z", Date.UTC(2027, 0, 1), []],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29), []],
    ["2025-01-21 17:49:47.000000000", Date.UTC(2025, 0, 21, 17, 49, 47), ["loose_time"]],
    ["2024-11-25 17:51:21", Date.UTC(2024, 10, 25, 17, 51, 21), ["loose_time"]],
  ] as const)("%s is read", ([eventTime, timeMs, flags], { expect }) => {
    expect(event({ eventTime })).toMatchObject({ timeMs, flags });
  });

  test.for([
    undefined,
    null,
    "",
    1767323045000,
    "2026-01-02",
    "2026-01-02T03:04:05",
    "2026-01-02 03:04:05Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05.1234567890Z",
    "2026-01-02T03:04:05+24:00",
    " 2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05Z\n",
    "Jul 10, 2023, 12:00:00 PM",
  ])("%j is no time", (eventTime, { expect }) => {
    expect(decode({ eventTime })).toMatchObject({ reason: "no_event_time" });
  });

  test("an event from the future is refused live, by more than five minutes, and never in a historic run", () => {
    const nowMs = Date.UTC(2026, 0, 2, 3, 0, 0);
    const at = (eventTime: string, now: number | null): string => {
      const decoded = decode({ eventTime }, { nowMs: now, duplicateKeys: false });
      return "reason" in decoded ? decoded.reason : "event";
    };
    expect(at("2026-01-02T03:05:00Z", nowMs)).toBe("event");
    expect(at("2026-01-02T03:05:01Z", nowMs)).toBe("future_event");
    expect(at("2999-01-01T00:00:00Z", null)).toBe("event");
  });
});

describe("identity", () => {
  test.for([
    ["an ordinary record", {}, "111122223333/6d9a0c1e-0000-4000-8000-000000000002"],
    ["no recipient", { recipientAccountId: undefined }, "/6d9a0c1e-0000-4000-8000-000000000002"],
    [
      "another recipient of the same event",
      { recipientAccountId: "444455556666" },
      "444455556666/6d9a0c1e-0000-4000-8000-000000000002",
    ],
    ["an eventID that is any text", { eventID: "a/b é" }, "111122223333/a/b é"],
    ["a recipient that is any text", { recipientAccountId: "1/2%", eventID: "3" }, "1%2F2%25/3"],
  ] as const)("%s", ([, changes, key], { expect }) => expect(event(changes).key).toBe(key));

  test("without eventID the bytes are the identity", () => {
    const [one, again, other] = [
      event({ eventID: undefined }),
      event({ eventID: "" }),
      event({ eventID: undefined, requestID: "x" }),
    ];
    expect(one.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(one.eventId).toBe(one.key);
    expect(event({ eventID: undefined }).key).toBe(one.key);
    expect(new Set([one.key, again.key, other.key]).size).toBe(3);
  });

  test("the account falls back to the caller's, the key does not", () => {
    expect(event({ recipientAccountId: undefined })).toMatchObject({
      accountId: "111122223333",
      key: "/6d9a0c1e-0000-4000-8000-000000000002",
    });
    expect(event({ recipientAccountId: undefined, userIdentity: undefined }).accountId).toBe("");
    expect(event({ recipientAccountId: "056392974792" }).accountId).toBe("056392974792");
  });
});

describe("principal", () => {
  const role = (name: string, session: string, more: Changes = {}): Changes => ({
    type: "AssumedRole",
    principalId: `AROAEXAMPLE:${session}`,
    arn: `arn:aws:sts::111122223333:assumed-role/${name}/${session}`,
    sessionContext: {
      sessionIssuer: { type: "Role", arn: `arn:aws:iam::111122223333:role/${name}`, userName: name },
      ...more,
    },
  });
  test.for([
    [
      "an IAM user",
      { type: "IAMUser", principalId: "AIDAEXAMPLE", arn: "arn:aws:iam::111122223333:user/team/ana", userName: "ana" },
      ["arn:aws:iam::111122223333:user/team/ana", "ana", "human", ""],
    ],
    [
      "an IAM user for whom AWS calls",
      {
        type: "IAMUser",
        arn: "arn:aws:iam::1:user/ana",
        invokedBy: "AWS Internal",
        sessionContext: { sessionIssuer: {} },
      },
      ["arn:aws:iam::1:user/ana", "ana", "human", ""],
    ],
    [
      "root",
      { type: "Root", principalId: "111122223333", arn: "arn:aws:iam::111122223333:root", accountId: "111122223333" },
      ["arn:aws:iam::111122223333:root", "root", "root", ""],
    ],
    [
      "a service",
      { type: "AWSService", invokedBy: "cloudtrail.amazonaws.com" },
      ["cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com", "service", ""],
    ],
    [
      "a service event without type",
      { accountId: "111122223333", invokedBy: "autoscaling.amazonaws.com" },
      ["autoscaling.amazonaws.com", "autoscaling.amazonaws.com", "service", ""],
    ],
    [
      "a role of Identity Center",
      role("AWSReservedSSO_Admin_0a1b", "ana@example.com"),
      [
        "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0a1b",
        "AWSReservedSSO_Admin_0a1b",
        "human",
        "ana@example.com",
      ],
    ],
    [
      "a role by SAML, by its e-mail session",
      role("Analyst", "ben@example.com"),
      ["arn:aws:iam::111122223333:role/Analyst", "Analyst", "human", "ben@example.com"],
    ],
    [
      "a role with MFA",
      role("Admin", "ben", { attributes: { mfaAuthenticated: "true" } }),
      ["arn:aws:iam::111122223333:role/Admin", "Admin", "human", "ben"],
    ],
    [
      "an instance's role",
      role("train", "i-0abc"),
      ["arn:aws:iam::111122223333:role/train", "train", "workload", "i-0abc"],
    ],
    [
      "a role without issuer",
      { type: "AssumedRole", principalId: "AROAEXAMPLE:s1", arn: "arn:aws:sts::1:assumed-role/train/s1" },
      ["arn:aws:iam::1:role/train", "train", "workload", "s1"],
    ],
    [
      "a role of another partition, its issuer empty",
      {
        type: "AssumedRole",
        principalId: "AROAEXAMPLE:s1",
        arn: "arn:aws-us-gov:sts::111122223333:assumed-role/train/s1",
        sessionContext: { sessionIssuer: {} },
      },
      ["arn:aws-us-gov:iam::111122223333:role/train", "train", "workload", "s1"],
    ],
    [
      "a role whose session is not named",
      { type: "AssumedRole", arn: "arn:aws:sts::1:assumed-role/train" },
      ["arn:aws:sts::1:assumed-role/train", "train", "workload", ""],
    ],
    [
      "a role with nothing but a principal id",
      { type: "AssumedRole", principalId: "AROAEXAMPLE:s1" },
      ["AROAEXAMPLE", "AROAEXAMPLE", "workload", "s1"],
    ],
    [
      "a user of Identity Center",
      { type: "IdentityCenterUser", arn: "", accessKeyId: "", principalId: "u-1" },
      ["u-1", "u-1", "human", ""],
    ],
    [
      "a federated user",
      { type: "FederatedUser", principalId: "111122223333:ana", arn: "arn:aws:sts::111122223333:federated-user/ana" },
      ["arn:aws:sts::111122223333:federated-user/ana", "ana", "human", ""],
    ],
    [
      "a SAML user",
      { type: "SAMLUser", principalId: "x:ana@example.com", userName: "ana@example.com" },
      ["x:ana@example.com", "x:ana@example.com", "human", ""],
    ],
    [
      "a pipeline by OIDC",
      { type: "WebIdentityUser", principalId: "arn:aws:iam::1:oidc-provider/token.example:sub", userName: "repo" },
      ["arn:aws:iam::1:oidc-provider/token.example:sub", "token.example:sub", "workload", ""],
    ],
    [
      "another account",
      { type: "AWSAccount", principalId: "AIDAOTHER", accountId: "444455556666" },
      ["AIDAOTHER", "AIDAOTHER", "unknown", ""],
    ],
    ["no identity", undefined, ["", "", "unknown", ""]],
    ["null", null, ["", "", "unknown", ""]],
    ["a text", "ana", ["", "", "unknown", ""]],
    ["odd types inside", { type: 5, arn: ["x"], principalId: {}, invokedBy: 1 }, ["", "", "unknown", ""]],
  ] as const)("%s", ([, userIdentity, [id, name, kind, session]], { expect }) => {
    expect(event({ userIdentity }).principal).toEqual({ id, name, kind, session });
  });

  test.for([
    ["", {}],
    [" of a role with an empty issuer", { sessionContext: { sessionIssuer: {} } }],
    [" of a role without issuer", { sessionContext: {} }],
    [" of a role without context", { sessionContext: undefined }],
    [" of a role whose issuer has an empty arn", { sessionContext: { sessionIssuer: { type: "Role", arn: "" } } }],
  ] as const)("a rotating session name%s changes no id", ([, more], { expect }) => {
    const ids = ["a", "b"].map((name) => event({ userIdentity: { ...role("train", name), ...more } }).principal.id);
    expect(ids).toEqual(ids.map(() => "arn:aws:iam::111122223333:role/train"));
  });
});

describe("evidence", () => {
  test.for([
    [
      "a failed sign-in has only a message",
      { errorCode: undefined, errorMessage: "Failed authentication" },
      { error: "Failed authentication" },
    ],
    ["an error code wins", { errorCode: "AccessDenied", errorMessage: "no" }, { error: "AccessDenied" }],
    [
      "an Insight record",
      {
        eventSource: undefined,
        eventName: undefined,
        insightDetails: { eventSource: "ec2.amazonaws.com", eventName: "RunInstances" },
      },
      { action: "ec2:RunInstances" },
    ],
    ["a service for an address", { sourceIPAddress: "cloudtrail.amazonaws.com" }, { ip: "cloudtrail.amazonaws.com" }],
    ["China", { eventSource: "ec2.amazonaws.com.cn", eventName: "RunInstances" }, { action: "ec2:RunInstances" }],
    ["bucket and key", { requestParameters: { bucketName: "models", key: "a/b.bin" } }, { target: "models/a/b.bin" }],
    ["bucket", { requestParameters: { bucketName: "models", Host: "x" } }, { target: "models" }],
    ["a model", { requestParameters: { modelId: "anthropic.claude-v2" } }, { target: "anthropic.claude-v2" }],
    [
      "instance type",
      { requestParameters: { instanceType: "p4d.24xlarge", instancesSet: { items: [{}] } } },
      { target: "p4d.24xlarge" },
    ],
    [
      "instances",
      { requestParameters: { instancesSet: { items: [{ instanceId: "i-1" }, { instanceId: "i-2" }] } } },
      { target: "i-1" },
    ],
    ["a role", { requestParameters: { policyName: "p", roleName: "r" } }, { target: "r" }],
    [
      "resources",
      { requestParameters: null, resources: [{ ARN: "arn:aws:kms:x:1:key/k" }] },
      { target: "arn:aws:kms:x:1:key/k" },
    ],
    ["nothing", { requestParameters: null }, { target: "" }],
    [
      "odd types",
      { requestParameters: ["x"], resources: "y", sourceIPAddress: 1, userAgent: null },
      { target: "", ip: "", agent: "" },
    ],
  ] as const)("%s", ([, changes, evidence], { expect }) => expect(event(changes).evidence).toMatchObject(evidence));

  test("takes at most 300 bytes, cuts no character, and keeps what tells most", () => {
    const anyText = fc.string({ unit: "grapheme", maxLength: 400 });
    fc.assert(
      fc.property(anyText, anyText, anyText, (userAgent, errorCode, endpointName) => {
        const { evidence } = event({ userAgent, errorCode, requestParameters: { endpointName } });
        const size = Object.values(evidence).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        expect(size).toBeLessThanOrEqual(300);
        expect(evidence.action).toBe("sagemaker:CreateEndpoint");
        expect(userAgent === "" || evidence.agent !== "").toBe(true);
        for (const text of Object.values(evidence)) expect(text.isWellFormed()).toBe(true);
      }),
    );
    expect(event({ userAgent: "x".repeat(1000) }).evidence.agent).toMatch(/^x{200,}…$/);
  });
});

describe("flags", () => {
  test("repeated keys and delay are told", () => {
    expect(event({ addendum: { reason: "DELIVERY_DELAY" } }, { nowMs: null, duplicateKeys: true }).flags).toEqual([
      "duplicate_keys",
      "delayed",
    ]);
  });
});
