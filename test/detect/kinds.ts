/**
 * For the tests that every type of correlation must pass: rules of all types and operators, streams that meet them, ways
 * to disturb a stream, and how a stream is played. The streams have times on a grid, so that edges of windows and buckets
 * are met exactly; keys, seconds and values collide on purpose.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Detector, Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { Bound, Correlation, RuleSet, StepCondition } from "../../src/sigma/ast.ts";
import { createHeld, finish, fold, type Held, makeCorrelation, makeDetection, makeMatch, MINUTE } from "./make.ts";
import type { Verdict } from "./slow-detect.ts";
import { AGGREGATE } from "../../src/sigma/document/correlation-condition.ts";

export const LATENESS: number = 30 * MINUTE;
const BASES: readonly string[] = ["base", "a", "b", "c"];

const operators = ["gt", "gte", "lt", "lte", "eq", "neq"] as const;
/** One bound, or a range of two. */
const boundsAround = (limits: readonly number[]): fc.Arbitrary<Bound[]> =>
  fc.array(fc.record({ operator: fc.constantFrom(...operators), value: fc.constantFrom(...limits) }), {
    minLength: 1,
    maxLength: 2,
  });

const isMonotone = (kind: Correlation["kind"], bounds: readonly Bound[]): boolean =>
  !["value_avg", "value_median", "value_percentile"].includes(kind) &&
  bounds.every(({ operator }) => operator === "gt" || operator === "gte");

const hasNot = (condition: StepCondition): boolean =>
  condition.op === "not" || ("of" in condition && [condition.of].flat().some(hasNot));

/** How a rule of `parts` is judged, and its bucket, as the compiler derives them. */
export function toRule(
  id: string,
  parts: Partial<Correlation> & { kind: Correlation["kind"]; isFinal?: boolean },
): Correlation {
  const { isFinal, ...rest } = parts;
  const timespanMs = rest.timespanMs ?? 10 * MINUTE;
  const isUndone = rest.condition !== undefined && hasNot(rest.condition);
  const judged = isFinal === true || isUndone || !isMonotone(rest.kind, rest.bounds ?? []) ? "final" : "eager";
  const bucketMs = judged === "final" ? timespanMs : Math.max(timespanMs, 5 * MINUTE);
  return makeCorrelation(id, { bounds: [], ...rest, timespanMs, bucketMs, judged });
}

const spans = fc.constantFrom(MINUTE, 7 * MINUTE, 10 * MINUTE, 60 * MINUTE);
const steps = ["a", "b", "c"];
const ofSteps = (kind: "temporal" | "temporal_ordered"): fc.Arbitrary<Parameters<typeof toRule>[1]> =>
  fc.record({
    kind: fc.constant(kind),
    rules: fc.constant(steps),
    bounds: fc.oneof(fc.constant<Bound[]>([]), boundsAround([1, 2, 3])),
    timespanMs: spans,
    isFinal: fc.boolean(),
  });
/** Names joined by and, or, not. */
const { condition: anyCondition } = fc.letrec<{ condition: StepCondition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.record({ op: fc.constant("step" as const), step: fc.nat(2) }),
    fc.record({ op: fc.constant("not" as const), of: tie("condition") }),
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      of: fc.array(tie("condition"), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));
const ofNames: fc.Arbitrary<Parameters<typeof toRule>[1]> = fc.record({
  kind: fc.constant("temporal" as const),
  rules: fc.constant(steps),
  condition: anyCondition,
  timespanMs: spans,
  isFinal: fc.boolean(),
});
const ofValues = (
  kind: Correlation["kind"],
  limits: readonly number[],
  percentiles: readonly (number | null)[] = [null],
): fc.Arbitrary<Parameters<typeof toRule>[1]> =>
  fc.record({
    kind: fc.constant(kind),
    rules: fc.constant(["a", "b"]),
    fields: fc.constant(kind === "event_count" ? [] : ["requestParameters.x"]),
    bounds: boundsAround(limits),
    percentile: fc.constantFrom(...percentiles),
    timespanMs: spans,
    isFinal: fc.boolean(),
  });

/** A rule of any type, with any operators and ranges. */
export const anyRule: fc.Arbitrary<Parameters<typeof toRule>[1]> = fc.oneof(
  ofValues("event_count", [1, 3, 5]),
  ofValues("value_count", [1, 2, 3]),
  ofValues("value_sum", [0, 0.6, 3, 10]),
  ofValues("value_avg", [0.2, 1, 2.5]),
  ofValues("value_median", [0.2, 1, 2.5]),
  ofValues("value_percentile", [0.2, 1, 2.5], [0, 25, 90, 100]),
  ofValues("value_percentile", [10, 25, 50]),
  ofSteps("temporal"),
  ofSteps("temporal_ordered"),
  ofNames,
);

