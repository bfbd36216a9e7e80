/**
 * What people see of the store: rows of the quarantine, alerts with the records behind them, how alerts are chosen, and
 * the counts by source.
 *
 * Types only; contracts.ts has the contract (Views) that gives them.
 */
import type { Alert } from "./alert.ts";
import type { Kind, Pointer, SkipReason } from "./event.ts";
import type { Path } from "./watch/sighting.ts";

/** A row of the quarantine as people see it: where the record was read, and why it is here. */
export type QuarantineRow = Pointer & {
  readonly id: number;
  readonly kind: Kind | "";
  readonly reason: string;
  readonly detail: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly tries: number;
  readonly atMs: number;
  /** Present in `quarantined(id)` only; null when only the pointer was kept. */
  readonly record?: Uint8Array | null;
};

type AlertTexts = "ruleId" | "severity" | "principal" | "accountId" | "idPrefix";
/** `fromMs` included, `toMs` not, both of lastEventTime; texts are compared whole, `principal` also as tables and titles show it. `oldest`: the oldest first. */
export type AlertFilter = Readonly<
  Partial<Record<AlertTexts, string> & Record<"fromMs" | "toMs" | "limit", number> & { readonly oldest: true }>
>;

/** Alerts of this very principal, or where it is empty of this account; `fromMs` included, `toMs` not, of lastEventTime. */
export type RecentChoice = Readonly<
  Record<"principal" | "accountId", string> & Record<"fromMs" | "toMs" | "limit", number>
>;

/** An alert with the records behind it; `record` null where only the pointer was kept. `paths`: by which sources they came. */
export type AlertWithRecords = {
  readonly alert: Alert;
  readonly paths: readonly Path[];
  readonly records: readonly { readonly pointer: Pointer; readonly record: Uint8Array | null }[];
};

/** Counts of one source since the last commit. `read` always equals evaluated + quarantined + the skipped. */
export type CountDelta = {
  readonly source: string;
  readonly read: number;
  readonly evaluated: number;
  readonly quarantined: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Marks on evaluated records, not outcomes. */
  readonly late: number;
  readonly repeated: number;
};
