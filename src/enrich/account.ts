/**
 * The enricher `account`: what the configuration says of the account: its environment and who answers for it.
 */
import type { Enricher } from "../contracts.ts";
import type { EnrichDeps } from "./settings.ts";

export function createAccountEnricher({ accounts }: EnrichDeps): Enricher {
  return {
    name: "account",
    enrich: async ({ accountId }) => {
      const account = Object.hasOwn(accounts, accountId) ? accounts[accountId] : undefined;
      const known = Object.entries({ name: account?.name, env: account?.env, owner: account?.owner }).filter(
        (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
      );
      return known.length === 0 ? null : Object.fromEntries(known);
    },
  };
}