/** Sums that are judged at once as long as no number lies below zero. */
export const eagerSum: fc.Arbitrary<Parameters<typeof toRule>[1]> = ofValues("value_sum", [0.6, 1, 3]).map((body) => ({
  ...body,
  bounds: (body.bounds ?? []).slice(0, 1).map(({ value }) => ({ operator: "gte", value })),
  isFinal: false,
}));

/** Rules that are judged at once and hold often. */
export const eagerRule: fc.Arbitrary<Parameters<typeof toRule>[1]> = fc
  .oneof(ofValues("event_count", [1, 2]), ofValues("value_count", [1, 2]), ofSteps("temporal_ordered"))
  .map((body) => ({
    ...body,
    bounds: (body.bounds ?? []).slice(0, 1).map(({ value }) => ({ operator: "gte", value })),
    isFinal: false,
  }));

/** The parts of a correlation whose first rule is another, below. */
export type ParentBody = Parameters<typeof toRule>[1] & { readonly generate?: boolean };
const whose = {
  groupBy: fc.constantFrom<string[]>(["enrich.principal.id"], []),
  timespanMs: spans,
  isFinal: fc.boolean(),
};
const children = ["child"];

/** A correlation of "child", or of it and detections, by any type. */
export const anyParent: fc.Arbitrary<ParentBody> = fc.oneof(
  fc.record({
    kind: fc.constant("event_count" as const),
    rules: fc.constantFrom(children, ["child", "a"]),
    bounds: boundsAround([1, 2, 3]),
    ...whose,
  }),
  fc.record({
    kind: fc.constant("value_count" as const),
    rules: fc.constant(children),
    fields: fc.constantFrom(["enrich.principal.id"], [AGGREGATE]),
    bounds: boundsAround([1, 2]),
    ...whose,
  }),
  fc.record({
    kind: fc.constantFrom("value_sum" as const, "value_avg" as const, "value_median" as const),
    rules: fc.constant(children),
    fields: fc.constant([AGGREGATE]),
    bounds: boundsAround([1, 3, 6]),
    ...whose,
  }),
  fc.record({
    kind: fc.constantFrom("temporal" as const, "temporal_ordered" as const),
    rules: fc.constantFrom(["child", "a"], ["a", "child"], ["b", "child", "c"]),
    bounds: fc.oneof(fc.constant<Bound[]>([]), boundsAround([1, 2])),
    ...whose,
  }),
);

/** A chain of correlations: each of `parents` over the one before, the first over `child`. */
export function toChain(child: Parameters<typeof toRule>[1], parents: readonly ParentBody[]): Correlation[] {
  let isGrouped = true;
  return [child, ...parents].map((body, level) => {
    const wasGrouped = isGrouped;
    // A parent can group by what its child groups by only, and read no other field.
    isGrouped &&= body.groupBy?.length !== 0;
    const isReading = body.fields?.includes(AGGREGATE) === true;
    const fields = isReading || level === 0 || wasGrouped ? (body.fields ?? []) : [];
    const kind = body.kind === "value_count" && fields.length === 0 ? "event_count" : body.kind;
    const isFinal = body.isFinal === true || isReading;
    const rules = (body.rules ?? []).map((id) => (id === "child" ? `level ${level - 1}` : id));
    const groupBy = isGrouped ? ["enrich.principal.id"] : [];
    return toRule(`level ${level}`, { ...body, kind, fields, rules, groupBy, isFinal });
  });
}

/** One record: it may meet several rules and steps. */
export type Seed = {
  readonly atS: number;
  readonly key: number;
  readonly step: number;
  readonly alsoStep: number | null;
  readonly group: string;
  readonly value: number;
  readonly version: number;
};

/** Numbers whose plain sums hang on the order. */
const NUMBERS = [0, 0.1, 0.2, 0.3, 1, 2.5, 5e15];

/** Streams. `negative`: numbers below zero among them. `versions`: a key comes again later with another version. */
export function seeds(of: { negative: boolean; versions: boolean }): fc.Arbitrary<Seed[]> {
  return fc
    .record({
      stepS: fc.constantFrom(1, 20, 60, 300),
      steps: fc.constantFrom(10, 40),
      groups: fc.constantFrom(["x"], ["x", "y"]),
    })
    .chain(({ stepS, steps: many, groups }) =>
      fc.array(
        fc.record({
          atS: fc.nat(many).map((n) => 3000 + n * stepS),
          key: fc.nat(of.versions ? 12 : 200),
          step: fc.nat(2),
          alsoStep: fc.option(fc.nat(2), { freq: 4 }),
          group: fc.constantFrom(...groups),
          value: fc.constantFrom(...NUMBERS, ...(of.negative ? [-1, -0.5] : [])),
          version: fc.nat(2),
        }),
        { minLength: 5, maxLength: 60, size: "max" },
      ),
    )
    .map((stream) =>
      stream.map((seed) => (of.versions ? seed : { ...seed, key: seed.atS * 1000 + (seed.key % 7), version: 0 })),
    );
}

