/**
 * Metrics that no signal tells of: what stands somewhere and is looked at when somebody asks for metrics.
 *
 * The table says; who hands in the figures stands in compose/ (what the daemon holds) and process.ts (the process).
 */

/** One reading: a metric of the table, its labels by name, its figure. */
export type Reading = {
  readonly name: ReadingName;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
};
/** Gives what there is; what cannot be read now is left out. Never throws. */
export type Read = () => readonly Reading[];

/** Every such metric. Sizes in bytes, times in seconds. */
export const READINGS = {
  sagewatch_up: {
    type: "gauge",
    labels: [],
    what: "1 while the daemon is ready, 0 while it is not (`/ready` says why).",
  },
  sagewatch_not_ready: { type: "gauge", labels: ["reason"], what: "1 for each reason for which it is not ready." },
  sagewatch_last_commit_age_seconds: {
    type: "gauge",
    labels: [],
    what: "Time since the last transaction; grows while there is nothing to commit.",
  },
  sagewatch_last_report_age_seconds: {
    type: "gauge",
    labels: [],
    what: "Time since the loop last told of itself, which it does every 10 s: its heartbeat.",
  },
  sagewatch_outbox_bytes: {
    type: "gauge",
    labels: ["sink"],
    what: "About how many bytes of alerts wait for a sink: their exact number times the average size of the 256 that are due last.",
  },
  sagewatch_outbox_limit_bytes: { type: "gauge", labels: ["sink"], what: "Bytes that may wait for it (`outboxMax`)." },
  sagewatch_outbox_age_seconds: {
    type: "gauge",
    labels: ["sink"],
    what: "How long the alert that is due the longest has waited for a sink; 0 when none is due.",
  },
  sagewatch_dead_letters: {
    type: "gauge",
    labels: ["sink", "code"],
    what: "Alerts that a sink refused for good and that nobody has redriven, up to 10,000.",
  },
  sagewatch_state_limit_bytes: { type: "gauge", labels: [], what: "`state.memoryBytes`." },
  sagewatch_state_rule_bytes: {
    type: "gauge",
    labels: ["rule"],
    what: "Bytes of a correlation's groups: the 20 largest, all others as `other`.",
  },
  sagewatch_quarantine_rows: { type: "gauge", labels: [], what: "Records in quarantine." },
  sagewatch_quarantine_bytes: { type: "gauge", labels: [], what: "Bytes in quarantine, compressed." },
  sagewatch_quarantine_limit_rows: { type: "gauge", labels: [], what: "Records at which reading stops." },
  sagewatch_quarantine_limit_bytes: { type: "gauge", labels: [], what: "Bytes at which reading stops." },
  sagewatch_store_bytes: { type: "gauge", labels: [], what: "Size of the state file." },
  sagewatch_store_wal_bytes: { type: "gauge", labels: [], what: "Size of its write-ahead log." },
  sagewatch_disk_free_bytes: { type: "gauge", labels: [], what: "Free space on the disk of the state folder." },
  sagewatch_disk_size_bytes: { type: "gauge", labels: [], what: "Size of that disk." },
  sagewatch_log_hours: {
    type: "gauge",
    labels: ["account", "region", "state"],
    what: "Hours of the last 24 by what CloudTrail's digest files prove of them: proven, open, unproven, missing, broken.",
  },
  sagewatch_log_proven_age_seconds: {
    type: "gauge",
    labels: ["account", "region"],
    what: "Time since the end of the last hour that is proven, of the last 24; left out where none is.",
  },
  process_cpu_seconds_total: { type: "counter", labels: [], what: "CPU time of the process, all threads." },
  process_resident_memory_bytes: { type: "gauge", labels: [], what: "Memory of the process." },
  process_start_time_seconds: { type: "gauge", labels: [], what: "Start of the process, seconds since 1970." },
  sagewatch_event_loop_delay_seconds: {
    type: "gauge",
    labels: ["percentile"],
    what: "How late timers came since the metrics were last read, above what the clock's own steps allow.",
  },
} as const;
export type ReadingName = keyof typeof READINGS;
