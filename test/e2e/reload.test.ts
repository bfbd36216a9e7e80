/**
 * Reload under load (reliability.md T13): 50 random reloads over the table of migrations while records come in.
 *
 * `npm run reloads` makes 1,000. The reference is a second, slow implementation; a part of the promise broken on purpose
 * must be found by it.
 */
import { expect, test } from "vitest";
import { MOVES } from "../reload/rules.ts";
import { runReloads } from "../reload/runs.ts";
import { TIMEOUT_MS } from "./make.ts";

test(
  "50 reloads under load: the alerts are those of each set of rules from its activation on",
  { timeout: TIMEOUT_MS },
  async () => {
    const { alerts, problems, moves, pausesMs, rejected } = await runReloads({
      seed: "ci",
      records: 1_200,
      reloads: 50,
    });
    expect(problems.slice(0, 5)).toEqual([]);
    expect(alerts).toBeGreaterThan(300);
    // Every way in which rules change was tried, broken ones among them.
    expect([...moves.keys()].toSorted()).toEqual(Object.keys(MOVES).toSorted());
    expect(pausesMs.length).toBeGreaterThan(20);
    expect(rejected).toBe(moves.get("a broken file"));
  },
);
