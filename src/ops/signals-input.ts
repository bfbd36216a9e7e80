/**
 * Log lines and metrics of the signals about input: from a source being opened to its watermark.
 *
 * A part of the table that signals.ts joins; how a row is meant is told in signal-row.ts. It holds no code.
 */
import type { SignalRows } from "./signal-row.ts";

/** Rows of these signals. */
export const INPUT_SIGNALS: SignalRows<
  | "source_finished"
  | "source_warning"
  | "file_unread"
  | "batch"
  | "quarantined"
  | "skipped"
  | "late"
  | "repeated"
  | "groupless"
  | "matched"
  | "lateness"
  | "source_quiet"
  | "source_age"
  | "canary"
  | "canary_missing"
  | "input_blocked"
  | "input_unblocked"
  | "watermark"
> = {
  source_finished: {
    level: "info",
    message: "source finished",
    what: "A historic source gave all its records.",
    metrics: [],
  },
  source_warning: {
    level: "warn",
    message: "source warning",
    what: "A source goes on, but something is wrong: a call failed (`code` of error-codes.md, such as `aws_denied`), or an input is odd (`odd_input`).",
    metrics: [
      {
        name: "sagewatch_source_warnings_total",
        type: "counter",
        value: 1,
        labels: ["source", "code"],
        what: "Warnings of a source by code.",
      },
    ],
  },
  file_unread: {
    level: "error",
    message: "a file could not be read",
    what: "A run that reads once goes on without this file or folder (`detail`: which, and why), or without the rest of it; it ends with exit code 3. The next run tries it again.",
    metrics: [
      {
        name: "sagewatch_source_unread_total",
        type: "counter",
        value: 1,
        labels: ["source"],
        what: "Files and folders that could not be read.",
      },
    ],
  },
  batch: {
    level: "debug",
    message: "batch matched",
    what: "A batch went through the rules.",
    metrics: [
      {
        name: "sagewatch_records_read_total",
        type: "counter",
        value: "read",
        labels: ["source"],
        what: "Records read.",
      },
      {
        name: "sagewatch_records_evaluated_total",
        type: "counter",
        value: "evaluated",
        labels: ["source"],
        what: "Records that met the rules.",
      },
      {
        name: "sagewatch_bytes_read_total",
        type: "counter",
        value: "bytes",
        labels: ["source"],
        what: "Bytes of records read, unpacked.",
      },
      {
        name: "sagewatch_matches_total",
        type: "counter",
        value: "matches",
        labels: ["source"],
        what: "Records that met a rule, once a rule.",
      },
      {
        name: "sagewatch_match_seconds",
        type: "histogram",
        value: "elapsedMs",
        fromMs: true,
        labels: ["source"],
        what: "Time to match a batch.",
      },
    ],
  },
  quarantined: {
    level: "warn",
    message: "records quarantined",
    what: "Records could not be evaluated and wait in quarantine (`sagewatch quarantine list`).",
    metrics: [
      {
        name: "sagewatch_records_quarantined_total",
        type: "counter",
        value: "records",
        labels: ["source", "reason"],
        what: "Records put into quarantine.",
      },
    ],
  },
  skipped: {
    level: "debug",
    message: "inputs skipped",
    what: "Inputs were passed over on purpose.",
    metrics: [
      {
        name: "sagewatch_records_skipped_total",
        type: "counter",
        value: "records",
        labels: ["source", "reason"],
        what: "Inputs passed over on purpose.",
      },
    ],
  },
  late: {
    level: "warn",
    message: "late records",
    what: "Records came after the lateness bound: single-event rules saw them, correlations did not.",
    metrics: [
      {
        name: "sagewatch_records_late_total",
        type: "counter",
        value: "records",
        labels: ["source", "accountId", "region"],
        what: "Records beyond the lateness bound.",
      },
    ],
  },
  repeated: {
    level: "debug",
    message: "repeated records",
    what: "Records came again; they change nothing.",
    metrics: [
      {
        name: "sagewatch_records_repeated_total",
        type: "counter",
        value: "records",
        labels: ["source"],
        what: "Records seen before.",
      },
    ],
  },
  groupless: {
    level: "debug",
    message: "records without a group",
    what: "Records matched a correlation's rule but lacked its group-by field, so they were not counted there.",
    metrics: [
      {
        name: "sagewatch_records_groupless_total",
        type: "counter",
        value: "records",
        labels: ["ruleId"],
        what: "Matches without the group-by field.",
      },
    ],
  },
  matched: {
    level: "debug",
    message: "rule matched",
    what: "Records of a batch met a rule, or a step of a correlation.",
    metrics: [
      {
        name: "sagewatch_rule_matches_total",
        type: "counter",
        value: "matches",
        labels: ["ruleId"],
        what: "Matches by rule; those of a correlation's steps under the correlation.",
      },
    ],
  },
  lateness: {
    level: "debug",
    message: "lateness",
    what: "How old records of a live source are (`ages`: counts and sum) when they are read, and when they are committed and with that acknowledged to their source.",
    metrics: [
      {
        name: "sagewatch_record_age_seconds",
        type: "histogram",
        value: "ages",
        fromMs: true,
        labels: ["stage", "source", "accountId", "region"],
        what: "Age of records since their event time, when read and when committed (then the source may forget them). Live sources only.",
      },
    ],
  },
  source_quiet: {
    level: "debug",
    message: "source",
    what: "How long a live source has brought nothing of an account that it brought records of before, and how old its newest record is. Too long is the alert sagewatch.source_silent.",
    metrics: [
      {
        name: "sagewatch_source_quiet_seconds",
        type: "gauge",
        value: "quietMs",
        fromMs: true,
        labels: ["source", "accountId"],
        what: "Time since a record of the account came by the source, since this start at most; accounts without a label of their own are `other`, the quietest of them.",
      },
      {
        name: "sagewatch_source_lag_seconds",
        type: "gauge",
        value: "lagMs",
        fromMs: true,
        labels: ["source", "accountId"],
        what: "Age of the newest record of the account that came by the source since this start, by its event time.",
      },
    ],
  },
  source_age: {
    level: "debug",
    message: "source looked",
    what: "A source that asks AWS at its own pace (`cost`) looked at an account (empty: that of its credentials): `stale` is 1 where what it gave last is older than it should be. The alert sagewatch.source_stale says why.",
    metrics: [
      {
        name: "sagewatch_source_stale",
        type: "gauge",
        value: "stale",
        labels: ["source", "accountId"],
        what: "1 while what the source gave last of the account (`other`: that of its credentials) is older than it should be: the paid calls of the day are spent, or a question was not answered for 36 hours. 0 once it is answered again.",
      },
    ],
  },
  canary: {
    level: "debug",
    message: "canary returned",
    what: "The harmless event that a source put on its own queue (`canary`) came back and was committed.",
    metrics: [
      {
        name: "sagewatch_canary_seconds",
        type: "histogram",
        value: "tripMs",
        fromMs: true,
        labels: ["source"],
        what: "From sending a canary to the source's own queue until it was committed.",
      },
    ],
  },
  canary_missing: {
    level: "warn",
    message: "canary missing",
    what: "No canary came back in time, or none could be sent (`detail`). The alert sagewatch.canary_missing says so too.",
    metrics: [
      {
        name: "sagewatch_canaries_missing_total",
        type: "counter",
        value: 1,
        labels: ["source"],
        what: "Canaries that did not come back within `canaryWithin`, or could not be sent for so long.",
      },
    ],
  },
  input_blocked: {
    level: "error",
    message: "nothing is read: there is no room",
    what: "The quarantine is at its cap, or as many alerts wait for the sink `key` as may. The alert sagewatch.quarantine_full or sagewatch.outbox_full says so too.",
    metrics: [
      {
        name: "sagewatch_input_blocked_total",
        type: "counter",
        value: 1,
        labels: ["cause"],
        what: "Times the input was stopped for want of room.",
      },
    ],
  },
  input_unblocked: { level: "info", message: "reading goes on", what: "There is room again.", metrics: [] },
  watermark: {
    level: "debug",
    message: "watermark",
    what: "Input of a logsource is complete up to `watermarkMs`.",
    metrics: [
      {
        name: "sagewatch_watermark_lag_seconds",
        type: "gauge",
        value: "lagMs",
        fromMs: true,
        labels: ["logsource"],
        what: "Wall time minus watermark.",
      },
    ],
  },
};
