/**
 * deploy/terraform: the same as deploy/cloudformation, as far as it can be held to account without the provider of AWS,
 * whose schemas `terraform validate` would need: what is referred to is there, roles may do what `doctor --policy` prints for
 * the configuration and nothing else, and task, patterns and alarms are those of the templates of CloudFormation.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toPolicies } from "../../src/aws/policy.ts";
import { needsOf } from "../../src/commands/doctor/adapters.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Config } from "../../src/config/schema.ts";
import { findOnPath } from "../support/deploy/programs.ts";
import { createStack, readTemplate, textOf, type Value } from "./cfn.ts";
import { grantsOf, listed, type PolicyDocument } from "./grants.ts";
import { addressesOf, blockOf, fillTemplate, readModule, templateOf } from "./hcl.ts";

const folder = join(import.meta.dirname, "../../deploy/terraform");
const module = readModule(folder);
const member = readModule(join(folder, "member"));
const formation = join(folder, "../cloudformation");

const ACCOUNT = "111122223333";
const MEMBERS = ["444455556666", "777788889999"];
const EXTERNAL_ID = "chosen-by-us";
const terraform = findOnPath("terraform");
const note = "missing" in terraform ? " (skipped: terraform is not on the PATH)" : "";

type Place = { readonly region: string; readonly launch: string; readonly prefix: string; readonly members: boolean };

const variants = ["eu-west-1", "us-gov-west-1", "cn-north-1"].flatMap((region) =>
  ["EC2", "FARGATE"].flatMap((launch) =>
    ["", "org/"].flatMap((prefix) => [false, true].map((members): Place => ({ region, launch, prefix, members }))),
  ),
);

/** Values of the expressions that stand for templates' values, as AWS would give them. */
function valuesOf({ region, launch, prefix, members }: Place): Readonly<Record<string, unknown>> {
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  const suffix = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const of = (service: string, rest: string): string => `arn:${partition}:${service}:${region}:${ACCOUNT}:${rest}`;
  const queue = (name: string): string => `https://sqs.${region}.${suffix}/${ACCOUNT}/sagewatch-${name}`;
  const known: Readonly<Record<string, unknown>> = {
    "local.partition": partition,
    "local.suffix": suffix,
    "local.region": region,
    "local.bucket": "example-trail-logs",
    "var.trail_prefix": prefix,
    "aws_sqs_queue.events.arn": of("sqs", "sagewatch-events"),
    "aws_sqs_queue.files.arn": of("sqs", "sagewatch-files"),
    "aws_sqs_queue.events.url": queue("events"),
    "aws_sqs_queue.files.url": queue("files"),
    "aws_cloudwatch_event_bus.alerts.arn": of("events", "event-bus/sagewatch-alerts"),
    "aws_sns_topic.alerts.arn": of("sns", "sagewatch-alerts"),
    "aws_cloudwatch_log_group.log.name": "sagewatch-log",
    "var.member_accounts": MEMBERS,
    "var.external_id": EXTERNAL_ID,
    "var.more_config": "",
    '[for account in var.member_accounts : "arn:${local.partition}:iam::${account}:role/sagewatch-read"]': MEMBERS.map(
      (account) => `arn:${partition}:iam::${account}:role/sagewatch-read`,
    ),
    'local.is_ec2 ? "60m" : "24h"': launch === "EC2" ? "60m" : "24h",
    '"${local.account}.dkr.ecr.${local.region}.${local.suffix}/${var.repository}:${var.image_tag}"': `${ACCOUNT}.dkr.ecr.${region}.${suffix}/sagewatch:1`,
    'var.secret_arn == null ? [] : [{ name = "SAGEWATCH_SECRET", valueFrom = var.secret_arn }]': [],
  };
  const lookup = members ? fill(locals["lookup"], known) : "";
  const config = fill(locals["config"], { ...known, "local.lookup": lookup });
  return { ...known, "local.config": config };
}

