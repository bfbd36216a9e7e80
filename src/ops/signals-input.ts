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
    what: "A source goes on, but something is wrong with an input.",
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
        labels: ["source"],
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
