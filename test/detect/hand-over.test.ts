/**
 * When rules change in a running daemon a detector takes the windows of the one before: the same alerts as after a restart
 * from the store under the new rules, whatever changes, packed groups and rules of one meaning included.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Match } from "../../src/contracts.ts";
import { createDetector, type LiveDetector } from "../../src/detect/detector.ts";
import type { Correlation, RuleSet } from "../../src/sigma/ast.ts";
import {
  createHeld,
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

const BASES = ["base", "a", "b"];

/** What may change of each rule: none of it is part of its meaning. */
type Variant = { readonly bound: number; readonly minutes: number; readonly title: string; readonly isThere: boolean };

/** `near` and `far` have one meaning, hence one state key. */
function toRule(id: string, { bound, minutes, title }: Variant): Correlation {
  const kinds: Record<string, Partial<Correlation>> = {
    near: { stateKey: "shared" },
    far: { stateKey: "shared" },
    steps: { kind: "temporal_ordered", rules: ["a", "b"], bounds: [] },
    few: { judged: "final", bounds: [{ operator: "lte", value: bound }], bucketMs: minutes * MINUTE },
    sum: { kind: "value_sum", fields: ["n"] },
    // Over others: at once, by their number, over one that is judged at the end, records beside them, two levels.
    wave: { rules: ["near", "a"] },
    number: {
      kind: "value_sum",
      judged: "final",
      rules: ["few"],
      fields: ["state.aggregate"],
      bucketMs: minutes * MINUTE,
    },
    top: { kind: "temporal", rules: ["wave", "number"], bounds: [{ operator: "gte", value: 1 }] },
  };
  return makeCorrelation(id, {
    title,
    timespanMs: minutes * MINUTE,
    bounds: [{ operator: "gte", value: bound }],
    ...kinds[id],
  });
}

const IDS = ["near", "far", "steps", "few", "sum", "wave", "number", "top"] as const;
const variant = fc.record({
  bound: fc.constantFrom(2, 3),
  minutes: fc.constantFrom(2, 10, 30),
  title: fc.constantFrom("one", "two"),
  isThere: fc.boolean(),
});
const sets = fc.array(fc.tuple(variant, variant, variant, variant, variant, variant, variant, variant), {
  minLength: 1,
  maxLength: 4,
});
const events = fc.array(
  fc.record({
    id: fc.constantFrom("near", "steps", "few", "sum", "wave"),
    minute: fc.nat(90),
    step: fc.nat(1),
    group: fc.constantFrom("x", "y", "z"),
  }),
  { minLength: 20, maxLength: 80 },
);

function toSet(variants: readonly Variant[]): RuleSet {
  const rules: Correlation[] = [];
  for (const [at, id] of IDS.entries()) {
    const chosen = variants[at];
    if (chosen?.isThere !== true) continue;
    const rule = toRule(id, chosen);
    // A correlation of correlations is there only with all of these.
    const isWhole = rule.rules.every((name) => BASES.includes(name) || rules.some((other) => other.id === name));
    if (isWhole) rules.push(rule);
  }
  return { detections: BASES.map((id) => makeDetection(id, { alerts: false })), correlations: rules };
}

/** Rules of which anything but the place differs. */
function changedIn(before: RuleSet, after: RuleSet): Set<string> {
  const old = new Map(before.correlations.map((rule) => [rule.id, JSON.stringify(rule)]));
  const changed = new Set<string>();
  for (const rule of after.correlations)
    if (old.get(rule.id) !== JSON.stringify(rule) || rule.rules.some((id) => changed.has(id))) changed.add(rule.id);
  return changed;
}

function toMatches(
  stream: readonly { id: string; minute: number; step: number; group: string }[],
  set: RuleSet,
): Match[] {
  return stream.flatMap(({ id, minute, step, group }, at) => {
    // Rules of one meaning get the same matches.
    const rules = set.correlations.filter((rule) => rule.id === id || (id === "near" && rule.id === "far"));
    const more = id === "sum" ? { number: at % 5 === 0 ? -1 : 2 } : {};
    return rules.map((rule) =>
      makeMatch(rule, {
        atMs: minute * MINUTE,
        key: `k${at}`,
        step: id === "wave" ? 1 : step % rule.rules.length,
        group,
        ...more,
      }),
    );
  });
}

