/**
 * Log lines and metrics of the signals about commits, state, alerts, delivery and control.
 *
 * A part of the table that signals.ts joins; how a row is meant is told in signal-row.ts. It holds no code.
 */
import type { SignalRows } from "./signal-row.ts";

/** Rows of these signals. */
export const OUTPUT_SIGNALS: SignalRows<
  | "committed"
  | "state"
  | "state_pressure"
  | "sum_negative"
  | "alert_written"
  | "delivered"
  | "acknowledged"
  | "delivery_retry"
  | "enriched"
  | "enrich_failed"
  | "delivery_failed"
  | "delivery_dropped"
  | "route_unmatched"
  | "sink_down"
  | "sink_up"
  | "outbox"
  | "control_opened"
  | "command"
> = {
  committed: {
    level: "debug",
    message: "committed",
    what: "One transaction is durable; its sources are settled.",
    metrics: [
      { name: "sagewatch_commits_total", type: "counter", value: 1, labels: [], what: "Transactions." },
      {
        name: "sagewatch_commit_seconds",
        type: "histogram",
        value: "elapsedMs",
        fromMs: true,
        labels: [],
        what: "Time of a transaction.",
      },
    ],
  },
  state: {
    level: "debug",
    message: "state size",
    what: "What is held in memory.",
    metrics: [
      {
        name: "sagewatch_state_groups",
        type: "gauge",
        value: "groups",
        labels: [],
        what: "Live groups of correlations.",
      },
      {
        name: "sagewatch_state_members",
        type: "gauge",
        value: "members",
        labels: [],
        what: "Members in their windows.",
      },
      {
        name: "sagewatch_state_bytes",
        type: "gauge",
        value: "bytes",
        labels: [],
        what: "Bytes that the groups are counted with, against `state.memoryBytes`.",
      },
    ],
  },
  state_pressure: {
    level: "warn",
    message: "correlation state was evicted: memory for it is full",
    what: "Groups of a rule had to go, the least advanced first. `scope` is the cap that was passed, `accountId` the account that most of them belong to, of `accounts`; `thinned` groups stay without most of their events. The alert sagewatch.state_pressure says so too.",
    metrics: [
      {
        name: "sagewatch_state_evicted_groups_total",
        type: "counter",
        value: "groups",
        labels: ["ruleId", "scope"],
        what: "Groups evicted because memory for correlation state was full.",
      },
    ],
  },
  sum_negative: {
    level: "warn",
    message: "a sum met a number below zero",
    what: "More events could make the sums of these groups untrue, so they are judged at the end of their bucket instead of at once; their alerts say `negative`.",
    metrics: [
      {
        name: "sagewatch_sums_negative_total",
        type: "counter",
        value: "groups",
        labels: ["ruleId"],
        what: "Groups whose sum waits for the end of its bucket because of a number below zero.",
      },
    ],
  },
  alert_written: {
    level: "info",
    message: "alert",
    what: "An alert, or a new revision of one, is committed.",
    metrics: [
      {
        name: "sagewatch_alerts_total",
        type: "counter",
        value: 1,
        only: { field: "revision", is: 1 },
        labels: ["ruleId", "severity"],
        what: "Alerts, each counted once; those of Sagewatch itself under `sagewatch.NAME`.",
      },
      {
        name: "sagewatch_alert_revisions_total",
        type: "counter",
        value: 1,
        labels: ["ruleId", "severity"],
        what: "Revisions of alerts, the first included.",
      },
    ],
  },
  delivered: {
    level: "debug",
    message: "delivered",
    what: "A sink accepted alerts.",
    metrics: [
      {
        name: "sagewatch_alerts_delivered_total",
        type: "counter",
        value: "alerts",
        labels: ["sink"],
        what: "Alerts that a sink accepted.",
      },
      {
        name: "sagewatch_delivery_seconds",
        type: "histogram",
        value: "elapsedMs",
        fromMs: true,
        labels: ["sink"],
        what: "Time of one delivery.",
      },
    ],
  },
  acknowledged: {
    level: "debug",
    message: "alerts acknowledged",
    what: "A sink took alerts for the first time. `ages` since their last event, `waits` since their commit.",
    metrics: [
      {
        name: "sagewatch_alert_age_seconds",
        type: "histogram",
        value: "ages",
        fromMs: true,
        labels: ["sink", "accountId", "region"],
        what: "From an alert's last event until a sink acknowledged it, first deliveries only.",
      },
      {
        name: "sagewatch_alert_wait_seconds",
        type: "histogram",
        value: "waits",
        fromMs: true,
        labels: ["sink"],
        what: "From an alert's commit until a sink acknowledged it, first deliveries only.",
      },
    ],
  },
  delivery_retry: {
    level: "warn",
    message: "delivery will be tried again",
    what: "A sink did not answer clearly; the same alerts are sent again after `waitMs`.",
    metrics: [
      {
        name: "sagewatch_delivery_retries_total",
        type: "counter",
        value: 1,
        labels: ["sink", "code"],
        what: "Deliveries tried again.",
      },
    ],
  },
  enriched: {
    level: "debug",
    message: "enriched",
    what: "Additions of new revisions are stored beside their alerts.",
    metrics: [
      {
        name: "sagewatch_revisions_enriched_total",
        type: "counter",
        value: "alerts",
        labels: [],
        what: "Revisions that enrichers have looked at.",
      },
    ],
  },
  enrich_failed: {
    level: "warn",
    message: "enricher failed",
    what: "An enricher gave no addition: it threw, took too long, or said too much. The alert says so and goes on.",
    metrics: [
      {
        name: "sagewatch_enrichments_failed_total",
        type: "counter",
        value: 1,
        labels: ["enricher", "code"],
        what: "Additions that are missing.",
      },
    ],
  },
  delivery_failed: {
    level: "error",
    message: "delivery refused",
    what: "A sink refused alerts for good; they are kept as dead letters.",
    metrics: [
      {
        name: "sagewatch_alerts_refused_total",
        type: "counter",
        value: "alerts",
        labels: ["sink", "code"],
        what: "Alerts that a sink refused.",
      },
    ],
  },
  delivery_dropped: {
    level: "error",
    message: "alerts dropped: too many wait for a best-effort sink",
    what: "A best-effort sink is at its cap; its oldest waiting alerts were given up. `alerts show` still has them.",
    metrics: [
      {
        name: "sagewatch_alerts_dropped_total",
        type: "counter",
        value: "alerts",
        labels: ["sink"],
        what: "Alerts that a best-effort sink will never get.",
      },
    ],
  },
  route_unmatched: {
    level: "warn",
    message: "no rule fits a sink's condition",
    what: "A tag or rule in `when` of a sink that none of the rules fits at the start: probably mistyped.",
    metrics: [],
  },
  sink_down: {
    level: "error",
    message: "sink is down",
    what: "A sink has not taken alerts for 10 s, or says what a person must do (`detail`). They wait in the outbox.",
    metrics: [
      {
        name: "sagewatch_sink_down_total",
        type: "counter",
        value: 1,
        labels: ["sink", "code"],
        what: "Times a sink was found down.",
      },
    ],
  },
  sink_up: {
    level: "info",
    message: "sink is up again",
    what: "A sink that was down takes alerts again.",
    metrics: [
      {
        name: "sagewatch_sink_down_seconds",
        type: "histogram",
        value: "downMs",
        fromMs: true,
        labels: ["sink"],
        what: "How long a sink was down.",
      },
    ],
  },
  outbox: {
    level: "debug",
    message: "outbox",
    what: "Alerts that wait for a sink.",
    metrics: [
      {
        name: "sagewatch_outbox_rows",
        type: "gauge",
        value: "rows",
        labels: ["sink"],
        what: "Alerts that wait for a sink.",
      },
    ],
  },
  control_opened: {
    level: "info",
    message: "control socket open",
    what: "Commands that change can reach this daemon.",
    metrics: [],
  },
  command: {
    level: "info",
    message: "command",
    what: "A command came through the control socket.",
    metrics: [
      {
        name: "sagewatch_commands_total",
        type: "counter",
        value: 1,
        labels: ["command", "ok"],
        what: "Commands through the socket.",
      },
    ],
  },
};
