/**
 * An alert as a document of the Elastic Common Schema 9, for Elasticsearch and OpenSearch.
 * https://www.elastic.co/docs/reference/ecs/ecs-field-reference
 *
 * Fields that ECS has stand under its names, all else under `sagewatch`. No member's name comes from a record (a group
 * stands as a list of field and value), so that a stranger cannot grow the index's mapping; what a mapping gives a format
 * (addresses, times) is left out where the text does not have it. Pure.
 */
import { isIpAddress } from "../lib/ip-address.ts";
import { type Additions, toEnrichment } from "../model/addition.ts";
import type { Alert, Severity } from "../model/alert.ts";
import type { Pointer } from "../model/event.ts";
import { orderEvidence, orderGroup, orderPointer } from "./native.ts";
import { toOcsfAttacks } from "./technique.ts";
import { toMs } from "./time.ts";

/** The alert, where its records were read, and whether the receiver hears of it for the first time. */
export type EcsItem = {
  readonly alert: Alert;
  readonly opened: boolean;
  readonly pointers?: readonly Pointer[];
  readonly additions?: Additions;
};

type Members = Readonly<Record<string, unknown>>;

const ECS_VERSION = "9.0.0";
/** The numbers that Elastic's own detections give these words; informational, which they lack, is the least. */
const SEVERITY: Readonly<Record<Severity, number>> = { informational: 1, low: 21, medium: 47, high: 73, critical: 99 };

/** The document, to be written by JSON.stringify. `version` is that of Sagewatch. */
export function toEcs({ alert, opened, pointers = [], additions }: EcsItem, version: string): Members {
  const { principal, evidence } = alert;
  const addresses = [...new Set(evidence.map((row) => row.sourceIPAddress).filter(isIpAddress))];
  const [first] = evidence;
  return clean({
    "@timestamp": toMs(alert.lastEventTime) === null ? alert.seenTime : alert.lastEventTime,
    ecs: { version: ECS_VERSION },
    message: alert.title,
    tags: ["sagewatch"],
    event: toEvent(alert, opened),
    rule: { id: alert.ruleId, name: alert.ruleName },
    cloud: { provider: "aws", region: alert.region, account: { id: alert.accountId, name: alert.accountName } },
    user: { name: principal },
    source: { address: first?.sourceIPAddress, ip: addresses[0] },
    user_agent: { original: first?.userAgent },
    error: { code: evidence.map(({ errorCode }) => errorCode).find((code) => code !== "") },
    related: { ip: addresses, user: principal === "" ? [] : [principal] },
    threat: toThreat(alert),
    observer: { vendor: "Sagewatch", product: "Sagewatch", version },
    sagewatch: toOwn({ alert, opened, pointers, ...(additions !== undefined && { additions }) }),
  });
}

function toEvent(alert: Alert, opened: boolean): Members {
  const time = (text: string): string | undefined => (toMs(text) === null ? undefined : text);
  return {
    kind: "alert",
    category: ["intrusion_detection"],
    type: ["info"],
    module: "sagewatch",
    dataset: "sagewatch.alert",
    provider: "sagewatch",
    id: alert.id,
    sequence: alert.revision,
    action: opened ? "alert-opened" : "alert-updated",
    severity: SEVERITY[alert.severity],
    reason: alert.why,
    start: time(alert.firstEventTime),
    end: time(alert.lastEventTime),
    created: time(alert.seenTime),
  };
}

function toThreat({ attack }: Alert): Members | undefined {
  if (attack.length === 0) return undefined;
  const found = attack.flatMap(toOcsfAttacks);
  const techniques = found.map(({ technique, sub_technique: sub }) => ({ technique, sub }));
  const each = (values: readonly (string | undefined)[]): string[] => [
    ...new Set(values.filter((value) => value !== undefined)),
  ];
  return {
    framework: "MITRE ATT&CK",
    tactic: {
      id: each(found.map(({ tactic }) => tactic?.uid)),
      name: each(found.map(({ tactic }) => tactic?.name)),
    },
    technique: {
      id: each(techniques.map(({ technique }) => technique.uid)),
      name: each(techniques.map(({ technique }) => technique.name)),
      subtechnique: {
        id: each(techniques.map(({ sub }) => sub?.uid)),
        name: each(techniques.map(({ sub }) => sub?.name)),
      },
    },
  };
}

function toOwn({ alert, pointers = [], additions }: EcsItem): Members {
  const found = toEnrichment(alert.revision, additions);
  return {
    severity: alert.severity,
    event_count: alert.eventCount,
    event_ids: alert.eventIds,
    attack: alert.attack,
    atlas: alert.atlas,
    group: Object.entries(orderGroup(alert.group)).map(([field, value]) => ({ field, value })),
    evidence: alert.evidence.map(orderEvidence),
    late: alert.late,
    negative: alert.negative,
    approx: alert.approx,
    pointers: pointers.map(orderPointer),
    enrichment: found?.enrichment,
    enrichment_errors: found?.errors,
  };
}

/** Without empty texts, lists and objects at the levels that are made here: an index has nothing to find in them. */
function clean(members: Members, depth = 0): Members {
  const kept = Object.entries(members).flatMap(([name, value]): [string, unknown][] => {
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return [];
    if (typeof value !== "object" || value === null || Array.isArray(value) || depth > 2) return [[name, value]];
    const inner = name === "enrichment" ? (value as Members) : clean(value as Members, depth + 1);
    return Object.keys(inner).length === 0 ? [] : [[name, inner]];
  });
  return Object.fromEntries(kept);
}