const contents = ({ contents: all }: Held): unknown =>
  [...all].map(([id, { content }]) => [id, content] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));

test("windows that are handed over make the alerts of a restart from the store under the new rules", () => {
  fc.assert(
    fc.property(sets, events, fc.constantFrom(0, 4096), (variants, stream, heapGroups) => {
      const sorted = stream.toSorted((a, b) => a.minute - b.minute);
      const size = Math.ceil(sorted.length / variants.length);
      const [handed, restarted] = [createHeld(), createHeld()];
      const options = { names: new Map<string, string>(), memory: { heapGroups } };
      let set: RuleSet = { detections: [], correlations: [] };
      let one: LiveDetector = createDetector(set, options);
      let other: LiveDetector = one;
      let watermarkMs = -Infinity;
      for (const [turn, chosen] of variants.entries()) {
        const next = toSet(chosen);
        const redraft = changedIn(set, next);
        one = createDetector(next, { ...options, before: { detector: one, redraft } });
        one.advance("aws/cloudtrail", watermarkMs);
        const { missing } = one;
        const rows = <T extends { stateKey: string }>(all: Iterable<T>): T[] =>
          [...all].filter((row) => missing.has(row.stateKey));
        one.restore({ members: rows(handed.members), evidence: rows(handed.evidence) }, redraft);
        other = createDetector(next, options);
        other.advance("aws/cloudtrail", watermarkMs);
        other.restore({ members: restarted.members, evidence: restarted.evidence }, redraft);
        set = next;
        fold(handed, one.deltas());
        fold(restarted, other.deltas());
        expect(contents(handed)).toEqual(contents(restarted));
        for (const match of toMatches(sorted.slice(turn * size, (turn + 1) * size), next)) {
          for (const detector of [one, other]) {
            detector.apply([match]);
            detector.advance("aws/cloudtrail", match.timeMs - MINUTE);
          }
          watermarkMs = Math.max(watermarkMs, match.timeMs - MINUTE);
        }
        fold(handed, one.deltas());
        fold(restarted, other.deltas());
      }
      finish(one, handed);
      finish(other, restarted);
      expect(contents(handed)).toEqual(contents(restarted));
      expect(one.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
    }),
    { numRuns: 300 },
  );
});

test("a reload leaves nothing of a child's past with a parent that looks back shortly", () => {
  const child = makeCorrelation("child", { timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: 2 }] });
  const parent = makeCorrelation("parent", { rules: ["child"], timespanMs: 5 * MINUTE });
  const set = { detections: BASES.map((id) => makeDetection(id, { alerts: false })), correlations: [child, parent] };
  const first = createDetector(set, { names: new Map() });
  const held = createHeld();
  let watermarkMs = START;
  for (let i = 0; i < 60; i += 1) {
    first.apply([makeMatch(child, { atMs: i * 10 * MINUTE, key: `k${i}` })]);
    watermarkMs = START + i * 10 * MINUTE;
    first.advance("aws/cloudtrail", watermarkMs);
    fold(held, first.deltas());
  }
  watermarkMs += 30 * MINUTE;
  first.advance("aws/cloudtrail", watermarkMs);
  fold(held, first.deltas());
  const before = first.size();
  const second = createDetector(set, { names: new Map(), before: { detector: first, redraft: new Set() } });
  second.advance("aws/cloudtrail", watermarkMs);
  second.restore({ members: [], evidence: [] });
  fold(held, second.deltas());
  second.advance("aws/cloudtrail", watermarkMs + 6 * MINUTE);
  fold(held, second.deltas());
  expect(second.size().members).toBe(before.members);
  finish(second, held);
  expect(second.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
});

