/** Conditions that wait for the end of their bucket: when they are judged, over what, and what their alerts say. */
import { expect, test } from "vitest";
import type { Detector, Match } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import type { Correlation } from "../../src/sigma/ast.ts";
import { createHeld, fold, type Held, HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE, START } from "./make.ts";
import { cpuMs } from "../support/cpu.ts";

const final = (over: Partial<Correlation>): Correlation => makeCorrelation("r", { judged: "final", ...over });
const create = (rule: Correlation): Detector =>
  createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [rule] },
    { names: new Map() },
  );

/** Members of one minute each, with these numbers as values. */
const numbers = (rule: Correlation, of: readonly number[]): Match[] =>
  of.map((number, i) => makeMatch(rule, { atMs: i * MINUTE, key: `k${i}`, number, value: `${number}` }));

function end(rule: Correlation, matches: readonly Match[]): Held {
  const detector = create(rule);
  const held = createHeld();
  detector.apply(matches);
  detector.advance("aws/cloudtrail", Infinity);
  fold(held, detector.deltas());
  return held;
}
/** From START to the first bucket of seven minutes. */
const SHIFT = 7 * MINUTE - (START % (7 * MINUTE));
const whysOf = (held: Held): string[] => [...held.contents.values()].map(({ content }) => content.why);

const measured = { fields: ["enrich.usd_per_hour"], bounds: [{ operator: "gte" as const, value: 2 }] };
const kind = (name: Correlation["kind"], over: Partial<Correlation> = {}): Correlation =>
  final({ kind: name, ...measured, ...over });

test.each<[string, Correlation, number[], string | null]>([
  [
    "a count below its limit",
    final({ bounds: [{ operator: "lt", value: 3 }] }),
    [1, 1],
    "2 Step0 in 1 min, limit less than 3 in 1 h",
  ],
  ["a count at its limit", final({ bounds: [{ operator: "lt", value: 3 }] }), [1, 1, 1], null],
  [
    "exactly",
    final({ bounds: [{ operator: "eq", value: 1 }] }),
    [1],
    "1 Step0 within a second, limit exactly 1 in 1 h",
  ],
  [
    "anything else",
    final({ bounds: [{ operator: "neq", value: 1 }] }),
    [1, 1],
    "2 Step0 in 1 min, limit other than 1 in 1 h",
  ],
  [
    "a range",
    final({
      bounds: [
        { operator: "gte", value: 2 },
        { operator: "lte", value: 4 },
      ],
    }),
    [1, 1, 1],
    "3 Step0 in 2 min, limit 2 and at most 4 in 1 h",
  ],
  [
    "a range that is passed",
    final({
      bounds: [
        { operator: "gte", value: 2 },
        { operator: "lte", value: 4 },
      ],
    }),
    [1, 1, 1, 1, 1],
    null,
  ],
  ["a sum", kind("value_sum"), [0.1, 0.2, 412.2], "usd_per_hour 412.5 summed over 3 Step0 in 2 min, limit 2 in 1 h"],
  ["an average", kind("value_avg"), [1, 3.5], "usd_per_hour 2.25 on average over 2 Step0 in 1 min, limit 2 in 1 h"],
  ["an average below", kind("value_avg"), [1, 1, 1.5], null],
  [
    "a median between two",
    kind("value_median"),
    [9, 1, 3, 2],
    "usd_per_hour 2.5 in the median of 4 Step0 in 3 min, limit 2 in 1 h",
  ],
  [
    "a percentile between two",
    kind("value_percentile", { percentile: 90 }),
    [1, 2, 3, 4],
    "usd_per_hour 3.7 at percentile 90 of 4 Step0 in 3 min, limit 2 in 1 h",
  ],
  ["the lowest percentile", kind("value_percentile", { percentile: 0 }), [1, 9], null],
  [
    "rare values",
    kind("value_percentile", { fields: ["userAgent"], bounds: [{ operator: "lt", value: 30 }] }),
    [7, 7, 7, 8, 9],
    "userAgent 8 20 %, 9 20 % of 5 Step0 in 1 min, limit less than 30 % in 1 h",
  ],
  [
    "no rare value",
    kind("value_percentile", { fields: ["userAgent"], bounds: [{ operator: "lt", value: 30 }] }),
    [7, 7, 8],
    null,
  ],
])("%s", (...[, rule, values, why]) => {
  expect(whysOf(end(rule, numbers(rule, values)))).toEqual(why === null ? [] : [why]);
});

