/**
 * Real records through source and decoder, where the data set lies beside the checkout: nothing crashes, all is counted.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decoders } from "../../src/decode/registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../src/sources/registry.ts";
import { readBatches } from "../contracts/source-exam.ts";
import { LIMITS } from "./records.ts";

const dataFolder = join(import.meta.dirname, "../../../shared/data");

/** "kind" of each event, "reason" of each rejected record, "skipped:reason" of the rest, with their numbers. */
async function countAll(path: string): Promise<Record<string, number>> {
  const config = sourceRegistry.file.schema.parse({ type: "file", paths: [path], mode: "once" });
  const source = createSource(config, { clock: systemClock, limits: LIMITS, warn: () => {} });
  const counts: Record<string, number> = {};
  const add = (what: string, count = 1): void => {
    counts[what] = (counts[what] ?? 0) + count;
  };
  for (const { kind, chunk, offsets, rejected, skipped } of await readBatches(source, new Map())) {
    for (let at = 0; at < offsets.length; at += 2) {
      const decoded = decoders[kind].decode(chunk.subarray(offsets[at], offsets[at + 1]), {
        nowMs: null,
        duplicateKeys: false,
      });
      add("reason" in decoded ? decoded.reason : decoded.kind);
    }
    for (const { reason } of rejected) add(reason);
    for (const [reason, count] of Object.entries(skipped)) add(`skipped:${reason}`, count);
  }
  return counts;
}

describe.skipIf(!existsSync(dataFolder))("real records (../shared/data)", () => {
  test.for([
    ["cloudtrail/aws_docs_examples.ndjson", { cloudtrail: 9 }],
    ["cloudtrail/flaws_cloud_partial.ndjson", { cloudtrail: 94 }],
    ["cloudtrail/invictus_20230710_part1.ndjson.gz", { cloudtrail: 1448 }],
    ["cloudtrail/splunk_examples.ndjson", { cloudtrail: 24 }],
    ["cloudtrail/stratus_detonation.ndjson", { cloudtrail: 154 }],
    ["cloudtrail/traildiscover.ndjson", { cloudtrail: 158 }],
    ["s3-delivery/AWSLogs/218007301253", { cloudtrail: 1448 }],
    ["s3-delivery/AWSLogs/111111111111", { cloudtrail: 2 }],
    ["s3-delivery/misc", { cloudtrail: 2 }],
    ["eventbridge/aws_docs_sagemaker.ndjson", { "skipped:envelope": 7 }],
    ["eventbridge/cloud_custodian.ndjson", { cloudtrail: 4, guardduty: 1, "skipped:envelope": 5 }],
    ["guardduty/api_findings.ndjson", { guardduty: 9 }],
    ["guardduty/foxsec_eventbridge.ndjson", { guardduty: 9 }],
    ["misc/cloud_custodian_bare.ndjson", { cloudtrail: 6, unknown_kind: 1 }],
    ["misc/foxsec_cloudtrail_masked.ndjson", { cloudtrail: 4, unknown_kind: 1 }],
    ["misc/mozdef_guardduty_normalised.ndjson", { guardduty: 4 }],
    ["misc/cloudgrep_bad_cloudtrail.json", { truncated: 1 }],
    ["misc/otrf_s3_honeybucket_alerts.csv", { bad_json: 1 }],
    ["wrappers/sumologic_guardduty_createsamplefindings.json", { cloudtrail: 1 }],
    ["wrappers/powertools_eventBridgeEvent.json", { "skipped:envelope": 1 }],
    ["wrappers/lambda-go_s3-event.json", { unknown_kind: 1 }],
    ["wrappers/lambda-go_sqs-event.json", { unknown_kind: 1 }],
    ["wrappers/lambda-go_cloudwatch-logs-event.json", { unknown_kind: 1 }],
  ] as const)("%s", async ([path, counts], { expect }) => {
    expect(await countAll(join(dataFolder, path))).toEqual(counts);
  });

  test("every other file is survived", async () => {
    for (const name of readdirSync(dataFolder, { recursive: true, encoding: "utf8" }).filter((path) =>
      /\.(json|ndjson|jsonl|csv|tsv|md|gz)$/.test(path),
    )) {
      const counts = await countAll(join(dataFolder, name));
      expect(
        Object.values(counts).every((count) => count > 0),
        name,
      ).toBe(true);
    }
  });
});
