/**
 * An alert as a finding in the AWS Security Finding Format, version 2018-10-08, as Security Hub imports it.
 * https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
 *
 * Security Hub takes an update of a finding only with a later UpdatedAt, and two revisions of an alert may have the same
 * times: UpdatedAt is when Sagewatch first saw the alert plus a millisecond a revision, so that a higher revision always
 * wins and one that is sent again changes nothing. AwsAccountId is the account that imports, as Security Hub wants it; the account
 * of the events stands among the resources. Whatever an alert holds, the finding keeps to the format's lengths. Pure.
 */
import { toUtcText } from "../lib/clock.ts";
import { isIpAddress } from "../lib/ip-address.ts";
import { cutLine } from "../lib/safe-text.ts";
import type { Alert, AlertEvidence, Severity } from "../model/alert.ts";
import { knownTechnique } from "./technique.ts";
import { toMs } from "./time.ts";

/** Whose Security Hub the finding goes to. */
export type AsffTarget = { readonly accountId: string; readonly region: string; readonly partition: string };

type Label = "INFORMATIONAL" | "LOW" | "MEDIUM" | "HIGH" | "CRITICAL";
type Resource = {
  readonly Type: string;
  readonly Id: string;
  readonly Partition: "aws" | "aws-cn" | "aws-us-gov";
  readonly Region?: string;
};

/** The members that Sagewatch fills. */
export type AsffFinding = {
  readonly SchemaVersion: "2018-10-08";
  readonly Id: string;
  readonly ProductArn: string;
  readonly ProductName: string;
  readonly CompanyName: string;
  readonly GeneratorId: string;
  readonly AwsAccountId: string;
  readonly Region: string;
  readonly Types: string[];
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
  readonly FirstObservedAt?: string;
  readonly LastObservedAt?: string;
  readonly Severity: { readonly Label: Label; readonly Original: string };
  readonly Title: string;
  readonly Description: string;
  readonly Resources: Resource[];
  readonly ProductFields: Record<string, string>;
  readonly RecordState: "ACTIVE";
  readonly Action?: AsffAction;
};
type AsffAction = {
  readonly ActionType: "AWS_API_CALL";
  readonly AwsApiCallAction: {
    readonly Api: string;
    readonly ServiceName: string;
    readonly CallerType?: "remoteIp" | "domain";
    readonly RemoteIpDetails?: { readonly IpAddressV4: string };
    readonly DomainDetails?: { readonly Domain: string };
  };
};

/** Longest texts and lists of the format. */
const LONGEST = { id: 512, title: 256, description: 1024, field: 2048, resources: 32, types: 50 } as const;

/** The finding of an alert. */
export function toAsff(alert: Alert, target: AsffTarget): AsffFinding {
  const { accountId, region, partition } = target;
  const seenMs = toMs(alert.seenTime) ?? 0;
  const action = alert.evidence.map(toAction).find((one) => one !== null);
  return {
    SchemaVersion: "2018-10-08",
    Id: cut(alert.id, LONGEST.id),
    ProductArn: `arn:${partition}:securityhub:${region}:${accountId}:product/${accountId}/default`,
    ProductName: "Sagewatch",
    CompanyName: "Sagewatch",
    GeneratorId: cut(alert.ruleId, LONGEST.id),
    AwsAccountId: accountId,
    Region: region,
    Types: toTypes(alert),
    CreatedAt: toUtcText(seenMs),
    UpdatedAt: toUtcText(seenMs + alert.revision),
    ...observed("FirstObservedAt", alert.firstEventTime),
    ...observed("LastObservedAt", alert.lastEventTime),
    Severity: { Label: alert.severity.toUpperCase() as Uppercase<Severity>, Original: alert.severity },
    Title: cut(alert.title, LONGEST.title),
    Description: cut(alert.why, LONGEST.description),
    Resources: toResources(alert, target),
    ProductFields: toFields(alert),
    RecordState: "ACTIVE",
    ...(action === undefined ? {} : { Action: action }),
  };
}

/** The format wants a text that is not empty. */
function cut(text: string, length: number): string {
  return text === "" ? "-" : cutLine(text, length);
}

