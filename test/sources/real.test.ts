/**
 * Real records through source and decoder, where the data set lies beside the checkout: nothing crashes, all is counted.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GetCostAndUsageResponse } from "@aws-sdk/client-cost-explorer";
import { describe, expect, test } from "vitest";
import { decoders } from "../../src/decode/registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createRows } from "../../src/sources/cost/rows.ts";
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
    ["eventbridge/aws_docs_sagemaker.ndjson", { eventbridge: 7 }],
    ["eventbridge/cloud_custodian.ndjson", { cloudtrail: 4, guardduty: 1, eventbridge: 2, "skipped:envelope": 3 }],
    ["guardduty/api_findings.ndjson", { guardduty: 9 }],
    ["guardduty/foxsec_eventbridge.ndjson", { guardduty: 9 }],
    ["misc/cloud_custodian_bare.ndjson", { cloudtrail: 6, unknown_kind: 1 }],
    ["misc/foxsec_cloudtrail_masked.ndjson", { cloudtrail: 4, unknown_kind: 1 }],
    ["misc/mozdef_guardduty_normalised.ndjson", { guardduty: 4 }],
    ["misc/cloudgrep_bad_cloudtrail.json", { truncated: 1 }],
    ["misc/otrf_s3_honeybucket_alerts.csv", { bad_json: 1 }],
    ["cost/anomaly.json", { cost: 1 }],
    ["wrappers/sumologic_guardduty_createsamplefindings.json", { cloudtrail: 1 }],
    ["wrappers/powertools_eventBridgeEvent.json", { "skipped:envelope": 1 }],
    ["wrappers/lambda-go_s3-event.json", { unknown_kind: 1 }],
    ["wrappers/lambda-go_sqs-event.json", { unknown_kind: 1 }],
    ["wrappers/lambda-go_cloudwatch-logs-event.json", { unknown_kind: 1 }],
  ] as const)("%s", async ([path, counts], { expect }) => {
    expect(await countAll(join(dataFolder, path))).toEqual(counts);
  });

  test("an answer of Cost Explorer becomes a row a day and service, and each is an event", () => {
    const text = readFileSync(join(dataFolder, "cost/cost_explorer_daily_by_service.json"), "utf8");
    const { ResultsByTime = [] } = JSON.parse(text) as GetCostAndUsageResponse;
    const rows = createRows({
      question: { name: "DAILY SERVICE", granularity: "DAILY", groups: ["SERVICE"] },
      toldFrom: "2024-01-01",
      retrievedAt: "2024-03-16T08:00:00Z",
      accountId: "111122223333",
    });
    const events = [...rows.add(ResultsByTime), ...rows.end()].flatMap((period) =>
      period.rows.map((row) =>
        decoders.cost.decode(Buffer.from(JSON.stringify(row)), { nowMs: null, duplicateKeys: false }),
      ),
    );
    expect(events).toHaveLength(ResultsByTime.flatMap(({ Groups = [] }) => Groups).length);
    expect(events.filter((event) => "reason" in event)).toEqual([]);
    expect(new Set(events.map((event) => "key" in event && event.key)).size).toBe(events.length);
    // The tax of a month stands on its first day, and is dearer than all of the two weeks before.
    const taxed = events.filter((event) => "key" in event && event.evidence.target === "Tax");
    expect(taxed.map((event) => "key" in event && event.eventId.slice(0, 10))).toContain("2024-03-01");
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
