/**
 * Delivery under kill -9 with Kafka as a sink (reliability.md T1): every alert that must come is in the topic.
 *
 * `npm run chaos -- --kafka --runs 200` makes more and larger runs.
 */
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { toNote, useKafka, whyNoKafka } from "../support/kafka/find.ts";
import { runAll, toRuns } from "../chaos/summary.ts";

const why = await whyNoKafka("any");
const TIMEOUT_MS = 400_000;

describe.skipIf(why !== null)(`a daemon that is killed, and a real broker${toNote(why)}`, () => {
  test(
    "nothing is lost in the topic, nothing invented, and the last revision is the last",
    async () => {
      const kafka = await useKafka();
      try {
        const size = { records: 300, kills: 4 };
        const runs = toRuns({ runs: 5, seed: "kafka", break: null, size, kafka });
        const { problems, lost, spurious, wrong, alerts, kills } = await runAll(runs, availableParallelism());
        expect(problems.slice(0, 10)).toEqual([]);
        expect({ lost, spurious, wrong }).toEqual({ lost: 0, spurious: 0, wrong: 0 });
        expect(alerts).toBeGreaterThan(500);
        expect(Object.values(kills).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(20);
      } finally {
        await kafka.stop();
      }
    },
    TIMEOUT_MS,
  );
});
