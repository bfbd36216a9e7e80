/**
 * Rules in the names of other taxonomies meet CloudTrail records as a rule in the records' own names does.
 */
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/lib/canonical.ts";
import type { JsonObject } from "../../../src/model/event.ts";
import { toForm } from "../../../src/sigma/canonical.ts";
import { compileRules } from "../../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { meaningOf, namesOf, TAXONOMIES } from "../../../src/sigma/taxonomy/taxonomy.ts";
import { lintFieldName } from "../../../src/sigma/api/field-name.ts";
import { createFindings } from "../../../src/sigma/problems.ts";
import type { Problem } from "../../../src/sigma/ast.ts";
import { correlationOf, named, parse } from "../build.ts";
import { eventOf, NO_LISTS } from "../../match/build.ts";

const rule = (taxonomy: string, detection: string): string =>
  `title: T\nname: tt\nlevel: low\ntaxonomy: ${taxonomy}\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n${detection.replace(/^/gm, "  ")}\n`;

const formOf = (taxonomy: string, detection: string): string => {
  const found = named(parse(rule(taxonomy, detection)), "tt");
  return found.type === "detection" ? canonicalJson(toForm(found.expression)) : "";
};

const RECORD: JsonObject = {
  eventTime: "2026-03-10T23:01:02Z",
  eventSource: "sagemaker.amazonaws.com",
  eventName: "CreateEndpoint",
  awsRegion: "eu-west-1",
  sourceIPAddress: "203.0.113.9",
  userAgent: "aws-cli/2.1",
  recipientAccountId: "111122223333",
  requestParameters: { endpointName: "e-1", tags: [{ key: "env", value: "test" }] },
  userIdentity: {
    type: "AssumedRole",
    arn: "arn:aws:sts::111122223333:assumed-role/dev/x",
    accountId: "111122223333",
    sessionContext: { sessionIssuer: { type: "Role", userName: "dev" } },
  },
};

/** Whether a rule in ECS or OCSF names matches the record with these changes. */
function holds(taxonomy: string, detection: string, change: JsonObject = {}): boolean {
  const { ruleSet, problems } = parseRuleFiles([{ path: "t.yml", text: rule(taxonomy, detection) }], {
    mode: "strict",
  });
  expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
  const compiled = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  return compiled.evaluate(eventOf({ ...RECORD, ...change })).length === 1;
}

const ECS = `sel:
  event.provider: sagemaker.amazonaws.com
  event.action|startswith: Create
  event.outcome: success
  source.ip|cidr: 203.0.113.0/24
  cloud.region: [eu-west-1, eu-central-1]
  cloud.account.id: '111122223333'
  user.name: dev
  user_agent.original|contains: aws-cli
  aws.cloudtrail.user_identity.type: AssumedRole
  aws.cloudtrail.user_identity.session_context.session_issuer.type: Role
  aws.cloudtrail.flattened.request_parameters.endpointName|re: '^e-[0-9]$'
  '@timestamp|hour|gte': 22
condition: sel`;
const OCSF = `sel:
  api.service.name: sagemaker.amazonaws.com
  api.operation|startswith: Create
  status: Success
  src_endpoint.ip|cidr: 203.0.113.0/24
  cloud.region: [eu-west-1, eu-central-1]
  actor.user.type: AssumedRole
  actor.user.uid|contains: assumed-role/dev/
  http_request.user_agent|contains: aws-cli
  api.request.data.endpointName|re: '^e-[0-9]$'
  unmapped.requestParameters.tags.key: env
  time_dt|hour|gte: 22
condition: sel`;

describe.each([
  ["ecs", ECS],
  ["ocsf", OCSF],
])("a rule in %s names", (taxonomy, detection) => {
  test("meets the record it describes", () => {
    expect(holds(taxonomy, detection)).toBe(true);
  });
  test.each<[string, JsonObject]>([
    ["another service", { eventSource: "ec2.amazonaws.com" }],
    ["another call", { eventName: "DeleteEndpoint" }],
    ["a failed call", { errorCode: "AccessDenied" }],
    ["another address", { sourceIPAddress: "198.51.100.1" }],
    ["another Region", { awsRegion: "us-east-1" }],
    ["another identity", { userIdentity: { type: "IAMUser", userName: "eve" } }],
    ["another parameter", { requestParameters: { endpointName: "f" } }],
    ["another hour", { eventTime: "2026-03-10T12:00:00Z" }],
  ])("and not that of %s", (_name, change) => {
    expect(holds(taxonomy, detection, change)).toBe(false);
  });
});

