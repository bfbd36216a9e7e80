/**
 * A simulated day through the engine: what it alerts of, which planted attacks were missed by a rule meant for them, and
 * what was reported beside them.
 */
import { basename } from "node:path";
import { createConfigSchema } from "../../src/config/schema.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Rules } from "../../src/compose/rules.ts";
import type { Batch } from "../../src/contracts.ts";
import { decoders } from "../../src/decode/registry.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { createMatcher } from "../../src/match/matcher.ts";
import type { AlertContent } from "../../src/model/alert.ts";
import { LOGSOURCES } from "../../src/model/event.ts";
import { createSimulation, generateRecords, type SimulationOptions } from "../../src/simulate/simulation.ts";
import { createRecordBatcher } from "../../src/sources/records/batches.ts";

const { limits } = createConfigSchema(ADAPTERS).parse({});
const NEW_LINE = new TextEncoder().encode("\n");

/** A historic run over records, one JSON object each: what each alert says at the end. */
export function detect(records: Iterable<Uint8Array>, { compiled, ruleSet }: Rules): readonly AlertContent[] {
  const matcher = createMatcher({ rules: compiled, ruleSet, decoders });
  const detector = createDetector(ruleSet, { names: new Map() });
  const batcher = createRecordBatcher({ source: "day", path: "day", limits, sizeHint: 1 << 20, skip: 0 });
  const take = (batches: ReturnType<typeof batcher.push>): void => {
    for (const { indexes, ...batch } of batches) {
      const origin: Batch["origin"] = { source: "day", path: "day", indexes };
      const whole: Batch = { ...batch, origin, positions: [], floorMs: Infinity, settle: () => undefined };
      detector.apply(matcher.match(whole, { nowMs: null, watermarkMs: Number.NEGATIVE_INFINITY }).matches);
    }
  };
  for (const bytes of records) {
    take(batcher.push(bytes));
    take(batcher.push(NEW_LINE));
  }
  take(batcher.end());
  for (const logsource of LOGSOURCES) detector.advance(logsource, Number.POSITIVE_INFINITY);
  return [...new Map(detector.deltas().alerts.map(({ content }) => [content.id, content])).values()];
}

/** Records of a simulated day, each changed by `change`. */
export function* recordsOf(
  options: SimulationOptions,
  change: (record: Uint8Array) => Uint8Array = (record) => record,
): Iterable<Uint8Array> {
  for (const { bytes } of generateRecords(options)) yield change(bytes);
}

/** What a run found: alerts, rules that missed the attack they are meant for, and alerts that share no record with any attack. */
export type DayVerdict = {
  readonly alerts: readonly AlertContent[];
  /** Attacks planted, and pairs of attack and rule that had to be found. */
  readonly planted: number;
  readonly wanted: number;
  readonly missed: readonly string[];
  readonly unplanned: readonly string[];
  /** Rules (file names) that fired on each attack, by its name. */
  readonly fired: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Holds the alerts of a day against what was planted in it. */
export function judgeDay(options: SimulationOptions, alerts: readonly AlertContent[], { ruleSet }: Rules): DayVerdict {
  const files = new Map(
    [...ruleSet.detections, ...ruleSet.correlations].map(({ id, place }) => [id, basename(place.file, ".yml")]),
  );
  const { planted } = createSimulation(options);
  const all = new Set<string>();
  const fired = new Map<string, Set<string>>();
  const missed: string[] = [];
  for (const { name, attack, principal, records } of planted) {
    const ids = new Set(records.map(({ eventId }) => eventId));
    for (const id of ids) all.add(id);
    const own = alerts.filter(({ eventIds }) => eventIds.some((id) => ids.has(id)));
    const rules = new Set(own.map(({ ruleId }) => files.get(ruleId) ?? ruleId));
    fired.set(name, rules);
    for (const rule of attack.rules) {
      const right = own.some((alert) => files.get(alert.ruleId) === rule && alert.principal === principal);
      if (!right) missed.push(`${name}: ${rule}`);
    }
  }
  return {
    alerts,
    planted: planted.length,
    wanted: planted.reduce((sum, { attack }) => sum + attack.rules.length, 0),
    missed,
    unplanned: alerts
      .filter(({ eventIds }) => !eventIds.some((id) => all.has(id)))
      .map(({ title, why }) => `${title}: ${why}`),
    fired,
  };
}
