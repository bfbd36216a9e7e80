/**
 * Small CloudTrail files for the tests of the commands, in the shape of an S3 delivery.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** A record of `user/NAME` that switches a trail off, which a shipped rule reports, or with another `eventName` does not. */
export function record(number: number, overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    eventVersion: "1.09",
    userIdentity: {
      type: "IAMUser",
      principalId: "AIDAEXAMPLE",
      arn: "arn:aws:iam::111122223333:user/mallory",
      accountId: "111122223333",
      userName: "mallory",
    },
    eventTime: `2026-03-10T08:${String(Math.floor(number / 60) % 60).padStart(2, "0")}:${String(number % 60).padStart(2, "0")}Z`,
    eventSource: "cloudtrail.amazonaws.com",
    eventName: "StopLogging",
    awsRegion: "us-east-1",
    sourceIPAddress: "192.0.2.7",
    userAgent: "aws-cli/2.15",
    requestParameters: { name: `trail-${number}` },
    responseElements: null,
    requestID: `r-${number}`,
    eventID: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: "111122223333",
    eventCategory: "Management",
    ...overrides,
  };
}

/** Writes records as one delivery file of the slot `minute` and gives its path. Strings are written as they stand. */
export function deliver(
  folder: string,
  minute: string,
  records: readonly (Record<string, unknown> | string)[],
): string {
  const texts = records.map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
  const path = join(folder, `111122223333_CloudTrail_us-east-1_20260310T${minute}Z_0123456789abcdef.json.gz`);
  writeFileSync(path, gzipSync(`{"Records":[${texts.join(",")}]}`));
  return path;
}
