/**
 * Enrichment: once a revision, after its commit and before the sinks, whatever the number of sinks.
 *
 * All enrichers look at a revision side by side, each until the deadline; what they found, and what went wrong, is stored
 * beside the alert, which lets its outbox rows go. The rows become due a moment after the deadline by themselves, so that
 * nothing here can hold up an alert further, nor lose one: after a crash what still lacks additions is looked at again.
 * Content, ids and revisions are never touched.
 */
import type { Enricher, OutboxItem, Store } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import { type Addition, type Additions, ADDITION_BYTES_MAX, type EnrichmentError } from "../model/addition.ts";
import type { Alert } from "../model/alert.ts";
import type { Emit } from "../model/signal.ts";

/** Revisions that are looked at side by side, and stored in one transaction. */
const AT_ONCE = 100;
/** Alerts that a restart looks through for revisions without additions. */
const RESUMED = 1_000;
/** Between the deadline and when an outbox row goes without additions, ms: time to store them. */
const STORING_MS = 250;

export type EnrichOptions = {
  readonly enrichers: readonly Enricher[];
  readonly additions: Store["additions"];
  readonly clock: Clock;
  readonly emit: Emit;
  readonly deadlineMs: number;
  /** Rows of the outbox became due. */
  readonly wake: () => void;
};

/** The running enrichment. */
export type EnrichWorker = {
  /** How long the outbox rows of a new revision wait, ms. */
  readonly holdMs: number;
  /** A commit wrote revisions of these alerts. */
  add(alertIds: readonly string[]): void;
  /** Resolves when nothing is left to look at, or `signal` aborts. */
  drained(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
  /** Resolves with the error when the store failed; never otherwise. */
  readonly failed: Promise<unknown>;
};

/**
 * Starts it, with what an earlier process left without additions: that waits for them too, if the deliverers start after.
 */
export function startEnrich(options: EnrichOptions): EnrichWorker {
  const { additions, clock, deadlineMs } = options;
  const holdMs = deadlineMs + STORING_MS;
  const left = additions.lacking({ newest: RESUMED });
  if (left.length > 0)
    additions.hold(
      left.map(({ id }) => id),
      clock.nowMs() + holdMs,
    );
  const stop = new AbortController();
  const failure = Promise.withResolvers<unknown>();
  const waiting = new Set<string>();
  let bell = new AbortController();
  let isBusy = true;
  let done = new AbortController();
  const ring = (): void => {
    bell.abort();
    bell = new AbortController();
  };
  const loop = async (): Promise<void> => {
    await enrichAll(left, options);
    while (!stop.signal.aborted) {
      const ids = [...waiting].slice(0, AT_ONCE);
      if (ids.length === 0) {
        isBusy = false;
        done.abort();
        done = new AbortController();
        await clock.sleep(60_000, AbortSignal.any([bell.signal, stop.signal]));
        isBusy = true;
        continue;
      }
      for (const id of ids) waiting.delete(id);
      await enrichAll(additions.lacking({ ids }), options);
    }
  };
  const running = loop().catch((error: unknown) => {
    stop.abort();
    failure.resolve(error);
  });
  return {
    holdMs,
    add: (alertIds) => {
      for (const id of alertIds) waiting.add(id);
      if (waiting.size > 0) ring();
    },
    drained: async (signal) => {
      while (!signal.aborted && !stop.signal.aborted && (isBusy || waiting.size > 0))
        await clock.sleep(5, AbortSignal.any([signal, done.signal]));
    },
    close: async () => {
      stop.abort();
      await running;
    },
    failed: failure.promise,
  };
}

/** An alert that had to leave without additions says so. Those of Sagewatch about itself have none. */
export function markMissing(item: OutboxItem): OutboxItem {
  const { alert, additions } = item;
  if (additions !== undefined || alert.ruleId.startsWith("sagewatch.")) return item;
  const errors = [{ name: "all", code: "not_in_time" }] as const;
  return { ...item, additions: { revision: alert.revision, enrichment: {}, errors } };
}

async function enrichAll(alerts: readonly Alert[], options: EnrichOptions): Promise<void> {
  const { additions, clock, emit, wake } = options;
  for (let at = 0; at < alerts.length; at += AT_ONCE) {
    const some = alerts.slice(at, at + AT_ONCE);
    const begunMs = clock.monotonicMs();
    const found = await Promise.all(some.map((alert) => enrichOne(alert, options)));
    additions.add(
      some.map(({ id }, index) => ({ alertId: id, additions: found[index] as Additions })),
      clock.nowMs(),
    );
    emit({ type: "enriched", alerts: some.length, elapsedMs: clock.monotonicMs() - begunMs });
    wake();
  }
}

type Outcome =
  | { readonly addition: Addition | null }
  | { readonly code: Exclude<EnrichmentError["code"], "earlier_revision" | "not_in_time"> };

async function enrichOne(alert: Alert, options: EnrichOptions): Promise<Additions> {
  const { enrichers, emit } = options;
  const outcomes = await Promise.all(enrichers.map((enricher) => ask(enricher, alert, options)));
  const enrichment: Record<string, Addition> = {};
  const errors: EnrichmentError[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const name = enrichers[index]?.name ?? "";
    if (!("code" in outcome)) {
      if (outcome.addition !== null) enrichment[name] = outcome.addition;
      continue;
    }
    errors.push({ name, code: outcome.code });
    emit({ type: "enrich_failed", enricher: name, code: outcome.code, alertId: alert.id });
  }
  return { revision: alert.revision, enrichment, errors };
}

/** What one enricher says within the deadline. Never throws: a failure is an outcome. */
async function ask(enricher: Enricher, alert: Alert, { clock, deadlineMs }: EnrichOptions): Promise<Outcome> {
  const over = new AbortController();
  const late = new AbortController();
  const deadline = clock.sleep(deadlineMs, over.signal).then((): Outcome => {
    late.abort();
    return { code: "timeout" };
  });
  try {
    // One that answers later, or fails then, is not listened to any more.
    const answer = Promise.try(() => enricher.enrich(alert, late.signal)).then(toOutcome, (): Outcome => ({
      code: "failed",
    }));
    return await Promise.race([answer, deadline]);
  } finally {
    over.abort();
  }
}

function toOutcome(addition: Addition | null): Outcome {
  if (addition === null) return { addition };
  const bytes = Buffer.byteLength(JSON.stringify(addition));
  return bytes > ADDITION_BYTES_MAX ? { code: "too_large" } : { addition };
}
