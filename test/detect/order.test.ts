/** C5 and C7: whatever the order, the repetition, the cuts and the restarts, the same alerts with the same contents. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { Correlation, RuleSet } from "../../src/sigma/ast.ts";
import {
  createHeld,
  createMaker,
  feed,
  finish,
  fold,
  type Held,
  HOUR,
  makeCorrelation,
  makeDetection,
  makeMatch,
  MINUTE,
  START,
} from "./make.ts";
import { slowDetect, type Verdict } from "./slow-detect.ts";

const counted = makeCorrelation("counted");
const quick = makeCorrelation("quick", { timespanMs: MINUTE, bounds: [{ operator: "gt", value: 1 }] });
const ordered = makeCorrelation("ordered", {
  kind: "temporal_ordered",
  rules: ["a", "b", "c"],
  bounds: [],
  timespanMs: 10 * MINUTE,
});
const distinct = makeCorrelation("distinct", {
  kind: "value_count",
  fields: ["requestParameters.modelId"],
  timespanMs: 10 * MINUTE,
});
const together = makeCorrelation("together", {
  kind: "temporal",
  rules: ["a", "b", "c"],
  bounds: [],
  timespanMs: 2 * MINUTE,
});
const twoOf = makeCorrelation("two of", {
  kind: "temporal",
  rules: ["a", "b", "c"],
  bounds: [{ operator: "gte", value: 2 }],
  timespanMs: MINUTE,
});
const RULES: readonly Correlation[] = [counted, quick, ordered, distinct, together, twoOf];
const RULE_SET: RuleSet = {
  detections: ["base", "a", "b", "c"].map((id) => makeDetection(id, { alerts: false })),
  correlations: RULES,
};
const LATENESS = 30 * MINUTE;
const { create, restart } = createMaker(RULE_SET);

/**
 * Streams of 10 to 90 events whose times lie on a grid (so that window edges are met exactly), spread over a minute up to
 * three hours. Keys and seconds collide on purpose.
 */
const streams = fc
  .record({
    stepS: fc.constantFrom(1, 5, 60, 300),
    steps: fc.constantFrom(12, 40),
    rules: fc.subarray([...RULES], { minLength: 1 }),
    groups: fc.constantFrom(["x"], ["x", "y"]),
  })
  .chain(({ stepS, steps, rules, groups }) =>
    fc.array(
      fc.record({
        rule: fc.constantFrom(...rules),
        atS: fc.nat(steps).map((n) => 3000 + n * stepS),
        key: fc.nat(200),
        step: fc.nat(2),
        group: fc.constantFrom(...groups),
      }),
      { minLength: 10, maxLength: 90, size: "max" },
    ),
  );
type Stream = typeof streams extends fc.Arbitrary<infer T> ? T : never;

function toMatches(stream: Stream): Match[] {
  return stream.map(({ rule, atS, key, step, group }) =>
    // An event has one time: the key carries it.
    makeMatch(rule, {
      atMs: atS * 1000,
      key: `${atS}-${key % 7}`,
      step: step % rule.rules.length,
      group,
      ...(rule === distinct ? { value: `model-${key % 5}` } : {}),
    }),
  );
}

/** Sorted by time, each moved back by at most the lateness bound, some sent twice, cut into chunks. */
function disturb(
  matches: readonly Match[],
  seed: { delays: readonly number[]; twice: readonly boolean[]; cut: number },
): Match[][] {
  const sent = matches.flatMap((match, i) => {
    const copy = (delay: number): { match: Match; at: number } => ({ match, at: match.timeMs + delay });
    const delay = (seed.delays[i % seed.delays.length] ?? 0) * LATENESS;
    return seed.twice[i % seed.twice.length] === true ? [copy(delay), copy(LATENESS - delay)] : [copy(delay)];
  });
  const order = sent.toSorted((a, b) => a.at - b.at).map(({ match }) => match);
  const chunks: Match[][] = [];
  for (let i = 0; i < order.length; i += seed.cut) chunks.push(order.slice(i, i + seed.cut));
  return chunks;
}

