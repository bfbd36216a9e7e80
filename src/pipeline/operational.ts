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
  sink_down: { severity: "high", title: "Sagewatch cannot deliver to a sink" },
  quarantine_rate: {
    severity: "medium",
    title: "Sagewatch could not evaluate more than 0.1 % of the records in 10 min",
  },
  gap_left: {
    severity: "high",
    title: "Sagewatch missed input and cannot read it again by itself",
  },
  rules_rejected: { severity: "high", title: "Sagewatch refused changed rules and runs on with the set before them" },
  state_pressure: {
    severity: "high",
    title: "Sagewatch forgets events before their time: the memory for correlations is full",
  },
  source_gap: { severity: "high", title: "Records were gone before Sagewatch read them" },
  source_lag: { severity: "medium", title: "Sagewatch reads a stream so late that records may be lost" },
  source_stale: { severity: "medium", title: "What a source gives is older than it should be" },
  source_silent: { severity: "high", title: "Sagewatch gets no records any more" },
  canary_missing: { severity: "high", title: "Sagewatch does not get back what it puts on its own queue" },
  heartbeat: { severity: "informational", title: "Sagewatch is alive" },
  log_integrity: { severity: "critical", title: "CloudTrail's log files are not as CloudTrail delivered them" },
} as const;
export type OperationalName = keyof typeof OPERATIONAL_ALERTS;

const HOUR_MS = 3_600_000;

/** What an operational alert is about. */
export type OperationalAbout = {
  /** Tells apart what one name can be about, e.g. a source. */
  readonly key: string;
  readonly why: string;
  /** Epoch ms. */
  readonly nowMs: number;
  /** Of a trouble that lasts: since when, epoch ms. Its alert is one, whatever the hour, and what is told last stands. */
  readonly sinceMs?: number;
  readonly group?: Readonly<Record<string, string>>;
  /** Empty where it is about no one account or Region. */
  readonly accountId?: string;
  readonly region?: string;
  /** A sink that does not get it. */
  readonly except?: string;
};

/** An operational alert, ready for a unit. */
export function toOperationalAlert(
  name: OperationalName,
  about: OperationalAbout & { readonly sinks: readonly string[] },
): RoutedAlert {
  const { severity, title }: { severity: Severity; title: string } = OPERATIONAL_ALERTS[name];
  const ruleId = `sagewatch.${name}`;
  const { key, why, nowMs, sinceMs = nowMs, group = {}, accountId = "", region = "", sinks } = about;
  return {
    content: {
      id: toBucketAlertId({ id: ruleId, ruleSem: "" }, toGroupKey([key]), Math.floor(sinceMs / HOUR_MS)),
      ruleId,
      ruleName: title,
      title,
      severity,
      accountId,
      accountName: "",
      region,
      principal: "",
      firstEventTime: toUtcText(sinceMs),
      lastEventTime: toUtcText(nowMs),
      eventIds: [],
      eventCount: 0,
      attack: [],
      atlas: [],
      why,
      group,
      evidence: [],
    },
    // The first one of the hour stands, since its text carries the time; of a trouble that lasts the last.
    order: { version: about.sinceMs === undefined ? 0 : nowMs, timeMs: nowMs, recordHash: "" },
    final: true,
    records: [],
    sinks,
  };
}
