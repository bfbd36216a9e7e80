/**
 * The rules of the chaos runs: short windows, so that a simulated day closes many buckets, and each kind of state that a
 * crash can hurt: counts of events and of values, steps with and without an order, also over two kinds of records, alerts
 * of one event, one that is revised, alerts that suppress, conditions that wait for the end of their bucket, and correlations
 * of correlations.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

function detection(name: string, body: string, more: { service?: string; engine?: string } = {}): string {
  const { service = "cloudtrail", engine = "" } = more;
  const logsource = `logsource: {product: aws, service: ${service}}`;
  return `title: Chaos ${name}\nname: ${name}\nlevel: low\n${logsource}\ndetection:\n  sel: ${body}\n  condition: sel\n${engine}`;
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

function values(name: string, rule: string, limits: { timespan: string; field: string; condition: string }): string {
  const condition = `{field: ${limits.field}, ${limits.condition}}`;
  return correlation(
    name,
    `  type: value_count\n  rules: [${rule}]\n  timespan: ${limits.timespan}\n  condition: ${condition}\n`,
  );
}

/** A correlation of a correlation, which goes on to alert by itself. */
function counting(name: string, rule: string, limits: { timespan: string; condition: string }): string {
  return `${count(name, rule, limits)}  generate: true\n`;
}

function unless(name: string, condition: string, timespan: string): string {
  return correlation(name, `  type: temporal\n  timespan: ${timespan}\n  condition: ${condition}\n`);
}

function together(name: string, rules: readonly string[], timespan: string): string {
  return correlation(name, `  type: temporal\n  rules: [${rules.join(", ")}]\n  timespan: ${timespan}\n`);
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
  detection("assumes", "{eventName: [AssumeRole, Decrypt]}", {
    engine: "x_engine:\n  suppress: 30m\n  group-by: [enrich.principal.id]\n",
  }),
  count("few_reads", "reads", { timespan: "10m", condition: "{gte: 2}" }),
  count("many_reads", "reads", { timespan: "1h", condition: "{gt: 4}" }),
  count("model_burst", "calls_model", { timespan: "5m", condition: "{gte: 3}" }),
  count("model_flood", "calls_model", { timespan: "30m", condition: "{gte: 25}" }),
  ordered("deploys", ["makes_model", "makes_config", "makes_endpoint"], "15m"),
  ordered("copies", ["gets", "puts"], "2h"),
  detection("findings", "{type|startswith: UnauthorizedAccess}", { service: "guardduty" }),
  values("varied_reads", "reads", { timespan: "15m", field: "eventName", condition: "gte: 3" }),
  values("varied_models", "calls_model", { timespan: "1h", field: "eventName", condition: "gt: 1" }),
  together("reads_and_puts", ["reads", "puts"], "30m"),
  together("found_reading", ["findings", "reads"], "10m"),
  ordered("found_then_puts", ["findings", "puts"], "1h"),
  counting("bursts", "model_burst", { timespan: "1h", condition: "{gte: 2}" }),
  counting("waves", "bursts", { timespan: "3h", condition: "{gte: 2}" }),
  ordered("burst_then_puts", ["model_burst", "puts"], "2h"),
  count("many_findings", "findings", { timespan: "2h", condition: "{gte: 2}" }),
];

/** These wait for the end of their bucket, which a daemon that watches does not see of the last ones. */
const FINAL_DOCUMENTS = [
  count("seldom_reads", "reads", { timespan: "10m", condition: "{lt: 3}" }),
  counting("quiet_spells", "seldom_reads", { timespan: "1h", condition: "{gte: 2}" }),
  unless("puts_unread", "puts and not reads", "10m"),
];

/** Writes the rules for a run in `mode` into `folder`, which is made, and returns its path. */
export function writeRules(folder: string, mode: "once" | "watch"): string {
  mkdirSync(folder, { recursive: true });
  const documents = mode === "once" ? [...DOCUMENTS, ...FINAL_DOCUMENTS] : DOCUMENTS;
  writeFileSync(join(folder, "chaos.yml"), documents.join("---\n"));
  return folder;
}
