/**
 * npm run reloads -- --reloads N [--seed S]
 *
 * Reloads the rules N times under load, 50 in a run, and prints one JSON line. Exit code 1 when any alert differs from the
 * reference.
 */
import { availableParallelism } from "node:os";
import { readFlags, refuseFlags } from "../support/flags.ts";
import { runReloads, type ReloadResult } from "./runs.ts";

const IN_A_RUN = 50;
const RECORDS = 1_500;

const HELP = `usage: npm run reloads -- [--reloads N] [--seed S]
Reloads the rules N times (1000) under load, 50 in a run; one JSON line. Exit code 1: an alert differs from the reference.`;
const values = readFlags(HELP, {
  reloads: { type: "string", default: "1000" },
  seed: { type: "string", default: "1" },
});
const reloads = Number(values.reloads);
if (!Number.isInteger(reloads) || reloads < 1) refuseFlags("--reloads must be a whole number from 1.", HELP);
const left = Array.from({ length: Math.ceil(reloads / IN_A_RUN) }, (_, n) => `${values.seed}.${n}`);
const results: ReloadResult[] = [];
const work = async (): Promise<void> => {
  for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
    const result = await runReloads({ seed, records: RECORDS, reloads: Math.min(IN_A_RUN, reloads) });
    for (const problem of result.problems.slice(0, 5)) console.error(`${seed}: ${problem.slice(0, 900)}`);
    results.push(result);
  }
};
const begunMs = performance.now();
await Promise.all(Array.from({ length: availableParallelism() }, work));

const at = (times: readonly number[], share: number): number =>
  Math.round((times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0) * 10) / 10;
const [pauses, whole] = [results.flatMap(({ pausesMs }) => pausesMs), results.flatMap(({ elapsedMs }) => elapsedMs)];
const moves: Record<string, number> = {};
for (const result of results) for (const [move, times] of result.moves) moves[move] = (moves[move] ?? 0) + times;
const differences = results.reduce((sum, { problems }) => sum + problems.length, 0);
console.log(
  JSON.stringify({
    reloads: Object.values(moves).reduce((sum, times) => sum + times, 0),
    exchanged: pauses.length,
    rejected: results.reduce((sum, { rejected }) => sum + rejected, 0),
    alerts: results.reduce((sum, { alerts }) => sum + alerts, 0),
    differences,
    pauseMs: { p50: at(pauses, 0.5), p99: at(pauses, 0.99), max: at(pauses, 1 - 1e-9) },
    elapsedMs: { p50: at(whole, 0.5), p99: at(whole, 0.99) },
    moves,
    seconds: Math.round((performance.now() - begunMs) / 1000),
  }),
);
process.exit(differences === 0 ? 0 : 1);
