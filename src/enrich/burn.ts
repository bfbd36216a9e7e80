/**
 * The enricher `burn`: what the accelerators that the alert's calls ask for cost an hour, by the records that are kept.
 *
 * List prices, never a guess: calls without a known price are counted apart. A burst of more events than records are kept
 * is told by `records` of `of`.
 */
import type { Enricher } from "../contracts.ts";
import type { EnrichDeps } from "./settings.ts";

export function createBurnEnricher({ burn }: EnrichDeps): Enricher {
  return {
    name: "burn",
    enrich: async (alert) => {
      const found = burn(alert);
      if (found === null) return null;
      const { usdPerHour, accelerators, models, calls, unpriced, failed, records } = found;
      return { usdPerHour, accelerators, models, calls, unpriced, failed, records, of: alert.eventCount };
    },
  };
}
