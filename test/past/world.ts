/** Four hours of a trail: files by slot, and attacks that stand in the hour that a run misses, or reach into it. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Emulator } from "../fakes/emulator.ts";
import { type Place, write } from "../e2e/make.ts";
import { delivery } from "../sources/records.ts";

const ACCOUNT = "111122223333";
const REGION = "eu-west-1";
const DAY = Date.UTC(2026, 0, 2);
const MINUTE = 60_000;
/** Epoch ms of a time of that day. */
const at = (hour: number, minute = 0): number => DAY + (hour * 60 + minute) * MINUTE;
/** Event times that are missed. */
const GAP = { fromMs: at(5), toMs: at(6) };

/** A record of a call at a time. */
type Call = { readonly id: string; readonly timeMs: number; readonly user: string; readonly eventName: string };

function record({ id, timeMs, user, eventName }: Call): string {
  const identity = {
    type: "IAMUser",
    principalId: `AIDA${user.toUpperCase()}`,
    arn: `arn:aws:iam::${ACCOUNT}:user/${user}`,
    accountId: ACCOUNT,
    userName: user,
  };
  return JSON.stringify({
    eventVersion: "1.08",
    userIdentity: identity,
    eventTime: new Date(timeMs).toISOString().replace(".000Z", "Z"),
    eventSource: "s3.amazonaws.com",
    eventName,
    awsRegion: REGION,
    sourceIPAddress: "203.0.113.7",
    userAgent: "aws-cli/2.15",
    requestParameters: { bucketName: "b" },
    responseElements: null,
    eventID: id,
    eventType: "AwsApiCall",
    recipientAccountId: ACCOUNT,
  });
}

/** Records from 03:00 to 07:00 with their times: everyday calls, and the attacks. */
export function records(): readonly { readonly timeMs: number; readonly text: string }[] {
  const all: { timeMs: number; text: string }[] = [];
  const add = (id: string, timeMs: number, [user, eventName = "GetBucketAcl"]: readonly [string, string?]): void =>
    void all.push({ timeMs, text: record({ id, timeMs, user, eventName }) });
  for (let minute = 0; minute < 240; minute += 1) add(`day-${minute}`, at(3, minute), [`user${minute % 7}`]);
  // One call in the gap, by itself enough.
  add("single", at(5, 17), ["mallory", "DeleteTrail"]);
  // Four quick calls, all of them in the gap.
  for (let n = 0; n < 4; n += 1) add(`inside-${n}`, at(5, 20 + n), ["ivan", "GetObject"]);
  // Four calls over the edges of the gap, of each two are missed: farther out than a file is read for its lateness alone.
  for (const [n, minute] of [-45, -44, 3, 4].entries()) add(`begins-${n}`, at(5, minute), ["bob", "GetObject"]);
  for (const [n, minute] of [56, 57, 104, 105].entries()) add(`ends-${n}`, at(5, minute), ["eve", "GetObject"]);
  // Known without the gap, more of it in there.
  for (let n = 0; n < 6; n += 1) add(`known-${n}`, at(4, 50 + 3 * n), ["kim", "GetObject"]);
  // Seen whole.
  for (let n = 0; n < 4; n += 1) add(`whole-${n}`, at(3, 30 + n), ["walt", "GetObject"]);
  return all;
}

/** Rules: one call; four of a kind in 50 minutes; few calls in half an hour, judged at its end. */
export const RULES = `title: Trail deleted
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: DeleteTrail}
  condition: selection
level: high
---
title: Object read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c12
name: object_read
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: GetObject}
  condition: selection
level: low
---
title: Objects read in a row
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c13
correlation: {type: event_count, rules: [object_read], group-by: [enrich.principal.id], timespan: 50m, condition: {gte: 4}}
level: medium
---
title: A call of every day
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c14
name: of_every_day
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: GetBucketAcl}
  condition: selection
level: low
---
title: Fewer calls than on other days
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c15
correlation: {type: event_count, rules: [of_every_day], timespan: 30m, condition: {lt: 29}}
level: low
`;

const FOLDER = `AWSLogs/${ACCOUNT}/CloudTrail/${REGION}/2026/01/02`;

/** A file by its key. */
export type TrailFile = {
  readonly texts: readonly string[];
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly isMissed: boolean;
};

/** The files of all records: one a slot of five minutes, that of the minutes before it. */
export function files(): readonly TrailFile[] {
  const slots = Map.groupBy(records(), ({ timeMs }) => Math.floor(timeMs / (5 * MINUTE)) * 5 * MINUTE);
  return [...slots].map(([startMs, inside]) => {
    const slot = new Date(startMs + 5 * MINUTE)
      .toISOString()
      .replaceAll(/[-:]|:00\.000Z/g, "")
      .slice(0, 13);
    const key = `${FOLDER}/${ACCOUNT}_CloudTrail_${REGION}_${slot}Z_AbCdEfGhIjKlMnOp.json.gz`;
    const isMissed = startMs >= GAP.fromMs && startMs < GAP.toMs;
    const texts = inside.map(({ text }) => text);
    return { key, texts, bytes: gzipSync(delivery(...texts)), isMissed };
  });
}

/** Puts all files into a bucket, and those that were not missed into the folder of the run. */
export async function deliver(emulator: Emulator, bucket: string, place: Place): Promise<void> {
  await emulator.createBucket(bucket);
  for (const { key, bytes, isMissed } of files()) {
    await emulator.put(bucket, key, bytes);
    write(join(place.root, "all", key), bytes);
    if (!isMissed) write(join(place.input, key), bytes);
  }
}
