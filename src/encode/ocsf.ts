/**
 * An alert as an OCSF 1.8.0 Detection Finding (class 2004), with the profiles cloud, datetime and host.
 * https://schema.ocsf.io/1.8.0/classes/detection_finding
 *
 * The finding is valid whatever an alert holds: what OCSF gives a format (times, addresses) is left out where the text
 * does not have it, and nothing is made up. The class allows no members of our own, so these stand under
 * `unmapped.sagewatch`. Equal alerts give equal text; the line is safe to print, as in ./native.ts. Pure.
 */
import { toUtcText } from "../lib/clock.ts";
import { isIpAddress } from "../lib/ip-address.ts";
import { safeJson } from "../lib/safe-text.ts";
import { type Additions, toEnrichment } from "../model/addition.ts";
import type { Alert, AlertEvidence, Severity } from "../model/alert.ts";
import type { Pointer } from "../model/event.ts";
import { orderEvidence, orderGroup, orderPointer } from "./native.ts";
import { toOcsfAttacks } from "./technique.ts";
import { toMs } from "./time.ts";

type Members = Readonly<Record<string, unknown>>;

/** The alert, where its records were read, and whether the receiver hears of it for the first time. */
export type OcsfItem = {
  readonly alert: Alert;
  readonly opened: boolean;
  readonly pointers?: readonly Pointer[];
  readonly additions?: Additions;
};

const SEVERITY: Readonly<Record<Severity, readonly [id: number, name: string]>> = {
  informational: [1, "Informational"],
  low: [2, "Low"],
  medium: [3, "Medium"],
  high: [4, "High"],
  critical: [5, "Critical"],
};

/** Longest text that OCSF takes as an `ip_t`. */
const IP_LENGTH_MAX = 40;

/**
 * JSON text of a finding, without a line break.
 * @param item `opened` gives activity Create and status New, else Update, and the status is left to the receiver.
 * @param version of Sagewatch, for `metadata.product.version`.
 */
export function encodeOcsf(item: OcsfItem, version: string): string {
  return safeJson(JSON.stringify(toFinding(item, version)));
}

function toFinding({ alert, opened, pointers = [], additions }: OcsfItem, version: string): Members {
  const [activityId, activity] = opened ? [1, "Create"] : [2, "Update"];
  const [severityId, severity] = SEVERITY[alert.severity];
  const first = toMs(alert.firstEventTime);
  const last = toMs(alert.lastEventTime);
  const found = toEnrichment(alert.revision, additions);
  return {
    activity_id: activityId,
    activity_name: activity,
    category_uid: 2,
    category_name: "Findings",
    class_uid: 2004,
    class_name: "Detection Finding",
    type_uid: 200400 + activityId,
    type_name: `Detection Finding: ${activity}`,
    // Event time, so that a replay gives the same finding; when Sagewatch saw it stands in metadata.logged_time.
    ...timed("time", last ?? first ?? toMs(alert.seenTime) ?? 0),
    ...timed("start_time", first),
    ...timed("end_time", last),
    severity_id: severityId,
    severity,
    ...(opened ? { status_id: 1, status: "New" } : {}),
    is_alert: true,
    message: alert.why,
    count: alert.eventCount,
    metadata: toMetadata(alert, version),
    finding_info: toFindingInfo(alert, { first, last }),
    cloud: toCloud(alert),
    ...(alert.principal === "" ? {} : { actor: { user: toUser(alert.principal) } }),
    ...some("evidences", alert.evidence.map(toEvidence)),
    ...some("resources", toResources(alert)),
    ...some("enrichments", toEnrichments(alert, found?.enrichment ?? {})),
    unmapped: {
      sagewatch: {
        ...toUnmapped(alert),
        ...some("enrichmentErrors", found?.errors ?? []),
        ...some("pointers", pointers.map(orderPointer)),
      },
    },
  };
}

/** What each addition is about: the attribute of the finding that it tells more of. */
function toEnrichments(alert: Alert, enrichment: Additions["enrichment"]): Members[] {
  const about: Readonly<Record<string, readonly [name: string, value: string]>> = {
    account: ["cloud.account.uid", alert.accountId],
    attack: ["finding_info.attacks", [...alert.attack, ...alert.atlas].join(" ")],
    related: ["actor.user.uid", alert.principal],
  };
  return Object.entries(enrichment).map(([type, addition]) => {
    const [name, value] = about[type] ?? ["finding_info.uid", alert.id];
    return { name, value, type, provider: "sagewatch", data: addition };
  });
}

