/**
 * What evictions come to, for people: which rule lost how many groups because memory for correlations was full.
 *
 * Types only.
 */

/** Caps on that memory: of one rule, of one account, and of all together. */
export type PressureScope = "rule" | "account" | "whole";

/** The groups of a rule that were evicted since the last commit. */
export type StatePressure = {
  readonly ruleId: string;
  /** The cap that was passed. */
  readonly scope: PressureScope;
  /** The account that most of the groups belong to. */
  readonly accountId: string;
  /** Accounts that lost groups. */
  readonly accounts: number;
  readonly groups: number;
  /** Groups that stay, without the events that their verdicts can do without. */
  readonly thinned: number;
};
