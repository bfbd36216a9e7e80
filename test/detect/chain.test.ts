/** Correlations of correlations: what a burst counts for, what the alert says of the records behind it, restarts. */
import { expect, test } from "vitest";
import type { Detector, Deltas, Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { Correlation } from "../../src/sigma/ast.ts";
import { createHeld, fold, HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE, START } from "./make.ts";

const WHO = "enrich.principal.id";
const create = (...correlations: Correlation[]): Detector =>
  createDetector(
    { detections: ["base", "other"].map((id) => makeDetection(id, { alerts: false })), correlations },
    { names: new Map() },
  );
const burst = makeCorrelation("burst", {
  alerts: false,
  timespanMs: 5 * MINUTE,
  bounds: [{ operator: "gte", value: 2 }],
});
const bursts = makeCorrelation("bursts", { rules: ["burst"], bounds: [{ operator: "gte", value: 2 }] });

/** Records of `rule` at these minutes. */
const at = (rule: Correlation, minutes: readonly number[], group?: string): Match[] =>
  minutes.map((minute) =>
    makeMatch(rule, {
      atMs: minute * MINUTE,
      key: `${group ?? ""}k${minute}`,
      ...(group === undefined ? {} : { group }),
    }),
  );
const told = ({ alerts }: Deltas): string[] =>
  alerts.map(({ content, final }) => `${content.ruleId} ${content.eventCount}${final ? " final" : ""}`);

test("a burst counts once, however long it goes on; the alert stands for the records behind all bursts", () => {
  const detector = create(burst, bursts);
  detector.apply(at(burst, [0, 1, 2, 3, 4]));
  expect(told(detector.deltas())).toEqual([]);
  detector.apply(at(burst, [20, 21]));
  const { alerts } = detector.deltas();
  expect(alerts).toMatchObject([
    {
      content: {
        ruleId: "bursts",
        eventCount: 7,
        eventIds: ["k0", "k1", "k2", "k3", "k4", "k20", "k21"],
        firstEventTime: "2026-03-10T00:00:00Z",
        lastEventTime: "2026-03-10T00:21:00Z",
        principal: "arn:aws:iam::111122223333:role/ml-platform",
        accountId: "111122223333",
        why: "2 alerts of Rule burst in 21 min, limit 2 in 1 h",
      },
    },
  ]);
  expect(alerts[0]?.content.evidence.map(({ eventId }) => eventId)).toEqual(alerts[0]?.content.eventIds);
  expect(alerts[0]?.records.map(({ from }) => from?.stateKey)).toEqual(Array.from({ length: 7 }, () => burst.stateKey));
});

test("a burst that grows without holding at another time grows the alert that counts it", () => {
  const three = { ...burst, bounds: [{ operator: "gte" as const, value: 3 }] };
  const detector = create(three, bursts);
  const twice = (minute: number): Match[] =>
    ["a", "b"].map((key) => makeMatch(three, { atMs: minute * MINUTE, key: `${key}${minute}` }));
  detector.apply([...at(three, [0, 20]), ...twice(4), ...twice(24)]);
  expect(told(detector.deltas())).toEqual(["bursts 6"]);
  detector.apply(at(three, [1]));
  expect(told(detector.deltas())).toEqual(["bursts 7"]);
});

test("a child that also alerts does so by itself", () => {
  const detector = create({ ...burst, alerts: true }, bursts);
  detector.apply(at(burst, [0, 1, 20, 21]));
  expect(told(detector.deltas())).toEqual(["burst 2", "burst 2", "bursts 4"]);
});

test("a parent without the child's grouping counts over all groups", () => {
  const wide = { ...bursts, groupBy: [] };
  const detector = create(burst, wide);
  detector.apply([...at(burst, [0, 1], "alice"), ...at(burst, [2, 3], "bob")]);
  expect(detector.deltas().alerts).toMatchObject([{ content: { eventCount: 4, group: {}, title: "Rule bursts" } }]);
});

test("a group field has the name that the parent's alias gives it", () => {
  const aliased = { ...bursts, groupBy: ["who"], aliases: { who: { burst: WHO } } };
  const detector = create(burst, aliased);
  detector.apply([...at(burst, [0, 1, 20, 21], "alice"), ...at(burst, [2, 3], "bob")]);
  expect(detector.deltas().alerts).toMatchObject([{ content: { eventCount: 4, group: { who: "alice" } } }]);
});

test("records and alerts in order", () => {
  const rule = makeCorrelation("then", { kind: "temporal_ordered", rules: ["burst", "other"], bounds: [] });
  const detector = create(burst, rule);
  detector.apply([...at(burst, [0, 1]), makeMatch(rule, { atMs: 9 * MINUTE, key: "o", step: 1 })]);
  expect(detector.deltas().alerts).toMatchObject([
    {
      content: {
        eventCount: 3,
        eventIds: ["k0", "k1", "o"],
        why: "alert of Rule burst at 2026-03-10T00:01:00Z, then Step1 at 2026-03-10T00:09:00Z: 2 steps in order within 1 h",
      },
    },
  ]);
});

test("a parent that reads the number of its child is judged when the child's bucket and its own are over", () => {
  const sum = makeCorrelation("sum", {
    kind: "value_sum",
    judged: "final",
    rules: ["burst"],
    fields: ["state.aggregate"],
    bounds: [{ operator: "gte", value: 5 }],
  });
  const detector = create(burst, sum);
  detector.apply(at(burst, [0, 1, 2, 20, 21]));
  detector.advance("aws/cloudtrail", START + HOUR - 1);
  expect(told(detector.deltas())).toEqual([]);
  detector.advance("aws/cloudtrail", START + HOUR);
  expect(detector.deltas().alerts).toMatchObject([
    { final: true, content: { why: "aggregate 5 summed over 2 alerts of Rule burst in 21 min, limit 5 in 1 h" } },
  ]);
});

test("a parent waits for the buckets of a child that is judged at the end", () => {
  const few = makeCorrelation("few", {
    alerts: false,
    judged: "final",
    timespanMs: 30 * MINUTE,
    bounds: [{ operator: "lt", value: 3 }],
  });
  const parent = makeCorrelation("parent", {
    rules: ["few"],
    timespanMs: 10 * MINUTE,
    bounds: [{ operator: "gte", value: 1 }],
  });
  const detector = create(few, parent);
  detector.apply(at(few, [1, 2]));
  detector.advance("aws/cloudtrail", START + 29 * MINUTE);
  expect(told(detector.deltas())).toEqual([]);
  detector.advance("aws/cloudtrail", START + 30 * MINUTE);
  expect(told(detector.deltas())).toEqual(["parent 2", "parent 2 final"]);
});

test("what a child hands on counts in parents whose bucket ends in the same step", () => {
  const child = makeCorrelation("child", { alerts: false, bounds: [{ operator: "gte", value: 1 }] });
  const parent = makeCorrelation("parent", {
    rules: ["child"],
    timespanMs: 5 * MINUTE,
    bounds: [{ operator: "gte", value: 1 }],
  });
  const detector = create(child, parent);
  detector.apply(at(child, [0]));
  detector.advance("aws/cloudtrail", START);
  detector.deltas();
  detector.apply(at(child, [1, 20]));
  detector.advance("aws/cloudtrail", START + 12 * MINUTE);
  expect(told(detector.deltas())).toEqual(["parent 2", "parent 3", "parent 2 final"]);
});

test("after a restart alerts of buckets that are long over still count, and are not told again", () => {
  const held = createHeld();
  const first = create({ ...burst, alerts: true }, bursts);
  first.apply(at(burst, [0, 1]));
  first.advance("aws/cloudtrail", START + 30 * MINUTE);
  fold(held, first.deltas());
  expect(held.members.flatMap(({ members }) => members)).toHaveLength(2);
  const second = create({ ...burst, alerts: true }, bursts);
  second.advance("aws/cloudtrail", START + 30 * MINUTE);
  second.restore({ members: held.members, evidence: held.evidence });
  expect(told(second.deltas())).toEqual([]);
  second.apply(at(burst, [40, 41]));
  expect(told(second.deltas())).toEqual(["burst 2", "bursts 4"]);
  second.advance("aws/cloudtrail", Infinity);
  fold(held, second.deltas());
  expect(second.size()).toMatchObject({ groups: 0, members: 0 });
  expect([held.members, held.evidence]).toEqual([[], []]);
});

test("after a reload the open buckets of a parent can be judged anew", () => {
  const held = createHeld();
  const strict = { ...bursts, bounds: [{ operator: "gte" as const, value: 3 }] };
  const first = create(burst, strict);
  first.apply(at(burst, [0, 1, 20, 21]));
  fold(held, first.deltas());
  const second = create(burst, bursts);
  second.restore({ members: held.members, evidence: held.evidence }, new Set(["bursts"]));
  expect(told(second.deltas())).toEqual(["bursts 4"]);
});

test("what is handed on counts to the account of its records in the memory's shares", () => {
  const wide = {
    ...bursts,
    id: "wide",
    groupBy: [],
    rules: ["bursts"],
    bounds: [{ operator: "gte" as const, value: 1 }],
  };
  const { detections } = { detections: [makeDetection("base", { alerts: false })] };
  const detector = createDetector({ detections, correlations: [burst, bursts, wide] }, { names: new Map() });
  detector.apply(at(burst, [0, 1, 20, 21]));
  detector.deltas();
  const owners = [...detector.windows.values()].map(({ groups }) => {
    const found: string[] = [];
    groups.eachLikely(({ id }) => void found.push(detector.memory.accountOf(id)));
    return found;
  });
  expect(owners).toEqual([["111122223333"], ["111122223333"], ["111122223333"]]);
});

test("a hot group of a chain costs by what is new: late commits take no longer than early ones", () => {
  const [child, parent] = [
    { ...burst, timespanMs: HOUR, bucketMs: HOUR },
    makeCorrelation("day", { rules: ["burst"], timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: 1 }] }),
  ];
  const detector = create(child, parent);
  let events = 0;
  const commit = (size: number): number => {
    detector.apply(
      Array.from({ length: size }, (_, i) => makeMatch(child, { atMs: (events + i) * 1000, key: `k${events + i}` })),
    );
    events += size;
    const begun = performance.now();
    const { alerts } = detector.deltas();
    expect(alerts.at(-1)?.content.eventCount).toBe(events);
    return performance.now() - begun;
  };
  const middle = (): number => Array.from({ length: 21 }, () => commit(10)).toSorted((a, b) => a - b)[10] as number;
  commit(3000);
  const early = middle();
  commit(40_000);
  // Going over all that was handed on would show as a factor above 10; the bound leaves room for a noisy machine.
  expect(middle() / early).toBeLessThan(4);
});