function toMetadata(alert: Alert, version: string): Members {
  return {
    version: "1.8.0",
    profiles: ["cloud", "datetime", "host"],
    product: { name: "Sagewatch", vendor_name: "Sagewatch", version },
    // One finding has many messages: the id of the message is that of the finding and its revision.
    uid: `${alert.id}:${alert.revision}`,
    sequence: alert.revision,
    ...timed("logged_time", toMs(alert.seenTime)),
  };
}

function toFindingInfo(alert: Alert, times: { first: number | null; last: number | null }): Members {
  return {
    uid: alert.id,
    title: alert.title,
    desc: alert.why,
    ...timed("created_time", toMs(alert.seenTime)),
    ...timed("first_seen_time", times.first),
    ...timed("last_seen_time", times.last),
    analytic: { type_id: 1, type: "Rule", uid: alert.ruleId, name: alert.ruleName },
    ...some("attacks", [...alert.attack, ...alert.atlas].flatMap(toOcsfAttacks)),
  };
}

function toCloud({ accountId, accountName, region }: Alert): Members {
  const account = {
    ...(accountId === "" ? {} : { uid: accountId }),
    ...(accountName === "" ? {} : { name: accountName }),
    type_id: 10,
    type: "AWS Account",
  };
  return {
    provider: "AWS",
    ...(accountId === "" && accountName === "" ? {} : { account }),
    ...(region === "" ? {} : { region }),
  };
}

/** The whole id, and its last part as the name that people know. */
function toUser(principal: string): Members {
  const name = principal.split(/[/:]/).at(-1) ?? "";
  return { uid: principal, ...(name === "" ? {} : { name }) };
}

function toEvidence(row: AlertEvidence): Members {
  return {
    ...(row.eventId === "" ? {} : { uid: row.eventId }),
    ...some("api", toApi(row)),
    ...(isIp(row.sourceIPAddress) ? { src_endpoint: { ip: row.sourceIPAddress } } : {}),
    ...(row.userAgent === "" ? {} : { http_request: { user_agent: row.userAgent } }),
    data: orderEvidence(row),
  };
}

/** "sagemaker:CreateEndpoint" is a call; the type of a GuardDuty finding has the same colon, but never a call's form. */
function toApi({ action, errorCode }: AlertEvidence): Members {
  const [, service, operation] = /^([a-z0-9.-]+):([A-Za-z0-9_.-]+)$/.exec(action) ?? [];
  if (service === undefined || operation === undefined) return {};
  return {
    operation,
    service: { name: service },
    ...(errorCode === "" ? {} : { response: { error: errorCode } }),
  };
}

/** Each resource that a call named, once. */
function toResources({ evidence }: Alert): Members[] {
  const targets = new Set(evidence.map(({ target }) => target).filter((target) => target !== ""));
  return [...targets].map((target) => (target.startsWith("arn:") ? { uid: target } : { name: target }));
}

function toUnmapped(alert: Alert): Members {
  return {
    ruleId: alert.ruleId,
    ruleName: alert.ruleName,
    principal: alert.principal,
    accountName: alert.accountName,
    why: alert.why,
    group: orderGroup(alert.group),
    eventIds: alert.eventIds,
    eventCount: alert.eventCount,
    attack: alert.attack,
    atlas: alert.atlas,
    ...(alert.late === true ? { late: true } : {}),
    ...(alert.negative === true ? { negative: true } : {}),
    ...(alert.approx === true ? { approx: true } : {}),
    seenTime: alert.seenTime,
  };
}

function isIp(text: string): boolean {
  return text.length <= IP_LENGTH_MAX && isIpAddress(text);
}

/** A time as epoch ms and, as the profile datetime has it, as text; nothing when there is none. */
function timed(name: string, ms: number | null): Members {
  return ms === null ? {} : { [name]: ms, [`${name}_dt`]: toUtcText(ms) };
}

/** A member that stands only when it has content. */
function some(name: string, value: Members | readonly unknown[]): Members {
  return Object.keys(value).length === 0 ? {} : { [name]: value };
}
