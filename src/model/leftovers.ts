/**
 * What a store still holds for rules and sinks that are gone.
 *
 * Types only.
 */

/** What the configuration uses of a store: the state keys of all rules, the names of all sinks. */
export type StoreUse = { readonly stateKeys: ReadonlySet<string>; readonly sinks: readonly string[] };

/** Alerts that wait for a sink that is no longer configured. */
export type RemovedSink = { readonly sink: string; readonly rows: number };

/** Rules (by meaning) and sinks that are gone and still have rows. */
export type Leftovers = { readonly unusedRules: number; readonly removedSinks: readonly RemovedSink[] };

/** What the quarantine holds, and at what reading stops. */
export type QuarantineUse = {
  readonly rows: number;
  readonly bytes: number;
  readonly maxRows: number;
  readonly maxBytes: number;
};
