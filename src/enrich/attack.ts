/**
 * The enricher `attack`: names, tactics and pages of the techniques of MITRE ATT&CK and ATLAS that the rule names by id.
 */
import type { Enricher } from "../contracts.ts";
import type { EnrichDeps } from "./settings.ts";

export function createAttackEnricher({ technique }: EnrichDeps): Enricher {
  return {
    name: "attack",
    enrich: async ({ attack, atlas }) => {
      const techniques = [...attack, ...atlas].flatMap((id) => {
        const known = technique(id);
        return known === null ? [] : [{ id, name: known.name, tactics: known.tactics, page: known.page }];
      });
      return techniques.length === 0 ? null : { techniques };
    },
  };
}