test("a parent waits for a child whose time span grew, as after a restart", () => {
  const ids = (minutes: number): Correlation[] =>
    ["few", "number"].map((id) =>
      toRule(id, { bound: 2, minutes: id === "few" ? minutes : 2, title: "one", isThere: true }),
    );
  const toDetector = (minutes: number, before?: LiveDetector): LiveDetector =>
    createDetector(
      { detections: BASES.map((id) => makeDetection(id, { alerts: false })), correlations: ids(minutes) },
      {
        names: new Map(),
        ...(before === undefined ? {} : { before: { detector: before, redraft: new Set(["few", "number"]) } }),
      },
    );
  const held = createHeld();
  const first = toDetector(2);
  const [few] = ids(2);
  if (few === undefined) throw new Error("no rule");
  first.apply([0, 2].map((minute) => makeMatch(few, { atMs: minute * MINUTE, key: `k${minute}` })));
  first.advance("aws/cloudtrail", START + 4 * MINUTE);
  fold(held, first.deltas());
  const second = toDetector(30, first);
  second.advance("aws/cloudtrail", START + 4 * MINUTE);
  second.restore({ members: [], evidence: [] });
  finish(second, held);
  // Two events in the half hour, which the child hands on at its end, at the time of the second.
  expect([...held.contents.values()].filter(({ content }) => content.ruleId === "number")).toHaveLength(1);
});

test("a rule that others count takes what one of its meaning kept for longer, as after a restart", () => {
  const toSet = (waveMinutes: number, isFar: boolean): RuleSet => ({
    detections: BASES.map((id) => makeDetection(id, { alerts: false })),
    correlations: [
      toRule("near", { bound: 2, minutes: 2, title: "one", isThere: true }),
      ...(isFar ? [toRule("far", { bound: 2, minutes: 30, title: "one", isThere: true })] : []),
      toRule("wave", { bound: 2, minutes: waveMinutes, title: "one", isThere: true }),
    ],
  });
  const held = createHeld();
  const before = toSet(2, true);
  const first = createDetector(before, { names: new Map() });
  for (const minute of [0, 0.5]) {
    const matches = before.correlations
      .slice(0, 2)
      .map((rule) => makeMatch(rule, { atMs: minute * MINUTE, key: `k${minute}` }));
    first.apply(matches);
  }
  const wave = before.correlations.at(-1);
  if (wave === undefined) throw new Error("no rule");
  first.apply([makeMatch(wave, { atMs: 10 * MINUTE, key: "w", step: 1 })]);
  fold(held, first.deltas());
  first.advance("aws/cloudtrail", START + 15 * MINUTE);
  fold(held, first.deltas());
  const options = { names: new Map<string, string>(), before: { detector: first, redraft: new Set(["wave"]) } };
  const second = createDetector(toSet(10, false), options);
  second.advance("aws/cloudtrail", START + 15 * MINUTE);
  second.restore({ members: [], evidence: [] }, new Set(["wave"]));
  finish(second, held);
  const found = [...held.contents.values()].filter(({ content }) => content.ruleId === "wave");
  expect(found.map(({ content }) => content.eventCount)).toEqual([3]);
});

test("what is restored and needed no more goes at once", () => {
  const rule = makeCorrelation("r", { timespanMs: 5 * MINUTE });
  const set = { detections: BASES.map((id) => makeDetection(id, { alerts: false })), correlations: [rule] };
  const held = createHeld();
  const first = createDetector(set, { names: new Map() });
  first.apply([0, 60].map((minute) => makeMatch(rule, { atMs: minute * MINUTE, key: `k${minute}` })));
  fold(held, first.deltas());
  const second = createDetector(set, { names: new Map() });
  second.advance("aws/cloudtrail", START + 30 * MINUTE);
  second.restore({ members: held.members, evidence: held.evidence });
  fold(held, second.deltas());
  expect([second.size().members, held.members.length]).toEqual([1, 1]);
});
