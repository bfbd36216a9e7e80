/**
 * Rules for the match bench: SigmaHQ's AWS rules where ../shared is at hand, else the project's own, and made-up ones of
 * the same mix to see how cost grows with their number. Seeded: every run has the same rules.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom, type Random } from "../src/lib/random.ts";
import type { Expression, RuleSet } from "../src/sigma/ast.ts";
import { parseRuleFiles, type RuleFile } from "../src/sigma/rule-set.ts";
import { createSimulation } from "../src/simulate/simulation.ts";
import { leaf, ruleOf, text } from "../test/match/build.ts";
import { HAS_PUBLIC_DATA, readPublicRecords, readPublicRules } from "../test/match/public-rules.ts";

/** The rules, and where they come from. */
export function benchRules(): { readonly ruleSet: RuleSet; readonly origin: "sigmahq" | "detections" } {
  const files = HAS_PUBLIC_DATA ? readPublicRules("rules/cloud/aws/") : ownRules();
  const { ruleSet } = parseRuleFiles(files, { mode: "lenient" });
  return { ruleSet: { ...ruleSet, correlations: [] }, origin: HAS_PUBLIC_DATA ? "sigmahq" : "detections" };
}

function ownRules(): RuleFile[] {
  const folder = join(import.meta.dirname, "../detections");
  if (!existsSync(folder)) return [];
  const paths = globSync("**/*.yml", { cwd: folder }).toSorted();
  return paths.map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
}

/** Record texts: captured ones where they are at hand, else simulated ones. */
export function benchRecords(): { readonly records: readonly string[]; readonly origin: "captured" | "simulated" } {
  if (HAS_PUBLIC_DATA) return { records: readPublicRecords(), origin: "captured" };
  const files = [...createSimulation({ seed: 1, records: 3000, attacks: [] }).files()];
  return { records: files.flatMap((file) => file.records.map((record) => record.text)), origin: "simulated" };
}

const VERBS = [
  "Create",
  "Delete",
  "Update",
  "Put",
  "Attach",
  "Detach",
  "Modify",
  "Enable",
  "Disable",
  "Register",
  "Stop",
  "Start",
] as const;
const NOUNS = [
  "Cluster",
  "Policy",
  "Role",
  "Endpoint",
  "Key",
  "Group",
  "Volume",
  "Snapshot",
  "Image",
  "Function",
  "Rule",
  "Topic",
  "Queue",
  "Table",
  "Trail",
  "Bucket",
] as const;
const SERVICES = [
  "ec2",
  "iam",
  "s3",
  "kms",
  "rds",
  "sagemaker",
  "eks",
  "lambda",
  "dynamodb",
  "sqs",
  "sns",
  "bedrock",
  "ssm",
  "logs",
] as const;

/** `rules` filled up to `count`: an eighth on calls that occur in `records`, the others on calls that do not. */
export function withMadeUpRules(rules: RuleSet, count: number, records: readonly string[]): RuleSet {
  const random = createRandom("match bench");
  const calls = [...new Set(records.map(callOf))].filter((call) => call !== "");
  const made = Array.from({ length: Math.max(0, count - rules.detections.length) }, (_, index) =>
    ruleOf(`made-up-${index}`, makeUp(random, calls, index)),
  );
  return { detections: [...rules.detections, ...made], correlations: [] };
}

function callOf(record: string): string {
  const { eventSource = "", eventName = "" } = JSON.parse(record) as { eventSource?: string; eventName?: string };
  return eventName === "" ? "" : `${eventSource}|${eventName}`;
}

function makeUp(random: Random, calls: readonly string[], index: number): Expression {
  const [service = "", name = ""] = random.chance(0.12)
    ? random.pick(calls).split("|")
    : [`${random.pick(SERVICES)}.amazonaws.com`];
  const names =
    name === "" ? Array.from({ length: random.int(1, 5) }, () => random.pick(VERBS) + random.pick(NOUNS)) : [name];
  const call: Expression[] = [
    text("eventSource", service),
    { op: "or", of: names.map((one) => text("eventName", one)) },
  ];
  const shape = random.float();
  if (shape < 0.15)
    return {
      op: "and",
      of: [...call, text(`requestParameters.${random.pick(["policyDocument", "instanceType", "name"])}`, "*admin*")],
    };
  if (shape < 0.3) {
    const filter: Expression = {
      op: "or",
      of: [text("userAgent", "*Terraform*"), text("userIdentity.arn", "*:user/ci")],
    };
    return { op: "and", of: [...call, leaf("errorCode", { type: "null" }), { op: "not", of: filter }] };
  }
  if (shape < 0.36) {
    const networks = ["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"].map((network) =>
      leaf("sourceIPAddress", { type: "cidr", network }),
    );
    return { op: "and", of: [...call, { op: "not", of: { op: "or", of: networks } }] };
  }
  // Without a name in it: tried on every event.
  if (shape < 0.39)
    return {
      op: "or",
      of: [
        text("userAgent", `*${random.pick(["kali", "pacu", "nuclei", "prowler"])}*`),
        text("userAgent", `*x${index}*`),
      ],
    };
  return { op: "and", of: call };
}
