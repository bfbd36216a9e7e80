/**
 * deploy/cloudformation: nothing in it refers to what is not there, its configuration is one that Sagewatch takes, its roles
 * may do what `doctor --policy` prints for that configuration and nothing else, and there is one writer of one state.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toPolicies } from "../../src/aws/policy.ts";
import { needsOf } from "../../src/commands/doctor/adapters.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Config } from "../../src/config/schema.ts";
import { createStack, readTemplate, referencesOf, type Template, type Value, textOf, type Values } from "./cfn.ts";
import { grantsOf, listed, type PolicyDocument } from "./grants.ts";

const folder = join(import.meta.dirname, "../../deploy/cloudformation");
const security = readTemplate(join(folder, "security-account.yml"));
const member = readTemplate(join(folder, "member-account.yml"));

const ACCOUNT = "111122223333";
const MEMBERS = ["444455556666", "777788889999"];
const EXTERNAL_ID = "chosen-by-us";
const PSEUDO = ["AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix", "AWS::StackName", "AWS::NoValue"];

type Container = {
  readonly Name: string;
  readonly EntryPoint: readonly string[];
  readonly Command: readonly string[];
  readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
} & Readonly<Record<string, unknown>>;

const places = {
  "a trail of its own": {},
  "a trail that is there": { TrailBucket: "example-trail-logs", TrailPrefix: "org/" },
};
const others = {
  "one account": {},
  "two members": { MemberAccounts: MEMBERS.join(","), ExternalId: EXTERNAL_ID },
};
const variants = ["eu-west-1", "us-gov-west-1", "cn-north-1"].flatMap((region) =>
  ["EC2", "FARGATE"].flatMap((launch) =>
    Object.entries(places).flatMap(([place, trail]) =>
      Object.entries(others).map(([accounts, members]) => ({
        name: `${region}, ${launch}, ${place}, ${accounts}`,
        region,
        parameters: { Tag: "1", MachineImage: "ami-0123456789abcdef0", Launch: launch, ...trail, ...members },
      })),
    ),
  ),
);

function createSecurity(parameters: Readonly<Record<string, string>> = {}, region = "eu-west-1"): Values {
  return createStack(security, { region, account: ACCOUNT, parameters: { Tag: "1", ...parameters } });
}

function containersOf(stack: Values): readonly [Container, Container] {
  return stack.properties("Task")["ContainerDefinitions"] as unknown as readonly [Container, Container];
}

function configTextOf(stack: Values): string {
  return containersOf(stack)[0].Environment.find(({ Name }) => Name === "SAGEWATCH_YML")?.Value ?? "";
}

function configOf(stack: Values): Config {
  return parseConfig(configTextOf(stack), { adapters: ADAPTERS, path: null }).config;
}

/** Resources of a type that the stack has, with their properties. */
function allOf(
  template: Template,
  stack: Values,
  type: string,
): readonly (readonly [string, Readonly<Record<string, Value>>])[] {
  const names = Object.entries(template.Resources).filter(([name, { Type }]) => Type === type && stack.has(name));
  return names.map(([name]) => [name, stack.properties(name)]);
}

