/**
 * The rules of the chaos runs: short windows, so that a simulated day closes many buckets, and each kind of state that a
 * crash can hurt: counts at several thresholds, an order of steps, alerts of one event, and alerts that suppress.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LOGSOURCE = "logsource: {product: aws, service: cloudtrail}";

function detection(name: string, body: string, more = ""): string {
  return `title: Chaos ${name}\nname: ${name}\nlevel: low\n${LOGSOURCE}\ndetection:\n  sel: ${body}\n  condition: sel\n${more}`;
}

function correlation(name: string, body: string): string {
  return `title: Chaos ${name}\nname: ${name}\nlevel: high\ncorrelation:\n  group-by: [enrich.principal.id]\n${body}`;
}

function count(name: string, rule: string, limits: { timespan: string; condition: string }): string {
  return correlation(
    name,
    `  type: event_count\n  rules: [${rule}]\n  timespan: ${limits.timespan}\n  condition: ${limits.condition}\n`,
  );
}

function ordered(name: string, rules: readonly string[], timespan: string): string {
  return correlation(name, `  type: temporal_ordered\n  rules: [${rules.join(", ")}]\n  timespan: ${timespan}\n`);
}

const DOCUMENTS = [
  detection("reads", "{eventName|startswith: [Get, List, Describe]}"),
  detection("calls_model", "{eventName|startswith: [InvokeModel, Converse]}"),
  detection("makes_model", "{eventName: CreateModel}"),
  detection("makes_config", "{eventName: CreateEndpointConfig}"),
  detection("makes_endpoint", "{eventName: CreateEndpoint}"),
  detection("gets", "{eventName: GetObject}"),
  detection("puts", "{eventName: PutObject}"),
  detection("signs_in", "{eventName: [ConsoleLogin, StopLogging, GetSecretValue, PutObject]}"),
  detection(
    "assumes",
    "{eventName: [AssumeRole, Decrypt]}",
    "x_engine:\n  suppress: 30m\n  group-by: [enrich.principal.id]\n",
  ),
  count("few_reads", "reads", { timespan: "10m", condition: "{gte: 2}" }),
  count("many_reads", "reads", { timespan: "1h", condition: "{gt: 4}" }),
  count("model_burst", "calls_model", { timespan: "5m", condition: "{gte: 3}" }),
  count("model_flood", "calls_model", { timespan: "30m", condition: "{gte: 25}" }),
  ordered("deploys", ["makes_model", "makes_config", "makes_endpoint"], "15m"),
  ordered("copies", ["gets", "puts"], "2h"),
];

/** Writes the rules into `folder`, which is made, and returns its path. */
export function writeRules(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "chaos.yml"), DOCUMENTS.join("---\n"));
  return folder;
}
