/**
 * The `cost` source: what AWS bills, by day and group, as Cost Explorer tells it, and the anomalies that AWS found.
 *
 * Every 8 hours it asks for the costs of the last days and for anomalies. AWS revises its figures until the bill is closed:
 * a day whose figures changed comes again, as new versions of its rows. Each call costs a cent, so a day has a budget that
 * holds over restarts, and a call is booked before it is made. Costs are hours to a day behind; what they tell nobody told
 * sooner are charges without a call in CloudTrail, and the size of what was done. Live; never ends but by an abort.
 * https://docs.aws.amazon.com/cost-management/latest/userguide/ce-api-best-practices.html
 */
import type { Source } from "../contracts.ts";
import { createLook } from "./cost/look.ts";
import { type CostConfig, costSchema } from "./cost/settings.ts";
import { costNeeds, costProbes } from "./cost/needs.ts";
import { createPlaces } from "./poll/places.ts";
import { readRounds } from "./poll/rounds.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { withRareWarnings } from "./sqs/settings.ts";

const HOUR_MS = 3_600_000;
/** How often it is looked whether a question is due. */
const ROUND_MS = 60_000;
/** A row of a day may come so long after the newest: AWS changes the last days most. */
const LATENESS_MS = 72 * HOUR_MS;

/** Makes the source. Errors by code, from `read`: config_invalid (see createPlaces). */
export function createCost(config: CostConfig, given: SourceDeps): Source {
  const deps = withRareWarnings(given);
  const { name, region, every } = config;
  const { clock, limits, warn, onScanned, onAnswered } = deps;
  return {
    name,
    logsources: ["aws/cost"],
    timing: { mode: "live", latenessMs: LATENESS_MS, idleMs: 3 * every, asksMs: 3 * every, followMs: null },
    read: (positions, signal) =>
      readRounds(
        {
          source: name,
          kind: "cost",
          places: createPlaces({ ...config, regions: [region] }, clock),
          everyMs: ROUND_MS,
          limits,
          clock,
          warn,
          onScanned,
          onAnswered,
          // Its lateness is all that costs wait for, and nothing waits for them.
          startMs: () => Infinity,
          look: createLook(config, deps, positions),
        },
        positions,
        signal,
      ),
  };
}

/** The registry's entry. */
export const costSource: SourceType<CostConfig> = {
  schema: costSchema,
  create: createCost,
  needs: costNeeds,
  probes: costProbes,
};
