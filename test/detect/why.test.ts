/** The sentences that explain alerts, as an analyst reads them. */
import { expect, test } from "vitest";
import { createDetector } from "../../src/detect/detector.ts";
import { toSpanText } from "../../src/detect/why.ts";
import type { Correlation, DetectionRule } from "../../src/sigma/ast.ts";
import { createHeld, finish, HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE } from "./make.ts";

/** The `why` and title of the only alert of `rule` over events at the given minutes (and steps). */
function alertOf(
  rule: Correlation | DetectionRule,
  events: readonly (readonly [minute: number, step?: number])[],
): { why: string; title: string } {
  const single = rule.type === "detection";
  const detections = single ? [rule] : rule.rules.map((id) => makeDetection(id, { alerts: false }));
  const detector = createDetector(
    { detections, correlations: single ? [] : [rule] },
    { names: new Map([["111122223333", "prod-ml"]]) },
  );
  detector.apply(
    events.map(([minute, step], i) =>
      makeMatch(rule, { atMs: minute * MINUTE, key: `k${i}`, step: step ?? (single ? -1 : 0) }),
    ),
  );
  const held = createHeld();
  finish(detector, held);
  expect(held.contents.size).toBe(1);
  const [only] = held.contents.values();
  return only?.content ?? { why: "", title: "" };
}

const suppressing = makeDetection("noisy", {
  engine: { suppressMs: HOUR, groupBy: ["enrich.principal.id"], bucketMs: null },
});

test.each([
  ["a count over its limit", makeCorrelation("c"), [[0], [5], [12]], "3 Step0 in 12 min, limit 3 in 1 h"],
  [
    "more than a limit",
    makeCorrelation("c", { bounds: [{ operator: "gt", value: 1 }], timespanMs: 2 * HOUR }),
    [[0], [0]],
    "2 Step0 within a second, limit more than 1 in 2 h",
  ],
  ["one event", makeDetection("s"), [[192]], "Step-1 from 203.0.113.9 at 2026-03-10T03:12:00Z"],
  ["one event of a suppressing rule", suppressing, [[1]], "Step-1 from 203.0.113.9 at 2026-03-10T00:01:00Z"],
  ["several of a suppressing rule", suppressing, [[1], [9]], "2 Step-1 in 8 min"],
  [
    "different values",
    makeCorrelation("v", {
      kind: "value_count",
      fields: ["requestParameters.modelId"],
      bounds: [{ operator: "gte", value: 1 }],
    }),
    [[0], [5]],
    "1 different modelId in 2 Step0 in 5 min, limit 1 in 1 h",
  ],
  [
    "some of several rules",
    makeCorrelation("t", { kind: "temporal", rules: ["a", "b", "c"], bounds: [{ operator: "gte", value: 2 }] }),
    [
      [0, 0],
      [3, 2],
    ],
    "Step0 at 2026-03-10T00:00:00Z, Step2 at 2026-03-10T00:03:00Z: 2 of 3 rules within 1 h",
  ],
  [
    "an order of steps",
    makeCorrelation("o", { kind: "temporal_ordered", rules: ["a", "b"], bounds: [] }),
    [
      [0, 0],
      [3, 1],
    ],
    "Step0 at 2026-03-10T00:00:00Z, then Step1 at 2026-03-10T00:03:00Z: 2 steps in order within 1 h",
  ],
] as const)("%s", (...[, rule, events, why]) => {
  expect(alertOf(rule, events as readonly (readonly [number, number?])[]).why).toBe(why);
});

test("a title says by whom and in which account, or else for which group", () => {
  expect(alertOf(makeDetection("s"), [[0]]).title).toBe("Rule s by ml-platform in prod-ml");
  const byRegion = makeCorrelation("r", { groupBy: ["awsRegion"] });
  expect(alertOf(byRegion, [[0], [1], [2]]).title).toBe(
    "Rule r for awsRegion arn:aws:iam::111122223333:role/ml-platform",
  );
  expect(alertOf(makeCorrelation("g", { groupBy: [] }), [[0], [1], [2]]).title).toBe("Rule g");
});

test.each([
  [0, "0 s"],
  [59_000, "59 s"],
  [60_000, "1 min"],
  [HOUR, "1 h"],
  [HOUR + 10 * MINUTE, "1 h 10 min"],
  [48 * HOUR, "2 d"],
  [75 * HOUR, "3 d 3 h"],
])("%d ms reads %s", (ms, text) => {
  expect(toSpanText(ms)).toBe(text);
});
