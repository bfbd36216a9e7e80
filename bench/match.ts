/**
 * How much matching costs beside JSON.parse of the same records in the same run.
 *
 * Records are parsed anew in each round and matched once, so that their fields are as cold as in life. Rounds are cut
 * into chunks, and the fastest time of each chunk counts: what other processes of the machine take is left out, alike on
 * both sides. Prints one JSON line.
 */
import type { Event, JsonObject } from "../src/model/event.ts";
import type { RuleSet } from "../src/sigma/ast.ts";
import { compileRules } from "../src/sigma/compile.ts";
import { eventOf, NO_LISTS } from "../test/match/build.ts";
import { describeMachine, print } from "./machine.ts";
import { benchRecords, benchRules, withMadeUpRules } from "./match-rules.ts";

const ROUNDS = 40;
const CHUNK = 256;

/** Nanoseconds a record. */
export type MatchCost = {
  readonly rules: number;
  readonly open: number;
  readonly parseNs: number;
  readonly matchNs: number;
  readonly ratio: number;
  readonly matches: number;
};

function measure(ruleSet: RuleSet, records: readonly string[]): MatchCost {
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  const chunks = Array.from({ length: Math.ceil(records.length / CHUNK) }, (_, index) =>
    records.slice(index * CHUNK, (index + 1) * CHUNK),
  );
  const best = chunks.map(() => ({ parseMs: Infinity, matchMs: Infinity }));
  let matches = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    matches = 0;
    for (const [index, chunk] of chunks.entries()) {
      const started = performance.now();
      const parsed = chunk.map((record) => JSON.parse(record) as JsonObject);
      const afterParse = performance.now();
      const events: Event[] = parsed.map((record) => eventOf(record));
      const before = performance.now();
      for (const event of events) matches += rules.evaluate(event).length;
      const ended = performance.now();
      const least = best[index];
      if (least === undefined) continue;
      least.parseMs = Math.min(least.parseMs, afterParse - started);
      least.matchMs = Math.min(least.matchMs, ended - before);
    }
  }
  const perRecord = (ms: number): number => Math.round((ms / records.length) * 1e6);
  const parseNs = perRecord(best.reduce((sum, { parseMs }) => sum + parseMs, 0));
  const matchNs = perRecord(best.reduce((sum, { matchMs }) => sum + matchMs, 0));
  const ratio = Math.round((matchNs / parseNs) * 1000) / 1000;
  return { rules: ruleSet.detections.length, open: rules.openRules.length, parseNs, matchNs, ratio, matches };
}

/** The whole result: the rules there are, and 300 of the same mix. */
export function benchMatch(): Record<string, unknown> {
  const { ruleSet, origin } = benchRules();
  const { records, origin: recordOrigin } = benchRecords();
  const bytes = records.reduce((sum, record) => sum + Buffer.byteLength(record), 0);
  return {
    ...describeMachine("match"),
    rules: origin,
    records: { origin: recordOrigin, count: records.length, bytes },
    base: measure(ruleSet, records),
    many: measure(withMadeUpRules(ruleSet, 300, records), records),
  };
}

if (import.meta.main) print(benchMatch());