const locals = Object.assign(
  {},
  ...module.map(({ type, attributes }) => (type === "locals" ? attributes : {})),
) as Readonly<Record<string, string>>;

/** Fills the template that an expression names, its values by their expressions. */
function fill(expression: string | undefined, known: Readonly<Record<string, unknown>>): string {
  const { name, values } = templateOf(expression);
  const entries = Object.entries(values).map(([key, value]) => {
    if (!Object.hasOwn(known, value)) throw new Error(`${name}: ${value} is not known here`);
    return [key, known[value]] as const;
  });
  return fillTemplate(join(folder, name), Object.fromEntries(entries));
}

function configOf(place: Place): Config {
  return parseConfig(String(valuesOf(place)["local.config"]), { adapters: ADAPTERS, path: null }).config;
}

describe.each([
  ["the module", module],
  ["the module member", member],
] as const)("%s", (_name, blocks) => {
  const { declared, used } = addressesOf(blocks);

  test("whatever is referred to is there", () => {
    expect([...used].filter((address) => !declared.has(address))).toEqual([]);
  });

  test("each variable, local value and data source is used", () => {
    const wanted = [...declared].filter((address) => /^(?:var|local|data)\./.test(address));
    expect(wanted.filter((address) => !used.has(address))).toEqual([]);
  });
});

describe.each(variants)("in $region, $launch, prefix '$prefix', members $members", (place) => {
  const known = valuesOf(place);
  const config = configOf(place);
  const task = String(known["local.partition"]).replace(
    /.*/,
    (partition) => `arn:${partition}:iam::${ACCOUNT}:role/task`,
  );
  const generated = toPolicies(needsOf(config), task);

  test("the task may do what the configuration needs and nothing else", () => {
    const policies = module.filter(({ attributes }) => (attributes["role"] ?? "").startsWith("aws_iam_role.task"));
    expect(policies.map(({ labels }) => labels)).toEqual([
      ["aws_iam_role_policy", "task"],
      ["aws_iam_role_policy", "task_members"],
    ]);
    expect(policies[1]?.attributes["count"]).toBe("local.has_members ? 1 : 0");
    const documents = policies
      .slice(0, place.members ? 2 : 1)
      .map(({ attributes }) => JSON.parse(fill(attributes["policy"], known)) as PolicyDocument);
    const all = { Version: "2012-10-17", Statement: documents.flatMap(({ Statement }) => Statement) };
    expect(grantsOf(all)).toEqual(grantsOf(generated.policy));
  });

  test("each member's role may do what the configuration needs and nothing else, and only the task may take it", () => {
    expect(generated.roles.map(({ account }) => account)).toEqual(place.members ? MEMBERS : []);
    const read = blockOf(member, "resource", "aws_iam_role", "read").attributes;
    const policies = member.filter(({ attributes }) => (attributes["role"] ?? "").startsWith("aws_iam_role.read"));
    expect(policies.map(({ labels }) => labels)).toEqual([["aws_iam_role_policy", "read"]]);
    const given = { "var.home_region": place.region, "var.task_role_arn": task, "var.external_id": EXTERNAL_ID };
    const inMember = (expression = ""): PolicyDocument =>
      JSON.parse(fill(expression.replace("${path.module}/", "${path.module}/member/"), given)) as PolicyDocument;
    for (const { role, policy, trust } of generated.roles) {
      expect(`"${role.split("/").at(-1) ?? ""}"`).toBe(read["name"]);
      expect(grantsOf(inMember(policies[0]?.attributes["policy"]))).toEqual(grantsOf(policy));
      const [statement] = inMember(read["assume_role_policy"]).Statement;
      const [wanted] = trust.Statement;
      expect({ ...statement, Condition: listed(statement?.["Condition"]) }).toEqual({
        ...wanted,
        Condition: listed(wanted.Condition),
      });
    }
  });
});

