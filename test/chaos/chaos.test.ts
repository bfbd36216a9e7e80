/**
 * Delivery under kill -9 (reliability.md T1) and the proof that the test can fail (T2).
 *
 * Ten runs, each in both modes; `npm run chaos -- --runs 200` makes more and larger ones. The judge is a second, slow
 * implementation. Each break of the delivery contract must be found by the same harness.
 */
import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { type Break, BREAKS } from "./plan.ts";
import { FULL, runAll, type Summary, toRuns } from "./summary.ts";

/** Slow machines: a run is a second of work and a dozen processes. */
const TIMEOUT_MS = 300_000;

test(
  "nothing is lost, nothing invented and every content right, wherever the daemon is killed",
  { timeout: TIMEOUT_MS },
  async () => {
    // `npm run chaos` has as many as are asked for; .ci/run has ten.
    const runs = toRuns({ runs: 3, seed: "ci", break: null, size: { records: 300, kills: 4 } });
    const { problems, lost, spurious, wrong, alerts, kills } = await runAll(runs, availableParallelism());
    expect(problems.slice(0, 10)).toEqual([]);
    expect({ lost, spurious, wrong }).toEqual({ lost: 0, spurious: 0, wrong: 0 });
    // The runs had something to lose, and daemons did die.
    expect(alerts).toBeGreaterThan(300);
    expect(Object.values(kills).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(12);
  },
);

/** Runs of a broken daemon until one shows what is looked for, 16 at most. */
async function runBroken(name: Break, isFound: (sums: Summary) => boolean): Promise<Summary | null> {
  for (let seed = 0; seed < 8; seed += 1) {
    const runs = toRuns({ runs: 2, seed: `${name}-${seed}`, break: name, size: FULL });
    const sums = await runAll(runs, 2);
    if (isFound(sums)) return sums;
  }
  return null;
}

test.each(BREAKS.filter((name) => name !== "part-pieces"))(
  "a daemon broken by %s is found out: it loses alerts",
  { timeout: TIMEOUT_MS },
  async (name) => {
    expect(await runBroken(name, ({ lost }) => lost > 0)).not.toBeNull();
  },
);

test(
  "a daemon broken by part-pieces is found out: it counts records twice, though no alert suffers",
  { timeout: TIMEOUT_MS },
  async () => {
    const sums = await runBroken("part-pieces", ({ wrong }) => wrong > 0);
    expect(sums).toMatchObject({ lost: 0, spurious: 0 });
    expect(sums?.problems.filter((problem) => !/: (read|evaluated): is/.test(problem))).toEqual([]);
  },
);
