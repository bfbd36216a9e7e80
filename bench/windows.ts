/**
 * What a window costs by its kind: an event of a value_count with 1,800 distinct values, of a sum, of an ordered rule and of a
 * correlation of correlations, against one of event_count over the same times.
 *
 * One group, an event every two seconds under an hour's window, so 1,800 members stand in it; matches are made before,
 * commits of 100. `quiet` limits are never met; `told` ones always, so that each commit drafts an alert. `long` is an ordered
 * rule with 43,200 members in its window against one with 432: a commit of ten must not cost by the window. Nor must one of
 * `hotChain`, a correlation of a correlation whose group has 60,000 events, against one with 600. The fastest of several
 * rounds counts, of `hotChain` the middle one. Prints one JSON line.
 */
import type { Match } from "../src/contracts.ts";
import { createDetector } from "../src/detect/detector.ts";
import type { Bound, Correlation } from "../src/sigma/ast.ts";
import { HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE } from "../test/detect/make.ts";
import { describeMachine, print, round } from "./machine.ts";

const [EVENTS, EVERY_MS, COMMIT, ROUNDS] = [18_000, 2000, 100, 7] as const;
const VALUES = HOUR / EVERY_MS;
const BASES = ["base", "a", "b", "c"].map((id) => makeDetection(id, { alerts: false }));
const QUIET: readonly Bound[] = [{ operator: "gte", value: 1e9 }];

/** The rules of a case; the first one gets the matches. */
type Case = { readonly rules: readonly Correlation[]; readonly matches: readonly Match[] };

function makeCase(over: Partial<Correlation>, more: readonly Correlation[] = []): Case {
  const rule = makeCorrelation("first", over);
  const matches = Array.from({ length: EVENTS }, (_, i) =>
    makeMatch(rule, {
      atMs: i * EVERY_MS,
      key: `k${i}/111122223333`,
      step: i % rule.rules.length,
      value: `model-${(i * 7) % VALUES}`,
      number: (i % 100) / 10,
    }),
  );
  return { rules: [rule, ...more], matches };
}

/** Nanoseconds an event: the fastest time of each part of a round, so that what others take of the machine is left out. */
function measure({ rules, matches }: Case, commit: number = COMMIT): number {
  const best = new Float64Array(Math.ceil(matches.length / commit)).fill(Infinity);
  for (let run = 0; run < ROUNDS; run += 1) {
    const detector = createDetector({ detections: BASES, correlations: rules }, { names: new Map() });
    for (let part = 0; part < best.length; part += 1) {
      const chunk = matches.slice(part * commit, (part + 1) * commit);
      const begun = performance.now();
      detector.apply(chunk);
      detector.advance("aws/cloudtrail", (chunk.at(-1)?.timeMs ?? 0) - 5 * MINUTE);
      detector.deltas();
      best[part] = Math.min(best[part] as number, performance.now() - begun);
    }
  }
  // The window is full from the second hour on.
  const full = best.slice(Math.ceil(VALUES / commit));
  return (full.reduce((sum, ms) => sum + ms, 0) / (full.length * commit)) * 1e6;
}

/** An ordered rule of three steps, ten members a commit, `inWindow` of them in its window. */
function measureLong(inWindow: number): number {
  const rule = makeCorrelation("long", {
    kind: "temporal_ordered",
    rules: ["a", "b", "c"],
    bounds: [],
    timespanMs: 24 * HOUR,
  });
  const detector = createDetector({ detections: BASES, correlations: [rule] }, { names: new Map() });
  const everyMs = (24 * HOUR) / inWindow;
  const make = (i: number): Match =>
    // The last step never comes, so no alert is drafted and the window is never left.
    makeMatch(rule, { atMs: Math.floor(i * everyMs), key: `k${i}/111122223333`, step: i % 2 });
  detector.apply(Array.from({ length: inWindow }, (_, i) => make(i)));
  detector.deltas();
  let best = Infinity;
  for (let run = 0; run < 60; run += 1) {
    const chunk = Array.from({ length: 10 }, (_, i) => make(inWindow + run * 10 + i));
    const begun = performance.now();
    detector.apply(chunk);
    detector.deltas();
    best = Math.min(best, performance.now() - begun);
  }
  return best * 1e6;
}

