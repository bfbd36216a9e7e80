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
  | "alert_written"
  | "delivered"
  | "delivery_retry"
  | "delivery_failed"
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
