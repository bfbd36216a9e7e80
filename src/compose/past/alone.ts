/**
 * A backfill without a daemon: reads the past, then takes the state folder as long as the hand-over takes.
 *
 * While it reads a daemon may start; then the folder is held, and asking again hands over through that daemon.
 */
import { loadEngineVersion } from "../../config/load.ts";
import { systemClock } from "../../lib/clock.ts";
import type { PastProgress } from "../../sources/past/past.ts";
import { createPaces, toPacesDir } from "../../sources/poll/pace.ts";
import { openStore } from "../../store/store.ts";
import { openSinks } from "../adapters.ts";
import { createEngine } from "../engine.ts";
import { openRules } from "../rules.ts";
import { runStore } from "../run-store.ts";
import { type PastOutcome, tellPast, toOutcome } from "./backfills.ts";
import { type Merged, mergePast } from "./merge.ts";
import type { HandedOver } from "./hand-over.ts";
import { forgetPast, type PastParts, type PastRequest, type PastResult, planPast, readPast } from "./run.ts";

type Alone = Omit<PastParts, "rules" | "paces"> & { readonly onProgress: (progress: PastProgress) => void };

/** What it would take. Errors by code: as planPast, rules_rejected, not_found, input_unreadable. */
export function planAlone(request: PastRequest, alone: Alone): ReturnType<typeof planPast> {
  return planPast(request, toParts(alone));
}

/** Reads and hands over; null when `signal` aborted before. Errors by code: those of readPast and openRules, store_*. */
export async function backfillAlone(request: PastRequest, alone: Alone): Promise<PastOutcome | null> {
  const parts = toParts(alone);
  const result = await readPast(request, parts, alone.onProgress);
  if (result === null) return null;
  return tellPast(request, alone.emit, async () => {
    const merged = await handOverAlone(request, result, parts);
    forgetPast(result);
    return toOutcome(merged, result.summary);
  });
}

function toParts({ onProgress: _told, ...alone }: Alone): PastParts {
  // A daemon that starts meanwhile asks LookupEvents, too.
  const paces = createPaces(systemClock, toPacesDir(alone.config.state.dir));
  return { ...alone, rules: openRules(alone.config, null, alone.emit), paces };
}

async function handOverAlone(
  request: PastRequest,
  result: PastResult,
  { config, rules, emit }: PastParts,
): Promise<Merged> {
  const updateEveryMs = config.updateEvery;
  const store = openStore({ dir: config.state.dir, clock: systemClock, engine: loadEngineVersion(), updateEveryMs });
  const outcome: { merged: Merged; failure: Error | null } = {
    merged: { found: 0, opened: 0, updated: 0 },
    failure: null,
  };
  try {
    await runStore(
      { config, emit, signal: new AbortController().signal },
      {
        engine: createEngine(rules, config.state),
        store,
        sinks: openSinks(config),
        sources: [],
        quarantine: null,
        onRunning: (_running, _watermarks, handOver) => {
          // The run that it is handed over to ends in order first.
          try {
            const commit = (part: HandedOver): void => void handOver(part);
            outcome.merged = mergePast(request, result, { store, ruleSet: rules.ruleSet, commit });
          } catch (error) {
            outcome.failure = error instanceof Error ? error : new Error(String(error));
          }
        },
      },
    );
    if (outcome.failure !== null) throw outcome.failure;
    return outcome.merged;
  } finally {
    store.close();
  }
}
