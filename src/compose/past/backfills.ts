/**
 * The readings of the past that a daemon makes: asked for by a command, or to repair a gap. One at a time.
 *
 * A reading shares the process with the live run, so that both keep to what LookupEvents allows together, and its alerts go
 * through the same store. Whoever asks for one that is under way is told how far it is. It ends with the run and goes on,
 * when asked for again, where it was.
 */
import type { Store } from "../../contracts.ts";
import { systemClock } from "../../lib/clock.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import type { Emit } from "../../model/signal.ts";
import type { PastProgress } from "../../sources/past/past.ts";
import type { Rules } from "../rules.ts";
import type { HandOver } from "./hand-over.ts";
import { type Merged, mergePast } from "./merge.ts";
import { forgetPast, type PastParts, type PastRequest, planPast, readPast } from "./run.ts";

/** What a reading came to. */
export type PastOutcome = Merged & {
  readonly read: number;
  readonly evaluated: number;
  readonly quarantined: number;
  readonly elapsedMs: number;
};

/** How far a request is. */
export type PastAnswer =
  | { readonly status: "waiting" | "reading"; readonly progress: PastProgress }
  | { readonly status: "done"; readonly outcome: PastOutcome };

export type Backfills = {
  /** Reads, and resolves at the end. Rejects by code: those of readPast; daemon_unreachable when the run ends before. */
  run(request: PastRequest): Promise<PastOutcome>;
  /** The same, answered within seconds: ask again while it is not done. */
  ask(request: PastRequest): Promise<PastAnswer>;
  plan(request: PastRequest): ReturnType<typeof planPast>;
  begin(handOver: HandOver): void;
  /** Ends what is under way. */
  end(): Promise<void>;
};

type Needs = Omit<PastParts, "rules" | "signal"> & {
  readonly store: Pick<Store, "views">;
  readonly rules: () => Rules;
};

type Job = {
  status: "waiting" | "reading";
  progress: PastProgress;
  readonly ended: Promise<PastOutcome>;
  /** Monotonic ms of the end; Infinity before. */
  endedMs: number;
};

/** An answer waits so long for the end, ms: a person sees it move. */
const ANSWER_MS = 2_000;
/** Whoever watches asks again at once: later the same request is a new one, ms. */
const WATCHED_MS = 10_000;
/** Requests that ended and were not asked for again. */
const KEPT_MAX = 20;
const NO_PROGRESS: PastProgress = { done: 0, total: 0, requests: 0 };

export function createBackfills({ rules, store, ...needs }: Needs): Backfills {
  const stop = new AbortController();
  const begun = Promise.withResolvers<HandOver>();
  const jobs = new Map<string, Job>();
  begun.promise.catch(() => undefined);
  let turn: Promise<unknown> = begun.promise;
  const partsOf = (): PastParts => ({ ...needs, rules: rules(), signal: stop.signal });

  const serve = async (request: PastRequest, job: Job): Promise<PastOutcome> => {
    const handOver = await begun.promise;
    if (stop.signal.aborted) throw toStopped();
    job.status = "reading";
    const parts = partsOf();
    const onProgress = (now: PastProgress): void => void (job.progress = now);
    return tellPast(request, parts.emit, async () => {
      const result = await readPast(request, parts, onProgress);
      if (result === null) throw toStopped();
      const commit: Parameters<typeof mergePast>[2]["commit"] = (part) => {
        if (!handOver(part)) throw toStopped();
      };
      const merged = mergePast(request, result, { store, ruleSet: parts.rules.ruleSet, commit });
      forgetPast(result);
      return toOutcome(merged, result.summary);
    });
  };
  const start = (key: string, request: PastRequest): Job => {
    const ended = Promise.withResolvers<PastOutcome>();
    const job: Job = { status: "waiting", progress: NO_PROGRESS, ended: ended.promise, endedMs: Infinity };
    const end = (): void => void (job.endedMs = systemClock.monotonicMs());
    void ended.promise.then(end, end);
    jobs.set(key, job);
    if (jobs.size > KEPT_MAX) jobs.delete([...jobs.keys()][0] as string);
    turn = turn.then(
      () => serve(request, job).then(ended.resolve, ended.reject),
      () => ended.reject(toStopped()),
    );
    return job;
  };
  const jobOf = (request: PastRequest): { key: string; job: Job } => {
    const key = JSON.stringify(request);
    const job = jobs.get(key);
    const isOver = job !== undefined && systemClock.monotonicMs() - job.endedMs > WATCHED_MS;
    return { key, job: job === undefined || isOver ? start(key, request) : job };
  };
  return {
    run: async (request) => {
      const { key, job } = jobOf(request);
      return job.ended.finally(() => jobs.delete(key));
    },
    ask: async (request) => {
      const { key, job } = jobOf(request);
      const over = new AbortController();
      const late = systemClock.sleep(ANSWER_MS, over.signal).then(() => null);
      const outcome = await Promise.race([job.ended, late])
        .finally(() => over.abort())
        .catch((error: unknown) => {
          jobs.delete(key);
          throw error;
        });
      if (outcome === null) return { status: job.status, progress: job.progress };
      jobs.delete(key);
      return { status: "done", outcome };
    },
    plan: (request) => planPast(request, partsOf()),
    begin: begun.resolve,
    end: async () => {
      stop.abort();
      begun.reject(toStopped());
      await turn.catch(() => undefined);
    },
  };
}

/** Says that a reading began, and how it ended. */
export async function tellPast(
  { source, account, region, fromMs, toMs }: PastRequest,
  emit: Emit,
  read: () => Promise<PastOutcome>,
): Promise<PastOutcome> {
  const begunMs = systemClock.monotonicMs();
  const place = { source: source ?? "", accountId: account ?? "", region: region ?? "" };
  emit({ type: "backfill_begun", ...place, fromMs, toMs });
  try {
    const outcome = await read();
    const { read: records, opened, updated } = outcome;
    emit({
      type: "backfill_ended",
      ...place,
      records,
      opened,
      updated,
      elapsedMs: systemClock.monotonicMs() - begunMs,
    });
    return outcome;
  } catch (error) {
    const code = error instanceof SagewatchError ? error.code : "internal";
    emit({ type: "backfill_failed", ...place, code, detail: toMessage(error) });
    throw error;
  }
}

/** What people are told of a reading. */
export function toOutcome(
  merged: Merged,
  { read, evaluated, quarantined, elapsedMs }: Pick<PastOutcome, "read" | "evaluated" | "quarantined" | "elapsedMs">,
): PastOutcome {
  return { ...merged, read, evaluated, quarantined, elapsedMs };
}

function toStopped(): SagewatchError {
  const message = "the daemon stopped before the backfill was done; ask again, and it goes on where it was";
  return new SagewatchError("daemon_unreachable", message);
}
