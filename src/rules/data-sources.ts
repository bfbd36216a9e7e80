/**
 * Which records a rule needs: what must be switched on in AWS so that it can see anything.
 *
 * Read from the calls that a rule names. CloudTrail writes most calls as management events; those that read come only
 * where a trail takes read events; calls on objects and models inside a service come only where the trail has selectors
 * for data events. A rule that names no call may need any of them and is said to. Pure.
 */
import type { Correlation, DetectionRule, Expression, RuleSet } from "../sigma/ast.ts";

/** A thing to switch on, in the order in which a platform engineer would. */
export const DATA_SOURCES = [
  "CloudTrail management events, write",
  "CloudTrail management events, read too",
  "CloudTrail data events: S3 objects",
  "CloudTrail data events: SageMaker",
  "CloudTrail data events: Bedrock",
  "CloudTrail data events: Lambda",
  "GuardDuty",
  "GuardDuty with S3 Protection",
  "GuardDuty with AI Protection",
  "GuardDuty with Runtime Monitoring",
  "Bedrock model-invocation log",
  "EventBridge events of the service",
  "Cost Explorer and Cost Anomaly Detection",
] as const;
/** One of them. */
export type DataSource = (typeof DATA_SOURCES)[number];

const [WRITE, READ, S3, SAGEMAKER, BEDROCK, LAMBDA, GUARDDUTY, GD_S3, GD_AI, GD_RUNTIME, INVOCATIONS, EVENTS, COSTS] =
  DATA_SOURCES;

/**
 * Data events by service: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html;
 * of Bedrock InvokeModel, Converse and their streams are management events:
 * https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
 */
const DATA_CALLS: readonly (readonly [source: string, calls: RegExp, needs: DataSource])[] = [
  [
    "s3",
    /^(?:(?:Get|Put|Head|Delete|Copy|Restore|Select|Post)Object(?!LockConfiguration)|DeleteObjects|ListObjects|ListParts|UploadPart|\w+MultipartUpload)/,
    S3,
  ],
  ["sagemaker", /^(?:InvokeEndpoint|(?:Batch)?(?:Get|Put|Delete)Record|BatchPutMetrics)/, SAGEMAKER],
  [
    "bedrock",
    /^(?:InvokeAgent|InvokeInlineAgent|InvokeFlow|Retrieve|RetrieveAndGenerate|RenderPrompt|ApplyGuardrail|InvokeModelWithBidirectionalStream|\w+AsyncInvokes?)/,
    BEDROCK,
  ],
  ["lambda", /^Invoke/, LAMBDA],
];
const READS =
  /^(?:Get|List|Describe|Head|BatchGet|Search|Lookup|Invoke(?:Model|Endpoint)|Converse|Retrieve|Simulate|Query|Scan|CountTokens)/;

/** What each rule of a set that alerts needs, by rule id; a correlation needs what the rules that it counts need. */
export function toDataSources({ detections, correlations }: RuleSet): ReadonlyMap<string, readonly DataSource[]> {
  const needs = new Map<string, readonly DataSource[]>(detections.map((rule) => [rule.id, ofDetection(rule)]));
  for (const rule of correlations) needs.set(rule.id, ofCorrelation(rule, needs));
  return needs;
}

function ofCorrelation({ rules }: Correlation, needs: ReadonlyMap<string, readonly DataSource[]>): DataSource[] {
  return inOrder(rules.flatMap((id) => needs.get(id) ?? []));
}

function ofDetection({ logsource, expression }: DetectionRule): DataSource[] {
  const { service } = logsource;
  const named = (field: string): string[] => [...new Set(textsOf(expression, field))];
  if (service === "guardduty") return inOrder([GUARDDUTY, ...toPlans(named("type"))]);
  if (service === "bedrock") return [INVOCATIONS];
  if (service === "eventbridge") return [EVENTS];
  if (service === "cost") return [COSTS];
  const services = named("eventSource").map((source) => source.replace(/\.amazonaws\.com.*$/, ""));
  const calls = named("eventName");
  const isData = named("eventCategory").some((category) => category.toLowerCase() === "data");
  const needs = calls.map((call) => ofCall(call, services));
  if (calls.length === 0)
    needs.push(...(isData ? DATA_CALLS.filter(([of]) => services.includes(of)).map(([, , need]) => need) : [READ]));
  return inOrder(service === null ? [...needs, GUARDDUTY] : needs);
}

/** A call with a wildcard in front may be any call, so read events are needed too. */
function ofCall(call: string, services: readonly string[]): DataSource {
  const data = DATA_CALLS.find(([of, calls]) => (services.length === 0 || services.includes(of)) && calls.test(call));
  if (data !== undefined) return data[2];
  return READS.test(call) || call.startsWith("*") ? READ : WRITE;
}

/**
 * https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html and, of AI Protection,
 * https://docs.aws.amazon.com/guardduty/latest/ug/findings-ai-protection.html
 */
function toPlans(types: readonly string[]): DataSource[] {
  return types.flatMap((type) => [
    ...(/:S3\//.test(type) && !type.startsWith("Policy:") ? [GD_S3] : []),
    ...(/:Runtime\//.test(type) ? [GD_RUNTIME] : []),
    ...(/AnomalousModelInvocation|CostHarvesting|PromptInjection/.test(type) ? [GD_AI] : []),
  ]);
}

/** The texts that a field is held against, wildcards as "*", except below a `not`. */
function textsOf(expression: Expression, field: string): string[] {
  if (expression.op === "not" || expression.op === "member") return [];
  if (expression.op !== "leaf") return expression.of.flatMap((child) => textsOf(child, field));
  if (expression.field !== field || expression.test.type !== "text") return [];
  return [expression.test.pattern.map((part) => (typeof part === "string" ? part : "*")).join("")];
}

function inOrder(needs: readonly DataSource[]): DataSource[] {
  const found = new Set(needs);
  // Who takes read events takes write events with them.
  if (found.has(READ)) found.delete(WRITE);
  if ([GD_S3, GD_AI, GD_RUNTIME].some((plan) => plan !== undefined && found.has(plan))) found.delete(GUARDDUTY);
  return DATA_SOURCES.filter((source) => found.has(source));
}
