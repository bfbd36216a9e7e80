/** The exam of sources, taken by `cost` over a Cost Explorer whose figures stand still. */
import type { Batch, Position, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { sourceRegistry } from "../../../src/sources/registry.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { examineSource } from "../../contracts/source-exam.ts";
import { serveCostExplorer } from "../../fakes/cost/cost-explorer.ts";
import { startFake } from "../../fakes/service.ts";
import { LIMITS } from "../records.ts";

useEnvironmentCredentials();
const NOW = Date.UTC(2026, 2, 12, 9, 30);

const days = ["2026-03-10", "2026-03-11", "2026-03-12"];
const charges = days.flatMap((start) =>
  ["Amazon Bedrock", "Amazon SageMaker"].map((service) => ({ start, usd: "5", of: { SERVICE: service } })),
);
const records = charges.map(({ start, of }, at) =>
  JSON.stringify({
    TimePeriod: { Start: start, End: ["2026-03-11", "2026-03-12", "2026-03-13"][Math.floor(at / 2)] },
    Granularity: "DAILY",
    Estimated: false,
    Dimensions: of,
    Metrics: { UnblendedCost: { Amount: "5", Unit: "USD" }, UsageQuantity: { Amount: "0", Unit: "N/A" } },
    Earlier: { Periods: 14, Highest: at < 2 ? "0" : "5" },
    RetrievedAt: "2026-03-12T09:30:00Z",
  }),
);

/**
 * The source as the exam wants it: it ends when all that is due was asked. The exam restarts at every batch; a booking is a
 * batch of its own that no call has followed yet, so it is committed at once and handed on with the next batch.
 */
function toEnding(open: (onScanned: () => void) => Source): Source {
  return {
    ...open(() => undefined),
    async *read(positions, signal): AsyncGenerator<Batch> {
      const end = new AbortController();
      const booked: Position[] = [];
      const reading = open(() => end.abort()).read(positions, AbortSignal.any([signal, end.signal]));
      for await (const batch of reading) {
        if (batch.offsets.length > 0) yield { ...batch, positions: [...booked.splice(0), ...batch.positions] };
        else {
          booked.push(...batch.positions);
          batch.settle();
        }
      }
    },
  };
}

examineSource({
  name: "cost",
  open: async () => {
    const clock = { ...systemClock, nowMs: () => NOW };
    const fake = await startFake([serveCostExplorer({ nowMs: clock.nowMs, charges: () => charges, pageGroups: 3 })]);
    const config = sourceRegistry.cost.schema.parse({
      type: "cost",
      endpoint: fake.url,
      groups: [["SERVICE"]],
      anomalies: false,
      callsPerDay: 1000,
    });
    const open = (onScanned: () => void): Source =>
      sourceRegistry.cost.create(config, { clock, limits: LIMITS, warn: () => undefined, onScanned });
    return { source: toEnding(open), close: () => fake.close() };
  },
  records,
  rejected: 0,
  skipped: 0,
});
