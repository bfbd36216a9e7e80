/** What a correlation compared is a number that another may sum: from the text of the rules to the alert. */
import { expect, test } from "vitest";
import { LAUNCHES, recordAt, replayRules } from "./make.ts";

const RULES = `${LAUNCHES}---
title: Many launched in ten minutes
name: burst
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c02
status: experimental
level: low
correlation:
  type: value_sum
  rules: [launches]
  group-by: [sourceIPAddress]
  timespan: 10m
  condition: {gte: 8, field: requestParameters.maxCount}
---
title: Bursts that come to much
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c03
status: experimental
level: high
correlation:
  type: value_sum
  rules: [burst]
  group-by: [sourceIPAddress]
  timespan: 2h
  condition: {gte: BOUND, field: state.aggregate}
`;

const record = (minute: number, maxCount: number): unknown => recordAt(minute, { requestParameters: { maxCount } });

// Two bursts, half an hour apart, whose sums are 9 and 12.
const RECORDS = [record(1, 4), record(3, 5), record(40, 6), record(44, 6)];

async function alertsWith(bound: number, records: readonly unknown[]): Promise<readonly string[]> {
  const { alerts } = await replayRules(RULES.replace("BOUND", String(bound)), records);
  return alerts.map(({ title }) => title).filter((title) => title.startsWith("Bursts"));
}

test("the sum of two bursts' sums is met at 21 and not at 22, in either order of the records", async () => {
  for (const records of [RECORDS, RECORDS.toReversed()]) {
    expect(await alertsWith(21, records)).toEqual(["Bursts that come to much for sourceIPAddress 192.0.2.1"]);
    expect(await alertsWith(22, records)).toEqual([]);
  }
});
