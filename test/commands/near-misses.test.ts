/**
 * `replay --near-misses`: the nearest records and groups, with what they lacked, in an order that files cannot change, and in
 * memory that the input cannot grow.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNearGroups } from "../../src/commands/near-misses/groups.ts";
import type { Correlation } from "../../src/sigma/ast.ts";
import { call, parseLines } from "./cli.ts";

const RULES = `title: Large training
id: 11111111-1111-4111-8111-111111111111
logsource: {product: aws, service: cloudtrail}
detection:
  call: {eventSource: sagemaker.amazonaws.com, eventName: CreateTrainingJob}
  ok: {errorCode: null}
  large: {requestParameters.count|gte: 10}
  known: {requestParameters.owner: ops}
  condition: call and ok and large and not known
level: high
---
title: Many jobs
id: 22222222-2222-4222-8222-222222222222
correlation: {type: event_count, rules: [job], group-by: [userIdentity.arn], timespan: 10m, condition: {gte: 4}}
level: high
---
title: Job, then its end
id: 44444444-4444-4444-8444-444444444444
correlation: {type: temporal_ordered, rules: [job, job_stopped], group-by: [userIdentity.arn], timespan: 1h}
level: high
---
title: A job
id: 33333333-3333-4333-8333-333333333333
name: job
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: CreateTrainingJob}, condition: call}
level: low
---
title: A job stopped
id: 55555555-5555-4555-8555-555555555555
name: job_stopped
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: StopTrainingJob}, condition: call}
level: low
`;

type Record_ = { [key: string]: unknown };
function record(id: number, minute: number, over: Record_ = {}): Record_ {
  const at = new Date(Date.UTC(2026, 2, 10, 8, minute)).toISOString().replace(".000Z", "Z");
  return {
    eventVersion: "1.11",
    eventTime: at,
    eventID: `e${id}`,
    eventSource: "sagemaker.amazonaws.com",
    eventName: "CreateTrainingJob",
    awsRegion: "us-east-1",
    sourceIPAddress: "198.51.100.7",
    userAgent: "aws-cli/2",
    userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/kim" },
    requestParameters: { count: 12 },
    recipientAccountId: "111122223333",
    ...over,
  };
}
const lee = { userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/lee" } };
const records = [
  record(1, 0),
  record(2, 1, { requestParameters: { count: 4 } }),
  record(3, 2, { requestParameters: { count: 9 } }),
  record(4, 30, { requestParameters: { count: 12, owner: "ops" }, ...lee }),
  record(5, 31, { requestParameters: null, ...lee }),
  record(6, 32, { errorCode: "AccessDenied", ...lee }),
  record(7, 33, { eventName: "StopTrainingJob", ...lee }),
  record(8, 34, { eventName: "DescribeTrainingJob", errorCode: "AccessDenied", ...lee }),
];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-near-"));
  writeFileSync(join(folder, "rules.yml"), RULES);
  mkdirSync(join(folder, "one"));
  mkdirSync(join(folder, "two"));
  const text = (of: readonly Record_[]): string => of.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(join(folder, "one/a.ndjson"), text(records));
  writeFileSync(join(folder, "two/a.ndjson"), text(records.slice(4)));
  writeFileSync(join(folder, "two/b.ndjson"), text(records.slice(0, 4).toReversed()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function near(most: number, path: string, ...args: string[]): ReturnType<typeof call> {
  const rules = ["--rules", join(folder, "rules.yml")];
  return call("replay", ...rules, "--near-misses", String(most), ...args, join(folder, path));
}

type Line = { type: string; rule: { id: string }; [key: string]: unknown };
async function lines(most: number, path: string, rule: string): Promise<Line[]> {
  const all = parseLines((await near(most, path, "--json")).stdout) as Line[];
  return all.filter(({ rule: of }) => of.id.startsWith(rule));
}

describe("records", () => {
  test("come nearest first, each with the condition that it lacked and what was found", async () => {
    const found = await lines(10, "one", "1111");
    expect(found.map(({ eventId, lacking }) => [eventId, lacking])).toEqual([
      [
        "e3",
        { field: "requestParameters.count", wanted: ["gte 10"], negated: false, isThere: true, found: [9], gap: 0.1 },
      ],
      ["e2", expect.objectContaining({ found: [4], gap: 0.6 })],
      [
        "e4",
        expect.objectContaining({ field: "requestParameters.owner", wanted: ["'ops'"], negated: true, found: ["ops"] }),
      ],
      ["e6", expect.objectContaining({ field: "errorCode", wanted: ["null"], found: ["AccessDenied"] })],
      ["e5", expect.objectContaining({ field: "requestParameters.count", isThere: false, found: [] })],
      ["e7", expect.objectContaining({ field: "eventName", found: ["StopTrainingJob"] })],
    ]);
  });

  test("are the same in any order of files", async () => {
    const bare = (of: Line[]): unknown[] => of.map((line) => ({ ...line, pointer: null }));
    expect(bare(await lines(4, "two", "1111"))).toEqual(bare(await lines(4, "one", "1111")));
    expect(await lines(4, "one", "1111")).toHaveLength(4);
  });

  test("as text name the place, and fit the screen", async () => {
    const { code, stdout } = await near(1, "one");
    expect(code).toBe(0);
    expect(stdout).toContain("8 records tried: 1 matched, 6 lacked one condition; the nearest 1");
    expect(stdout).toMatch(
      /lacked {5}requestParameters\.count: gte 10\n {5}found {6}9\n {5}read from .*one\/a\.ndjson, record 2\n/,
    );
  });
});

describe("groups", () => {
  test("come with the count, the window and the group; one that met the condition is none", async () => {
    const found = await lines(5, "one", "2222");
    expect(found.map(({ value, group, from, to }) => [value, group, from, to])).toEqual([
      [3, { "userIdentity.arn": "arn:aws:iam::111122223333:user/lee" }, "2026-03-10T08:30:00Z", "2026-03-10T08:32:00Z"],
      [3, { "userIdentity.arn": "arn:aws:iam::111122223333:user/kim" }, "2026-03-10T08:00:00Z", "2026-03-10T08:02:00Z"],
    ]);
    expect((await near(5, "one")).stdout).toContain(
      "  event_count gte 4 within 10 min: 2 groups, 0 met it\n  1. 3 of 4 in 2 min from 2026-03-10T08:30:00Z\n",
    );
  });

  test("of an ordered rule name the steps that were missing", async () => {
    const [kim] = await lines(5, "one", "4444");
    expect(kim).toMatchObject({ value: 1, steps: ["33333333-3333-4333-8333-333333333333"] });
    expect((await near(5, "one")).stdout).toMatch(
      /2 groups, 1 met it\n {2}1\. 1 of 2 .*\n.*user\/kim\n {5}lacked {5}A job stopped\n/,
    );
  });

  test("hold no more members than the cap, and say that they are approximate", () => {
    const rule = {
      kind: "event_count",
      rules: ["a"],
      bounds: [{ operator: "gte", value: 50 }],
      timespanMs: 60_000,
      groupBy: ["g"],
    };
    const groups = createNearGroups(rule as unknown as Correlation, 1000);
    for (let at = 0; at < 20_000; at += 1)
      groups.take(`["${at % 7}"]`, { timeMs: at * 1000, key: String(at), step: 0, value: null, number: null });
    const { nearest, isApproximate, met } = groups.result(3);
    expect([nearest.length, isApproximate, met]).toEqual([3, true, 0]);
    // One of seven groups each second: 9 in any minute, both ends included.
    expect(nearest[0]?.value).toBe(9);
  });
});

test("asks for rules, takes a configured rule by its name, and says what a wrong one could be", async () => {
  const path = join(folder, "one");
  expect(await call("replay", "--near-misses", "1", path)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--rules"),
  });
  expect((await call("replay", "--rules", "log-trail-off", "--near-misses", "1", path)).stdout).toContain(
    "CloudTrail switched off",
  );
  expect(await call("replay", "--rules", "log-trial-off", path)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("did you mean log-trail-off?"),
  });
});