describe("it is what the templates of CloudFormation make", () => {
  const template = readTemplate(join(formation, "security-account.yml"));
  const stackOf = (parameters: Readonly<Record<string, string>> = {}): ReturnType<typeof createStack> =>
    createStack(template, { region: "eu-west-1", account: ACCOUNT, parameters: { Tag: "1", ...parameters } });
  const place: Place = { region: "eu-west-1", launch: "EC2", prefix: "", members: true };

  test("its containers are the same, and so is what they are told, but for the names of queues and bucket", () => {
    const stack = stackOf({ MemberAccounts: MEMBERS.join(","), ExternalId: EXTERNAL_ID });
    const task = blockOf(module, "resource", "aws_ecs_task_definition", "sagewatch").attributes;
    const own = JSON.parse(fill(task["container_definitions"], valuesOf(place))) as Value;
    const other = toCamel(stack.properties("Task")["ContainerDefinitions"] ?? null);
    const plain = (value: Value): Value =>
      JSON.parse(
        JSON.stringify(value)
          .replaceAll(/sagewatch-(?:EventsQueue|FilesQueue|AlertsTopic|Log)-1A2B3C/g, (name) => NAMES[name] ?? name)
          .replaceAll("sagewatch-trail-111122223333-eu-west-1", "example-trail-logs")
          .replaceAll(/, (?=\\"\d{12})/g, ",")
          .replaceAll(String.raw`\n\n`, String.raw`\n`),
      ) as Value;
    expect(plain(own)).toEqual(plain(other));
  });

  test("its patterns are the same", () => {
    const { parameters, stack } = { parameters: { bucket: "example-trail-logs", prefix: "org/" }, stack: stackOf({ TrailBucket: "example-trail-logs", TrailPrefix: "org/", OrganizationId: "o-abcdefghij" }) }; // prettier-ignore
    const rules = {
      calls: "CallsRule",
      findings: "FindingsRule",
      forwarded: "ForwardedRule",
      heartbeat: "HeartbeatRule",
    };
    for (const [name, rule] of Object.entries(rules)) {
      const { attributes } = blockOf(module, "resource", "aws_cloudwatch_event_rule", name);
      expect(attributes["event_pattern"]).toBe(`file("\${path.module}/patterns/${name}.json")`);
      const pattern = readFileSync(join(folder, "patterns", `${name}.json`), "utf8");
      expect(JSON.parse(pattern)).toEqual(stack.properties(rule)["EventPattern"]);
    }
    const files = fillTemplate(join(folder, "patterns/files.json.tftpl"), parameters);
    expect(JSON.parse(files)).toEqual(stack.properties("FilesRule")["EventPattern"]);
    const others = readTemplate(join(formation, "member-account.yml"));
    for (const [name, rule] of [["calls", "CallsRule"], ["findings", "FindingsRule"]] as const) // prettier-ignore
      expect(JSON.parse(readFileSync(join(folder, "patterns", `${name}.json`), "utf8"))).toEqual(others.Resources[rule]?.Properties?.["EventPattern"]); // prettier-ignore
  });

  test("its alarms are the same", () => {
    const stack = stackOf();
    const text = locals["queue_alarms"] ?? "";
    const numbers = /(\S+) = \{\s+description = "[^"]*"\s+queue\s+= \S+, metric = "(\w+)", statistic = "(\w+)"\s+period\s+= (\d+), periods = (\d+), below = (\w+), threshold = (\d+), missing = "(\w+)"/g; // prettier-ignore
    const own = [...text.matchAll(numbers)].map(([, name = "", ...rest]) => [name.replaceAll("-", ""), ...rest]);
    const alarms = Object.entries(template.Resources).filter(([, { Type }]) => Type === "AWS::CloudWatch::Alarm");
    const others = alarms
      .filter(([name]) => name !== "QueueNotAsked" && name !== "Errors")
      .map(([name]) => {
        const { MetricName, Statistic, Period, EvaluationPeriods, ComparisonOperator, Threshold, TreatMissingData } = stack.properties(name); // prettier-ignore
        const below = ComparisonOperator === "LessThanThreshold";
        return [name.toLowerCase(), ...[MetricName, Statistic, Period, EvaluationPeriods, below, Threshold, TreatMissingData].map(textOf)]; // prettier-ignore
      });
    const byName = ([one = ""]: readonly string[], [other = ""]: readonly string[]): number => (one < other ? -1 : 1);
    expect(own.toSorted(byName)).toEqual(others.toSorted(byName));
    expect(others.length).toBe(7);
  });

  test("a machine begins with the same script, and the service has one writer", () => {
    const script = fillTemplate(join(folder, "machine.sh.tftpl"), { volume: "vol0", cluster: "c" });
    const other = textOf(stackOf().properties("Machine")["UserData"]);
    expect(script).toBe(other.replace("sagewatchStateVolume1A2B3C", "vol0").replace("sagewatch-Cluster-1A2B3C", "c"));
    expect(blockOf(module, "resource", "aws_ecs_service", "sagewatch").attributes).toMatchObject({
      desired_count: "var.running ? 1 : 0",
      deployment_maximum_percent: "100",
      deployment_minimum_healthy_percent: "0",
      availability_zone_rebalancing: '"DISABLED"',
    });
    expect(blockOf(module, "resource", "aws_ebs_volume", "state").attributes).toMatchObject({
      encrypted: "true",
      final_snapshot: "true",
    });
  });
});

const NAMES: Readonly<Record<string, string>> = {
  "sagewatch-EventsQueue-1A2B3C": "sagewatch-events",
  "sagewatch-FilesQueue-1A2B3C": "sagewatch-files",
  "sagewatch-AlertsTopic-1A2B3C": "sagewatch-alerts",
  "sagewatch-Log-1A2B3C": "sagewatch-log",
};

/** Keys as the API has them; those of maps that users name stay. */
function toCamel(value: Value): Value {
  if (Array.isArray(value)) return (value as readonly Value[]).map(toCamel);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    const name = `${key.charAt(0).toLowerCase()}${key.slice(1)}`;
    return [name, name === "options" ? item : toCamel(item)] as const;
  });
  return Object.fromEntries(entries);
}

