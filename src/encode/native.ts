/**
 * The native form of an alert: one flat, readable JSON object on one line. docs/alert.md describes each field.
 *
 * Members always stand in the same order and the keys of `group` are sorted, so that equal alerts give equal text. The
 * line is safe to print: control, bidi and zero-width characters stand as `\u` escapes, which parse to the same values.
 * Nothing is shortened here.
 */
import { safeJson } from "../lib/safe-text.ts";
import type { Alert, AlertEvidence } from "../model/alert.ts";
import type { Pointer } from "../model/event.ts";

/** The records behind an alert, as the store's view gives them. `record` null: only the place is known. */
export type AlertRecords = readonly { readonly pointer: Pointer; readonly record: Uint8Array | null }[];

/**
 * JSON text of an alert, without a line break.
 * @param records adds `raw` (each kept record's exact text, as a JSON string, so that no number loses digits) and
 *   `pointers` (where each record was read). Default none: a sink sends neither.
 */
export function encodeNative(alert: Alert, records: AlertRecords = []): string {
  return safeJson(JSON.stringify(toNative(alert, records)));
}

function toNative(alert: Alert, records: AlertRecords): Readonly<Record<string, unknown>> {
  const raw = records.flatMap(({ record }) => (record === null ? [] : [new TextDecoder().decode(record)]));
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
    ...(raw.length > 0 ? { raw } : {}),
    ...(records.length > 0
      ? { pointers: records.map(({ pointer: { source, path, index } }) => ({ source, path, index })) }
      : {}),
  };
}

/** The group with its keys sorted: the order in which an alert was made or read back must not show. */
export function orderGroup(group: Alert["group"]): Alert["group"] {
  return Object.fromEntries(Object.entries(group).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The evidence row with its members in the documented order. */
export function orderEvidence(row: AlertEvidence): AlertEvidence {
  const { time, eventId, action, sourceIPAddress, userAgent, errorCode, target } = row;
  return { time, eventId, action, sourceIPAddress, userAgent, errorCode, target };
}
