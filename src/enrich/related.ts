/**
 * The enricher `related`: other alerts of the same principal within a day, or of the account where none is known.
 *
 * What else this identity did is the first question of whoever reads an alert. It says what stood when the revision was
 * written: alerts that come later are not in it (`sagewatch alerts show` looks again).
 */
import type { Enricher } from "../contracts.ts";
import type { EnrichDeps } from "./settings.ts";

const DAY_MS = 86_400_000;
/** Alerts that are named: enough to see a pattern. */
const NAMED = 10;

export function createRelatedEnricher({ recent }: EnrichDeps): Enricher {
  return {
    name: "related",
    enrich: async ({ id, principal, accountId, lastEventTime }) => {
      const atMs = Date.parse(lastEventTime);
      if ((principal === "" && accountId === "") || Number.isNaN(atMs)) return null;
      // One more than is named, and itself.
      const found = recent({ principal, accountId, fromMs: atMs - DAY_MS, toMs: atMs + DAY_MS, limit: NAMED + 2 });
      const others = found.filter((other) => other.id !== id);
      if (others.length === 0) return null;
      return {
        by: principal === "" ? "account" : "principal",
        alerts: others.slice(0, NAMED).map((other) => ({
          id: other.id,
          ruleName: other.ruleName,
          severity: other.severity,
          lastEventTime: other.lastEventTime,
        })),
        more: others.length > NAMED,
      };
    },
  };
}
