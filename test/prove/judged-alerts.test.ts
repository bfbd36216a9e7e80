/**
 * docs/judged-alerts.md against the public records: the alerts that the shipped rules make of them, by set and rule, and
 * the rows of AI records in these alerts. Needs ../shared/data beside the checkout; skipped by name without it.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import { loadRules } from "../../src/rules/load.ts";
import { call, parseLines } from "../commands/cli.ts";

const root = join(import.meta.dirname, "../..");
const shared = join(root, "../shared/data");
const page = readFileSync(join(root, "docs/judged-alerts.md"), "utf8");
const SETS: Readonly<Record<string, string>> = {
  aws_docs_examples: "cloudtrail/aws_docs_examples.ndjson",
  flaws_cloud_partial: "cloudtrail/flaws_cloud_partial.ndjson",
  invictus_20230710_part1: "cloudtrail/invictus_20230710_part1.ndjson.gz",
  splunk_examples: "cloudtrail/splunk_examples.ndjson",
  stratus_detonation: "cloudtrail/stratus_detonation.ndjson",
  traildiscover: "cloudtrail/traildiscover.ndjson",
  "s3-delivery": "s3-delivery",
  api_findings: "guardduty/api_findings.ndjson",
  foxsec_eventbridge: "guardduty/foxsec_eventbridge.ndjson",
  cloud_custodian: "eventbridge/cloud_custodian.ndjson",
  aws_docs_sagemaker: "eventbridge/aws_docs_sagemaker.ndjson",
  cloud_custodian_bare: "misc/cloud_custodian_bare.ndjson",
  foxsec_cloudtrail_masked: "misc/foxsec_cloudtrail_masked.ndjson",
  splunk_cross_region_possible_inference_abuse:
    "bedrock-invocation/publisher-simulated/splunk_cross_region_possible_inference_abuse.ndjson",
};

/** Rows of the table under a heading, as cells without code marks. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const part = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
  const rows = part.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

const judged = rowsOf("Every alert");
const aiRows = rowsOf("The records of AI services");

test("each verdict is one of three, and the sums in the text are those of the table", () => {
  const sum = (verdict: string, isAll: boolean): number =>
    judged
      .filter(([set, , , is]) => is === verdict && (isAll || set !== "s3-delivery"))
      .reduce((total, [, , count]) => total + Number(count), 0);
  const [all, distinct] = [true, false].map((isAll) => ["true", "wanted", "noise"].map((of) => sum(of, isAll)));
  expect(all!.reduce((a, b) => a + b)).toBe(judged.reduce((total, [, , count]) => total + Number(count), 0));
  const text = page.replaceAll("\n", " ");
  const [right, wanted, noise] = all!;
  expect(noise).toBe(0);
  expect(text).toContain(`Of ${right! + wanted!} alerts ${right} are true, ${wanted} wanted and none is noise`);
  expect(text).toContain(`which repeats another, ${distinct!.join(", ").replace(/, (\d+)$/, " and $1")}`);
});

describe.skipIf(!existsSync(shared))("public records (needs ../shared/data)", () => {
  const found = new Map<string, { readonly rule: string; readonly eventIds: readonly string[] }[]>();
  beforeAll(async () => {
    const { detections, correlations } = loadRules([SHIPPED_RULES], { mode: "strict" }).readable;
    const fileOf = new Map([...detections, ...correlations].map(({ id, place }) => [id, basename(place.file, ".yml")]));
    for (const [set, path] of Object.entries(SETS)) {
      const { stdout } = await call("replay", "--json", join(shared, path));
      const alerts = parseLines(stdout).map(({ ruleId, eventIds }) => ({
        rule: fileOf.get(String(ruleId)) ?? String(ruleId),
        eventIds: eventIds as readonly string[],
      }));
      found.set(set, alerts);
    }
  }, 180_000);

  test.each(Object.keys(SETS))("%s: the alerts are those of the table", (set) => {
    const counts = (rules: readonly (readonly [string, number])[]): Record<string, number> => {
      const sums: Record<string, number> = {};
      for (const [rule, count] of rules) sums[rule] = (sums[rule] ?? 0) + count;
      return sums;
    };
    const wanted = judged.filter(([of]) => of === set).map(([, rule, count]) => [rule ?? "", Number(count)] as const);
    expect(counts((found.get(set) ?? []).map(({ rule }) => [rule, 1] as const))).toEqual(counts(wanted));
  });

  test("every row of ai-records.tsv stands in the page, in the alert that it names or in none", () => {
    const rows = readFileSync(join(shared, "ai-records.tsv"), "utf8").trim().split("\n").slice(1);
    expect(rows).toHaveLength(28);
    for (const row of rows) {
      const [file = "", line = ""] = row.split("\t");
      const set = basename(file).replace(/\.ndjson(?:\.gz)?$/, "");
      const told = aiRows.find(([of, lines]) => of === set && (lines ?? "").split(", ").includes(line));
      expect(told?.[0], row).toBe(set);
      if (SETS[set] === undefined) continue;
      const bytes = readFileSync(join(shared, file));
      const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").split("\n")[Number(line) - 1];
      const record = JSON.parse(text ?? "") as { readonly eventID?: string };
      const rules = (found.get(set) ?? []).filter(({ eventIds }) => eventIds.includes(record.eventID ?? ""));
      const named = /^[a-z0-9]+(?:-[a-z0-9]+)+/.exec(told?.[3] ?? "")?.[0] ?? null;
      // The two Bedrock records of one publisher share a masked eventID, so each is in the alerts of both.
      const isFound = named === null ? rules.length === 0 : rules.some(({ rule }) => rule === named);
      expect(
        isFound,
        `${row}\nis said to be in ${named ?? "none"}, is in ${rules.map(({ rule }) => rule).join()}`,
      ).toBe(true);
    }
  });
});
