/**
 * What people see of the store: rows of the quarantine, alerts with the records behind them, and how alerts are chosen.
 *
 * Types only; contracts.ts has the contract (Views) that gives them.
 */
import type { Alert } from "./alert.ts";
import type { Kind, Pointer } from "./event.ts";

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
/** `fromMs` included, `toMs` not, both of lastEventTime; texts are compared whole, `principal` also as tables and titles show it. */
export type AlertFilter = Readonly<Partial<Record<AlertTexts, string> & Record<"fromMs" | "toMs" | "limit", number>>>;

/** An alert with the records behind it; `record` null where only the pointer was kept. */
export type AlertWithRecords = {
  readonly alert: Alert;
  readonly records: readonly { readonly pointer: Pointer; readonly record: Uint8Array | null }[];
};
