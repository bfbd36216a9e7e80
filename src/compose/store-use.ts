/**
 * Tells the store which rules and sinks there are, and people what it still holds for others.
 *
 * At the start and after each reload. The store decides what becomes of the rest (Store.adopt).
 */
import type { Config } from "../config/schema.ts";
import type { Store } from "../contracts.ts";
import { systemClock } from "../lib/clock.ts";
import type { Emit } from "../model/signal.ts";
import type { Rules } from "./rules.ts";

export function adoptUse(
  store: Store,
  { ruleSet }: Rules,
  { sinks, emit }: Pick<Config, "sinks"> & { emit: Emit },
): void {
  const stateKeys = new Set([...ruleSet.detections, ...ruleSet.correlations].map(({ stateKey }) => stateKey));
  const use = { stateKeys, sinks: sinks.map(({ name }) => name) };
  const { unusedRules, removedSinks } = store.adopt(use, systemClock.nowMs());
  if (unusedRules > 0) emit({ type: "rules_unused", rules: unusedRules });
  for (const { sink, rows } of removedSinks) emit({ type: "sink_removed", sink, rows });
}
