/**
 * Log lines and metrics of the signals about CloudTrail's digest files.
 *
 * A part of the table that signals.ts joins; how a row is meant is told in signal-row.ts. It holds no code.
 */
import type { SignalRows } from "../signal-row.ts";

/** Rows of these signals. */
export const INTEGRITY_SIGNALS: SignalRows<"log_integrity" | "digest_judged"> = {
  log_integrity: {
    level: "error",
    message: "log files are not as CloudTrail delivered them",
    what: "`finding` says what is wrong, `detail` with which files; `files` counts them. The alert sagewatch.log_integrity says so too, and `sagewatch completeness` shows the hours.",
    metrics: [
      {
        name: "sagewatch_log_integrity_findings_total",
        type: "counter",
        value: 1,
        labels: ["source", "accountId", "region", "finding"],
        what: "Findings about log files and digest files, by what is wrong.",
      },
    ],
  },
  digest_judged: {
    level: "debug",
    message: "digest file judged",
    what: "A digest file and all log files that it lists were verified: `state` is proven, or broken where one of them was altered or is missing.",
    metrics: [
      {
        name: "sagewatch_digests_judged_total",
        type: "counter",
        value: 1,
        labels: ["source", "accountId", "region", "state"],
        what: "Digest files that were verified with all their log files, by outcome.",
      },
    ],
  },
};
