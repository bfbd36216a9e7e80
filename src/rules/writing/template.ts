/**
 * The files that `rules new` writes: a rule and its cases that are right as they stand, with words on what to change.
 *
 * The example is a real question (a notebook with direct access to the internet), so that each part shows what it is for;
 * its records have the whole shape in which CloudTrail writes them. A test holds both files against the strict checks and
 * runs the cases. Pure: the id and the date are handed in.
 */
import type { JsonObject } from "../../model/event.ts";

/** What the files are made of. `id`: a UUID; `date`: "2026-11-25". */
export type RuleSeed = {
  readonly name: string;
  readonly id: string;
  /** Id of the detection that a correlation counts. */
  readonly countedId: string;
  readonly date: string;
  readonly isCorrelation: boolean;
};

/** Text of NAME.yml. */
export function renderRule(seed: RuleSeed): string {
  return seed.isCorrelation ? renderCorrelation(seed) : renderDetection(seed);
}

/** "br-odd-region" as a title: "Br odd region". */
function toTitle(name: string): string {
  const words = name.replaceAll("-", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

const HEAD = `# Fill in from the top. Every line works as it stands; a comment says what to put in its place.
#   sagewatch rules check --strict FILE    finds errors, with line and remedy
#   sagewatch rules test --watch FILE      runs the cases beside this file as you write
# The language: docs/rule-language.md. Fields that Sagewatch adds (enrich.*): docs/fields.md.
`;

const WORDS = `status: experimental # "test" once it has run on your records, "stable" once it is trusted
# What happened, and why it matters. The paragraph that begins with "First:" is what \`alerts show\` tells to check
# first, one thing between two semicolons.
description: >-
  A notebook with direct access to the internet was created by somebody who is not known to do so. What runs in it can
  send out whatever its role may read.

  First: ask the principal what the notebook is for; look at what its role may read; see what else the principal made.
references: # what an analyst reads to understand the calls
  - https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html
`;

const TAGS = `tags: # techniques of ATT&CK and ATLAS; \`sagewatch rules coverage\` names those it does not know
  - attack.exfiltration
  - attack.t1567
  - atlas.aml.t0025
`;

const DETECTION = `logsource: # "cloudtrail" or "guardduty"
  product: aws
  service: cloudtrail
detection: # fields are the record's own names; several fields of one part must all hold
  call: # always name the service and the call: that is what makes a rule cheap
    eventSource: sagemaker.amazonaws.com
    eventName: CreateNotebookInstance
  succeeded: # leave it out, and "and succeeded" below, where failed calls count too
    errorCode: null
  # what makes this call worth an alert
  exposed:
    requestParameters.directInternetAccess: Enabled
  # who may do it: a list, so that nobody needs to edit the rule
  known:
    enrich.principal.id|expand: '%ml_automation%'
  condition: call and succeeded and exposed and not known
fields: # what an analyst wants to see of the record
  - requestParameters.notebookInstanceName
  - requestParameters.roleArn
`;

const FALSE_POSITIVES = `falsepositives: # honest ways to do this, and what to do about them
  - A data scientist in a sandbox account (put the role on the list \`ml_automation\`)
`;

function renderDetection({ name, id, date }: RuleSeed): string {
  return `${HEAD}
title: ${toTitle(name)} # one line: what happened, not what it means
id: ${id} # never change it: alerts are known by it
${WORDS}author: your name
date: ${date}
${TAGS}${DETECTION}${FALSE_POSITIVES}level: medium # informational, low, medium, high, critical: who must be woken?
`;
}

function renderCorrelation({ name, id, countedId, date }: RuleSeed): string {
  const counted = `${name.replaceAll("-", "_")}_call`;
  return `${HEAD}
title: ${toTitle(name)} # one line: what happened, not what it means
id: ${id} # never change it: alerts are known by it
${WORDS}author: your name
date: ${date}
${TAGS}correlation:
  type: event_count # or value_count, value_sum, temporal, temporal_ordered: docs/correlations.md
  rules: # what is counted: the rule below, or any other by its name or id
    - ${counted}
  group-by: # one count for each principal and account
    - enrich.principal.id
    - recipientAccountId
  timespan: 1h
  condition:
    gte: 3
${FALSE_POSITIVES}level: medium # informational, low, medium, high, critical: who must be woken?
---
title: ${toTitle(name)}, one call # what is counted; no alert by itself
id: ${countedId}
name: ${counted}
status: experimental
description: A notebook with direct access to the internet was created. No alert by itself.
author: your name
date: ${date}
${DETECTION}level: informational
`;
}

/** Text of NAME.cases.json. JSON has no comments: the names of the cases say what to put there. */
export function renderCases({ id, isCorrelation }: RuleSeed): string {
  const burst = (count: number): readonly JsonObject[] =>
    Array.from({ length: count - 1 }, (_, at) => ({
      base: 0,
      at: `+${5 * (at + 1)}m`,
      set: { "requestParameters.notebookInstanceName": `scratch-${at + 2}` },
    }));
  const whole = toRecord();
  const denied = { errorCode: "AccessDenied", errorMessage: DENIED_MESSAGE, responseElements: null };
  const known = { lists: { ml_automation: { type: "string", values: [ROLE_ARN] } } };
  const of = (name: string, kind: string, rest: JsonObject): JsonObject => ({
    name,
    kind,
    ...rest,
    expect: [{ ruleId: id, alerts: kind === "fires" ? 1 : 0 }],
  });
  const cases = isCorrelation
    ? [
        of("fires: the third call within the time span", "fires", { events: [whole, ...burst(3)] }),
        of("near miss: one call fewer", "near-miss", { events: [whole, ...burst(2)] }),
        of("legitimate: done by who is on the list", "legitimate", { config: known, events: [whole, ...burst(3)] }),
      ]
    : [
        of("fires: the record that the rule is for", "fires", { events: [whole] }),
        of("near miss: the same call, denied", "near-miss", { events: [toRecord(denied)] }),
        of("legitimate: done by who is on the list", "legitimate", { config: known, events: [whole] }),
      ];
  return `${JSON.stringify({ cases }, null, 2)}\n`;
}

const ACCOUNT = "111122223333";
const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/DataScience`;
const DENIED_MESSAGE = `User: arn:aws:sts::${ACCOUNT}:assumed-role/DataScience/kim@example.com is not authorized to perform: sagemaker:CreateNotebookInstance on resource: arn:aws:sagemaker:us-east-1:${ACCOUNT}:notebook-instance/scratch-1 because no identity-based policy allows the sagemaker:CreateNotebookInstance action`;

/** A record in the shape in which CloudTrail writes it, with the members of `other` in place. Names and addresses are those of documentation. */
function toRecord(other: JsonObject = {}): JsonObject {
  return {
    eventVersion: "1.11",
    userIdentity: {
      type: "AssumedRole",
      principalId: "AROAEXAMPLEEXAMPLE001:kim@example.com",
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/DataScience/kim@example.com`,
      accountId: ACCOUNT,
      accessKeyId: "ASIAIOSFODNN7EXAMPLE",
      sessionContext: {
        sessionIssuer: {
          type: "Role",
          principalId: "AROAEXAMPLEEXAMPLE001",
          arn: ROLE_ARN,
          accountId: ACCOUNT,
          userName: "DataScience",
        },
        attributes: { creationDate: "2026-03-10T08:00:00Z", mfaAuthenticated: "false" },
      },
    },
    eventTime: "2026-03-10T08:30:00Z",
    eventSource: "sagemaker.amazonaws.com",
    eventName: "CreateNotebookInstance",
    awsRegion: "us-east-1",
    sourceIPAddress: "198.51.100.23",
    userAgent: "aws-cli/2.28.11 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7",
    requestParameters: {
      notebookInstanceName: "scratch-1",
      instanceType: "ml.t3.medium",
      roleArn: `arn:aws:iam::${ACCOUNT}:role/SageMakerExecutionRole`,
      directInternetAccess: "Enabled",
      volumeSizeInGB: 20,
      rootAccess: "Enabled",
    },
    responseElements: {
      notebookInstanceArn: `arn:aws:sagemaker:us-east-1:${ACCOUNT}:notebook-instance/scratch-1`,
    },
    requestID: "1f0c0a9a-5b1e-4f6b-8a55-0c8e6a0e9a11",
    eventID: "7a1de6a0-3c5d-4b77-9f0a-6a2d8a4b1c02",
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: "Management",
    tlsDetails: {
      tlsVersion: "TLSv1.3",
      cipherSuite: "TLS_AES_128_GCM_SHA256",
      clientProvidedHostHeader: "api.sagemaker.us-east-1.amazonaws.com",
    },
    ...other,
  };
}
