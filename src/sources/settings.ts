/**
 * What all sources share: what compose hands to each beside its settings, and the shape of a registry entry.
 */
import type { z } from "zod";
import type { Source } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";

/** What compose hands to every source. */
export type SourceDeps = {
  readonly clock: Clock;
  /** Bounds of what is taken in, the same for every source: `limits` of the configuration. */
  readonly limits: { readonly recordBytes: number; readonly depth: number; readonly gzipRatio: number };
  /** Told of anything odd that does not end the source, one line each; the same line comes once. */
  readonly warn: (text: string) => void;
  /** Told of each file or folder whose input this run has to do without; sources that try again later say it by `warn`. */
  readonly onUnread?: (path: string, why: string) => void;
  /** Live sources: all that was there at the start is committed, so that held watermarks may go on. Called once. */
  readonly onScanned?: () => void;
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
};
