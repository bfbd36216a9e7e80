/** Events that lack a field that a correlation groups by: in no group, or all in one where the rule asks for it. */
import { expect, test } from "vitest";
import { LAUNCHES, recordAt, replayRules } from "./make.ts";

const RULES = `${LAUNCHES}---
title: Many launches
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9d02
status: experimental
level: low
correlation:
  type: event_count
  rules: [launches]
  group-by: [recipientAccountId, vpcEndpointId]
  timespan: 10m
  condition: {gte: 3}
OPTION`;

const record = (minute: number, vpcEndpointId?: string): unknown =>
  recordAt(minute, vpcEndpointId === undefined ? {} : { vpcEndpointId });

// Three through an endpoint; three without one, of which two more come through others.
const RECORDS = [1, 2, 3]
  .map((minute) => record(minute, "vpce-1"))
  .concat([4, 5, 6].map((minute) => record(minute)))
  .concat([record(7, "vpce-2"), record(8, "vpce-3")]);

async function groupsWith(option: string): Promise<unknown> {
  const { alerts } = await replayRules(RULES.replace("OPTION", option), RECORDS);
  return alerts.filter(({ title }) => title.startsWith("Many")).map(({ group, eventCount }) => [group, eventCount]);
}

const inGroup = (vpcEndpointId: string): unknown => [{ recipientAccountId: "111122223333", vpcEndpointId }, 3];

test("without the option they count nowhere, with it as one group", async () => {
  expect(await groupsWith("")).toEqual([inGroup("vpce-1")]);
  expect(await groupsWith("x_engine: {missing: group}\n")).toEqual([inGroup("vpce-1"), inGroup("")]);
});

test("nothing else can be said of them", async () => {
  await expect(groupsWith("x_engine: {missing: drop}\n")).rejects.toThrow("`x_engine.missing` can only be `group`");
});
