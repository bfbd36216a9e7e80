/**
 * The signals: every happening that Sagewatch tells of, as one union type.
 *
 * `emit(signal)` is the only telemetry call in the code. What becomes of a signal (its log line, its metric) stands in one
 * table, ops/signals.ts, so that a caller decides only what happened. A signal carries numbers, names from closed lists
 * and the names of configured parts; it never carries a record, a secret or a text that a stranger wrote, except inside
 * `detail`, which goes to the log and never to a metric. Emitting never throws and never waits. Types only.
 */
import type { Ages } from "./ages.ts";
import type { Severity } from "./alert.ts";
import type { SkipReason, Reason, Logsource } from "./event.ts";
import type { ErrorCode } from "./errors.ts";
import type { FindingName } from "./integrity/notes.ts";
import type { GapReason, GapState } from "./past/gap.ts";
import type { StatePressure } from "./watch/pressure.ts";

/** One happening. Times are epoch ms, durations ms, sizes bytes; `source`, `sink` and `ruleId` are configured names. */
export type Signal =
  // life of the process
  | { readonly type: "started"; readonly version: string; readonly command: string; readonly pid: number }
  | { readonly type: "config_loaded"; readonly path: string; readonly sources: number; readonly sinks: number }
  | {
      readonly type: "rules_loaded";
      readonly rules: number;
      readonly correlations: number;
      readonly warnings: number;
      /** sha256 over rules, lists, calendars and accounts. */
      readonly hash: string;
      readonly elapsedMs: number;
    }
  | { readonly type: "rule_warning"; readonly code: string; readonly place: string; readonly detail: string }
  | { readonly type: "rules_default_calendar"; readonly accounts: number }
  | {
      readonly type: "rules_reloaded";
      readonly trigger: ReloadTrigger;
      readonly hash: string;
      readonly added: number;
      readonly removed: number;
      readonly changed: number;
      readonly kept: number;
      readonly elapsedMs: number;
      /** Of it the time between two commits in which no record was taken in. */
      readonly pauseMs: number;
    }
  | {
      readonly type: "rules_rejected";
      readonly trigger: ReloadTrigger | "start";
      readonly code: ErrorCode;
      readonly errors: number;
      readonly detail: string;
    }
  | { readonly type: "rule_warming"; readonly ruleId: string; readonly untilMs: number }
  | { readonly type: "rules_not_kept"; readonly path: string; readonly detail: string }
  | { readonly type: "restart_needed"; readonly keys: readonly string[] }
  | {
      readonly type: "store_opened";
      readonly path: string;
      readonly epoch: number;
      readonly members: number;
      readonly elapsedMs: number;
    }
  | { readonly type: "reserve_missing"; readonly path: string }
  | { readonly type: "rules_unused"; readonly rules: number }
  | { readonly type: "sink_removed"; readonly sink: string; readonly rows: number }
  | { readonly type: "store_full"; readonly detail: string }
  | { readonly type: "store_waiting"; readonly path: string }
  | { readonly type: "store_failed"; readonly detail: string }
  | { readonly type: "fenced"; readonly detail: string }
  | { readonly type: "http_opened"; readonly host: string; readonly port: number }
  | { readonly type: "http_unserved"; readonly detail: string }
  | { readonly type: "telemetry_failed"; readonly detail: string }
  | { readonly type: "telemetry_restored" }
  | { readonly type: "draining"; readonly reason: "signal" | "ended" | "error" }
  | { readonly type: "undelivered"; readonly alerts: number }
  | { readonly type: "drained"; readonly elapsedMs: number; readonly undelivered: number }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly detail: string }
  // input
  | { readonly type: "source_finished"; readonly source: string; readonly elapsedMs: number }
  | { readonly type: "source_warning"; readonly source: string; readonly code: string; readonly detail: string }
  | { readonly type: "file_unread"; readonly source: string; readonly detail: string }
  | {
      readonly type: "batch";
      readonly source: string;
      readonly read: number;
      readonly evaluated: number;
      readonly bytes: number;
      readonly matches: number;
      readonly elapsedMs: number;
    }
  | { readonly type: "quarantined"; readonly source: string; readonly reason: Reason; readonly records: number }
  | { readonly type: "skipped"; readonly source: string; readonly reason: SkipReason; readonly records: number }
  | {
      readonly type: "late";
      readonly source: string;
      readonly accountId: string;
      readonly region: string;
      readonly records: number;
    }
  | { readonly type: "repeated"; readonly source: string; readonly records: number }
  | {
      /** Something is wrong with CloudTrail's log files or digest files. */
      readonly type: "log_integrity";
      readonly source: string;
      readonly accountId: string;
      readonly region: string;
      readonly finding: FindingName;
      readonly files: number;
      readonly detail: string;
    }
  | {
      readonly type: "digest_judged";
      readonly source: string;
      readonly accountId: string;
      readonly region: string;
      readonly state: "proven" | "broken";
    }
  | { readonly type: "groupless"; readonly ruleId: string; readonly records: number }
  | { readonly type: "matched"; readonly source: string; readonly ruleId: string; readonly matches: number }
  | {
      /** How old records of a live source are when they are read or committed. */
      readonly type: "lateness";
      readonly stage: "read" | "committed";
      readonly source: string;
      readonly accountId: string;
      readonly region: string;
      readonly ages: Ages;
    }
  | {
      /** How long nothing has come from an account by a live source; `lagMs`: how old its newest record is, null before one. */
      readonly type: "source_quiet";
      readonly source: string;
      readonly accountId: string;
      readonly quietMs: number;
      readonly lagMs: number | null;
    }
  /** What an account gave the source last is older than it should be (`stale`: 1), or is not (0). */
  | { readonly type: "source_age"; readonly source: string; readonly accountId: string; readonly stale: 0 | 1 }
  /** A canary was committed `tripMs` after it was sent. */
  | { readonly type: "canary"; readonly source: string; readonly tripMs: number }
  | { readonly type: "canary_missing"; readonly source: string; readonly detail: string }
  /** Nothing is read while the quarantine, or a sink's outbox (`key`: its name), is at its cap. */
  | { readonly type: "input_blocked"; readonly cause: "quarantine_full" | "outbox_full"; readonly key: string }
  | { readonly type: "input_unblocked" }
  | { readonly type: "watermark"; readonly logsource: Logsource; readonly watermarkMs: number; readonly lagMs: number }
  // commit and alerts
  | { readonly type: "committed"; readonly records: number; readonly alerts: number; readonly elapsedMs: number }
  | { readonly type: "state"; readonly groups: number; readonly members: number; readonly bytes: number }
  | ({ readonly type: "state_pressure" } & StatePressure)
  /** Groups whose sum met a number below zero: it is judged at the end of its bucket from then on. */
  | { readonly type: "sum_negative"; readonly ruleId: string; readonly groups: number }
  | {
      readonly type: "alert_written";
      readonly ruleId: string;
      readonly severity: Severity;
      readonly alertId: string;
      readonly revision: number;
    }
  // output
  | { readonly type: "delivered"; readonly sink: string; readonly alerts: number; readonly elapsedMs: number }
  | {
      /** A sink took alerts for the first time: their age since the last event, and since they were committed. */
      readonly type: "acknowledged";
      readonly sink: string;
      readonly accountId: string;
      readonly region: string;
      readonly ages: Ages;
      readonly waits: Ages;
    }
  | {
      readonly type: "delivery_retry";
      readonly sink: string;
      readonly code: string;
      readonly alerts: number;
      readonly waitMs: number;
    }
  | { readonly type: "enriched"; readonly alerts: number; readonly elapsedMs: number }
  | {
      readonly type: "enrich_failed";
      readonly enricher: string;
      readonly code: "timeout" | "failed" | "too_large";
      readonly alertId: string;
    }
  | { readonly type: "delivery_failed"; readonly sink: string; readonly code: string; readonly alerts: number }
  | { readonly type: "delivery_dropped"; readonly sink: string; readonly alerts: number }
  | {
      readonly type: "sink_down";
      readonly sink: string;
      readonly code: string;
      /** What a person must do; empty where waiting may help. */
      readonly detail: string;
      /** Lanes that fail: a lane may fail while others deliver. */
      readonly lanes: number;
    }
  | {
      readonly type: "route_unmatched";
      readonly sink: string;
      readonly key: "tags" | "rules";
      readonly pattern: string;
    }
  | { readonly type: "sink_up"; readonly sink: string; readonly downMs: number }
  | { readonly type: "outbox"; readonly sink: string; readonly rows: number }
  // the past: gaps, and readings of a time that is over. `source`, `accountId` and `region` are empty where all are meant.
  | ({ readonly type: "gap_found"; readonly reason: GapReason } & PastPlace & PastTimes)
  | ({
      readonly type: "gap_ended";
      readonly reason: GapReason;
      readonly state: Exclude<GapState, "open">;
      readonly detail: string;
    } & PastPlace)
  | ({ readonly type: "backfill_begun" } & PastPlace & PastTimes)
  | ({
      readonly type: "backfill_ended";
      readonly records: number;
      readonly opened: number;
      readonly updated: number;
      readonly elapsedMs: number;
    } & PastPlace)
  | ({ readonly type: "backfill_failed"; readonly code: ErrorCode; readonly detail: string } & PastPlace)
  // commands that change, through the socket
  | { readonly type: "control_opened"; readonly path: string }
  | { readonly type: "command"; readonly command: string; readonly ok: boolean; readonly elapsedMs: number };

type PastPlace = { readonly source: string; readonly accountId: string; readonly region: string };
type PastTimes = { readonly fromMs: number; readonly toMs: number };

/** What asked for the rules to be read again. */
export type ReloadTrigger = "sighup" | "command" | "watch";

/** The name of a happening. */
export type SignalType = Signal["type"];

/** Tells of a happening. Never throws, never waits. */
export type Emit = (signal: Signal) => void;
