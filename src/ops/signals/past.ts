/**
 * Log lines and metrics of the signals about the past: gaps that were found, and readings of a time that is over.
 *
 * A part of the table that signals.ts joins; how a row is meant is told in signal-row.ts. It holds no code.
 */
import type { SignalRows } from "../signal-row.ts";

/** Rows of these signals. */
export const PAST_SIGNALS: SignalRows<
  "gap_found" | "gap_ended" | "backfill_begun" | "backfill_ended" | "backfill_failed"
> = {
  gap_found: {
    level: "warn",
    message: "a gap was found",
    what: "A source did not bring what it should have between `fromMs` and `toMs`, or too late for correlations. It is read again by itself within the limits of `repair`; `sagewatch gaps` lists all.",
    metrics: [
      {
        name: "sagewatch_gaps_found_total",
        type: "counter",
        value: 1,
        labels: ["source", "reason"],
        what: "Gaps that sources told of.",
      },
    ],
  },
  gap_ended: {
    level: "info",
    message: "a gap was dealt with",
    what: "`state` repaired: its time was read again. left: a person has to see to it, `detail` says why and an alert names the command.",
    metrics: [
      {
        name: "sagewatch_gaps_ended_total",
        type: "counter",
        value: 1,
        labels: ["source", "state"],
        what: "Gaps that were repaired, or left to a person.",
      },
    ],
  },
  backfill_begun: {
    level: "info",
    message: "backfill begun",
    what: "A time that is over is read again, in a detector of its own.",
    metrics: [],
  },
  backfill_ended: {
    level: "info",
    message: "backfill ended",
    what: "`opened` alerts were unknown before, `updated` got another revision; the rest changed nothing.",
    metrics: [
      {
        name: "sagewatch_backfill_records_total",
        type: "counter",
        value: "records",
        labels: [],
        what: "Records read by backfills that came to their end.",
      },
      {
        name: "sagewatch_backfill_alerts_total",
        type: "counter",
        value: "opened",
        labels: [],
        what: "Alerts that only a backfill found.",
      },
    ],
  },
  backfill_failed: {
    level: "warn",
    message: "backfill failed",
    what: "What was read is kept; asked for again, it goes on there.",
    metrics: [
      {
        name: "sagewatch_backfill_failures_total",
        type: "counter",
        value: 1,
        labels: ["code"],
        what: "Backfills that failed.",
      },
    ],
  },
};
