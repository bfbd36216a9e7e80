/** T11 in small: `npm run flood` has ten million. */
import { expect, test } from "vitest";
import { judge, startFlood } from "./start.ts";

const MIB = 1024 * 1024;

test(
  "a flood of made-up principals evicts itself: the slow attack in it alerts, and what went is told",
  { timeout: 300_000 },
  async () => {
    const flooded = await startFlood(500_000, 128 * MIB);
    expect(judge(flooded, 150)).toEqual([]);
  },
);