/** All matches of one record. */
export function toMatches(rules: readonly Correlation[], seed: Seed): Match[] {
  const { atS, key, group, value, version } = seed;
  return rules.flatMap((rule) => {
    const direct = rule.rules.flatMap((id, step) => (BASES.includes(id) ? [step] : []));
    const met = [seed.step, ...(seed.alsoStep === null ? [] : [seed.alsoStep])].map(
      (step) => direct[step % direct.length],
    );
    return [...new Set(met)].flatMap((step) => {
      if (step === undefined) return [];
      const measured = rule.kind.startsWith("value_") ? { value: `${value}`, number: value } : {};
      const match = makeMatch(rule, {
        atMs: atS * 1000,
        key: `k${key}`,
        step,
        group,
        version,
        text: `${value}`,
        ...measured,
      });
      const grouped = rule.groupBy.length === 0 ? { group: "[]" } : {};
      return [{ ...match, ...grouped, evidence: { ...match.evidence, action: `s3:Call${key % 3}` } }];
    });
  });
}

/** How a stream is delivered. */
export type Disturbance = {
  readonly delays: readonly number[];
  readonly twice: readonly boolean[];
  readonly cut: number;
  readonly every: number;
  readonly restarts: readonly number[];
};
export const disturbances: fc.Arbitrary<Disturbance> = fc.record({
  delays: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 60 }),
  twice: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
  cut: fc.integer({ min: 1, max: 40 }),
  every: fc.integer({ min: 1, max: 4 }),
  restarts: fc.array(fc.nat(20), { maxLength: 5 }),
});
export const UNDISTURBED: Disturbance = { delays: [0], twice: [false], cut: 1, every: 1, restarts: [] };

/** Records by arrival: each moved back by less than the lateness bound, some sent twice; cut into chunks. */
export function disturb(stream: readonly Seed[], how: Disturbance): Seed[][] {
  const sent = stream.flatMap((seed, i) => {
    const copy = (delay: number): { seed: Seed; at: number } => ({ seed, at: seed.atS * 1000 + delay * LATENESS });
    const delay = how.delays[i % how.delays.length] ?? 0;
    return how.twice[i % how.twice.length] === true ? [copy(delay), copy(0.999 - delay)] : [copy(delay)];
  });
  const records = sent.toSorted((a, b) => a.at - b.at).map(({ seed }) => seed);
  return Array.from({ length: Math.ceil(records.length / how.cut) }, (_, i) =>
    records.slice(i * how.cut, (i + 1) * how.cut),
  );
}

/** Plays a stream to its end: a commit each `every` chunks, and a new detector from what the store holds after some. */
export function play(rules: readonly Correlation[], stream: readonly Seed[], how: Disturbance): Held {
  const ruleSet: RuleSet = {
    detections: BASES.map((id) => makeDetection(id, { alerts: false })),
    correlations: rules,
  };
  // Every other run packs all groups after each commit.
  const heapGroups = how.cut % 2 === 0 ? 0 : 4096;
  const create = (): Detector => createDetector(ruleSet, { names: new Map(), memory: { heapGroups } });
  const held = createHeld();
  let detector = create();
  let newest = -Infinity;
  for (const [i, chunk] of disturb(stream, how).entries()) {
    const matches = chunk.flatMap((seed) => toMatches(rules, seed));
    detector.apply(matches);
    for (const match of matches) newest = Math.max(newest, match.timeMs);
    detector.advance("aws/cloudtrail", newest - LATENESS);
    if (i % how.every !== 0) continue;
    fold(held, detector.deltas());
    if (!how.restarts.includes(i)) continue;
    detector = create();
    detector.advance("aws/cloudtrail", newest - LATENESS);
    detector.restore({ members: held.members, evidence: held.evidence });
    expect(detector.deltas()).toMatchObject({ alerts: [], members: [], evidence: [], drops: [] });
  }
  finish(detector, held);
  expect(held.late).toBe(0);
  // Nothing is kept once all windows are closed.
  expect(detector.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
  expect([held.members, held.evidence]).toEqual([[], []]);
  return held;
}

/** Contents by id, in one order. */
export function contentsOf(held: Held): unknown[] {
  return [...held.contents.values()].map(({ content }) => content).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** What the slow detector speaks of, in one order. */
export function verdictsOf(held: Held): Verdict[] {
  return sorted(
    [...held.contents.values()].map(({ content }) => ({
      id: content.id,
      ruleId: content.ruleId,
      eventCount: content.eventCount,
      eventIds: [...content.eventIds],
      firstEventTime: content.firstEventTime,
      lastEventTime: content.lastEventTime,
      evidence: content.evidence.map((row) => row.eventId),
      ...(content.negative === true ? { negative: true as const } : {}),
    })),
  );
}

export function sorted(verdicts: Iterable<Verdict>): Verdict[] {
  return [...verdicts].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
