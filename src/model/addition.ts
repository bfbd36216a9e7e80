/**
 * What enrichers found for one revision of an alert: additions, stored beside the alert and never part of its content.
 *
 * They are facts of the moment (who owns the account, what else happened), so two runs over the same records may differ in
 * them: they stand outside the content hash, and no addition makes a revision. Types, and the little that all readers of
 * additions share.
 */
import type { Alert } from "./alert.ts";
import type { Json } from "./event.ts";

/** What one enricher found: plain members, small. */
export type Addition = Readonly<Record<string, Json>>;

/** Why an enricher's addition is missing. */
export type EnrichmentError = {
  /** The enricher, or `all`. */
  readonly name: string;
  /**
   * `timeout`: no answer within the deadline; `failed`: it threw; `too_large`: more than ADDITION_BYTES_MAX; of `all`,
   * where an alert is shown or sent: `earlier_revision`: these additions are those of the revision before; `not_in_time`:
   * it had to leave before there were any; `too_large`: left out, since the receiver takes no more.
   */
  readonly code: "timeout" | "failed" | "too_large" | "earlier_revision" | "not_in_time";
};

/** The additions of one revision. Enrichers that had nothing to say stand in neither. */
export type Additions = {
  readonly revision: number;
  /** By the enricher's name, in the order of the configuration. */
  readonly enrichment: Readonly<Record<string, Addition>>;
  readonly errors: readonly EnrichmentError[];
};

/** The additions of an alert's revision, for the store. */
export type AlertAdditions = { readonly alertId: string; readonly additions: Additions };

/** Alerts whose present revision lacks additions: of these ids, or the `newest` that a sink has still to get. */
export type LackingChoice = { readonly ids: readonly string[] } | { readonly newest: number };

/** The store's side of enrichment. */
export type AdditionStore = {
  /** In no order. Operational alerts lack nothing. */
  lacking(choice: LackingChoice): readonly Alert[];
  /** What sinks have still to get of these is due no sooner than `untilMs`, or once additions are added. One transaction. */
  hold(alertIds: readonly string[], untilMs: number): void;
  /** Keeps these and lets the rows go out that waited for them, as far as their revision still stands. One transaction. */
  add(found: readonly AlertAdditions[], nowMs: number): void;
};

/**
 * What stands beside a revision: its additions, or those of an earlier one, which is said. Undefined: nothing to show.
 */
export function toEnrichment(
  revision: number,
  additions: Additions | undefined,
): Pick<Additions, "enrichment" | "errors"> | undefined {
  if (additions === undefined) return undefined;
  const { enrichment } = additions;
  const errors =
    additions.revision < revision
      ? [...additions.errors, { name: "all", code: "earlier_revision" } as const]
      : additions.errors;
  return Object.keys(enrichment).length + errors.length === 0 ? undefined : { enrichment, errors };
}

/** Bytes of one addition as JSON text: with ten enrichers an alert stays well below what every sink takes. */
export const ADDITION_BYTES_MAX: number = 8 * 1024;
