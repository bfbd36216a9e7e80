/**
 * Sagewatch watching itself: gathers the operational alerts for the next unit.
 *
 * A source of which more than 0.1 % of the records could not be evaluated within 10 minutes of wall time is told of, once
 * an hour. What others notice (a full quarantine) is told through `tell`. Off in replays, which speak of the past only.
 */
import type { RoutedAlert } from "../../contracts.ts";
import type { Route } from "../route.ts";
import { type OperationalAbout, type OperationalName, toOperationalAlert } from "../operational.ts";

/** Span and share of reliability.md section 8; the least number keeps one bad line of a small file from being a rate. */
const RATE_SPAN_MS = 600_000;
const RATE_MAX = 0.001;
const RATE_RECORDS_MIN = 1_000;

export type SelfWatch = {
  /** Records taken in from a source, and those of them that were rejected. */
  count(source: string, records: { read: number; rejected: number }, nowMs: number): void;
  tell(name: OperationalName, about: OperationalAbout): void;
  /** The alerts since the last call. */
  drain(): readonly RoutedAlert[];
};

/** `route` null: nothing is told. */
export function createSelfWatch(route: Route | null): SelfWatch {
  const spans = new Map<string, { sinceMs: number; read: number; rejected: number }>();
  let alerts: RoutedAlert[] = [];
  const tell: SelfWatch["tell"] = (name, about) => {
    if (route === null) return;
    const alert = toOperationalAlert(name, { ...about, sinks: [] });
    alerts.push({ ...alert, sinks: route(alert).filter((sink) => sink !== about.except) });
  };
  return {
    tell,
    count: (source, { read, rejected }, nowMs) => {
      const span = spans.get(source);
      const current =
        span === undefined || nowMs - span.sinceMs > RATE_SPAN_MS ? { sinceMs: nowMs, read: 0, rejected: 0 } : span;
      spans.set(source, current);
      current.read += read;
      current.rejected += rejected;
      if (rejected === 0 || current.read < RATE_RECORDS_MIN || current.rejected <= current.read * RATE_MAX) return;
      const why = `${current.rejected} of ${current.read} records of source ${source} went to quarantine; see \`sagewatch quarantine list\``;
      tell("quarantine_rate", { key: source, why, nowMs });
      spans.delete(source);
    },
    drain: () => {
      const drained = alerts;
      alerts = [];
      return drained;
    },
  };
}
