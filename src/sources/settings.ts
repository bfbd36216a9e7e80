/**
 * What all sources share: what compose hands to each beside its settings, and the shape of a registry entry.
 */
import type { z } from "zod";
import type { Need } from "../aws/needs.ts";
import type { Source } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import type { IntegrityLog } from "../model/integrity/notes.ts";
import type { FoundGap } from "../model/past/gap.ts";
import type { Probe } from "../model/probe.ts";
import type { CanaryOutcome } from "../model/watch/canary.ts";
import type { Past, PastDeps } from "./past/past.ts";
import type { Paces } from "./poll/pace.ts";
import type { Warn } from "../model/errors.ts";

/** Operational alerts that a source may ask for. */
export type SourceAlert = "source_gap" | "source_lag" | "source_stale";

/** What compose hands to every source. */
export type SourceDeps = {
  readonly clock: Clock;
  /** Bounds of what is taken in, the same for every source: `limits` of the configuration. */
  readonly limits: { readonly recordBytes: number; readonly depth: number; readonly gzipRatio: number };
  /** Told of anything odd that does not end the source, one line each; the same line comes once. */
  readonly warn: Warn;
  /** Told of each file or folder whose input this run has to do without; sources that try again later say it by `warn`. */
  readonly onUnread?: (path: string, why: string) => void;
  /** Live sources: all that was there at the start is committed, so that held watermarks may go on. Called once. */
  readonly onScanned?: () => void;
  /** Live sources: told each time that all of what they read from has answered, with records or without. */
  readonly onAnswered?: () => void;
  /** How fast LookupEvents may be asked, shared by all of the process. Left out: paces of its own. */
  readonly paces?: Paces;
  /** Told of a time of which the source did not bring all, or too late for correlations: it is read again if it can be. */
  readonly gap?: (found: FoundGap) => void;
  /** When the daemon before this one last committed, epoch ms; null or left out: there was none. */
  readonly aliveMs?: number | null;
  /**
   * Told that records are gone which were never read (source_gap), or may be soon (source_lag), or that what it gives is
   * older than it should be (source_stale): an alert with the next commit. `key` tells apart what a source can be about, such as its shards; one alert a key and hour.
   */
  readonly alert?: (name: SourceAlert, about: { readonly key: string; readonly why: string }) => void;
  /** Told at each look at an account whether what it gave last is older than it should be; null: that of the credentials. */
  readonly stale?: (accountId: string | null, isStale: boolean) => void;
  /** Told what became of each canary, where the source sends them. */
  readonly canary?: (outcome: CanaryOutcome) => void;
  /** What is known of CloudTrail's digest files. Left out: they are not verified. */
  readonly integrity?: IntegrityLog;
  /** Told now and then which keys of the source's positions nobody needs any more; the store keeps them a while longer. */
  readonly forget?: (source: string, isGone: (key: string) => boolean) => void;
  /** How far a source has come, in bytes as they lie on disk; `totalBytes` grows as more input is found. */
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
};

/** An entry of the registry: the schema of the settings, strict, with every default in it, and the factory. */
export type SourceType<Config> = {
  readonly schema: z.ZodType<Config> & z.ZodObject;
  /** Opens nothing yet: that is for `read`. */
  create(config: Config, deps: SourceDeps): Source;
  /** What it needs of AWS. Default nothing. Errors by code: config_invalid. */
  needs?(config: Config): readonly Need[];
  /** What `sagewatch doctor` tries of it. Default nothing. Errors by code: config_invalid. */
  probes?(config: Config): readonly Probe[];
  /** How its past is read again. Default, and null: by these settings it cannot be. */
  past?(config: Config, deps: PastDeps): Past | null;
};
