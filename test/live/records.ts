/**
 * Records of now for a live daemon: marked calls, each of which must become an alert, trios, three of which must become
 * one, and honest calls out of the simulator with the time and the id of now. Pure but for what it is given.
 */
import { generateRecords } from "../../src/simulate/simulation.ts";

/** RFC 3339 in whole seconds, as CloudTrail writes it. */
export function toEventTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function toCall(name: string, { id, user, atMs }: { id: string; user: string; atMs: number }): string {
  return JSON.stringify({
    eventVersion: "1.08",
    userIdentity: {
      type: "IAMUser",
      principalId: "AIDAEXAMPLE",
      arn: `arn:aws:iam::111122223333:user/${user}`,
      accountId: "111122223333",
      userName: user,
    },
    eventTime: toEventTime(atMs),
    eventSource: "s3.amazonaws.com",
    eventName: name,
    awsRegion: "eu-west-1",
    sourceIPAddress: "203.0.113.7",
    userAgent: "sagewatch-mark",
    requestParameters: { bucketName: "b" },
    responseElements: null,
    eventID: id,
    eventType: "AwsApiCall",
    recipientAccountId: "111122223333",
  });
}

/** A call that alone is an alert. `id` becomes its eventID. */
export function toMark(id: string, atMs: number): string {
  return toCall("DeleteBucketPolicy", { id, user: id, atMs });
}

/** Three calls of one second that together are an alert; ids are `id` with -0, -1, -2. */
export function toTrio(id: string, atMs: number): [string, string, string] {
  const one = (n: number): string => toCall("GetBucketAcl", { id: `${id}-${n}`, user: id, atMs });
  return [one(0), one(1), one(2)];
}

/** Honest records without end: a simulated day again and again, each time under new ids and with the time given. */
export function createHonest(seed: number): (atMs: number) => string {
  const pool = [...generateRecords({ seed, records: 5000, attacks: [] })].map(({ bytes }) =>
    Buffer.from(bytes).toString(),
  );
  let given = 0;
  return (atMs) => {
    const text = pool[given % pool.length] as string;
    given += 1;
    return text
      .replace(/"eventTime":"[^"]*"/, `"eventTime":"${toEventTime(atMs)}"`)
      .replace(/"eventID":"[^"]*"/, `"eventID":"honest-${given}"`);
  };
}
