/** A sum that meets a number below zero is told of by a signal, once a group. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Signal } from "../../../src/model/signal.ts";
import { composeReplay } from "../../../src/compose.ts";
import { createPlace, toConfig, write } from "../make.ts";

const RULES = `title: Launches
name: launches
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9b01
status: experimental
logsource: {product: aws, service: cloudtrail}
detection:
  launch: {eventName: RunInstances}
  condition: launch
---
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

const record = (ip: string, minute: number, maxCount: number): unknown => ({
  eventVersion: "1.11",
  eventID: `${ip}-${minute}`,
  eventTime: `2026-03-10T08:${String(minute).padStart(2, "0")}:00Z`,
  eventSource: "ec2.amazonaws.com",
  eventName: "RunInstances",
  awsRegion: "eu-west-1",
  sourceIPAddress: ip,
  recipientAccountId: "111122223333",
  userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
  requestParameters: { maxCount },
});

test("groups whose sum met a number below zero are counted by rule, each once", async () => {
  const place = createPlace();
  const rules = write(join(place.root, "sums.yml"), RULES);
  const Records = [
    record("192.0.2.1", 0, 9),
    record("192.0.2.1", 1, -1),
    record("192.0.2.1", 2, -2),
    record("192.0.2.2", 3, -1),
    record("192.0.2.3", 4, 9),
  ];
  write(join(place.input, "a.json"), JSON.stringify({ Records }));
  const told: Signal[] = [];
  const { alerts } = await composeReplay({
    config: toConfig(place),
    paths: [place.input],
    rulePaths: [rules],
    latenessMs: null,
    emit: (signal) => void told.push(signal),
    signal: new AbortController().signal,
  });
  expect(alerts.map(({ negative, eventCount }) => [negative === true, eventCount])).toEqual([
    [true, 3],
    [false, 1],
  ]);
  const counted = told.flatMap((signal) => (signal.type === "sum_negative" ? [signal] : []));
  expect(counted.map(({ ruleId }) => ruleId)).toEqual(counted.map(() => "6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9b02"));
  expect(counted.reduce((sum, { groups }) => sum + groups, 0)).toBe(2);
});
