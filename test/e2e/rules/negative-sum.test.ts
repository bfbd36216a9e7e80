/** A sum that meets a number below zero is told of by a signal, once a group. */
import { expect, test } from "vitest";
import { LAUNCHES, recordAt, replayRules } from "./make.ts";

const RULES = `${LAUNCHES}---
title: Many launched
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9b02
status: experimental
level: low
correlation:
  type: value_sum
  rules: [launches]
  group-by: [sourceIPAddress]
  timespan: 1h
  condition: {gte: 5, field: requestParameters.maxCount}
`;

const record = (sourceIPAddress: string, minute: number, maxCount: number): unknown =>
  recordAt(minute, { sourceIPAddress, requestParameters: { maxCount } });

test("groups whose sum met a number below zero are counted by rule, each once", async () => {
  const { alerts, signals } = await replayRules(RULES, [
    record("192.0.2.1", 0, 9),
    record("192.0.2.1", 1, -1),
    record("192.0.2.1", 2, -2),
    record("192.0.2.2", 3, -1),
    record("192.0.2.3", 4, 9),
  ]);
  expect(alerts.map(({ negative, eventCount }) => [negative === true, eventCount])).toEqual([
    [true, 3],
    [false, 1],
  ]);
  const counted = signals.flatMap((signal) => (signal.type === "sum_negative" ? [signal] : []));
  expect(counted.map(({ ruleId }) => ruleId)).toEqual(counted.map(() => "6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9b02"));
  expect(counted.reduce((sum, { groups }) => sum + groups, 0)).toBe(2);
});