test("a share covers the events of its values alone", () => {
  const rule = kind("value_percentile", { fields: ["userAgent"], bounds: [{ operator: "lt", value: 30 }] });
  const [alert] = end(rule, numbers(rule, [7, 8, 7, 9, 7])).contents.values();
  expect(alert?.content).toMatchObject({
    eventCount: 2,
    eventIds: ["k1", "k3"],
    firstEventTime: "2026-03-10T00:01:00Z",
    lastEventTime: "2026-03-10T00:03:00Z",
    evidence: [{ eventId: "k1" }, { eventId: "k3" }],
  });
});

test("nothing is said on the way, an empty bucket is not judged, and the watermark at its end decides", () => {
  const rule = final({ bounds: [{ operator: "lt", value: 3 }] });
  const detector = create(rule);
  detector.apply(numbers(rule, [1, 1]));
  expect(detector.deltas().alerts).toEqual([]);
  detector.advance("aws/cloudtrail", START + HOUR - 1);
  expect(detector.deltas().alerts).toEqual([]);
  detector.advance("aws/cloudtrail", START + HOUR);
  expect(detector.deltas().alerts).toMatchObject([{ final: true, content: { eventCount: 2 } }]);
  // Two hours later, without an event in between.
  detector.apply([makeMatch(rule, { atMs: 3 * HOUR, key: "later" })]);
  detector.advance("aws/cloudtrail", Infinity);
  expect(detector.deltas().alerts).toMatchObject([{ final: true, content: { eventCount: 1 } }]);
});

test("a restart before the end of the bucket judges when its time comes, one behind it does not judge again", () => {
  const rule = final({ bounds: [{ operator: "lte", value: 3 }] });
  const held = createHeld();
  const first = create(rule);
  first.apply(numbers(rule, [1, 1, 1]));
  first.advance("aws/cloudtrail", START + 30 * MINUTE);
  fold(held, first.deltas());
  const restore = (watermarkMs: number): Detector => {
    const detector = create(rule);
    detector.advance("aws/cloudtrail", watermarkMs);
    detector.restore({ members: held.members, evidence: held.evidence });
    return detector;
  };
  const second = restore(START + 30 * MINUTE);
  expect(second.deltas().alerts).toEqual([]);
  second.advance("aws/cloudtrail", START + HOUR + 30_000);
  const deltas = second.deltas();
  expect(deltas.alerts).toMatchObject([
    { final: true, content: { eventCount: 3, why: expect.stringContaining("3 Step0") as unknown } },
  ]);
  // Killed before this unit was committed: it is made again.
  const third = restore(START + 30 * MINUTE);
  third.advance("aws/cloudtrail", START + HOUR + 30_000);
  expect(third.deltas().alerts).toEqual(deltas.alerts);
  // Killed after: no more.
  fold(held, deltas);
  const fourth = restore(START + HOUR + 30_000);
  fourth.advance("aws/cloudtrail", Infinity);
  expect(fourth.deltas().alerts).toEqual([]);
});

