/** Enrichers over given accounts and alerts. */
import type { Enricher } from "../../src/contracts.ts";
import { knownTechnique } from "../../src/encode/technique.ts";
import { enricherRegistry, type EnricherName } from "../../src/enrich/registry.ts";
import type { EnrichDeps } from "../../src/enrich/settings.ts";
import type { Alert } from "../../src/model/alert.ts";

/** All enrichers by name; `alerts` are chosen as the store does: by principal, account and time, the newest first. */
export function createEnrichersOf({
  accounts = {},
  alerts = [],
  burn = () => null,
}: {
  readonly accounts?: EnrichDeps["accounts"];
  readonly alerts?: readonly Alert[];
  readonly burn?: EnrichDeps["burn"];
}): Readonly<Record<EnricherName, Enricher>> {
  const deps: EnrichDeps = {
    accounts,
    technique: knownTechnique,
    recent: ({ principal, accountId, fromMs, toMs, limit }) =>
      alerts
        .filter((alert) => (principal === "" ? alert.accountId === accountId : alert.principal === principal))
        .filter(({ lastEventTime }) => Date.parse(lastEventTime) >= fromMs && Date.parse(lastEventTime) < toMs)
        .toSorted((a, b) => Date.parse(b.lastEventTime) - Date.parse(a.lastEventTime))
        .slice(0, limit),
    burn,
  };
  const [account, attack, related, burning] = (["account", "attack", "related", "burn"] as const).map((name) =>
    enricherRegistry[name](deps),
  ) as [Enricher, Enricher, Enricher, Enricher];
  return { account, attack, related, burn: burning };
}
