/**
 * Alerts for the tests of encoders and sinks: three ordinary ones, and any alert at all.
 */
import fc from "fast-check";
import { SEVERITIES, type Alert } from "../../src/model/alert.ts";

/** A correlation that grew: its third revision. */
export const endpointBurst: Alert = {
  id: "3b1f0c6e2a4d58970112233445566778899aabbccddeeff00112233445566778",
  revision: 3,
  ruleId: "6f0d7a52-90a1-4e6c-8a3b-0c5d2f1e9b74",
  ruleName: "Many SageMaker endpoints created in a short time",
  title: "Many SageMaker endpoints created in a short time by DataScience in ml-prod",
  severity: "high",
  accountId: "111122223333",
  accountName: "ml-prod",
  region: "us-east-1",
  principal: "arn:aws:iam::111122223333:role/DataScience",
  firstEventTime: "2026-03-01T00:00:05Z",
  lastEventTime: "2026-03-01T00:12:00Z",
  eventIds: ["0a0a0a0a-0000-4000-8000-000000000001", "0a0a0a0a-0000-4000-8000-000000000002"],
  eventCount: 7,
  attack: ["T1496", "T1078.004"],
  atlas: ["AML.T0034", "AML.T0010.001"],
  why: "7 CreateEndpoint in 12 min, limit 5 in 1 h",
  group: { "enrich.principal.id": "arn:aws:iam::111122223333:role/DataScience" },
  evidence: [
    {
      time: "2026-03-01T00:00:05Z",
      eventId: "0a0a0a0a-0000-4000-8000-000000000001",
      action: "sagemaker:CreateEndpoint",
      sourceIPAddress: "198.51.100.7",
      userAgent: "Boto3/1.40.1",
      errorCode: "",
      target: "arn:aws:sagemaker:us-east-1:111122223333:endpoint/scoring-1",
    },
    {
      time: "2026-03-01T00:12:00Z",
      eventId: "0a0a0a0a-0000-4000-8000-000000000002",
      action: "sagemaker:CreateEndpoint",
      sourceIPAddress: "cloudformation.amazonaws.com",
      userAgent: "cloudformation.amazonaws.com",
      errorCode: "ResourceLimitExceeded",
      target: "scoring-2",
    },
  ],
  seenTime: "2026-03-01T00:06:30.250Z",
};

/** One event, late, whose user agent is an attack on the reader's terminal. */
export const hostileFinding: Alert = {
  ...endpointBurst,
  id: "9900112233445566778899aabbccddeeff00112233445566778899aabbccddee",
  revision: 1,
  ruleName: "GuardDuty finding of high severity",
  title: "GuardDuty finding of high severity by root\u001b[2J in 444455556666",
  severity: "critical",
  accountId: "444455556666",
  accountName: "",
  principal: "root\u001b[2J",
  attack: ["T1562.008", "T9999"],
  atlas: [],
  why: "UnauthorizedAccess:EC2/SSHBruteForce",
  group: {},
  eventIds: ["f00d"],
  eventCount: 1,
  evidence: [
    {
      time: "2026-03-01T00:00:05Z",
      eventId: "f00d",
      action: "UnauthorizedAccess:EC2/SSHBruteForce",
      sourceIPAddress: "2001:db8::7",
      userAgent: 'gpj.\u202etxt\u200b\nforged line {"id":1} ${jndi:ldap://x}',
      errorCode: "",
      target: "",
    },
  ],
  late: true,
};

/** As little as an alert can say: what Sagewatch raises about itself. */
export const bareAlert: Alert = {
  id: "00",
  revision: 1,
  ruleId: "sagewatch.source_silent",
  ruleName: "",
  title: "",
  severity: "informational",
  accountId: "",
  accountName: "",
  region: "",
  principal: "",
  firstEventTime: "",
  lastEventTime: "",
  eventIds: [],
  eventCount: 0,
  attack: [],
  atlas: [],
  why: "",
  group: {},
  evidence: [],
  seenTime: "2026-03-01T00:00:00Z",
};

const HOSTILE = [
  "",
  "\u001b]0;x\u0007",
  "\u202e\u2066\u200b\ufeff",
  "\u0085\u009b31m",
  "a\nb\r\nc\td",
  "\ud800",
  "日本語🔥",
  "__proto__",
  "constructor",
  "=cmd|' /C calc'!A0",
  "198.51.100.7",
  "::ffff:198.51.100.7",
  "0000:0000:0000:0000:0000:ffff:198.100.200.100",
  "fe80::1%eth0",
  "a:b",
  "arn:aws:iam::111122223333:role/x",
  "T1078.004",
  "AML.T0034",
  "2026-03-01T00:00:00Z",
  "2026-13-99T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "0000-01-01T00:00:00.000001Z",
  "9999-12-31T23:59:59.9999999Z",
];

const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...HOSTILE), maxLength: 4 }),
);

/** Any alert that the types allow, with texts that an attacker would choose. */
export const anyAlert: fc.Arbitrary<Alert> = fc
  .record({
    id: anyText,
    revision: fc.integer({ min: 1, max: 2 ** 31 }),
    ruleId: anyText,
    ruleName: anyText,
    title: anyText,
    severity: fc.constantFrom(...SEVERITIES),
    accountId: anyText,
    accountName: anyText,
    region: anyText,
    principal: anyText,
    firstEventTime: anyText,
    lastEventTime: anyText,
    eventIds: fc.array(anyText, { maxLength: 3 }),
    eventCount: fc.nat(),
    attack: fc.array(anyText, { maxLength: 3 }),
    atlas: fc.array(anyText, { maxLength: 3 }),
    why: anyText,
    group: fc.array(fc.tuple(anyText, anyText), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
    evidence: fc.array(
      fc.record({
        time: anyText,
        eventId: anyText,
        action: anyText,
        sourceIPAddress: anyText,
        userAgent: anyText,
        errorCode: anyText,
        target: anyText,
      }),
      { maxLength: 3 },
    ),
    seenTime: anyText,
    late: fc.boolean(),
  })
  .map(({ late, ...alert }) => (late ? { ...alert, late: true as const } : alert));
