/**
 * What all enrichers share: what they may look at.
 */
import type { Views } from "../contracts.ts";
import type { Alert } from "../model/alert.ts";

/** What compose hands to every enricher. */
export type EnrichDeps = {
  /** What the configuration says of accounts, by id. */
  readonly accounts: Readonly<Record<string, { readonly name: string; readonly env: string; readonly owner: string }>>;
  /** A technique of MITRE ATT&CK or ATLAS; null for an id that is not known. */
  readonly technique: (
    id: string,
  ) => { readonly name: string; readonly tactics: readonly string[]; readonly page: string } | null;
  /** The alerts that are kept, of a principal or an account. */
  readonly recent: Views["recent"];
  /** What the accelerators cost that the alert's calls ask for, by so many kept records; null where none asks. */
  readonly burn: (alert: Alert) => BurnOfRecords | null;
};

/** Sums over the calls of kept records that ask for accelerators. */
export type BurnOfRecords = {
  readonly accelerators: number;
  readonly models: readonly string[];
  /** List price, USD; null where none is known. */
  readonly usdPerHour: number | null;
  readonly calls: number;
  /** Of the calls: without a known price; failed, and counted as if they had not. */
  readonly unpriced: number;
  readonly failed: number;
  readonly records: number;
};
