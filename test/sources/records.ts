/** Records, files and folders for the tests of sources. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Batch } from "../../src/contracts.ts";
import type { SourceDeps } from "../../src/sources/settings.ts";
import { textsOf } from "../contracts/source-exam.ts";

/** The limits of the configuration, as they are by default. */
export const LIMITS: SourceDeps["limits"] = { recordBytes: 1 << 20, depth: 64, gzipRatio: 200 };

/** A CloudTrail record in its usual shape. */
export function call(id: string): string {
  return `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333","userName":"ana"},"eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketAcl","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.15","requestParameters":{"bucketName":"b"},"responseElements":null,"eventID":"${id}","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`;
}

/** A GuardDuty finding, as small as one can be. */
export function finding(id: string): string {
  return `{"schemaVersion":"2.0","id":"${id}","service":{"count":1},"type":"Recon:EC2/Portscan","updatedAt":"2026-01-02T03:04:05Z"}`;
}

/** A delivery file of records. */
export function delivery(...records: readonly string[]): string {
  return `{"Records":[${records.join(",")}]}`;
}

/** Name of a delivery file for a slot such as "20260102T0305Z". */
export function deliveryName(slot: string, suffix = "AbCdEfGhIjKlMnOp"): string {
  return `111122223333_CloudTrail_eu-west-1_${slot}_${suffix}.json.gz`;
}

export type Folder = {
  readonly path: string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
};

/** A folder that goes away with `remove`. Names ending in .gz are packed. */
export function createFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "sagewatch-"));
  return {
    path,
    write(name, content) {
      const target = join(path, name);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, name.endsWith(".gz") && typeof content === "string" ? gzipSync(content) : content);
      return target;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Event ids of the records of batches. */
export const idsOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(textsOf).map((text) => (JSON.parse(text) as { eventID: string }).eventID);
/** Of each file in order: its first record, its floors before the last batch, and the floor of that. */
export function floorsOf(batches: readonly Batch[]): unknown[] {
  const files = Map.groupBy(batches, ({ origin }) => origin.path);
  return [...files.values()].map((all) => [
    idsOf(all)[0],
    [...new Set(all.slice(0, -1).map(({ floorMs }) => floorMs))],
    all.at(-1)!.floorMs,
  ]);
}
/** Epoch ms of a slot of the third hour of 2 January 2026, by its minute. */
export const slotMs = (minute: number): number => Date.UTC(2026, 0, 2, 3, minute);

/** Records of both kinds that take several batches, two a piece of input. */
export const mixed: readonly string[] = Array.from({ length: 1500 }, (_, at) =>
  at % 7 === 0 ? finding(`f${at}`) : call(`x${at}`),
);

/** Records that take several batches. */
export const many: readonly string[] = Array.from({ length: 2500 }, (_, at) => call(`m${at}`));
