/**
 * The past as a source: what has to be read again of a span of time, and within which limits.
 *
 * A type of source that can read its past says so in its entry of the registry. Reading the past is a historic run: it
 * looks at no wall clock, it is read in order, and its watermark says what is complete. It ends by `onEnd`, not by itself:
 * a historic source that ends closes every window there is, and behind the end of the span more will come.
 */
import type { Source } from "../../contracts.ts";
import { formatSize } from "../../lib/duration.ts";
import { SagewatchError, type Warn } from "../../model/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Paces } from "../poll/pace.ts";

/** What is read: records of these event times (epoch ms, both included), of one account or Region or (null) all. */
export type PastSpan = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly account: string | null;
  readonly region: string | null;
};

/** What one reading may take. `requests`: of listing and of LookupEvents; objects have their own number. */
export type PastLimits = { readonly objects: number; readonly bytes: number; readonly requests: number };

/** What a reading would take. `isLeast`: at least so many requests, since only the answers say how many pages there are. */
export type PastPlan = {
  readonly objects: number;
  readonly bytes: number;
  readonly requests: number;
  readonly isLeast: boolean;
  /** At least so long, ms, where the number of requests a second is bounded; else 0. */
  readonly leastMs: number;
};

export type PastProgress = { readonly done: number; readonly total: number; readonly requests: number };

export type PastRun = {
  readonly span: PastSpan;
  readonly limits: PastLimits;
  /** All of the span is handed out: the run may end once it is committed. */
  readonly onEnd: () => void;
  readonly onProgress: (progress: PastProgress) => void;
};

/** How the past of a configured source is read. */
export type Past = {
  readonly by: "s3" | "lookup";
  /** Event times that a span's records may be late by in what is read, ms: how far behind `to` the reading goes. */
  readonly behindMs: number;
  /** Asks what there is to read; reads nothing of it. Errors by code: over_limit, aws_*, config_invalid. */
  plan(span: PastSpan, limits: PastLimits, signal: AbortSignal): Promise<PastPlan>;
  /** A historic source of the name of the configured one. Errors by code, from `read`: over_limit, aws_*, config_invalid. */
  open(run: PastRun): Source;
};

/** What it needs of SourceDeps. */
export type PastDeps = {
  readonly clock: Clock;
  readonly limits: { readonly recordBytes: number; readonly depth: number; readonly gzipRatio: number };
  readonly paces?: Paces;
  /** Told of anything odd that ends nothing, one line each. */
  readonly warn?: Warn;
};

/** Counts what is taken against limits. Errors by code: over_limit. */
export type Meter = {
  readonly requests: () => number;
  request(): void;
  object(sizeBytes: number): void;
};

export function createMeter(limits: PastLimits): Meter {
  const taken = { objects: 0, bytes: 0, requests: 0 };
  const add = (what: keyof PastLimits, amount: number): void => {
    taken[what] += amount;
    if (taken[what] <= limits[what]) return;
    const text = what === "bytes" ? formatSize(limits.bytes) : `${limits[what]} ${what}`;
    throw new SagewatchError("over_limit", `the span needs more than ${text}; name a shorter one or a higher limit`);
  };
  return {
    requests: () => taken.requests,
    request: () => add("requests", 1),
    object: (sizeBytes) => {
      add("objects", 1);
      add("bytes", sizeBytes);
    },
  };
}

/** Tells that all is handed out and waits for the end of the run: see the head of this file. */
export async function endPast({ onEnd }: Pick<PastRun, "onEnd">, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  onEnd();
  if (!signal.aborted) await promise;
}
