/**
 * Rules over records of two kinds whose watermarks stand hours apart: any order, cut and restart ends with the alerts of the
 * slow detector, chained correlations included.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Detector, Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { Logsource } from "../../src/model/event.ts";
import type { Correlation, DetectionRule } from "../../src/sigma/ast.ts";
import {
  anyParent,
  anyRule,
  disturb,
  type Disturbance,
  disturbances,
  LATENESS,
  type Seed,
  seeds,
  sorted,
  toChain,
  toMatches,
  verdictsOf,
} from "./kinds.ts";
import { createHeld, finish, fold, type Held, HOUR, makeDetection } from "./make.ts";
import { slowDetect } from "./slow-detect.ts";

const LOGSOURCES = ["aws/cloudtrail", "aws/guardduty"] as const;

/** "b" meets findings only, "c" both kinds, the others calls only. */
const of = (id: string, service: string | null): DetectionRule =>
  makeDetection(id, { alerts: false, logsource: { category: null, product: "aws", service } });
const detections = [of("base", "cloudtrail"), of("a", "cloudtrail"), of("b", "guardduty"), of("c", null)];

function toKinds(rules: readonly Correlation[], seed: Seed): Match[] {
  return toMatches(rules, seed).map((match) => {
    const met = rules.find(({ id }) => id === match.ruleId)?.rules[match.step];
    if (met !== "b" && (met !== "c" || seed.key % 2 === 0)) return match;
    const key = `finding ${match.key}`;
    return { ...match, kind: "guardduty", logsource: "aws/guardduty", key, eventId: key };
  });
}

/** Findings may lie `lagMs` further back than calls. */
function play(rules: readonly Correlation[], stream: readonly Seed[], how: Disturbance & { lagMs: number }): Held {
  const newest = new Map<Logsource, number>();
  const latenessMs = { "aws/cloudtrail": LATENESS, "aws/guardduty": LATENESS + how.lagMs };
  const advance = (detector: Detector): Detector => {
    // No source carries envelopes here, so they hold back nothing.
    detector.advance("aws/eventbridge", Infinity);
    for (const name of LOGSOURCES) detector.advance(name, (newest.get(name) ?? -Infinity) - latenessMs[name]);
    return detector;
  };
  const memory = { heapGroups: how.cut % 2 === 0 ? 0 : 4096 };
  const create = (): Detector => createDetector({ detections, correlations: rules }, { names: new Map(), memory });
  const held = createHeld();
  let detector = create();
  for (const [i, chunk] of disturb(stream, how).entries()) {
    const matches = chunk.flatMap((seed) => toKinds(rules, seed));
    detector.apply(matches);
    for (const { logsource, timeMs } of matches)
      newest.set(logsource, Math.max(newest.get(logsource) ?? -Infinity, timeMs));
    advance(detector);
    if (i % how.every !== 0) continue;
    fold(held, detector.deltas());
    if (!how.restarts.includes(i)) continue;
    detector = advance(create());
    detector.restore({ members: held.members, evidence: held.evidence });
    expect(detector.deltas().alerts).toEqual([]);
  }
  finish(detector, held);
  expect([held.late, held.members, held.evidence]).toEqual([0, [], []]);
  expect(detector.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
  return held;
}

test("two kinds of records, the findings hours behind the calls", () => {
  let alerts = 0;
  fc.assert(
    fc.property(
      fc.record({ child: anyRule, parents: fc.array(anyParent, { maxLength: 3, size: "max" }) }),
      seeds({ negative: false, versions: false }),
      fc.record({ how: disturbances, lag: fc.nat(3) }),
      ({ child, parents }, stream, { how, lag }) => {
        const rules = toChain(child, parents);
        const held = play(rules, stream, { ...how, lagMs: lag * HOUR });
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toKinds(rules, seed)),
        );
        expect(verdictsOf(held)).toEqual(sorted(expected.values()));
        alerts += held.contents.size;
      },
    ),
    { numRuns: 200 },
  );
  expect(alerts).toBeGreaterThan(200);
});
