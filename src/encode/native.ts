/**
 * The native form of an alert: one flat, readable JSON object on one line. docs/alert.md describes each field.
 *
 * Members always stand in the same order and the keys of `group` are sorted, so that equal alerts give equal text. The
 * line is safe to print: control, bidi and zero-width characters stand as `\u` escapes, which parse to the same values.
 * Nothing is shortened here.
 */
import { safeJson } from "../lib/safe-text.ts";
import { type Additions, toEnrichment } from "../model/addition.ts";
import type { Alert, AlertEvidence } from "../model/alert.ts";
import type { Pointer } from "../model/event.ts";
import type { Path } from "../model/watch/sighting.ts";

/** What stands behind an alert and is not its content. Default of both: none. */
export type Behind = {
  /** Where each record of the evidence was read. */
  readonly pointers?: readonly Pointer[] | undefined;
  /** By which sources they came. */
  readonly paths?: readonly Path[] | undefined;
  /** What enrichers found: as `enrichment` and, where something is missing, `enrichmentErrors`. */
  readonly additions?: Additions | undefined;
  /** The records' own bytes; each stands as a JSON string of its exact text, so that no number loses digits. */
  readonly raw?: readonly Uint8Array[] | undefined;
};

/** JSON text of an alert, without a line break; members of `behind` stand last, where there are any. */
export function encodeNative(alert: Alert, behind: Behind = {}): string {
  return safeJson(JSON.stringify(toNative(alert, behind)));
}

/** The native form as an object, its members in the documented order, for forms that hold more beside it. */
export function toNative(
  alert: Alert,
  { pointers = [], paths = [], raw = [], additions }: Behind,
): Readonly<Record<string, unknown>> {
  const found = toEnrichment(alert.revision, additions);
  return {
    id: alert.id,
    revision: alert.revision,
    ruleId: alert.ruleId,
    ruleName: alert.ruleName,
    title: alert.title,
    severity: alert.severity,
    accountId: alert.accountId,
    accountName: alert.accountName,
    region: alert.region,
    principal: alert.principal,
    firstEventTime: alert.firstEventTime,
    lastEventTime: alert.lastEventTime,
    eventIds: alert.eventIds,
    eventCount: alert.eventCount,
    attack: alert.attack,
    atlas: alert.atlas,
    why: alert.why,
    group: orderGroup(alert.group),
    evidence: alert.evidence.map(orderEvidence),
    ...(alert.late === true ? { late: true } : {}),
    ...(alert.negative === true ? { negative: true } : {}),
    ...(alert.approx === true ? { approx: true } : {}),
    seenTime: alert.seenTime,
    ...(found === undefined ? {} : { enrichment: found.enrichment }),
    ...(found === undefined || found.errors.length === 0 ? {} : { enrichmentErrors: found.errors }),
    ...(raw.length > 0 ? { raw: raw.map((record) => new TextDecoder().decode(record)) } : {}),
    ...(pointers.length > 0 ? { pointers: pointers.map(orderPointer) } : {}),
    ...(paths.length > 0 ? { paths } : {}),
  };
}

/** The group with its keys sorted: the order in which an alert was made or read back must not show. */
export function orderGroup(group: Alert["group"]): Alert["group"] {
  return Object.fromEntries(Object.entries(group).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The pointer with its members in the documented order, and no others. */
export function orderPointer({ source, path, index }: Pointer): Pointer {
  return { source, path, index };
}

/** The evidence row with its members in the documented order. */
export function orderEvidence(row: AlertEvidence): AlertEvidence {
  const { time, eventId, action, sourceIPAddress, userAgent, errorCode, target } = row;
  return { time, eventId, action, sourceIPAddress, userAgent, errorCode, target };
}
