/**
 * docs/deploy.md is followed by people with an account and a bill: its parameters, outputs, values and commands must be
 * there, its links lead somewhere, its sums add up.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read("docs/deploy.md");
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => (text ?? "").replaceAll("\\\n", " "));
const commands = blocks.flatMap((text) => text.split("\n"));
const TEMPLATE = "deploy/cloudformation/security-account.yml";
const MEMBER = "deploy/cloudformation/member-account.yml";
/** Largest template that a call may carry; larger ones lie in a bucket. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const BODY_LIMIT = 51_200;

type Part = Readonly<
  Record<string, { readonly Default?: unknown; readonly Type?: string; readonly Condition?: string }>
>;
type Template = { readonly Parameters: Part; readonly Resources: Part; readonly Outputs: Part };
/** The templates as plain data: what its functions do matters nothing here. */
const [template, member] = [TEMPLATE, MEMBER].map((path) => parse(read(path), { logLevel: "silent" }) as Template) as [
  Template,
  Template,
];

const anchorsOf = (text: string): readonly string[] =>
  [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

test("its links lead somewhere", () => {
  const links = [...page.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(5);
  const lost = links.filter(([, path = "", anchor]) => {
    const file = path === "" ? "docs/deploy.md" : join("docs", path);
    return !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(read(file)).includes(anchor));
  });
  expect(lost.map(([link]) => link)).toEqual([]);
});

describe("the stack", () => {
  const deploys = commands.filter((line) => line.includes("cloudformation deploy"));

  test("is made with parameters that it has, all that have no default among them", () => {
    expect(deploys.length).toBe(3);
    const needed = Object.entries(template.Parameters).flatMap(([name, { Default }]) =>
      Default === undefined ? [name] : [],
    );
    for (const line of deploys) {
      const given = [...(line.split("--parameter-overrides")[1] ?? "").matchAll(/\b([A-Z]\w+)=/g)].map(
        ([, name]) => name,
      );
      expect(given.filter((name) => !Object.hasOwn(template.Parameters, name ?? ""))).toEqual([]);
      expect(needed.filter((name) => !given.includes(name))).toEqual([]);
    }
  });

  test("of the other accounts gets all parameters that it needs", () => {
    const line = commands.find((one) => one.includes("create-stack-set")) ?? "";
    const given = [...line.matchAll(/ParameterKey=(\w+),/g)].map(([, name]) => name);
    const needed = Object.entries(member.Parameters).flatMap(([name, { Default }]) =>
      Default === undefined ? [name] : [],
    );
    expect(new Set(given)).toEqual(new Set(needed));
    expect(statSync(join(root, MEMBER)).size).toBeLessThan(BODY_LIMIT);
  });

  test("goes by a bucket, since its template is too large for a call", () => {
    expect(deploys.every((line) => line.includes(TEMPLATE))).toBe(true);
    const isLarge = statSync(join(root, TEMPLATE)).size > BODY_LIMIT;
    const own = read("deploy/cloudformation/README.md").replaceAll("\\\n", " ");
    const all = [...deploys, ...own.split("\n").filter((line) => line.startsWith("aws cloudformation deploy"))];
    expect(all.length).toBe(4);
    expect(all.map((line) => line.includes("--s3-bucket"))).toEqual(all.map(() => isLarge));
  });

  test("gives the outputs and has the parameters and resources that the page names", () => {
    const outputs = [...page.matchAll(/\boutput ([A-Z]\w+)/g)].map(([, name]) => name ?? "");
    expect(outputs).toContain("LogGroupName");
    expect(outputs.filter((name) => !Object.hasOwn(template.Outputs, name))).toEqual([]);
    const named = [
      "Running",
      "Launch",
      "MoreConfig",
      "ModelBuckets",
      "ReadOnlyEvents",
      "TrailDays",
      "VpcId",
      "SubnetIds",
      "Zone",
    ];
    expect(named.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
    expect(named.filter((name) => !Object.hasOwn(template.Parameters, name))).toEqual([]);
    expect(template.Resources["StateVolume"]?.Type).toBe("AWS::EC2::Volume");
  });

  test("takes the example of MoreConfig", () => {
    const [, more = ""] = /```yaml\n( {2}- type: slack[\s\S]*?)```/.exec(page) ?? [];
    const text = `sources: []\nsinks:\n  - {type: console}\n${more}`;
    const environment = { SAGEWATCH_SECRET: "https://hooks.slack.example/x" };
    const { config } = parseConfig(text, { adapters: ADAPTERS, path: null, environment });
    expect(config.sinks.map(({ type }) => type)).toEqual(["console", "slack"]);
    const named: unknown = expect.stringContaining("{env: SAGEWATCH_SECRET}");
    expect(template.Parameters["SecretArn"]).toMatchObject({ Type: "String", Description: named });
  });

  test("costs what the page says", () => {
    const endpoints = Object.values(template.Resources).filter(
      (one) => one.Type === "AWS::EC2::VPCEndpoint" && JSON.stringify(one).includes('"Interface"'),
    );
    const always = endpoints.filter(({ Condition }) => Condition === "OwnNetwork").length;
    const ofEc2 = endpoints.filter(({ Condition }) => Condition === "OwnNetworkOfEc2").length;
    expect(page).toContain(`endpoints: ${always + ofEc2} in one zone, ${always} in two zones`);
    const rows = page.split("\n").filter((line) => /^\|.*\]\(https:\/\/aws\.amazon\.com/.test(line));
    expect(rows.length).toBe(5);
    const sum = (column: number): number =>
      rows.map((row) => Number((row.split("|")[column] ?? "").replace("–", "0"))).reduce((a, b) => a + b, 0);
    expect(page).toContain(`**about ${Math.round(sum(3))}** | **about ${Math.round(sum(4))}**`);
  });
});

test("the module gets variables that it has, all that have no default among them, and gives the output", () => {
  const [, text = ""] = /```hcl\n([\s\S]*?)```/.exec(page) ?? [];
  const [, body = ""] = /module "sagewatch" \{\n([\s\S]*?)\n\}/.exec(text) ?? [];
  const given = [...body.matchAll(/^ {2}(\w+) +=/gm)].map(([, name]) => name ?? "").filter((name) => name !== "source");
  const variables = [...read("deploy/terraform/variables.tf").matchAll(/^variable "(\w+)" \{\n([\s\S]*?)\n\}/gm)];
  const known = new Set(variables.map(([, name]) => name ?? ""));
  const needed = variables.filter(([, , inner = ""]) => !/^ {2}default +=/m.test(inner)).map(([, name]) => name ?? "");
  expect([given.length, needed.length > 0]).toEqual([3, true]);
  expect(given.filter((name) => !known.has(name))).toEqual([]);
  expect(needed.filter((name) => !given.includes(name))).toEqual([]);
  const [, output = ""] = /module\.sagewatch\.(\w+)/.exec(text) ?? [];
  expect(read("deploy/terraform/outputs.tf")).toContain(`output "${output}"`);
});

test("its commands of Sagewatch, npm and Helm are there", () => {
  const help = read("docs/commands.md");
  const own = [...page.matchAll(/(?:-- |NAME |`)sagewatch ([a-z]+(?: [a-z]+)?)\b/g)].map(([, name]) => name ?? "");
  expect(own).toContain("alerts list");
  expect(own.filter((name) => !help.includes(`## sagewatch ${name}`))).toEqual([]);
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
  const npm = [...page.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? "");
  expect(npm.filter((name) => scripts[name] === undefined)).toEqual([]);
  const values = parse(read("deploy/helm/sagewatch/values.yaml")) as Readonly<Record<string, object>>;
  const named = [...page.matchAll(/(?:--set-string |`)((?:image|serviceAccount|serviceMonitor|networkPolicy)\.\w+)/g)];
  const lost = named.filter(([, path = ""]) => {
    const [top = "", key = ""] = path.split(".");
    return !Object.hasOwn(values[top] ?? {}, key);
  });
  expect([named.length > 3, lost.map(([, path]) => path)]).toEqual([true, []]);
});

test("the call that makes the first alert fires its rule", () => {
  const rule = read("detections/cloudtrail/bedrock/br-invocation-logging-off.yml");
  expect(page).toContain(/^title: (.+)$/m.exec(rule)?.[1]);
  expect(commands).toContain("aws bedrock delete-model-invocation-logging-configuration");
  expect(rule).toContain("eventName: DeleteModelInvocationLoggingConfiguration");
});
