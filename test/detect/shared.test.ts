/**
 * What rules share: the stored members of one meaning under two timespans, one event in two steps, one key under several
 * versions, and a single-event rule that suppresses. Any order, cut and restart gives the alerts of the slow detector.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { RuleSet } from "../../src/sigma/ast.ts";
import {
  createHeld,
  createMaker,
  finish,
  fold,
  type Held,
  HOUR,
  makeCorrelation,
  makeDetection,
  makeMatch,
  MINUTE,
} from "./make.ts";
import { slowDetect } from "./slow-detect.ts";

const LATENESS = 30 * MINUTE;
const long = makeCorrelation("long", { timespanMs: 90 * MINUTE });
const brief = makeCorrelation("brief", {
  timespanMs: 7 * MINUTE,
  stateKey: long.stateKey,
  bounds: [{ operator: "gte", value: 2 }],
});
/** Buckets shorter than a slice, and not a divisor of it. */
const narrow = makeCorrelation("narrow", { timespanMs: 2 * MINUTE, bucketMs: 3 * MINUTE, rules: ["a", "b"] });
const quiet = makeDetection("quiet", {
  engine: { suppressMs: 10 * MINUTE, groupBy: ["enrich.principal.id"], bucketMs: null },
});
const quietAsWindow = {
  ...makeCorrelation("quiet", { timespanMs: 0, bounds: [{ operator: "gte", value: 1 }] }),
  bucketMs: 10 * MINUTE,
  ruleSem: quiet.ruleSem,
};
const RULE_SET: RuleSet = {
  detections: [...["base", "a", "b"].map((id) => makeDetection(id, { alerts: false })), quiet],
  correlations: [brief, long, narrow],
};

type Seed = {
  atS: number;
  key: string;
  steps: readonly number[];
  group: string;
  /** Other words for the same event, as another way of delivery writes it. */
  text: string;
  delay: number;
  twice: boolean;
};
const seeds = fc
  .record({
    stepS: fc.constantFrom(1, 20, 60, 240),
    steps: fc.constantFrom(10, 60),
    keys: fc.constantFrom(3, 40),
    isVersioned: fc.boolean(),
  })
  .chain(({ stepS, steps, keys, isVersioned }) =>
    fc
      .array(
        fc.record({
          atS: fc.nat(steps).map((n) => 3000 + n * stepS),
          key: fc.nat(keys).map((n) => `k${n}`),
          steps: fc.subarray([0, 1], { minLength: 1 }),
          text: fc.constantFrom("", "other"),
          group: fc.constantFrom("x", "y"),
          delay: fc.double({ min: 0, max: 0.999, noNaN: true }),
          twice: fc.boolean(),
        }),
        { minLength: 5, maxLength: 80, size: "max" },
      )
      .map((stream) => stream.map((seed) => (isVersioned ? seed : { ...seed, key: `${seed.key} at ${seed.atS}` }))),
  );

/** All matches of one record: of the two rules of one meaning, of each step, and of the suppressing rule. */
function toMatches({ atS, key, steps, group, text }: Seed): Match[] {
  const at = { atMs: atS * 1000, key, group, text, version: atS };
  const step = { ...at, step: -1 };
  const matches = [
    makeMatch(brief, at),
    makeMatch(long, at),
    ...steps.map((index) => makeMatch(narrow, { ...at, step: index })),
    makeMatch(quiet, step),
  ];
  // A record has one evidence, whatever it is a match of.
  return matches.map((match) => ({ ...match, evidence: { ...match.evidence, action: `s3:Call${key.slice(0, 2)}` } }));
}

function disturb(stream: readonly Seed[], cut: number): Match[][] {
  const sent = stream.flatMap((seed) => {
    const copy = (delay: number): { seed: Seed; at: number } => ({ seed, at: seed.atS * 1000 + delay * LATENESS });
    return seed.twice ? [copy(seed.delay), copy(0.999 - seed.delay)] : [copy(seed.delay)];
  });
  const records = sent.toSorted((a, b) => a.at - b.at).map(({ seed }) => toMatches(seed));
  return Array.from({ length: Math.ceil(records.length / cut) }, (_, i) =>
    records.slice(i * cut, (i + 1) * cut).flat(),
  );
}

const { create, restart } = createMaker(RULE_SET);