/**
 * A correlation of a correlation, one group of which has had `before` events in its day and gets ten more a commit: each
 * holds and is handed on, so each commit drafts the parent's alert again. Nanoseconds a commit, the middle one of forty.
 */
function measureHotChain(before: number): number {
  const child = makeCorrelation("first", { alerts: false, timespanMs: HOUR, bounds: [{ operator: "gte", value: 10 }] });
  const parent = makeCorrelation("second", {
    rules: ["first"],
    timespanMs: 24 * HOUR,
    bounds: [{ operator: "gte", value: 1 }],
  });
  const detector = createDetector({ detections: BASES, correlations: [child, parent] }, { names: new Map() });
  const make = (i: number): Match => makeMatch(child, { atMs: i * 1000, key: `k${i}/111122223333` });
  for (let i = 0; i < before; i += 10_000) {
    detector.apply(Array.from({ length: Math.min(10_000, before - i) }, (_, at) => make(i + at)));
    detector.deltas();
  }
  const took: number[] = [];
  for (let run = 0; run < 40; run += 1) {
    const chunk = Array.from({ length: 10 }, (_, i) => make(before + run * 10 + i));
    const begun = performance.now();
    detector.apply(chunk);
    detector.deltas();
    took.push(performance.now() - begun);
  }
  return (took.toSorted((a, b) => a - b)[took.length / 2] as number) * 1e6;
}

/** The whole result. */
export function benchWindows(): Record<string, unknown> {
  const at = (value: number): readonly Bound[] => [{ operator: "gte", value }];
  const steps = { kind: "temporal_ordered" as const, rules: ["a", "b", "c"] };
  const parent = makeCorrelation("second", { rules: ["first"], bounds: QUIET });
  const cases: Record<string, Record<string, Case>> = {
    quiet: {
      eventCount: makeCase({ bounds: QUIET }),
      valueCount: makeCase({ kind: "value_count", fields: ["x"], bounds: QUIET }),
      valueSum: makeCase({ kind: "value_sum", fields: ["x"], bounds: QUIET }),
      ordered: makeCase({ ...steps, bounds: [{ operator: "gte", value: 4 }] }),
      final: makeCase({ kind: "value_avg", judged: "final", fields: ["x"], bounds: QUIET }),
      chained: makeCase({ bounds: at(10), alerts: false }, [parent]),
    },
    told: {
      eventCount: makeCase({ bounds: at(10) }),
      valueCount: makeCase({ kind: "value_count", fields: ["x"], bounds: at(10) }),
      valueSum: makeCase({ kind: "value_sum", fields: ["x"], bounds: at(10) }),
      ordered: makeCase({ ...steps, bounds: [] }),
    },
  };
  const figures = Object.fromEntries(
    Object.entries(cases).map(([name, group]) => {
      const ns = Object.entries(group).map(([kind, of]) => [kind, measure(of)] as const);
      const reference = ns[0]?.[1] ?? Number.NaN;
      return [
        name,
        Object.fromEntries(ns.map(([kind, each]) => [kind, { ns: round(each), ratio: round(each / reference, 2) }])),
      ];
    }),
  );
  const [short, long] = [measureLong(432), measureLong(43_200)];
  const [fresh, hot] = [measureHotChain(600), measureHotChain(60_000)];
  return {
    ...describeMachine("windows"),
    distinct: VALUES,
    ...figures,
    long: { us: round(long / 1000, 1), shortUs: round(short / 1000, 1), ratio: round(long / short, 2) },
    hotChain: { us: round(hot / 1000, 1), shortUs: round(fresh / 1000, 1), ratio: round(hot / fresh, 2) },
  };
}

if (import.meta.main) print(benchWindows());
