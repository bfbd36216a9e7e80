/**
 * Enrichment as the configuration asks for it: its enrichers made, with what each may look at.
 */
import type { Config } from "../config/schema.ts";
import type { Store } from "../contracts.ts";
import { knownTechnique } from "../encode/technique.ts";
import { enricherRegistry } from "../enrich/registry.ts";
import type { BurnOfRecords } from "../enrich/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { mayBurn, toBurn } from "../match/burn.ts";
import type { Alert } from "../model/alert.ts";
import type { Emit } from "../model/signal.ts";
import type { RecentChoice } from "../model/views.ts";
import { type EnrichWorker, startEnrich } from "../pipeline/enrich.ts";
import { toEvents } from "./records.ts";

/** Starts it; null where no enricher is wanted. */
export function openEnrich(
  config: Config,
  { store, emit, wake }: { readonly store: Store; readonly emit: Emit; readonly wake: () => void },
): EnrichWorker | null {
  const { use, deadline } = config.enrich;
  if (use.length === 0) return null;
  const deps = {
    accounts: config.accounts,
    technique: knownTechnique,
    recent: (of: RecentChoice) => store.views.recent(of),
    burn: (alert: Alert) => burnOf(alert, store),
  };
  return startEnrich({
    enrichers: use.map((name) => enricherRegistry[name](deps)),
    additions: store.additions,
    clock: systemClock,
    emit,
    deadlineMs: deadline,
    wake,
  });
}

/** Records are read for calls alone that can ask for accelerators. */
function burnOf({ id, evidence }: Alert, store: Store): BurnOfRecords | null {
  if (!evidence.some(({ action }) => mayBurn(action))) return null;
  const events = toEvents(store.views.alert(id)?.records.map(({ record }) => record) ?? []);
  const burn = toBurn(events);
  return burn === null ? null : { ...burn, records: events.length };
}