describe.each([
  ["security-account.yml", security],
  ["member-account.yml", member],
] as const)("%s", (_file, template) => {
  const { names, conditions } = referencesOf([
    template.Resources,
    template.Outputs,
    template.Rules ?? {},
    template.Conditions,
  ]);

  test("whatever is referred to is there", () => {
    const known = new Set([...Object.keys(template.Parameters), ...Object.keys(template.Resources), ...PSEUDO]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(conditions.filter((name) => !Object.hasOwn(template.Conditions, name))).toEqual([]);
    const before = Object.values(template.Resources).flatMap(({ DependsOn = [] }) => [DependsOn].flat());
    expect(before.filter((name) => !Object.hasOwn(template.Resources, name))).toEqual([]);
  });

  test("each parameter and condition is used", () => {
    expect(Object.keys(template.Parameters).filter((name) => !names.includes(name))).toEqual([]);
    expect(Object.keys(template.Conditions).filter((name) => !conditions.includes(name))).toEqual([]);
  });
});

describe.each(variants)("$name", ({ region, parameters }) => {
  const stack = createSecurity(parameters, region);
  const config = configOf(stack);
  const taskRole = `arn:${region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws"}:iam::${ACCOUNT}:role/sagewatch-TaskRole-1A2B3C`;
  const generated = toPolicies(needsOf(config), taskRole);

  test("every resource can be worked out", () => {
    const names = Object.keys(security.Resources).filter((name) => stack.has(name));
    expect(names.map((name) => typeof stack.properties(name))).toEqual(names.map(() => "object"));
  });

  test("the task may do what the configuration needs and nothing else", () => {
    const role = stack.properties("TaskRole");
    const [inline, ...more] = role["Policies"] as unknown as readonly { readonly PolicyDocument: PolicyDocument }[];
    expect(more).toEqual([]);
    expect(role["ManagedPolicyArns"]).toBeUndefined();
    expect(grantsOf(inline?.PolicyDocument ?? { Version: "", Statement: [] })).toEqual(grantsOf(generated.policy));
  });

  test("each member's role may do what the configuration needs and nothing else, and only the task may take it", () => {
    expect(generated.roles.map(({ account }) => account)).toEqual("ExternalId" in parameters ? MEMBERS : []);
    for (const { role, account, policy, trust } of generated.roles) {
      const at = { TaskRoleArn: taskRole, ExternalId: EXTERNAL_ID, BusArn: "bus", HomeRegion: region };
      const own = createStack(member, { region, account, parameters: at });
      const { RoleName, Policies, ManagedPolicyArns, AssumeRolePolicyDocument } = own.properties("ReadRole");
      expect(role.endsWith(`:role/${textOf(RoleName)}`)).toBe(true);
      const documents = (Policies as unknown as readonly { readonly PolicyDocument: PolicyDocument }[]).map(({ PolicyDocument }) => PolicyDocument); // prettier-ignore
      expect(documents.map(grantsOf)).toEqual([grantsOf(policy)]);
      expect(ManagedPolicyArns).toBeUndefined();
      const [statement, ...rest] = (AssumeRolePolicyDocument as unknown as PolicyDocument).Statement;
      const [wanted] = trust.Statement;
      expect(rest).toEqual([]);
      expect({ ...statement, Condition: listed(statement?.["Condition"]) }).toEqual({ ...wanted, Condition: listed(wanted.Condition) }); // prettier-ignore
    }
  });

  test("its VPC has an endpoint of each service that is called", () => {
    const needs = needsOf(config).map(({ action }) => action.split(":")[0] ?? "");
    const services = new Set(needs.filter((service) => service !== "kms"));
    const endpoints = allOf(security, stack, "AWS::EC2::VPCEndpoint").map(([, { ServiceName }]) => textOf(ServiceName));
    for (const service of services) expect(endpoints).toContain(`com.amazonaws.${region}.${service}`);
  });

  test("its sources and sinks are the queues, the bucket, the bus and the topic of the stack", () => {
    const queues = config.sources.flatMap(({ queue }) => (queue === undefined ? [] : [queue]));
    expect(queues).toEqual([stack.resolve({ Ref: "EventsQueue" }), stack.resolve({ Ref: "FilesQueue" })]);
    const bucket = "TrailBucket" in parameters ? parameters.TrailBucket : `sagewatch-trail-${ACCOUNT}-${region}`;
    const prefix = "TrailPrefix" in parameters ? parameters.TrailPrefix : "";
    expect(config.sources[1]).toMatchObject({ type: "sqs-s3", trails: [{ bucket, prefix }] });
    expect(config.sinks.map(({ type }) => type)).toEqual(["eventbridge", "sns"]);
  });
});

test("roles of the machinery of ECS name what they act on", () => {
  const stack = createSecurity({ SecretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:siem" });
  const [{ PolicyDocument }] = stack.properties("ExecutionRole")["Policies"] as unknown as readonly [{ readonly PolicyDocument: PolicyDocument }]; // prettier-ignore
  const wide = grantsOf(PolicyDocument).filter((grant) => grant.includes(" on * "));
  expect(wide).toEqual(["Allow ecr:GetAuthorizationToken on * if []"]);
});

describe("the task", () => {
  test("there is one writer: the one before ends before the next begins", () => {
    for (const Launch of ["EC2", "FARGATE"]) {
      const service = createSecurity({ Launch }).properties("Service");
      expect(service).toMatchObject({
        DesiredCount: 1,
        DeploymentConfiguration: { MaximumPercent: 100, MinimumHealthyPercent: 0 },
        AvailabilityZoneRebalancing: "DISABLED",
      });
    }
    expect(createSecurity({ Running: "no" }).properties("Service")["DesiredCount"]).toBe(0);
  });

  test("the state is on a volume of EBS, which on EC2 outlives task, machine and stack", () => {
    const [ec2, fargate] = [createSecurity(), createSecurity({ Launch: "FARGATE" })];
    expect(ec2.properties("Task")["Volumes"]).toEqual([{ Name: "state", Host: { SourcePath: "/var/lib/sagewatch" } }]);
    expect(security.Resources["StateVolume"]).toMatchObject({ DeletionPolicy: "Snapshot", UpdateReplacePolicy: "Snapshot" }); // prettier-ignore
    expect(createSecurity({ Running: "no" }).has("StateVolume")).toBe(true);
    expect(ec2.properties("Machine")["Volumes"]).toEqual([
      { Device: "/dev/sdf", VolumeId: expect.any(String) as unknown },
    ]);
    expect(fargate.properties("Task")["Volumes"]).toEqual([{ Name: "state", ConfiguredAtLaunch: true }]);
    expect(fargate.properties("Service")["VolumeConfigurations"]).toMatchObject([
      { Name: "state", ManagedEBSVolume: { Encrypted: true, FilesystemType: "xfs" } },
    ]);
    for (const stack of [ec2, fargate]) {
      expect(configOf(stack).state.dir).toBe("/var/lib/sagewatch/state");
      for (const { MountPoints } of containersOf(stack))
        expect(MountPoints).toEqual([{ SourceVolume: "state", ContainerPath: "/var/lib/sagewatch" }]);
    }
  });

  test("a state that begins empty reads the last day again", () => {
    const overlapOf = (Launch: string): unknown => configOf(createSecurity({ Launch })).sources[1]?.["sweepOverlap"];
    expect([overlapOf("EC2"), overlapOf("FARGATE")]).toEqual([3_600_000, 86_400_000]);
  });

  test("its containers have no right that they do not need, and a machine joins the cluster with its state alone", () => {
    const stack = createSecurity();
    for (const container of containersOf(stack))
      expect(container).toMatchObject({
        User: "1000:1000",
        ReadonlyRootFilesystem: true,
        LinuxParameters: { Capabilities: { Drop: ["ALL"] } },
      });
    const script = textOf(stack.properties("Machine")["UserData"]);
    execFileSync("bash", ["-n"], { input: script });
    const order = ["set -eu", "mount /var/lib/sagewatch", "ECS_CLUSTER="].map((line) => script.indexOf(line));
    expect(order.every((at) => at > 0)).toBe(true);
    expect(order).toEqual(order.toSorted((one, other) => one - other));
    expect(script).toContain("/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_sagewatchStateVolume1A2B3C");
  });

  test("the first container writes the configuration where the second reads it, with what MoreConfig adds", () => {
    const MoreConfig =
      "  - type: file\n    path: /var/lib/sagewatch/alerts\naccounts:\n  '111122223333': { name: security }\n";
    const [writer, daemon] = containersOf(createSecurity({ MoreConfig }));
    const variable = (container: Container): string =>
      container.Environment.find(({ Name }) => Name === "SAGEWATCH_CONFIG")?.Value ?? "";
    expect(variable(writer)).toBe(variable(daemon));
    const root = mkdtempSync(join(tmpdir(), "sagewatch-deploy-"));
    try {
      const [, ...flags] = writer.EntryPoint;
      const given = Object.fromEntries(writer.Environment.map(({ Name, Value }) => [Name, Value]));
      const path = join(root, "sagewatch.yml");
      execFileSync(process.execPath, [...flags, ...writer.Command], { env: { ...given, SAGEWATCH_CONFIG: path } });
      const { config } = parseConfig(readFileSync(path, "utf8"), { adapters: ADAPTERS, path });
      expect(config.sinks.map(({ type }) => type)).toEqual(["eventbridge", "sns", "file"]);
      expect(config.accounts["111122223333"]).toMatchObject({ name: "security" });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

test("only the trail may write into its bucket, which of a delegated administrator belongs to the management account", () => {
  const writesOf = (parameters: Readonly<Record<string, string>>): unknown => {
    const { PolicyDocument } = createSecurity(parameters).properties("BucketPolicy");
    const { Statement } = PolicyDocument as unknown as PolicyDocument;
    const { Resource, Condition } = Statement.find(({ Sid }) => Sid === "TrailWrites") ?? {};
    return [Resource, (Condition as { StringEquals: Readonly<Record<string, string>> }).StringEquals["aws:SourceArn"]];
  };
  const bucket = `arn:aws:s3:::sagewatch-trail-${ACCOUNT}-eu-west-1/AWSLogs`;
  const trail = (account: string): string => `arn:aws:cloudtrail:eu-west-1:${account}:trail/sagewatch`;
  expect(writesOf({})).toEqual([[`${bucket}/${ACCOUNT}/*`], trail(ACCOUNT)]);
  expect(writesOf({ OrganizationId: "o-abcdefghij", ManagementAccount: MEMBERS[0] ?? "" })).toEqual([
    [`${bucket}/${MEMBERS[0]}/*`, `${bucket}/o-abcdefghij/*`],
    trail(MEMBERS[0] ?? ""),
  ]);
});

describe("queues and rules", () => {
  const stack = createSecurity({ TrailBucket: "example-trail-logs", OrganizationId: "o-abcdefghij" });
  const policies = [
    ...allOf(security, stack, "AWS::SQS::QueuePolicy").map(([, properties]) => properties),
    ...allOf(member, createStack(member, { region: "eu-west-1", account: ACCOUNT, parameters: {} }), "AWS::SQS::QueuePolicy").map(([, properties]) => properties), // prettier-ignore
  ];

  /** ARNs that may send to a queue. */
  const sendersOf = (queueArn: unknown): readonly string[] =>
    policies.flatMap(({ PolicyDocument }) =>
      (PolicyDocument as unknown as PolicyDocument).Statement.filter(({ Resource }) => Resource === queueArn).flatMap(
        ({ Condition }) => {
          const { ArnEquals = {} } = Condition as { ArnEquals?: Readonly<Record<string, unknown>> };
          return [ArnEquals["aws:SourceArn"]].flat().map(String);
        },
      ),
    );

  test("each rule may send to its queue, and what it cannot bring goes to a queue that it may send to", () => {
    const rules = allOf(security, stack, "AWS::Events::Rule");
    expect(rules.map(([name]) => name)).toEqual([
      "CallsRule",
      "FindingsRule",
      "FilesRule",
      "ForwardedRule",
      "HeartbeatRule",
    ]);
    for (const [name, { Targets }] of rules)
      for (const { Arn, DeadLetterConfig } of Targets as unknown as readonly {
        Arn: string;
        DeadLetterConfig: { Arn: string };
      }[]) {
        // prettier-ignore
        const rule = stack.resolve({ "Fn::GetAtt": [name, "Arn"] });
        expect(sendersOf(Arn)).toContain(rule);
        expect(sendersOf(DeadLetterConfig.Arn)).toContain(rule);
      }
  });

  test("the bucket that is made, or the topic that is named, may send to the queue of files", () => {
    const own = createSecurity();
    const [statement] = (own.properties("FilesQueuePolicy")["PolicyDocument"] as unknown as PolicyDocument).Statement;
    expect(listed(statement?.["Condition"])).toEqual(
      listed({
        ArnEquals: { "aws:SourceArn": own.resolve({ "Fn::GetAtt": ["Bucket", "Arn"] }) },
        StringEquals: { "aws:SourceAccount": ACCOUNT },
      }),
    );
    const TrailTopic = "arn:aws:sns:eu-west-1:444455556666:trail";
    const topic = createSecurity({ TrailBucket: "example-trail-logs", TrailTopic });
    const [other] = (topic.properties("FilesQueuePolicy")["PolicyDocument"] as unknown as PolicyDocument).Statement;
    expect(other).toMatchObject({ Principal: { Service: "sns.amazonaws.com" }, Condition: { ArnEquals: { "aws:SourceArn": TrailTopic } } }); // prettier-ignore
    expect(topic.properties("FilesSubscription")).toMatchObject({ TopicArn: TrailTopic, RawMessageDelivery: true });
  });

  test("each queue that is read keeps 14 days and gives up at five receives; each queue of what was given up has an alarm", () => {
    const queues = allOf(security, stack, "AWS::SQS::Queue").filter(([name]) => name !== "Heartbeats");
    const watched = new Set(
      allOf(security, stack, "AWS::CloudWatch::Alarm")
        .filter(([, { MetricName }]) => MetricName === "ApproximateNumberOfMessagesVisible")
        .map(([, { Dimensions }]) => (Dimensions as unknown as readonly [{ Value: string }])[0].Value),
    );
    const read = queues.filter(([, { RedrivePolicy }]) => RedrivePolicy !== undefined);
    expect(read.map(([name]) => name)).toEqual(["EventsQueue", "FilesQueue"]);
    for (const [, { RedrivePolicy }] of read) expect(RedrivePolicy).toMatchObject({ maxReceiveCount: 5 });
    for (const [name, { MessageRetentionPeriod }] of queues) {
      expect([name, MessageRetentionPeriod]).toEqual([name, 1_209_600]);
      const isRead = read.some(([other]) => other === name);
      expect(watched.has(textOf(stack.resolve({ "Fn::GetAtt": [name, "QueueName"] })))).toBe(!isRead);
    }
  });

  test("what other accounts send comes from the organization, or from the accounts that are named", () => {
    const statementOf = (of: Values): unknown => of.properties("MembersBusPolicy")["Statement"];
    expect(statementOf(stack)).toMatchObject({
      Principal: "*",
      Condition: { StringEquals: { "aws:PrincipalOrgID": "o-abcdefghij" } },
    });
    const named = statementOf(createSecurity({ MemberAccounts: MEMBERS.join(","), ExternalId: EXTERNAL_ID }));
    expect(named).toMatchObject({ Principal: { AWS: MEMBERS } });
    expect(createSecurity().has("MembersBus")).toBe(false);
  });
});

test("alarms: silence of the daemon and of the trail counts as an alarm, and each alarm tells somebody", () => {
  const stack = createSecurity();
  const alarms = new Map(allOf(security, stack, "AWS::CloudWatch::Alarm"));
  const beats = stack.resolve({ "Fn::GetAtt": ["Heartbeats", "QueueName"] });
  expect(alarms.get("Heartbeat")).toMatchObject({
    MetricName: "NumberOfMessagesSent",
    Dimensions: [{ Name: "QueueName", Value: beats }],
    TreatMissingData: "breaching",
    ActionsEnabled: true,
  });
  const pattern = readFileSync(join(folder, "../eventbridge/heartbeat.json"), "utf8");
  expect(stack.properties("HeartbeatRule")).toMatchObject({
    EventBusName: stack.resolve({ Ref: "AlertsBus" }),
    EventPattern: JSON.parse(pattern) as unknown,
  });
  expect(alarms.get("QueueNotAsked")).toMatchObject({ TreatMissingData: "breaching", EvaluationPeriods: 5 });
  expect(alarms.get("TrailSilent")).toMatchObject({ TreatMissingData: "breaching" });
  expect(alarms.get("EventsQueueAge")).toMatchObject({ MetricName: "ApproximateAgeOfOldestMessage", Threshold: 300 });
  expect(alarms.get("FilesQueueAge")).toMatchObject({ MetricName: "ApproximateAgeOfOldestMessage", Threshold: 300 });
  for (const [, { AlarmActions }] of alarms) expect(AlarmActions).toEqual([stack.resolve({ Ref: "AlarmsTopic" })]);
  const stopped = createSecurity({ Running: "no" }).properties("Heartbeat");
  expect(stopped["ActionsEnabled"]).toBe(false);
});
