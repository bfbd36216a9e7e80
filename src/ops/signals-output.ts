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
  | "alert_written"
  | "delivered"
  | "delivery_retry"
  | "delivery_failed"
  | "delivery_dropped"
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
  alert_written: {
    level: "info",
    message: "alert",
    what: "An alert, or a new revision of one, is committed.",
    metrics: [
      { name: "sagewatch_alerts_total", type: "counter", value: 1, labels: ["ruleId"], what: "Revisions of alerts." },
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
