/**
 * Tells of canaries that do not come back, once an outage, and of its end (outages.ts).
 */
import type { Views } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Emit } from "../../model/signal.ts";
import type { CanaryOutcome } from "../../model/watch/canary.ts";
import { createOutages, type Tell } from "./outages.ts";

/** To be called with each outcome, by source. */
export type CanaryWatch = (source: string, outcome: CanaryOutcome) => void;

export type CanaryWatchOptions = {
  readonly clock: Clock;
  readonly alerts: Views["alerts"];
  readonly emit: Emit;
  readonly tell: Tell;
};

/** Begins with the outages that the store knows of. */
export function createCanaryWatch({ clock, alerts, emit, tell }: CanaryWatchOptions): CanaryWatch {
  const keyOf = ({ source = "" }: Readonly<Record<string, string>>): string => source;
  const states = { open: "missing", over: "returned" };
  const outages = createOutages({ name: "canary_missing", states, keyOf, alerts, tell });
  return (source, outcome) => {
    if (outcome.status === "returned") {
      const { tripMs } = outcome;
      emit({ type: "canary", source, tripMs });
      const why = `A canary came through the queue of the source ${source} again, in ${Math.max(1, Math.round(tripMs / 1000))} s.`;
      return outages.end({ why, group: { source } });
    }
    const { detail, forMs } = outcome;
    emit({ type: "canary_missing", source, detail });
    if (outages.sinceMs(source) !== undefined) return;
    const why = `Source ${source}: ${detail}. What is on the queue may not be read either: see docs/runbook.md.`;
    outages.begin({ why, group: { source }, sinceMs: clock.nowMs() - forMs });
  };
}