test("of a key that comes in versions the highest counts, once", () => {
  const rule = kind("value_sum", { bounds: [{ operator: "gt", value: 0 }] });
  const versions = [1, 3, 2].map((version) =>
    makeMatch(rule, { atMs: version * MINUTE, key: "f", version, number: version * 10 }),
  );
  const again = makeMatch(rule, { atMs: 0, key: "f", version: 3, number: 25, text: "other words" });
  expect(whysOf(end(rule, [...versions, again]))).toEqual([
    "usd_per_hour 30 summed over 1 Step0 in 3 min, limit more than 0 in 1 h",
  ]);
});

test("a number below zero makes a sum wait for the end of its bucket, and the alert says so", () => {
  const rule = makeCorrelation("sum", { kind: "value_sum", fields: ["cost"], bounds: [{ operator: "gte", value: 5 }] });
  const detector = create(rule);
  detector.apply(numbers(rule, [2, 2]));
  detector.apply([makeMatch(rule, { atMs: 2 * MINUTE, key: "refund", number: -3 })]);
  detector.apply([makeMatch(rule, { atMs: 3 * MINUTE, key: "k3", number: 4 })]);
  expect(detector.deltas().alerts).toEqual([]);
  detector.advance("aws/cloudtrail", Infinity);
  const alerts = detector.deltas().alerts;
  expect(alerts).toMatchObject([{ final: true, content: { negative: true, eventCount: 4 } }]);
  expect(alerts[0]?.content.why).toBe("cost 5 summed over 4 Step0 in 3 min, limit 5 in 1 h");
});

test("sums that are judged at once are exact, so no order of adding meets a limit that another misses", () => {
  const rule = makeCorrelation("sum", {
    kind: "value_sum",
    fields: ["cost"],
    bounds: [{ operator: "gte", value: 0.6 }],
  });
  for (const order of [
    [0.1, 0.2, 0.3],
    [0.3, 0.2, 0.1],
    [0.2, 0.3, 0.1],
  ]) {
    const detector = create(rule);
    detector.apply(numbers(rule, order));
    expect(detector.deltas().alerts).toMatchObject([{ content: { eventCount: 3 } }]);
  }
});

test("a number below zero costs by the buckets that have alerts, not by all that its windows reach", () => {
  const rule = makeCorrelation("sum", {
    kind: "value_sum",
    fields: ["cost"],
    timespanMs: 720 * HOUR,
    bucketMs: 1000,
    bounds: [{ operator: "gte", value: 5 }],
  });
  const detector = create(rule);
  const begunMs = cpuMs();
  detector.apply(numbers(rule, [-1, 9, -4, 2]));
  expect(detector.deltas().alerts).toEqual([]);
  // 2.6 million buckets of a second take seconds.
  expect(cpuMs() - begunMs).toBeLessThan(500);
  detector.advance("aws/cloudtrail", Infinity);
  expect(detector.deltas().alerts.map(({ content }) => [content.lastEventTime, content.negative])).toEqual([
    ["2026-03-10T00:01:00Z", true],
    ["2026-03-10T00:03:00Z", true],
  ]);
});

test("a bucket that was judged stays so after a restart whose watermarks begin anew", () => {
  const rule = final({ bounds: [{ operator: "lt", value: 3 }], timespanMs: 7 * MINUTE });
  const first = create(rule);
  const held = createHeld();
  first.apply(numbers(rule, [1, 1, 1, 1, 1, 1, 1]).map((match) => ({ ...match, timeMs: match.timeMs + SHIFT })));
  first.advance("aws/cloudtrail", START + SHIFT + 8 * MINUTE);
  fold(held, first.deltas());
  const second = create(rule);
  second.restore({ members: held.members, evidence: held.evidence }, undefined, () => START + SHIFT + 8 * MINUTE);
  const [late] = numbers(rule, [1]);
  if (late === undefined) throw new Error("no match");
  second.apply([{ ...late, key: "late", timeMs: START + SHIFT }]);
  second.advance("aws/cloudtrail", START + 2 * HOUR);
  fold(held, second.deltas());
  expect([whysOf(held), held.late]).toEqual([[], 1]);
});
