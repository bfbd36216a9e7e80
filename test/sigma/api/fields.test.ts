/**
 * Names of fields and parameters in CloudTrail rules against the API table, also beside other errors of a rule.
 */
import { describe, expect, test } from "vitest";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { HEAD } from "../build.ts";
import { check, findings, sel } from "./findings.ts";

describe("fields", () => {
  const job = ["eventSource: sagemaker.amazonaws.com", "eventName: CreateTrainingJob"];

  test.for([
    "requestParameters.resourceConfig.instanceType",
    "requestParameters.resourceConfig.instanceGroups.instanceCount",
    "requestParameters.environment.ANYTHING",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "tlsDetails.tlsVersion",
    "additionalEventData.whatever",
    "responseElements.trainingJobArn",
  ])("fine: %s", (field) => {
    expect(findings(sel(...job, `${field}: x`))).toStrictEqual([]);
  });

  test.for([
    ["eventNam", "error api_field_unknown 12:5 CloudTrail records have no field eventNam; did you mean eventName"],
    [
      "EventName",
      "warning field_case 12:5 the field `EventName` is written `eventName` in CloudTrail records, and case counts",
    ],
    ["principalName", "warning api_field_unknown 12:5 CloudTrail records have no field principalName"],
    [
      "userIdentity.sessionContext.sesionIssuer.arn",
      "error api_field_unknown 12:5 CloudTrail records have no field userIdentity.sessionContext.sesionIssuer.arn; did you mean userIdentity.sessionContext.sessionIssuer.arn",
    ],
    [
      "requestParameters.resourceConfig.instancType",
      "error api_field_unknown 12:5 requests of CreateTrainingJob have no field requestParameters.resourceConfig.instancType; did you mean requestParameters.resourceConfig.instanceType",
    ],
    [
      "requestParameters.resourceConfig.InstanceType",
      "warning field_case 12:5 the field `requestParameters.resourceConfig.InstanceType` is written `requestParameters.resourceConfig.instanceType` in CloudTrail records, and case counts",
    ],
    [
      "requestParameters.gpuBudget",
      "warning api_field_unknown 12:5 requests of CreateTrainingJob have no field requestParameters.gpuBudget",
    ],
  ])("%s: %s", ([field, told]) => {
    expect(findings(sel(...job, `${field}: x`))).toStrictEqual([told]);
  });

  test("parameters of EC2 are spelled each in its own way: only a slip is told, as a warning", () => {
    const run = ["eventSource: ec2.amazonaws.com", "eventName: RunInstances"];
    expect(findings(sel(...run, "requestParameters.ownSpelling.items: x"))).toStrictEqual([]);
    expect(findings(sel(...run, "requestParameters.instanceSet.items.imageId: x"))).toStrictEqual([
      "warning api_field_unknown 12:5 requests of RunInstances have no field requestParameters.instanceSet.items.imageId; did you mean requestParameters.instancesSet.items.imageId",
    ]);
  });

  test("a slip in one event name hides none in the fields: they are held against the name that is meant", () => {
    const fields = ["requestParameters.endpointConfigNam: x", "requestParameters.EndpointConfigName: x"];
    const rule = sel(
      "eventSource: sagemaker.amazonaws.com",
      "eventName: [CreateEndpointConfig, CreateEndpiont]",
      "requestParameters.deploymentConfig.autoRollbackConfiguration: x",
      ...fields,
    );
    expect(findings(rule, "lenient").map((line) => line.split("; did")[0])).toStrictEqual([
      "warning api_event_unknown 11:39 no such operation in sagemaker: CreateEndpiont",
      "warning api_field_unknown 13:5 requests of CreateEndpointConfig, CreateEndpoint have no field requestParameters.endpointConfigNam",
      "warning field_case 14:5 the field `requestParameters.EndpointConfigName` is written `requestParameters.endpointConfigName` in CloudTrail records, and case counts",
    ]);
  });

  test("a slip in the event source hides none in the names and fields beside it", () => {
    const rule = sel(
      "eventSource: sagemakr.amazonaws.com",
      "eventName: [CreateEndpiont]",
      "requestParameters.endpointNam: x",
    );
    expect(findings(rule).map((line) => line.split("; did")[0])).toStrictEqual([
      "error api_source_unknown 10:18 no such event source: sagemakr.amazonaws.com",
      "error api_event_unknown 11:17 no such operation in sagemaker: CreateEndpiont",
      "error api_field_unknown 12:5 requests of CreateEndpoint have no field requestParameters.endpointNam",
    ]);
  });

  test("beside a name that nothing resembles fields are not judged: a newer operation may have them", () => {
    const rule = sel(
      "eventSource: sagemaker.amazonaws.com",
      "eventName: [CreateEndpointConfig, LaunchRocket]",
      "requestParameters.fuel: x",
    );
    expect(findings(rule)).toHaveLength(1);
  });

  test("parameters of a name that is logged as another are those of the other", () => {
    const rule = sel("eventSource: lambda.amazonaws.com", "eventName: CreateFunction", "requestParameters.runtme: x");
    expect(findings(rule).map((line) => line.split(" ")[1])).toStrictEqual(["api_event_unknown", "api_field_unknown"]);
  });

  test.for([
    ["endpointConfigArn", null],
    ["message", null],
    ["endpointConfigArm", "error api_field_unknown responses of CreateEndpointConfig have no field"],
    ["EndpointConfigArn", "warning field_case the field"],
    ["endpointConfigName", "warning api_field_unknown responses of CreateEndpointConfig have no field"],
    ["fuel", "warning api_field_unknown responses of CreateEndpointConfig have no field"],
  ] as const)("responses are checked like requests: %s", ([field, told]) => {
    const rule = sel(
      "eventSource: sagemaker.amazonaws.com",
      "eventName: CreateEndpointConfig",
      `responseElements.${field}: x`,
    );
    const found = findings(rule);
    expect(found).toHaveLength(told === null ? 0 : 1);
    expect(found.join("").replace(" 12:5", "")).toContain(told ?? "");
  });

  test.for([
    ["a response of several operations", "sagemaker", "[CreateEndpoint, CreateModel]", "modelArn"],
    ["what stands below a member", "iam", "CreateAccessKey", "accessKey.anything"],
    ["ARN as records spell it", "secretsmanager", "CreateSecret", "arn"],
    ["a service with names of its own", "ec2", "RunInstances", "instancesSet.items.instanceId"],
    ["an operation that answers nothing", "iam", "DeleteUser", "whatever"],
    ["an event that is no operation", "signin", "ConsoleLogin", "ConsoleLogin"],
  ])("responses, fine: %s", ([, service, name, field]) => {
    const rule = sel(`eventSource: ${service}.amazonaws.com`, `eventName: ${name}`, `responseElements.${field}: x`);
    expect(findings(rule)).toStrictEqual([]);
  });

  test("where no event name is stated, parameters are held against all calls of the service: a warning", () => {
    const rule = sel(
      "eventSource: sagemaker.amazonaws.com",
      "requestParameters.endpointNam: x",
      "requestParameters.productionVariants.instanceType: x",
    );
    expect(findings(rule)).toStrictEqual([
      "warning api_field_unknown 11:5 requests of sagemaker have no field requestParameters.endpointNam; did you mean requestParameters.endpointName",
    ]);
  });

  test.for([
    ["no source", "'*'", "what"],
    ["a service whose calls are not all known", "ec2.amazonaws.com", "what"],
    ["a service of which some events' parameters are not", "kms.amazonaws.com", "what"],
  ])("and are not judged with %s", ([, source, field]) => {
    expect(findings(sel(`eventSource: ${source}`, `requestParameters.${field}: x`))).toStrictEqual([]);
  });

  test("a field under a wrong modifier is checked all the same, and so are those beside it", () => {
    const rule = sel("eventNme|contians: x", "enrich.denid|contains|re: x", "userAgnt: x");
    expect(findings(rule).map((told) => told.split(" ").slice(0, 3).join(" "))).toStrictEqual([
      "error api_field_unknown 10:5",
      "error modifier_unknown 10:14",
      "error modifier_chain 11:18",
      "error api_field_unknown 12:5",
    ]);
  });

  test("the members of an array under a wrong modifier are checked, and the modifier is told once", () => {
    const rule = `sigma-version: 3\n${HEAD}detection:\n  sel:\n    resources[any]|contians:\n      enrich.denid: true\n    userAgnt: x\n  condition: sel\n`;
    expect(check(rule).map(({ severity, code }) => `${severity} ${code}`)).toStrictEqual([
      "error modifier_unknown",
      "error api_field_unknown",
    ]);
    const legal = rule.replace("contians", "contains");
    expect(check(legal).map(({ code }) => code)).toStrictEqual(["modifier_chain", "api_field_unknown"]);
  });

  test("a slip in a filter is a warning in lenient mode, and one over another service is left alone", () => {
    const filter = (service: string): string =>
      `title: Filter\nlogsource: {product: aws, service: ${service}}\nfilter:\n  rules: any\n  sel: {userAgnt: x}\n  condition: not sel\n`;
    expect(check(filter("cloudtrail"), "lenient").map(({ severity }) => severity)).toStrictEqual(["warning"]);
    expect(check(filter("guardduty"))).toStrictEqual([]);
  });

  test("those of a filter are checked", () => {
    const filter =
      "title: Filter\nlogsource: {product: aws, service: cloudtrail}\nfilter:\n  rules: any\n  sel: {eventSource: sagemaker.amazonaws.com, eventName: CreateEndpiont, userAgnt: x}\n  condition: not sel\n";
    expect(check(filter).map(({ severity, code, value }) => `${severity} ${code} ${value}`)).toStrictEqual([
      "error api_event_unknown CreateEndpiont",
      "error api_field_unknown userAgnt",
    ]);
  });

  test("fields to group by are checked too, of a detection and of a correlation with its aliases", () => {
    const base = `${HEAD}name: base\ndetection:\n  sel: {eventSource: kms.amazonaws.com}\n  condition: sel\n`;
    const engine = "x_engine: {suppress: 1h, group-by: [userIdentity.arnn]}\n";
    const correlation =
      "title: Many\nlevel: low\ncorrelation:\n  type: event_count\n  rules: [base]\n  group-by: [who, recipientAcountId]\n  timespan: 1h\n  condition: {gte: 5}\n  aliases: {who: {base: userIdentity.userNam}}\n";
    const told = check(`${base}${engine}---\n${correlation}`).map(
      ({ severity, line, column, value }) => `${severity} ${line}:${column} ${value}`,
    );
    expect(told).toStrictEqual([
      "error 12:37 userIdentity.arnn",
      "error 18:11 base",
      "error 19:19 recipientAcountId",
      "error 22:25 userIdentity.userNam",
    ]);
    const alone = check(`${base}---\n${correlation}`, "lenient").map(
      ({ severity, line, column, value }) => `${severity} ${line}:${column} ${value}`,
    );
    expect(alone).toStrictEqual(["warning 18:19 recipientAcountId", "warning 21:25 userIdentity.userNam"]);
  });

  test("rules of other log sources are left alone", () => {
    const text = `${HEAD}detection:\n  sel: {eventNam: CreateEndpiont}\n  condition: sel\n`;
    expect(check(text.replace("service: cloudtrail", "service: guardduty"))).toStrictEqual([]);
  });
});

