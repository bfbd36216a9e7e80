/** A receiver that asks to be left alone is left alone, for five minutes at most. */
import { expect, test } from "vitest";
import type { SendResult, Sink } from "../../src/contracts.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { startDeliver } from "../../src/pipeline/deliver.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { openStore } from "../../src/store/store.ts";
import { draft, unit } from "../store/make.ts";

test.each([
  [60_000, 60_000],
  [86_400_000, 300_000],
])("asked for %i ms it waits %i ms", async (retryAfterMs, waitMs) => {
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) => {
      if (ms >= 10_000) waits.push(ms);
      return systemClock.sleep(ms >= 10_000 ? 1 : ms, signal);
    },
  };
  let calls = 0;
  const sink: Sink = {
    name: "s",
    limits: { maxItems: 10, maxBytes: 1e6, lane: () => 0, part: () => "" },
    send: async (items) => {
      calls += 1;
      const asked: SendResult = { status: "unknown", code: "throttled", retryAfterMs };
      return items.map(() => (calls === 1 ? asked : { status: "accepted" }));
    },
    close: async () => undefined,
  };
  const store = openStore({ dir: null, clock: systemClock, engine: "test", updateEveryMs: 50 });
  const cap = { delivery: "required", bytes: Infinity } as const;
  const worker = startDeliver({ sink, outbox: store.outbox("s"), clock, emit: () => undefined, cap });
  store.commit(
    unit({ nowMs: systemClock.nowMs(), alerts: [draft(sha256Hex("one"), { why: "w", final: true, sinks: ["s"] })] }),
  );
  worker.wake();
  await worker.drained(AbortSignal.timeout(10_000));
  await worker.close();
  store.close();
  expect([calls, waits]).toEqual([2, [waitMs]]);
});
