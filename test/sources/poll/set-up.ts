/** What the tests of the sources that ask AWS share. */
import { onTestFinished } from "vitest";
import { CALL_LIMITS } from "../../../src/aws/clients.ts";
import type { Batch, Source } from "../../../src/contracts.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import type { FoundGap } from "../../../src/model/past/gap.ts";
import type { Paces } from "../../../src/sources/poll/pace.ts";
import { type SourceConfig, sourceRegistry } from "../../../src/sources/registry.ts";
import { textsOf, withAlso } from "../../contracts/source-exam.ts";
import { type FaultProxy, startFaultProxy } from "../../fakes/fault-proxy.ts";
import { type Fake, type Served, startFake } from "../../fakes/service.ts";
import { LIMITS } from "../records.ts";

export type Asked = {
  readonly fake: Fake;
  readonly proxy: FaultProxy;
  readonly warnings: readonly string[];
  /** Gaps that the sources told of. */
  readonly gaps: readonly FoundGap[];
  /** Operational alerts that sources asked for: "NAME KEY: why". */
  readonly alerts: readonly string[];
  /** Whether what an account gave last (null: that of the credentials) is older than it should be, as told last. */
  readonly stale: ReadonlyMap<string | null, boolean>;
  /** A source of the registry that asks the fake, in the fashion of the configuration. */
  readonly source: (type: SourceConfig["type"], settings?: Readonly<Record<string, unknown>>) => Source;
  /** Whether the last source has said that all is taken in that was there at its start. */
  readonly isScanned: () => boolean;
};

/** Services behind the fault proxy; `clock` is what sources go by, `paces` what they share. */
export async function ask(services: readonly Served[], clock: Clock = systemClock, paces?: Paces): Promise<Asked> {
  const fake = await startFake(services);
  const proxy = await startFaultProxy(fake.url);
  onTestFinished(async () => {
    await proxy.close();
    await fake.close();
  });
  const warnings: string[] = [];
  const gaps: FoundGap[] = [];
  const alerts: string[] = [];
  const stale = new Map<string | null, boolean>();
  let scanned = false;
  return {
    fake,
    proxy,
    warnings,
    gaps,
    alerts,
    stale,
    source: (type, settings = {}) => {
      scanned = false;
      const entry = sourceRegistry[type];
      // Cost Explorer has one Region for all.
      const where = type === "cost" ? {} : { regions: ["eu-west-1"] };
      const config = entry.schema.parse({ type, ...where, endpoint: proxy.url, ...settings });
      return entry.create(config as never, {
        clock,
        limits: LIMITS,
        warn: (text) => void warnings.push(text),
        gap: (found) => void gaps.push(found),
        alert: (name, { key, why }) => void alerts.push(`${name} ${key}: ${why}`),
        stale: (accountId, isStale) => void stale.set(accountId, isStale),
        ...(paces === undefined ? {} : { paces }),
        onScanned: () => void (scanned = true),
      });
    },
    isScanned: () => scanned,
  };
}

/** Batches in order, each settled, until `until` says enough. */
export async function readUntil(
  source: Source,
  positions: ReadonlyMap<string, string>,
  until: (batches: readonly Batch[]) => boolean,
): Promise<Batch[]> {
  const end = new AbortController();
  const timeout = setTimeout(() => end.abort(), 20_000);
  const batches: Batch[] = [];
  // A round may give no batch.
  const looking = setInterval(() => until(batches) && end.abort(), 10);
  for await (const batch of source.read(positions, end.signal)) {
    batches.push(...withAlso(batch));
    for (const one of withAlso(batch)) one.settle();
    if (until(batches)) end.abort();
  }
  clearTimeout(timeout);
  clearInterval(looking);
  return batches;
}

/** The texts of all records. */
export const allTexts = (batches: readonly Batch[]): string[] => batches.flatMap(textsOf);

/** A clock whose time goes on by sleeping alone; the deadlines of calls are real. */
export function sleepingClock(startMs: number): Clock {
  let sleptMs = 0;
  return {
    ...systemClock,
    nowMs: () => startMs + sleptMs,
    monotonicMs: () => sleptMs,
    sleep: async (ms, signal) => {
      // The deadlines of credentials and of a call to Cost Explorer; rounds sleep for a minute.
      if (ms > 60_000 || ms === CALL_LIMITS.totalMs) return systemClock.sleep(ms, signal);
      sleptMs += ms;
      return systemClock.sleep(0, signal);
    },
  };
}

/** A clock that goes from `startMs`; sleeps are as short as they can be, but for the deadline of a call. */
export function quickClock(startMs: number): Clock & { add(ms: number): void } {
  let nowMs = startMs;
  return {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: (ms, signal) => systemClock.sleep(ms === CALL_LIMITS.totalMs ? ms : Math.min(ms, 5), signal),
    add: (ms) => void (nowMs += ms),
  };
}