/** One commit each `every` chunks, as a unit holds several batches. */
function play(chunks: readonly Match[][], options: { restarts: readonly number[]; every: number }): Held {
  const held = createHeld();
  let detector = create();
  let newest = -Infinity;
  for (const [i, chunk] of chunks.entries()) {
    detector.apply(chunk);
    for (const match of chunk) newest = Math.max(newest, match.timeMs);
    detector.advance("aws/cloudtrail", newest - LATENESS);
    if (i % options.every !== 0) continue;
    fold(held, detector.deltas());
    if (options.restarts.includes(i)) detector = restart(held, newest - LATENESS);
  }
  finish(detector, held);
  expect(detector.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
  expect([held.late, held.members, held.evidence]).toEqual([0, [], []]);
  return held;
}

const byId = (held: Held): unknown[] =>
  [...held.contents.values()].map(({ content }) => content).toSorted((a, b) => (a.id < b.id ? -1 : 1));

test("shared state, steps, versions and suppression end the same for any order, cut and restart", () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 1, max: 20 }),
      fc.record({ restarts: fc.array(fc.nat(40), { maxLength: 6 }), every: fc.integer({ min: 1, max: 4 }) }),
      (stream, cut, options) => {
        const sorted = stream.toSorted((a, b) => a.atS - b.atS).map(toMatches);
        const plain = play(sorted, { restarts: [], every: 1 });
        const held = play(disturb(stream, cut), options);
        expect(byId(held)).toEqual(byId(plain));
        const slow = slowDetect([brief, long, narrow, quietAsWindow], sorted.flat());
        expect(
          byId(plain).map((content) => {
            const { id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime, evidence } =
              content as Held["contents"] extends Map<string, { content: infer C }> ? C : never;
            return {
              id,
              ruleId,
              eventCount,
              eventIds,
              firstEventTime,
              lastEventTime,
              evidence: evidence.map((row) => row.eventId),
            };
          }),
        ).toEqual([...slow.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)));
      },
    ),
    { numRuns: 200 },
  );
});

test("an event counts as repeated when it comes again, once, however many rules and steps it stands in", () => {
  const detector = create();
  const seed = { atS: 3000, key: "k1", steps: [0, 1], group: "x", text: "", delay: 0, twice: false };
  const delivered = (index: number, over: Partial<Match> = {}): Match[] =>
    toMatches(seed).map((match) => ({ ...match, ...over, pointer: { source: "test", path: "test.json", index } }));
  const other = toMatches({ ...seed, key: "k2" });
  expect(detector.apply([...delivered(0), ...other])).toEqual({ repeated: 0 });
  expect(detector.apply([...delivered(0), ...delivered(1)])).toEqual({ repeated: 2 });
  // The same event in other words, as another way of delivery writes it.
  expect(detector.apply(delivered(2, { recordHash: "f".repeat(64) }))).toEqual({ repeated: 1 });
});

test.each([
  ["whose events serve two steps", makeCorrelation("steps", { timespanMs: 24 * HOUR, rules: ["a", "b"] }), [0, 1]],
  ["of distinct values", makeCorrelation("values", { kind: "value_count", timespanMs: 24 * HOUR, fields: ["x"] }), [0]],
  ["of a suppressing rule", makeDetection("day", { engine: { ...quiet.engine, suppressMs: 24 * HOUR } }), [-1]],
] as const)("a hot group %s costs by what is new", (_, rule, steps) => {
  const bases = ["a", "b"].map((id) => makeDetection(id, { alerts: false }));
  const detector = createDetector(
    rule.type === "correlation"
      ? { detections: bases, correlations: [rule] }
      : { detections: [rule], correlations: [] },
    { names: new Map() },
  );
  const times = Array.from({ length: 600 }, (__, commit) => {
    const events = Array.from({ length: 50 }, (___, i) => commit * 50 + i);
    const matches = events.flatMap((n) =>
      steps.map((step) => makeMatch(rule, { atMs: n * 1000, key: `k${n}`, step, value: `v${n % 90}` })),
    );
    // CPU time of this thread: a neighbour on the machine does not count.
    const begun = process.threadCpuUsage();
    detector.apply(matches);
    detector.deltas();
    const { user, system } = process.threadCpuUsage(begun);
    return user + system;
  });
  // Going over the whole group shows as a factor above 5 here; the bound leaves room for a noisy machine.
  const sum = (some: readonly number[]): number => some.reduce((all, time) => all + time, 0);
  expect(sum(times.slice(-200)) / sum(times.slice(50, 250))).toBeLessThan(3);
});
