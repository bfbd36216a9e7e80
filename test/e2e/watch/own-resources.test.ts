/** Whoever touches what the configuration itself names is told of, whatever the names are. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Alert } from "../../../src/model/alert.ts";
import { createPlace, replay, toConfig, write } from "../make.ts";

const at = { region: "eu-west-1", queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/orders-feed" };
const sources = [
  { type: "sqs-eventbridge", ...at },
  {
    type: "sqs-s3",
    ...at,
    queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/files",
    trails: [{ bucket: "audit-of-all" }],
    role: "arn:aws:iam::111122223333:role/security/reader",
  },
];
const sinks = [
  { type: "console" },
  { type: "sqs", region: "eu-west-1", queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/soc" },
];

let made = 0;
const call = (eventSource: string, eventName: string, requestParameters: object): object => ({
  eventVersion: "1.11",
  userIdentity: {
    type: "AssumedRole",
    arn: "arn:aws:sts::111122223333:assumed-role/build/x",
    accountId: "111122223333",
  },
  eventTime: `2026-03-10T18:11:${String(10 + made).padStart(2, "0")}Z`,
  eventSource,
  eventName,
  awsRegion: "eu-west-1",
  sourceIPAddress: "198.51.100.7",
  requestParameters,
  responseElements: null,
  eventID: `00000000-0000-4000-8000-${String((made += 1)).padStart(12, "0")}`,
  recipientAccountId: "111122223333",
});
const records = [
  call("sqs.amazonaws.com", "PurgeQueue", { queueUrl: at.queue }),
  call("sqs.amazonaws.com", "DeleteQueue", { queueUrl: "https://eu-west-1.queue.amazonaws.com/111122223333/files" }),
  call("sqs.amazonaws.com", "PurgeQueue", { queueUrl: "https://sqs.eu-west-1.amazonaws.com/111122223333/soc" }),
  call("s3.amazonaws.com", "PutBucketNotification", { bucketName: "audit-of-all" }),
  call("iam.amazonaws.com", "DetachRolePolicy", { roleName: "reader", policyArn: "arn:aws:iam::aws:policy/X" }),
  // Not ours: of another account, of another name.
  call("sqs.amazonaws.com", "PurgeQueue", {
    queueUrl: "https://sqs.eu-west-1.amazonaws.com/444455556666/orders-feed",
  }),
  call("s3.amazonaws.com", "PutBucketNotification", { bucketName: "audit-of-all-copies" }),
  call("iam.amazonaws.com", "DetachRolePolicy", { roleName: "reader-two", policyArn: "arn:aws:iam::aws:policy/X" }),
];

async function find(more: object): Promise<readonly Alert[]> {
  const place = createPlace();
  const file = write(join(place.input, "own.json"), JSON.stringify({ Records: records }));
  const config = toConfig(place, { rules: ["shipped"], more: { ...more } });
  const { alerts } = await replay(config, [file]);
  return alerts.filter(({ ruleName }) => /of this monitor|this monitor reads/.test(ruleName));
}

const told = (alerts: readonly Alert[]): string[] => alerts.map(({ evidence }) => evidence[0]?.action ?? "");

test("queues, buckets and roles of the configuration are the monitor's own, also beside lists of one's own", async () => {
  const own = [
    "sqs:PurgeQueue",
    "sqs:DeleteQueue",
    "sqs:PurgeQueue",
    "s3:PutBucketNotification",
    "iam:DetachRolePolicy",
  ];
  expect(told(await find({ sources, sinks }))).toEqual(own);
  const lists = { monitor_queues: { type: "wildcard", values: ["*/other"] } };
  expect(told(await find({ sources, sinks, tuning: { lists } }))).toEqual(own);
});

test("without them nothing of it is ours", async () => {
  expect(await find({})).toEqual([]);
});

test("who deploys the monitor is told of neither, once named", async () => {
  const lists = { monitor_operators: { type: "wildcard", values: ["arn:aws:iam::111122223333:role/build"] } };
  expect(await find({ sources, sinks, tuning: { lists } })).toEqual([]);
});
