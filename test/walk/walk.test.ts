/**
 * The walk of a platform engineer, shortened: attacks planted and seen in every sink, credentials rotated, permissions
 * taken away, and no secret in anything that was written. `npm run walk` takes the whole of it; init, doctor, restart, kill
 * and a full disk have tests of their own.
 */
import { expect, test } from "vitest";
import { walk } from "./walk.ts";

test(
  "all sinks at once: attacks are seen in each, rotated keys and missing permissions lose nothing, no secret is written",
  { timeout: 180_000 },
  async () => {
    const steps: string[] = [];
    await walk({ kafka: false, disk: false, isShort: true }, ({ name, seen }) => {
      expect(seen.length, name).toBeGreaterThan(0);
      steps.push(name);
    });
    expect(steps).toEqual([
      "run, and plant attacks",
      "rotate credentials",
      "take permissions away and give them back",
      "look for secrets in everything that was written",
    ]);
  },
);
