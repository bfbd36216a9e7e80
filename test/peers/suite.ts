/**
 * Holds a world to all behaviours, but for the differences that are known of it, which have to be there.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useEnvironmentCredentials } from "../aws/set-up.ts";
import type { Behaviour } from "./behaviour.ts";
import { OBJECTS } from "./behaviours/objects.ts";
import { POLLED } from "./behaviours/polled.ts";
import { QUEUES } from "./behaviours/queues.ts";
import { SINKS } from "./behaviours/sinks.ts";
import { STREAMS } from "./behaviours/streams.ts";
import { DIFFERENCES } from "./differences.ts";
import { openWorld, type World, type WorldName } from "./world.ts";

const BEHAVIOURS: readonly Behaviour[] = [...QUEUES, ...OBJECTS, ...STREAMS, ...POLLED, ...SINKS];

/** Of what is known not to come; our own are in this process, or nearly. */
const SHORT_PATIENCE_MS: Readonly<Record<WorldName, number>> = { own: 1_000, ministack: 4_000, moto: 4_000 };

/** Registers the tests. `why`: the reason why this world cannot be had; null when it can. */
export function holdToBehaviours(name: WorldName, why: string | null): void {
  const known = new Map(DIFFERENCES.filter((one) => one.world === name).map((one) => [one.behaviour, one]));
  describe.skipIf(why !== null)(`${name}${why === null ? "" : ` (skipped: ${why})`}`, () => {
    useEnvironmentCredentials();
    let world: World;
    beforeAll(async () => void (world = await openWorld(name)));
    afterAll(() => world?.close());

    test("each known difference is of one behaviour that there is", () => {
      const names = new Set(BEHAVIOURS.map((one) => one.name));
      expect([...known.keys()].filter((one) => !names.has(one))).toEqual([]);
      expect(DIFFERENCES.filter((one) => one.world === name)).toHaveLength(known.size);
    });

    test.each(BEHAVIOURS.filter((one) => !known.has(one.name)))("$name", async ({ run }) => {
      await expect(run(world)).resolves.toBeUndefined();
    });

    test.each(BEHAVIOURS.filter((one) => known.has(one.name)))("known to differ: $name", async (behaviour) => {
      const ended = await behaviour.run({ ...world, patienceMs: SHORT_PATIENCE_MS[name] }).then(
        () => "it behaves as AWS does: take it out of test/peers/differences.ts and docs/peers.md",
        (error: unknown) => String(error),
      );
      expect(ended).toMatch(known.get(behaviour.name)?.seen ?? /^$/);
    });
  });
}
