/** A commit comes with 6,000 records, or with 2,000 matches: what a commit holds in memory follows its matches. */
import { expect, test } from "vitest";
import { LAUNCHES, recordAt, replayRules } from "./make.ts";

const RULES = `${LAUNCHES}---
title: Many launches
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9f02
status: experimental
level: low
correlation:
  type: event_count
  rules: [launches]
  group-by: [sourceIPAddress]
  timespan: 1h
  condition: {gte: 100000}
`;
/** Time brings no commit here. */
const SETTINGS = { more: { commit: { intervalMs: 5000 } } };

async function commitsOf(eventName: string): Promise<readonly number[]> {
  const records = Array.from({ length: 8000 }, (_, at) => recordAt(at % 60, { eventID: `event-${at}`, eventName }));
  const { signals } = await replayRules(RULES, records, SETTINGS);
  // The last one, of what the end of the input closed, holds none.
  return signals.flatMap((signal) => (signal.type === "committed" && signal.records > 0 ? [signal.records] : []));
}

test("of records that match, and of records that do not", async () => {
  expect(await commitsOf("RunInstances")).toEqual([2000, 2000, 2000, 2000]);
  expect(await commitsOf("DescribeInstances")).toEqual([6000, 2000]);
});
