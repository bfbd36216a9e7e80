/**
 * Tells the other sinks of a sink that is down for long, and of its end.
 *
 * One operational alert an outage: opened once the sink has not taken alerts for SINK_DOWN_MS, revised when it takes them
 * again. An outage that began in an earlier process goes on in this one (outages.ts). What a sink did wrong is told at once
 * by the signal `sink_down`; a broker's restart is worth no alert.
 */
import type { Views } from "../../contracts.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { Clock } from "../../lib/clock.ts";
import type { SinkHealth } from "../breaker.ts";
import { createOutages, type Outage, type Tell } from "./outages.ts";

/** Longer than a rolling restart of brokers or a failover of AWS takes; short beside the outbox, which holds days. */
const SINK_DOWN_MS = 300_000;

export type SinkWatch = {
  /** Looks at each sink. Call every few seconds. */
  look(sinks: readonly WatchedSink[]): void;
};
export type WatchedSink = { readonly sink: string; health(): SinkHealth; waiting(): number };

export type SinkWatchOptions = {
  readonly clock: Clock;
  readonly alerts: Views["alerts"];
  readonly tell: Tell;
};

/** Begins with the outages that the store knows of. */
export function createSinkWatch({ clock, alerts, tell }: SinkWatchOptions): SinkWatch {
  const keyOf = ({ sink = "" }: Readonly<Record<string, string>>): string => sink;
  const outages = createOutages({ name: "sink_down", states: { open: "down", over: "up" }, keyOf, alerts, tell });
  return {
    look: (sinks) => {
      for (const worker of sinks) {
        const { sink } = worker;
        const { down, hasAnswered } = worker.health();
        const sinceMs = outages.sinceMs(sink);
        if (sinceMs === undefined && down !== null && down.forMs >= SINK_DOWN_MS) {
          const waiting = worker.waiting();
          outages.begin({ ...toDown(sink, { ...down, waiting }), sinceMs: clock.nowMs() - down.forMs });
        }
        if (sinceMs === undefined || down !== null || !hasAnswered) continue;
        outages.end(toUp(sink, clock.nowMs() - sinceMs));
      }
    },
  };
}

type Down = { readonly code: string; readonly detail: string; readonly waiting: number };

function toDown(sink: string, { code, detail, waiting }: Down): Outage {
  const why = `The sink ${sink} has not taken alerts, or not all of them, for ${formatDuration(SINK_DOWN_MS)} (${detail === "" ? code : `${code}: ${detail}`}); ${waiting} wait for it and are sent once it takes them.`;
  return { why, group: { sink }, except: sink };
}

function toUp(sink: string, forMs: number): Outage {
  const minutes = Math.max(1, Math.round(forMs / 60_000));
  const why = `The sink ${sink} takes alerts again after ${minutes} min; what waited for it is being sent.`;
  return { why, group: { sink }, except: sink };
}