describe("by Terraform itself", () => {
  const run = (args: readonly string[], input = "", cwd = folder): ReturnType<typeof spawnSync> =>
    spawnSync("path" in terraform ? terraform.path : "", args, { input, cwd, encoding: "utf8" });

  test.skipIf("missing" in terraform)(`the files have Terraform's form${note}`, () => {
    const { status, stdout } = run(["fmt", "-check", "-recursive"]);
    expect([status, stdout]).toEqual([0, ""]);
  });

  test.skipIf("missing" in terraform)(`its templates come out as they do here${note}`, () => {
    const root = mkdtempSync(join(tmpdir(), "sagewatch-terraform-"));
    try {
      const lists = { accounts: MEMBERS, roles: MEMBERS, secrets: [{ name: "A", valueFrom: "b" }], config: 'a: "b"\n' };
      for (const name of [
        "policy.json",
        "policy-members.json",
        "lookup.yml",
        "sagewatch.yml",
        "containers.json",
        "machine.sh",
      ]) {
        const path = join(folder, `${name}.tftpl`);
        const names = [...readFileSync(path, "utf8").matchAll(/\$\{(?:jsonencode\()?(\w+)/g)].map(([, of = ""]) => of);
        const values = { ...Object.fromEntries(names.map((of) => [of, `a-${of}`])), ...lists };
        writeFileSync(join(root, "values.json"), JSON.stringify(values));
        const { stdout } = run(
          ["console"],
          `base64encode(templatefile("${path}", jsondecode(file("values.json"))))`,
          root,
        );
        const text = Buffer.from(String(stdout).trim().replaceAll('"', ""), "base64").toString();
        expect(text).toBe(fillTemplate(path, values));
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
