/**
 * Names in CloudTrail rules against the API table: what is told, where, how strictly, and what is left alone.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadRules } from "../../../src/rules/load.ts";
import { parseRuleFiles } from "../../../src/sigma/rule-set.ts";
import { HEAD } from "../build.ts";
import { check, findings, sel } from "./findings.ts";
import { hasCorpus, readCorpus } from "../corpus.ts";
import { renderApiTable } from "../../../tools/make-api-table.ts";

const ROOT = join(import.meta.dirname, "../../..");
const MODELS = join(ROOT, "../shared/data/aws-models");

describe("event names", () => {
  test("a slip is told with the right name, at its place: an error in strict mode, a warning in lenient mode", () => {
    const rule = sel("eventSource: sagemaker.amazonaws.com", "eventName:", "  - CreateModel", "  - CreateEndpiont");
    const message =
      "api_event_unknown 13:9 no such operation in sagemaker: CreateEndpiont; did you mean CreateEndpoint";
    expect(findings(rule)).toStrictEqual([`error ${message}`]);
    expect(findings(rule, "lenient")).toStrictEqual([`warning ${message}`]);
  });

  test("the remedy names what to write", () => {
    const rule = sel("eventSource: sagemaker.amazonaws.com", "eventName: CreateEndpiont");
    const [problem] = check(`${HEAD}detection:\n${rule}\n  condition: sel\n`);
    expect(problem).toMatchObject({ value: "CreateEndpiont", remedy: "write CreateEndpoint" });
  });

  test.for([
    ["case does not count", "sagemaker.amazonaws.com", "createendpoint"],
    ["an API's date behind the name", "lambda.amazonaws.com", "ListFunctions20150331"],
    ["a date and version that the table does not have", "lambda.amazonaws.com", "GetFunction20150331"],
    ["a console event", "signin.amazonaws.com", "ConsoleLogin"],
    ["a change of role", "signin.amazonaws.com", "SwitchRole"],
    ["what a service does on its own", "kms.amazonaws.com", "RotateKey"],
    ["a pattern that matches something", "sagemaker.amazonaws.com", "Create*Job"],
    ["a service without a list of operations", "rds.amazonaws.com", "DeleteDBInstance"],
    ["an operation that the list of EC2 may lack", "ec2.amazonaws.com", "ModifyVerifiedAccessGroup"],
    ["anything but a near name without a source", "*", "SomeNewOperation"],
    ["what no SDK has a model of", "bedrock-mantle.amazonaws.com", "CreateInference"],
    ["an operation of it that is not listed", "bedrock-mantle.amazonaws.com", "ListSomethingNew"],
  ])("fine: %s", ([, source, name]) => {
    expect(findings(sel(`eventSource: '${source}'`, `eventName: '${name}'`))).toStrictEqual([]);
  });

  test.for([
    [
      "sagemaker.amazonaws.com",
      "LaunchRocket",
      "warning api_event_unknown 11:16 no such operation in sagemaker: LaunchRocket",
    ],
    [
      "ec2.amazonaws.com",
      "RunInstance",
      "warning api_event_unknown 11:16 no known operation is called RunInstance; did you mean RunInstances",
    ],
    [
      "sagemaker.amazonaws.com",
      "'Creat?Endpiont*'",
      "warning api_event_unknown 11:16 no operation of sagemaker matches Creat?Endpiont*",
    ],
    [
      "s3.amazonaws.com",
      "CreateTrainingJob",
      "error api_event_unknown 11:16 no such operation in s3: CreateTrainingJob; it is one of sagemaker",
    ],
    [
      "lambda.amazonaws.com",
      "CreateFunction",
      "error api_event_unknown 11:16 lambda logs CreateFunction as CreateFunction20150331",
    ],
    [
      "bedrock.amazonaws.com",
      "CreateAgentV2",
      "warning api_event_unknown 11:16 no such operation in bedrock: CreateAgentV2; did you mean CreateAgent",
    ],
  ])("%s %s: %s", ([source, name, told]) => {
    expect(findings(sel(`eventSource: ${source}`, `eventName: ${name}`))).toStrictEqual([told]);
  });

  test("the sources are those that hold together with the name, over the whole condition", () => {
    const rule = [
      "  ml: {eventSource: sagemaker.amazonaws.com}",
      "  keys: {eventSource: kms.amazonaws.com}",
      "  names: {eventName: Decrypt}",
    ].join("\n");
    expect(findings(rule, "strict", "(ml or keys) and names")).toStrictEqual([]);
    expect(findings(rule, "strict", "ml and names or keys and names")).toStrictEqual([]);
    expect(findings(rule, "strict", "ml and names or keys")).toStrictEqual([
      "error api_event_unknown 11:22 no such operation in sagemaker: Decrypt; it is one of kms",
    ]);
  });

  test("a source under `not` states nothing; a name under `not` is checked like any other", () => {
    const rule = ["  sel: {eventSource: sagemaker.amazonaws.com}", "  other: {eventName: DescribeEndpiont}"].join("\n");
    expect(findings(rule, "strict", "not sel and other")).toStrictEqual([
      "warning api_event_unknown 10:22 no known operation is called DescribeEndpiont; did you mean DescribeEndpoint",
    ]);
    expect(findings(rule, "strict", "sel and not other")).toStrictEqual([
      "error api_event_unknown 10:22 no such operation in sagemaker: DescribeEndpiont; did you mean DescribeEndpoint",
    ]);
  });
});

describe("event sources", () => {
  test.for([
    [
      "sagemkaer.amazonaws.com",
      "error api_source_unknown 10:18 no such event source: sagemkaer.amazonaws.com; did you mean sagemaker.amazonaws.com",
    ],
    [
      "sagemaker",
      "error api_source_unknown 10:18 no such event source: sagemaker; did you mean sagemaker.amazonaws.com",
    ],
    ["quite.another.thing", "warning api_source_unknown 10:18 no such event source: quite.another.thing"],
    ["'sagemakr*'", "warning api_source_unknown 10:18 no known event source matches `sagemakr*`"],
  ])("%s: %s", ([source, told]) => {
    expect(findings(sel(`eventSource: ${source}`))).toStrictEqual([told]);
  });

  test("known ones and patterns of them are fine", () => {
    const rule = sel("eventSource:", "  - ses.amazonaws.com", "  - signin.amazonaws.com", "  - 'bedrock*'");
    expect(findings(rule)).toStrictEqual([]);
  });
});

test("a near miss of an operation that no SDK has a model of is a warning", () => {
  const rule = sel("eventSource: bedrock-mantle.amazonaws.com", "eventName: CreateInferense");
  expect(findings(rule)).toStrictEqual([
    "warning api_event_unknown 11:16 no known operation is called CreateInferense; did you mean CreateInference",
  ]);
});

test("the shipped rules are clean", () => {
  const loaded = loadRules([join(ROOT, "detections")], { mode: "strict" });
  expect(loaded.problems.filter(({ code }) => /^api_|^field_case/.test(code))).toStrictEqual([]);
});

test("the table stays small", () => {
  expect(statSync(join(ROOT, "src/sigma/api/table.ts")).size).toBeLessThan(400_000);
});

test.skipIf(!existsSync(MODELS))(
  "the table is what the tool makes of the models (needs ../shared/data/aws-models)",
  () => {
    expect(readFileSync(join(ROOT, "src/sigma/api/table.ts"), "utf8")).toBe(renderApiTable(MODELS));
  },
);

/** What is told of the public AWS rules, each for a reason. */
const PUBLIC: Readonly<Record<string, string>> = {
  "aws_delete_saml_provider.yml status": "meant is `errorCode`: no record has `status`, so the rule never matches",
  "aws_s3_data_management_tampering.yml PutEncryptionConfiguration": "an IAM action; the event is PutBucketEncryption",
  "aws_s3_data_management_tampering.yml PutLifecycleConfiguration": "an IAM action; the event is PutBucketLifecycle",
  "aws_s3_data_management_tampering.yml PutReplicationConfiguration":
    "an IAM action; the event is PutBucketReplication",
  "aws_s3_data_management_tampering.yml ReplicateObject": "an IAM action without a call",
};

test.skipIf(!hasCorpus)(
  "the 57 public AWS rules load, and all that is told is true (needs ../shared/data/sigmahq)",
  () => {
    const files = [...(hasCorpus ? readCorpus() : [])]
      .filter(([path]) => path.startsWith("rules/cloud/aws/"))
      .map(([path, text]) => ({ path, text }));
    const { problems, ruleSet } = parseRuleFiles(files, { mode: "lenient", lists: new Set() });
    expect(ruleSet.detections).toHaveLength(57);
    expect(problems.filter(({ severity }) => severity === "error")).toStrictEqual([]);
    const told = problems.filter(({ code }) => code.startsWith("api_"));
    expect(told.map(({ file, value }) => `${file.split("/").at(-1)} ${value}`).toSorted()).toStrictEqual(
      Object.keys(PUBLIC).toSorted(),
    );
  },
);