describe("beside other errors of the rule", () => {
  const slip = "no such operation in sagemaker: CreateEndpiont; did you mean CreateEndpoint";
  const codes = (rule: string, condition = "sel"): string[] =>
    findings(rule, "strict", condition).map((line) => line.replace(/ \d+:\d+ /, " "));

  test.for([
    ["a modifier that is none", ["userAgent|contians: boto"], "error modifier_unknown"],
    ["a value in the same list that is none", ["eventName|re: ['(']"], "error regex_invalid"],
    ["a map as a value", ["requestParameters:", "  x: 1"], "error detection_map_value"],
  ] as const)("%s", ([, lines, other]) => {
    const told = codes(sel("eventSource: sagemaker.amazonaws.com", "eventName: CreateEndpiont", ...lines));
    expect(told).toContain(`error api_event_unknown ${slip}`);
    expect(told.some((line) => line.startsWith(other))).toBe(true);
    expect(told).toHaveLength(2);
  });

  test("a value that is none in the very list of names", () => {
    const rule = sel("eventSource: sagemaker.amazonaws.com", "eventName:", "  - CreateEndpiont", "  - {a: 1}");
    expect(codes(rule).map((line) => line.split(" ")[1])).toEqual(
      expect.arrayContaining(["api_event_unknown", "detection_value"]),
    );
  });

  test("a source that cannot be read leaves all sources possible", () => {
    const rule = sel("eventSource|contians: sagemaker", "eventName: CreateModel", "requestParameters.x: 1");
    expect(codes(rule)).toHaveLength(1);
    const either =
      sel("- eventSource: iam.amazonaws.com", "- eventSource|contians: sagemaker") +
      "\n  name: {eventName: CreateModel}";
    expect(codes(either, "sel and name")).toHaveLength(1);
  });

  test("a condition that cannot be read, or is missing", () => {
    const rule = sel("eventSource: sagemaker.amazonaws.com", "eventName: CreateEndpiont");
    expect(codes(rule, "sel and (other")).toContain(`error api_event_unknown ${slip}`);
    expect(codes(rule, "sel and other")).toContain(`error api_event_unknown ${slip}`);
    const missing = check(`${HEAD}detection:\n${rule}\n`).map(({ code }) => code);
    expect(missing).toEqual(expect.arrayContaining(["key_missing", "api_event_unknown"]));
  });

  test("and the rule is refused", () => {
    const text = `${HEAD}detection:\n${sel("eventName:", "  - CreateModel", "  - {a: 1}")}\n  condition: sel\n`;
    expect(parseRuleFiles([{ path: "rule.yml", text }], { mode: "lenient" }).ruleSet.detections).toEqual([]);
  });
});
