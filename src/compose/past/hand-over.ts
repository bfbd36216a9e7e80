/**
 * The place where a reading of the past meets the live run: one commit of its own, between two of the run's.
 *
 * Alerts go the way of all alerts from there: routed, written under their ids, enriched, delivered. The detector of the
 * live run is not asked and knows nothing of them.
 */
import type { AlertDraft, CommitUnit, Position, Store } from "../../contracts.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Rejected } from "../../model/event.ts";
import type { Emit } from "../../model/signal.ts";
import type { DeliverWorker } from "../../pipeline/deliver.ts";
import type { EnrichWorker } from "../../pipeline/enrich.ts";
import type { Route } from "../../pipeline/route.ts";
import type { Running } from "../../pipeline/run.ts";

/** What one commit takes in. */
export type HandedOver = { readonly alerts: readonly AlertDraft[]; readonly rejected: readonly Rejected[] };

export type HandOverParts = {
  readonly running: Pick<Running, "atBoundary">;
  readonly store: Pick<Store, "commit">;
  readonly route: Route;
  readonly enrich?: Pick<EnrichWorker, "holdMs" | "add"> | null;
  readonly workers: readonly Pick<DeliverWorker, "wake">[];
  readonly emit: Emit;
};

/** Commits; false, and nothing done, once the run ends. What the store throws ends the run. */
export type HandOver = (part: Partial<HandedOver> & { readonly positions?: readonly Position[] }) => boolean;

const NOTHING: Omit<CommitUnit, "nowMs"> = {
  members: [],
  evidence: [],
  drops: [],
  prunes: [],
  evictions: [],
  alerts: [],
  late: [],
  rejected: [],
  counts: [],
  positions: [],
  watermarks: [],
  finished: [],
};

/** Hands over to a run. */
export function createHandOver({ running, store, route, enrich, workers, emit }: HandOverParts): HandOver {
  return ({ alerts = [], rejected = [], positions = [] }) =>
    running.atBoundary(() => {
      const holdMs = enrich?.holdMs ?? 0;
      const routed = alerts.map((draft) => ({ ...draft, sinks: route(draft), holdMs, isPartial: true as const }));
      const unit = { ...NOTHING, nowMs: systemClock.nowMs(), alerts: routed, rejected, positions };
      const { written } = store.commit(unit);
      const severities = new Map(alerts.map(({ content }) => [content.id, content.severity]));
      for (const { ruleId, alertId, revision } of written) {
        const severity = severities.get(alertId) ?? "informational";
        emit({ type: "alert_written", ruleId, severity, alertId, revision });
      }
      if (written.length > 0) enrich?.add(written.map(({ alertId }) => alertId));
      if (routed.length > 0) for (const worker of workers) worker.wake();
    });
}