function observed(
  name: "FirstObservedAt" | "LastObservedAt",
  text: string,
): { readonly [Name in typeof name]?: string } {
  const ms = toMs(text);
  return ms === null ? {} : { [name]: toUtcText(ms) };
}

/** "TTPs/Initial Access" for each ATT&CK tactic of the rule. */
function toTypes({ attack }: Alert): string[] {
  const tactics = new Set(attack.flatMap((id) => knownTechnique(id)?.tactics ?? []));
  return tactics.size === 0
    ? ["Unusual Behaviors"]
    : [...tactics].slice(0, LONGEST.types).map((tactic) => `TTPs/${tactic.replaceAll("/", " ")}`);
}

/** The principal, then what the calls named, then the account: at most as many as the format takes, each once. */
function toResources(alert: Alert, { partition }: AsffTarget): Resource[] {
  const found = new Map<string, Resource>();
  const Partition = partition as Resource["Partition"];
  const add = (Type: string, text: string): void => {
    const Id = cut(text, LONGEST.id);
    if (Id !== "-" && !found.has(Id) && found.size < LONGEST.resources - 1)
      found.set(Id, { Type, Id, Partition, ...(alert.region === "" ? {} : { Region: cut(alert.region, 16) }) });
  };
  add(toPrincipalType(alert.principal), alert.principal);
  for (const { target } of alert.evidence) add("Other", target);
  const account = `AWS::::Account:${alert.accountId === "" ? "unknown" : alert.accountId}`;
  return [...found.values(), { Type: "AwsAccount", Id: cut(account, LONGEST.id), Partition }];
}

function toPrincipalType(principal: string): string {
  const [, kind = ""] = /^arn:[^:]+:(?:iam|sts)::\d{12}:([a-z-]+)\//.exec(principal) ?? [];
  const types: Readonly<Record<string, string>> = {
    user: "AwsIamUser",
    role: "AwsIamRole",
    "assumed-role": "AwsIamRole",
  };
  return Object.hasOwn(types, kind) ? (types[kind] ?? "Other") : "Other";
}

function toFields(alert: Alert): Record<string, string> {
  const values: Readonly<Record<string, string>> = {
    alertId: alert.id,
    revision: String(alert.revision),
    rule: alert.ruleName,
    principal: alert.principal,
    accountId: alert.accountId,
    accountName: alert.accountName,
    region: alert.region,
    why: alert.why,
    eventCount: String(alert.eventCount),
    eventIds: alert.eventIds.join(" "),
    attack: alert.attack.join(" "),
    atlas: alert.atlas.join(" "),
    ...(alert.late === true ? { late: "true" } : {}),
    ...(alert.approx === true ? { approx: "true" } : {}),
  };
  const filled = Object.entries(values).filter(([, value]) => value !== "");
  return Object.fromEntries(filled.map(([name, value]) => [`sagewatch/${name}`, cut(value, LONGEST.field)]));
}

/** The call that an evidence row tells of; null where it is no call. */
function toAction({ action, sourceIPAddress }: AlertEvidence): AsffAction | null {
  const [, service, operation] = /^([a-z0-9.-]+):([A-Za-z0-9_.-]+)$/.exec(action) ?? [];
  if (service === undefined || operation === undefined) return null;
  const call = { Api: operation, ServiceName: `${service}.amazonaws.com` };
  if (isIpAddress(sourceIPAddress) && !sourceIPAddress.includes(":"))
    return {
      ActionType: "AWS_API_CALL",
      AwsApiCallAction: { ...call, CallerType: "remoteIp", RemoteIpDetails: { IpAddressV4: sourceIPAddress } },
    };
  if (/^[a-z0-9.-]+\.amazonaws\.com$/.test(sourceIPAddress))
    return {
      ActionType: "AWS_API_CALL",
      AwsApiCallAction: { ...call, CallerType: "domain", DomainDetails: { Domain: sourceIPAddress } },
    };
  return { ActionType: "AWS_API_CALL", AwsApiCallAction: call };
}