const disturbances = fc.record({
  delays: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 60 }),
  twice: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
  cut: fc.integer({ min: 1, max: 40 }),
});

function toVerdicts(held: Held): Map<string, Verdict> {
  return new Map([...held.contents].map(([id, { content }]) => [id, toVerdict(content)]));
}

function toVerdict(content: Held["contents"] extends Map<string, { content: infer C }> ? C : never): Verdict {
  const { id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime } = content;
  return {
    id,
    ruleId,
    eventCount,
    eventIds: [...eventIds],
    firstEventTime,
    lastEventTime,
    evidence: content.evidence.map((row) => row.eventId),
  };
}

const sorted = (verdicts: Map<string, Verdict>): Verdict[] =>
  [...verdicts.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));

test("shuffled, repeated and re-chunked input inside the lateness bound gives the alerts of sorted input", () => {
  let alerts = 0;
  fc.assert(
    fc.property(streams, disturbances, (stream, disturbance) => {
      const matches = toMatches(stream);
      const detector = create();
      const held = createHeld();
      feed(detector, held, { chunks: disturb(matches, disturbance), latenessMs: LATENESS });
      finish(detector, held);
      alerts += held.contents.size;
      expect(held.late).toBe(0);
      expect(sorted(toVerdicts(held))).toEqual(sorted(slowDetect(RULES, matches)));
      expect([...held.contents.values()].every(({ final }) => final)).toBe(true);
      expect(held.members).toEqual([]);
      expect(detector.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
    }),
    { numRuns: 300 },
  );
  // The streams are made so that most of them raise alerts; else the test above would compare nothing with nothing.
  expect(alerts).toBeGreaterThan(600);
});

test("a restart from the committed rows at any commit changes no content", () => {
  fc.assert(
    fc.property(streams, disturbances, fc.array(fc.nat(20), { maxLength: 5 }), (stream, disturbance, restarts) => {
      const chunks = disturb(toMatches(stream), disturbance);
      const straight = createHeld();
      const one = create();
      feed(one, straight, { chunks, latenessMs: LATENESS });
      finish(one, straight);

      const held = createHeld();
      let detector = create();
      let newest = -Infinity;
      for (const [i, chunk] of chunks.entries()) {
        if (restarts.includes(i)) detector = restart(held, newest - LATENESS);
        detector.apply(chunk);
        for (const match of chunk) newest = Math.max(newest, match.timeMs);
        detector.advance("aws/cloudtrail", newest - LATENESS);
        fold(held, detector.deltas());
      }
      finish(detector, held);
      expect(contents(held)).toEqual(contents(straight));
    }),
    { numRuns: 200 },
  );
});

function contents(held: Held): unknown {
  return [...held.contents].map(([id, { content }]) => [id, content] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test("a hot group costs by what is new: late commits of a long window take no longer than early ones", () => {
  const rule = makeCorrelation("hot", { timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: 10 }] });
  const detector = createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [rule] },
    { names: new Map() },
  );
  // Time of this thread alone: other tests take the cores away for a while.
  const commit = (from: number): number => {
    const begun = process.threadCpuUsage();
    for (let i = from; i < from + 10_000; i += 1) detector.apply([makeMatch(rule, { atMs: i * 50, key: `k${i}` })]);
    detector.deltas();
    return process.threadCpuUsage(begun).user;
  };
  const times = Array.from({ length: 12 }, (_, i) => commit(i * 10_000));
  const early = Math.min(...times.slice(1, 4));
  const late = Math.min(...times.slice(-3));
  // Quadratic cost would show as a factor above 3 here; the bound leaves room for a noisy machine.
  expect(late / early).toBeLessThan(2);
});

test("a group is judged once a commit, however many batches move the watermark meanwhile", () => {
  const detector = create();
  for (let i = 0; i < 50; i += 1) {
    detector.apply([makeMatch(counted, { atMs: i * 1000, key: `k${i}` })]);
    detector.advance("aws/cloudtrail", START + i * 1000 - LATENESS);
  }
  expect(detector.deltas().alerts.map(({ content }) => content.eventCount)).toEqual([50]);
});
