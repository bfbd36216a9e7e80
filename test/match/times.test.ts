/** Event times by account and Region are those of the records, whether these are parsed or passed over. */
import { expect, test } from "vitest";
import type { Batch } from "../../src/contracts.ts";
import { cloudtrailDecoder } from "../../src/decode/cloudtrail.ts";
import { createMatcher } from "../../src/match/matcher.ts";
import type { SeenTimes } from "../../src/model/ages.ts";
import { compileRules } from "../../src/sigma/compile.ts";
import { createRecordBatcher } from "../../src/sources/records/batches.ts";
import { NO_LISTS, ruleOf, setOf, text } from "./build.ts";

const ruleSet = setOf([ruleOf("name", text("eventName", "CreateEndpoint"))]);
const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
const matcher = createMatcher({ rules, ruleSet, decoders: { cloudtrail: cloudtrailDecoder } });
const [A, B, C] = ["111122223333", "444455556666", "777788889999"] as const;
const START = Date.UTC(2026, 0, 5, 12);

type Call = { readonly account?: string; readonly region?: string; readonly name?: string; readonly more?: object };

function record({ account = A, region = "eu-west-1", name = "ListJobs", more = {} }: Call, at: number): string {
  return JSON.stringify({
    eventVersion: "1.11",
    userIdentity: { type: "AssumedRole", arn: "arn:aws:sts::111122223333:assumed-role/x/y" },
    eventTime: new Date(START + at * 1000).toISOString().replace(".000Z", "Z"),
    eventSource: "sagemaker.amazonaws.com",
    eventName: name,
    awsRegion: region,
    eventID: `e${at}`,
    ...more,
    ...(account === "" ? {} : { recipientAccountId: account }),
    eventCategory: "Management",
  });
}

/** Seconds behind the start, by account and Region; `sees` false: without glances, so that each record is parsed. */
function timesOf(calls: readonly Call[], sees = true): Record<string, number[]> {
  const limits = { recordBytes: 1 << 16, depth: 16 };
  const batcher = createRecordBatcher({ source: "stream", path: "/in", limits, sizeHint: 0, skip: 0 });
  const input = Buffer.from(calls.map(record).join("\n"));
  const seen: SeenTimes[] = [...batcher.push(input), ...batcher.end()].flatMap((batch) => {
    const whole: Batch = {
      ...batch,
      glances: sees ? batch.glances : null,
      origin: { source: "stream", path: "/in", indexes: batch.indexes },
      positions: [],
      floorMs: Infinity,
      settle: () => undefined,
    };
    const at = { nowMs: START + 3_600_000, watermarkMs: -Infinity, wantsTimes: true };
    return matcher.match(whole, at).times ?? [];
  });
  const entries = seen.map(({ accountId, region, timesMs }) => [
    `${accountId} ${region}`,
    timesMs.map((timeMs) => (timeMs - START) / 1000).toSorted((a, b) => a - b),
  ]);
  return Object.fromEntries(entries) as Record<string, number[]>;
}

test("of a stream of several accounts each record counts for its own, though most are passed over", () => {
  const calls: Call[] = [
    { name: "CreateEndpoint" },
    { account: B },
    {},
    { account: C, region: "us-east-1" },
    { account: B },
  ];
  const expected = { [`${A} eu-west-1`]: [0, 2], [`${B} eu-west-1`]: [1, 4], [`${C} us-east-1`]: [3] };
  expect(timesOf(calls)).toEqual(expected);
  expect(timesOf(calls, false)).toEqual(expected);
});

test("a Region that cannot be told, since the account has several in the batch, is left open", () => {
  const calls: Call[] = [
    { name: "CreateEndpoint", region: "eu-west-1" },
    { name: "CreateEndpoint", region: "us-east-1" },
    { region: "us-east-1" },
  ];
  expect(timesOf(calls)).toEqual({ [`${A} eu-west-1`]: [0], [`${A} us-east-1`]: [1], [`${A} `]: [2] });
});

test("a parameter of the same name does not speak for another account", () => {
  const more = { requestParameters: { recipientAccountId: B, note: `"recipientAccountId":"${C}"` } };
  expect(timesOf([{ more }, { name: "CreateEndpoint" }])).toEqual({ [`${A} eu-west-1`]: [0, 1] });
});

test("a record that does not say its account counts with the others where these agree", () => {
  expect(timesOf([{ name: "CreateEndpoint" }, { account: "" }])).toEqual({ [`${A} eu-west-1`]: [0, 1] });
  const several = timesOf([{ name: "CreateEndpoint" }, { name: "CreateEndpoint", account: B }, { account: "" }]);
  expect(several).toEqual({ [`${A} eu-west-1`]: [0], [`${B} eu-west-1`]: [1], " ": [2] });
});
