/**
 * Log lines and metrics of the signals about the life of the process and its commands.
 *
 * A part of the table that signals.ts joins; how a row is meant is told in signal-row.ts. It holds no code.
 */
import type { SignalRows } from "./signal-row.ts";

/** Rows of these signals. */
export const RUN_SIGNALS: SignalRows<
  | "started"
  | "config_loaded"
  | "rules_loaded"
  | "rule_warning"
  | "rules_default_calendar"
  | "rules_reloaded"
  | "rules_rejected"
  | "rule_warming"
  | "rules_not_kept"
  | "restart_needed"
  | "store_opened"
  | "reserve_missing"
  | "rules_unused"
  | "sink_removed"
  | "store_full"
  | "store_waiting"
  | "store_failed"
  | "fenced"
  | "http_opened"
  | "http_unserved"
  | "telemetry_failed"
  | "telemetry_restored"
  | "draining"
  | "undelivered"
  | "drained"
  | "failed"
> = {
  started: {
    level: "info",
    message: "started",
    what: "A command began. `pid` is the process.",
    metrics: [
      {
        name: "sagewatch_build_info",
        type: "gauge",
        value: 1,
        single: true,
        labels: ["version"],
        what: "1, with the version as a label.",
      },
    ],
  },
  config_loaded: {
    level: "info",
    message: "configuration loaded",
    what: "The file was read and is valid. `path` is empty when every key has its default.",
    metrics: [],
  },
  rules_loaded: {
    level: "info",
    message: "rules loaded",
    what: "A whole rule set is in use.",
    metrics: [
      { name: "sagewatch_rules", type: "gauge", value: "rules", labels: [], what: "Detection rules in use." },
      {
        name: "sagewatch_correlations",
        type: "gauge",
        value: "correlations",
        labels: [],
        what: "Correlation rules in use.",
      },
      {
        name: "sagewatch_rules_info",
        type: "gauge",
        value: 1,
        single: true,
        labels: ["hash"],
        what: "1, with the hash of the set in use as a label: equal on daemons that detect the same.",
      },
    ],
  },
  rule_warning: {
    level: "warn",
    message: "rule warning",
    what: "A rule loads, but something in it is likely a mistake. `place` is file:line:column.",
    metrics: [
      { name: "sagewatch_rule_warnings_total", type: "counter", value: 1, labels: ["code"], what: "Warnings by code." },
    ],
  },
  rules_default_calendar: {
    level: "warn",
    message: "the calendar `business` is the default (Mon-Fri 07:00-20:00 UTC): define calendars.business",
    what: "A loaded rule asks for business hours, and at least one account has the default ones, which may be wrong for you. `accounts` counts the accounts of the configuration.",
    metrics: [],
  },
  rules_reloaded: {
    level: "info",
    message: "rules reloaded",
    what: "The rules were read again and are in use; all counts but `kept` are 0 when nothing had changed. `trigger` is sighup, command or watch; `elapsedMs` is all of it, `pauseMs` the part between two commits.",
    metrics: [
      {
        name: "sagewatch_rules_reloads_total",
        type: "counter",
        value: 1,
        labels: ["trigger"],
        what: "Reloads by what asked for them.",
      },
      {
        name: "sagewatch_rules_reload_pause_seconds",
        type: "histogram",
        value: "pauseMs",
        fromMs: true,
        labels: [],
        what: "Time in which a reload held the input.",
      },
    ],
  },
  rules_rejected: {
    level: "error",
    message: "the rules have errors: the set before them stays in use",
    what: "A reload was refused, or a start went on with the last good set (`trigger` start). `errors` counts them, `detail` shows them. The alert `sagewatch.rules_rejected` says the same.",
    metrics: [
      {
        name: "sagewatch_rules_rejected_total",
        type: "counter",
        value: 1,
        labels: ["trigger"],
        what: "Rule sets refused, by what asked for them.",
      },
    ],
  },
  rule_warming: {
    level: "info",
    message: "the windows of a rule are filling",
    what: "A correlation may know less than its timespan asks for, until `untilMs`: at a reload, or since the run before, it came new, its meaning changed, or its timespan grew. Told again at each start until then; `sagewatch rules list` shows it.",
    metrics: [],
  },
  rules_not_kept: {
    level: "warn",
    message: "the rules could not be kept as the last good set",
    what: "They are in use, but a start with broken rules could not fall back on them.",
    metrics: [],
  },
  restart_needed: {
    level: "warn",
    message: "the configuration changed where only a restart takes it over",
    what: "A reload takes over `rules`, `lists`, `accounts` and `calendars`. `keys` changed too and run on as before.",
    metrics: [],
  },
  store_opened: {
    level: "info",
    message: "state opened",
    what: "The state file is open, checked and loaded. `epoch` grows by one with each start.",
    metrics: [
      { name: "sagewatch_epoch", type: "gauge", value: "epoch", labels: [], what: "Starts on this state folder." },
    ],
  },
  reserve_missing: {
    level: "warn",
    message: "the disk has no room for the reserve",
    what: "The reserve of 64 MiB in the state folder (`path`) could not be made: on a full disk the alert that says so may be lost. Free space and start again.",
    metrics: [],
  },
  rules_unused: {
    level: "info",
    message: "the state holds windows of rules that are no longer in the set",
    what: "They are kept for a day, should the rules come back, then removed. A rule whose meaning changed counts as another rule.",
    metrics: [],
  },
  sink_removed: {
    level: "warn",
    message: "alerts wait for a sink that is no longer configured",
    what: "`rows` alerts were never sent to it. They go if a sink of this name is configured again, and are forgotten 90 days after their last revision.",
    metrics: [],
  },
  store_full: {
    level: "fatal",
    message: "the disk of the state folder is full",
    what: "A commit failed for want of space. The process ends; nothing was acknowledged that is not stored.",
    metrics: [],
  },
  store_waiting: {
    level: "error",
    message: "nothing is read until a tenth of the disk is free",
    what: "The disk is full, the state is closed, and `/ready` says so. Once there is room the process ends with exit code 3, to be started again.",
    metrics: [],
  },
  store_failed: {
    level: "fatal",
    message: "the state could not be written",
    what: "A commit failed. The process ends and repeats the records at its next start.",
    metrics: [],
  },
  fenced: {
    level: "fatal",
    message: "another process took over the state folder",
    what: "Two daemons had one state folder; this one ends.",
    metrics: [],
  },
  http_opened: {
    level: "info",
    message: "health and metrics are served",
    what: "`/health`, `/ready` and `/metrics` answer at `host` and `port`.",
    metrics: [],
  },
  http_unserved: {
    level: "warn",
    message: "health and metrics are not served",
    what: "The port is taken, as by a daemon on the same machine. All sources of this run end, so it goes on without; a daemon ends with `http_failed`.",
    metrics: [],
  },
  telemetry_failed: {
    level: "warn",
    message: "metrics cannot be sent to the collector",
    what: "The collector of `telemetry.otlp.endpoint` does not take them (`detail`). Told once until it does again; nothing else is held up, and `/metrics` has the same figures.",
    metrics: [
      {
        name: "sagewatch_telemetry_failures_total",
        type: "counter",
        value: 1,
        labels: [],
        what: "Times the collector was found not to take metrics.",
      },
    ],
  },
  telemetry_restored: {
    level: "info",
    message: "the collector takes metrics again",
    what: "Sums go on where they stood; what a gauge was meanwhile is not known there.",
    metrics: [],
  },
  draining: {
    level: "info",
    message: "draining",
    what: "No more input is taken; what is in flight is committed and delivered.",
    metrics: [],
  },
  undelivered: {
    level: "warn",
    message: "alerts wait for the next start",
    what: "The run ends while sinks have still to get `alerts` of them. They are safe in the state folder; the next start sends them. No other exit code comes of it.",
    metrics: [],
  },
  drained: {
    level: "info",
    message: "drained",
    what: "The end of an orderly stop. `undelivered` alerts wait in the outbox for the next start.",
    metrics: [],
  },
  failed: {
    level: "fatal",
    message: "failed",
    what: "The command ended with an error. `code` is listed in error-codes.md.",
    metrics: [],
  },
};
