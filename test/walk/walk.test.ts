/**
 * The walk of a platform engineer, shortened: init, doctor, attacks planted and seen in every sink, credentials rotated,
 * permissions taken away, kill -9, a full disk where this user may mount one, and no secret in anything that was written.
 * `npm run walk` takes the whole of it.
 */
import { expect, test } from "vitest";
import { mayMount } from "./place.ts";
import { walk } from "./walk.ts";

const disk = mayMount();

test(
  "all sinks at once: attacks are seen in each; rotated keys, missing permissions, kill -9 and a full disk lose nothing",
  { timeout: 600_000 },
  async () => {
    const steps: string[] = [];
    let fromMs = performance.now();
    await walk({ kafka: false, disk, isShort: true }, ({ name, seen }) => {
      expect(seen.length, name).toBeGreaterThan(0);
      steps.push(name);
      process.stderr.write(`${name}: ${((performance.now() - fromMs) / 1000).toFixed(1)} s\n`);
      fromMs = performance.now();
    });
    expect(steps).toEqual([
      "init and doctor in an empty folder",
      "doctor with every sink",
      "run, and plant attacks",
      "rotate credentials",
      "take permissions away and give them back",
      "kill -9",
      ...(disk ? ["fill the disk"] : []),
      "look for secrets in everything that was written",
    ]);
  },
);
