/**
 * Operational alerts: what Sagewatch says of itself, through the same sinks as everything else.
 *
 * Their ruleId is `sagewatch.NAME`, their id a hash over name, key and wall-clock hour, so that one trouble makes one alert
 * an hour. They are made in the pipeline only and never by a replay.
 */
import type { RoutedAlert } from "../contracts.ts";
import { toUtcText } from "../lib/clock.ts";
import { type Severity, toBucketAlertId, toGroupKey } from "../model/alert.ts";

/** The operational alerts, with severity and title. */
export const OPERATIONAL_ALERTS = {
  store_full: { severity: "critical", title: "Sagewatch stopped: the disk of its state folder is full" },
  quarantine_full: { severity: "high", title: "Sagewatch stopped reading: the quarantine is full" },
  outbox_full: { severity: "high", title: "Sagewatch stopped reading: too many alerts wait for a sink" },
  quarantine_rate: {
    severity: "medium",
    title: "Sagewatch could not evaluate more than 0.1 % of the records in 10 min",
  },
  rules_rejected: { severity: "high", title: "Sagewatch refused changed rules and runs on with the set before them" },
  state_pressure: {
    severity: "high",
    title: "Sagewatch forgets events before their time: the memory for correlations is full",
  },
} as const;
export type OperationalName = keyof typeof OPERATIONAL_ALERTS;

const HOUR_MS = 3_600_000;

/** An operational alert, ready for a unit. `key` tells apart what one name can be about, e.g. a source. */
export function toOperationalAlert(
  name: OperationalName,
  about: { key: string; why: string; nowMs: number; sinks: readonly string[] },
): RoutedAlert {
  const { severity, title }: { severity: Severity; title: string } = OPERATIONAL_ALERTS[name];
  const ruleId = `sagewatch.${name}`;
  const time = toUtcText(about.nowMs);
  return {
    content: {
      id: toBucketAlertId({ id: ruleId, ruleSem: "" }, toGroupKey([about.key]), Math.floor(about.nowMs / HOUR_MS)),
      ruleId,
      ruleName: title,
      title,
      severity,
      accountId: "",
      accountName: "",
      region: "",
      principal: "",
      firstEventTime: time,
      lastEventTime: time,
      eventIds: [],
      eventCount: 0,
      attack: [],
      atlas: [],
      why: about.why,
      group: {},
      evidence: [],
    },
    // The first one of the hour stands: its text carries the time.
    order: { version: 0, timeMs: about.nowMs, recordHash: "" },
    final: true,
    records: [],
    sinks: about.sinks,
  };
}
