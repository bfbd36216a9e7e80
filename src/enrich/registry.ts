/**
 * All enrichers by the name under which the configuration lists them. A new one is one file beside this one and one line here.
 */
import type { Enricher } from "../contracts.ts";
import { createAccountEnricher } from "./account.ts";
import { createAttackEnricher } from "./attack.ts";
import { createBurnEnricher } from "./burn.ts";
import { createRelatedEnricher } from "./related.ts";
import type { EnrichDeps } from "./settings.ts";

export type EnricherName = "account" | "attack" | "related" | "burn";

/** Factories by name, in the order in which additions stand in an alert. */
export const enricherRegistry: Readonly<Record<EnricherName, (deps: EnrichDeps) => Enricher>> = {
  account: createAccountEnricher,
  attack: createAttackEnricher,
  related: createRelatedEnricher,
  burn: createBurnEnricher,
};

/** The names that the configuration may list. */
export const ENRICHERS: readonly EnricherName[] = Object.keys(enricherRegistry) as EnricherName[];
