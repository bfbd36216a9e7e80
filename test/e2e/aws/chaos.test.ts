/**
 * Delivery under kill -9 over an EventBridge queue, S3 and a Kafka topic at once (reliability.md T1).
 *
 * `npm run chaos -- --sources aws --runs 50` makes more and larger runs; with `--break ack-first` it must find losses.
 */
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { runAll, toRuns } from "../../chaos/summary.ts";
import { KAFKA_MS } from "../../kafka/make.ts";
import { toNote, useKafka, whyNoKafka } from "../../support/kafka/find.ts";

useEnvironmentCredentials();
const why = await whyNoKafka("any");

describe.skipIf(why !== null)(`a daemon over three ways that is killed${toNote(why)}`, () => {
  test(
    "nothing is lost, nothing invented, and every record has one outcome",
    async () => {
      const kafka = await useKafka();
      try {
        const size = { records: 150, kills: 3 };
        const runs = toRuns({ runs: 2, seed: "ways", break: null, size, kafka, sources: "aws" });
        const { problems, lost, spurious, wrong, alerts, kills } = await runAll(runs, availableParallelism());
        expect(problems.slice(0, 10)).toEqual([]);
        expect({ lost, spurious, wrong }).toEqual({ lost: 0, spurious: 0, wrong: 0 });
        expect(alerts).toBeGreaterThan(100);
        expect(Object.values(kills).reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(4);
      } finally {
        await kafka.stop();
      }
    },
    KAFKA_MS,
  );
});
