/**
 * Every type of correlation, operator and range against the slow detector: any order inside the lateness bound, any
 * repetition, cut and restart ends with the alerts and contents of sorted input.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  anyParent,
  anyRule,
  contentsOf,
  disturbances,
  eagerRule,
  eagerSum,
  play,
  seeds,
  sorted,
  toChain,
  toMatches,
  toRule,
  UNDISTURBED,
  verdictsOf,
} from "./kinds.ts";
import { HOUR, MINUTE } from "./make.ts";
import { slowDetect } from "./slow-detect.ts";

const byTime = <S extends { atS: number }>(stream: readonly S[]): S[] => stream.toSorted((a, b) => a.atS - b.atS);

test.each([false, true])("all types, operators and ranges; keys in several versions: %s", (versions) => {
  let alerts = 0;
  let finals = 0;
  fc.assert(
    fc.property(
      fc.array(anyRule, { minLength: 1, maxLength: 3 }),
      seeds({ negative: false, versions }),
      disturbances,
      (bodies, stream, how) => {
        // Sums over events in versions are final; the compiler sees to that.
        const rules = bodies.map((body, i) =>
          toRule(`r${i}`, versions && body.kind === "value_sum" ? { ...body, isFinal: true } : body),
        );
        const held = play(rules, stream, how);
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toMatches(rules, seed)),
        );
        expect(verdictsOf(held)).toEqual(sorted(expected.values()));
        expect(contentsOf(held)).toEqual(contentsOf(play(rules, byTime(stream), UNDISTURBED)));
        expect([...held.contents.values()].every(({ final }) => final)).toBe(true);
        alerts += held.contents.size;
        finals += rules.filter(({ judged }) => judged === "final").length;
      },
    ),
    { numRuns: 150 },
  );
  expect(alerts).toBeGreaterThan(200);
  expect(finals).toBeGreaterThan(50);
});

test("correlations of correlations, up to four levels of any types", () => {
  const alerts = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.record({ child: anyRule, parents: fc.array(anyParent, { minLength: 1, maxLength: 3, size: "max" }) }),
      seeds({ negative: false, versions: false }),
      disturbances,
      ({ child, parents }, stream, how) => {
        const rules = toChain(child, parents);
        const held = play(rules, stream, how);
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toMatches(rules, seed)),
        );
        expect(verdictsOf(held)).toEqual(sorted(expected.values()));
        expect(contentsOf(held)).toEqual(contentsOf(play(rules, byTime(stream), UNDISTURBED)));
        expect([...held.contents.values()].every(({ final }) => final)).toBe(true);
        for (const { content } of held.contents.values())
          alerts.set(content.ruleId, (alerts.get(content.ruleId) ?? 0) + 1);
      },
    ),
    { numRuns: 200 },
  );
  // Counts swing widely from run to run; what matters is that each level alerts at all.
  for (const level of [0, 1, 2, 3]) expect(alerts.get(`level ${level}`)).toBeGreaterThan(5);
});

test("parents whose buckets end long before those of their children", () => {
  fc.assert(
    fc.property(
      fc.record({ child: eagerRule, parents: fc.array(anyParent, { minLength: 1, maxLength: 2 }) }),
      seeds({ negative: false, versions: false }),
      disturbances,
      ({ child, parents }, stream, how) => {
        const rules = toChain(
          { ...child, timespanMs: HOUR },
          parents.map((parent, i) => ({ ...parent, timespanMs: (7 - 3 * i) * MINUTE })),
        );
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toMatches(rules, seed)),
        );
        expect(verdictsOf(play(rules, stream, how))).toEqual(sorted(expected.values()));
      },
    ),
    { numRuns: 300 },
  );
});

test("a sum with numbers below zero ends as its complete buckets say; what was sent before stays", () => {
  let negative = 0;
  fc.assert(
    fc.property(
      fc.oneof(eagerSum, anyRule),
      seeds({ negative: true, versions: false }),
      disturbances,
      (body, stream, how) => {
        const rules = [toRule("r", body)];
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toMatches(rules, seed)),
        );
        const ended = verdictsOf(play(rules, stream, how));
        expect(ended.filter(({ id }) => expected.has(id))).toEqual(sorted(expected.values()));
        const stays = ended.filter(({ id }) => !expected.has(id));
        expect(stays.filter(() => rules[0]?.kind !== "value_sum" || rules[0].judged === "final")).toEqual([]);
        negative += ended.filter((verdict) => verdict.negative === true).length;
      },
    ),
    { numRuns: 150 },
  );
  expect(negative).toBeGreaterThan(20);
});

test("correlations of a sum with numbers below zero", () => {
  let alerts = 0;
  fc.assert(
    fc.property(
      fc.record({ child: eagerSum, parents: fc.array(anyParent, { minLength: 1, maxLength: 2, size: "max" }) }),
      seeds({ negative: true, versions: false }),
      disturbances,
      ({ child, parents }, stream, how) => {
        const rules = toChain(child, parents);
        const expected = slowDetect(
          rules,
          stream.flatMap((seed) => toMatches(rules, seed)),
        );
        // What the sum itself sent before stays.
        const isParent = ({ ruleId }: { ruleId: string }): boolean => ruleId !== "level 0";
        const ended = verdictsOf(play(rules, stream, how)).filter(isParent);
        expect(ended).toEqual(sorted(expected.values()).filter(isParent));
        alerts += ended.length;
      },
    ),
    { numRuns: 150 },
  );
  expect(alerts).toBeGreaterThan(20);
});
