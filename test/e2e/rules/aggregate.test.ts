/** What a correlation compared is a number that another may sum: from the text of the rules to the alert. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { composeReplay } from "../../../src/compose.ts";
import { createPlace, toConfig, write } from "../make.ts";

const RULES = `title: Launches
name: launches
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c01
status: experimental
logsource: {product: aws, service: cloudtrail}
detection:
  launch: {eventName: RunInstances}
  condition: launch
---
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

const record = (minute: number, maxCount: number): unknown => ({
  eventVersion: "1.11",
  eventID: `event-${minute}`,
  eventTime: `2026-03-10T08:${String(minute).padStart(2, "0")}:00Z`,
  eventSource: "ec2.amazonaws.com",
  eventName: "RunInstances",
  awsRegion: "eu-west-1",
  sourceIPAddress: "192.0.2.1",
  recipientAccountId: "111122223333",
  userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
  requestParameters: { maxCount },
});

// Two bursts, half an hour apart, whose sums are 9 and 12.
const RECORDS = [record(1, 4), record(3, 5), record(40, 6), record(44, 6)];

async function alertsWith(bound: number, records: readonly unknown[]): Promise<readonly string[]> {
  const place = createPlace();
  const rules = write(join(place.root, "bursts.yml"), RULES.replace("BOUND", String(bound)));
  write(join(place.input, "a.json"), JSON.stringify({ Records: records }));
  const { alerts } = await composeReplay({
    config: toConfig(place),
    paths: [place.input],
    rulePaths: [rules],
    latenessMs: null,
    emit: () => undefined,
    signal: new AbortController().signal,
  });
  return alerts.map(({ title }) => title).filter((title) => title.startsWith("Bursts"));
}

test("the sum of two bursts' sums is met at 21 and not at 22, in either order of the records", async () => {
  for (const records of [RECORDS, RECORDS.toReversed()]) {
    expect(await alertsWith(21, records)).toEqual(["Bursts that come to much for sourceIPAddress 192.0.2.1"]);
    expect(await alertsWith(22, records)).toEqual([]);
  }
});