describe("a name means what the record has", () => {
  test.each<[string, string, string]>([
    ["ecs", "sel: {event.action: a}\ncondition: sel", '["is","eventName",["text","a"]]'],
    ["ocsf", "sel: {api.operation: a}\ncondition: sel", '["is","eventName",["text","a"]]'],
    ["aws.cloudtrail", "sel: {eventName: a}\ncondition: sel", '["is","eventName",["text","a"]]'],
    [
      "ecs",
      "sel: {user.name: a}\ncondition: sel",
      '["or",["is","userIdentity.sessionContext.sessionIssuer.userName",["text","a"]],["is","userIdentity.userName",["text","a"]]]',
    ],
    [
      "ecs",
      "sel: {user.name: null}\ncondition: sel",
      '["and",["is","userIdentity.sessionContext.sessionIssuer.userName",["null"]],["is","userIdentity.userName",["null"]]]',
    ],
    [
      "ecs",
      "sel: {user.name|neq: a}\ncondition: sel",
      '["not",["or",["is","userIdentity.sessionContext.sessionIssuer.userName",["text","a"]],["is","userIdentity.userName",["text","a"]]]]',
    ],
    [
      "ecs",
      "sel: {user.id|fieldref: source.ip}\ncondition: sel",
      '["is","userIdentity.principalId",["fieldref","sourceIPAddress","equals",false]]',
    ],
    ["ecs", "sel: {enrich.principal.kind: human}\ncondition: sel", '["is","enrich.principal.kind",["text","human"]]'],
    ["ecs", "sel: [word]\ncondition: sel", '["is",null,["text",0,"word",0]]'],
  ])("%s %s", (taxonomy, detection, form) => {
    expect(formOf(taxonomy, detection)).toBe(form);
  });

  test("the same keys as the rule in the records' own names", () => {
    const keys = (taxonomy: string, name: string): string =>
      named(parse(rule(taxonomy, `sel: {${name}: a}\ncondition: sel`)), "tt").stateKey;
    expect(keys("ecs", "event.action")).toBe(keys("sigma", "eventName"));
    expect(keys("ocsf", "api.operation")).toBe(keys("sigma", "eventName"));
  });

  test.each<[JsonObject, boolean]>([
    [{}, true],
    [{ errorCode: "AccessDenied" }, false],
    [{ errorMessage: "Failed authentication" }, false],
    [{ responseElements: { ConsoleLogin: "Failure" } }, false],
    [{ responseElements: { ConsoleLogin: "Success" } }, true],
  ])("success and failure of %j", (change, isSuccess) => {
    for (const [taxonomy, name, success, failure] of [
      ["ecs", "event.outcome", "success", "failure"],
      ["ocsf", "status", "Success", "Failure"],
      ["ocsf", "status_id", 1, 2],
    ] as const) {
      expect(holds(taxonomy, `sel: {${name}: ${success}}\ncondition: sel`, change)).toBe(isSuccess);
      expect(holds(taxonomy, `sel: {${name}: ${failure}}\ncondition: sel`, change)).toBe(!isSuccess);
      expect(holds(taxonomy, `sel: {${name}|neq: ${failure}}\ncondition: sel`, change)).toBe(isSuccess);
      expect(holds(taxonomy, `sel: {${name}: [${success}, ${failure}]}\ncondition: sel`, change)).toBe(true);
    }
  });
});

test("members of arrays: the array by the taxonomy, its members by the record", () => {
  const detection = `sel:\n  aws.cloudtrail.flattened.request_parameters.tags[any]: {key: env, value: test}\ncondition: sel`;
  const text = rule("ecs", detection).replace("level", "sigma-version: 3\nlevel");
  const { ruleSet } = parse(text);
  const compiled = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  expect([...compiled.evaluate(eventOf(RECORD))]).toStrictEqual([0]);
});

test("suppression and correlations group and measure in the taxonomy's names", () => {
  const base = rule("ecs", "sel: {event.action: a}\ncondition: sel").replace(
    "detection",
    "x_engine: {suppress: 1h, group-by: [source.ip]}\ndetection",
  );
  const count = `---\ntitle: C\nname: cc\nlevel: low\ntaxonomy: ecs\ncorrelation:\n  type: value_count\n  rules: [tt]\n  group-by: [cloud.region, who, enrich.principal.id]\n  aliases: {who: {tt: user.id}}\n  timespan: 1h\n  condition: {field: event.action, gte: 3}\n`;
  const parsed = parse(base + count);
  expect(named(parsed, "tt")).toMatchObject({ engine: { groupBy: ["sourceIPAddress"] } });
  expect(correlationOf(parsed, "cc")).toMatchObject({
    groupBy: ["awsRegion", "who", "enrich.principal.id"],
    aliases: { who: { tt: "userIdentity.principalId" } },
    fields: ["eventName"],
  });
  const wrong = parse(base + count.replace("cloud.region", "user.name"));
  expect(wrong.problems).toMatchObject([{ code: "taxonomy_field", value: "user.name", line: 18, column: 14 }]);
  // The correlation failed: what it counts does not begin to alert.
  expect(wrong.ruleSet.detections).toMatchObject([{ name: "tt", alerts: false }]);
});

test("every name leads to a field that CloudTrail records have", () => {
  for (const taxonomy of TAXONOMIES) {
    for (const name of namesOf(taxonomy)) {
      const meaning = meaningOf(taxonomy, name);
      const problems: Problem[] = [];
      const findings = createFindings({ path: name, text: "" }, "strict", problems);
      for (const field of meaning.type === "fields" ? meaning.fields : [])
        lintFieldName(field, { at: 0, calls: [], meant: new Map(), findings });
      expect([taxonomy, name, problems]).toStrictEqual([taxonomy, name, []]);
    }
  }
});
