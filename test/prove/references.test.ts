/**
 * The references of the shipped rules lead to calls and forms that AWS has: each page of an API reference is held against
 * the models of its services. Needs ../shared/data beside the checkout; skipped by name without it. No page is asked for:
 * tests have no network.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import { readLists, SHIPPED_LISTS } from "../../src/rules/lists.ts";
import { loadRules } from "../../src/rules/load.ts";

const models = join(import.meta.dirname, "../../../shared/data/aws-models");
/** Services of the models by the first folder of their documentation's address. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  AWSEC2: ["ec2"],
  AWSSimpleQueueService: ["sqs"],
  AmazonCloudWatch: ["cloudwatch"],
  AmazonCloudWatchLogs: ["logs"],
  AmazonS3: ["s3", "s3control"],
  IAM: ["iam"],
  STS: ["sts"],
  "aws-cost-management": ["ce", "budgets"],
  awscloudtrail: ["cloudtrail"],
  bedrock: ["bedrock", "bedrock-runtime"],
  config: ["config"],
  eventbridge: ["events"],
  guardduty: ["guardduty"],
  kms: ["kms"],
  sagemaker: ["sagemaker"],
};
/** Pages that the models say nothing of: a service that is not in them, and a form of an answer (they have those of requests). */
const BEYOND = new Set(["API_route53resolver_DeleteResolverQueryLogConfig", "API_RootCause"]);

type Page = { readonly rule: string; readonly service: string; readonly page: string };

function findPages(): readonly Page[] {
  const lists = new Set(readLists([SHIPPED_LISTS]).lists.keys());
  const { ruleSet } = loadRules([SHIPPED_RULES], { mode: "strict", lists });
  return [...(ruleSet?.detections ?? []), ...(ruleSet?.correlations ?? [])].flatMap(({ title, references }) =>
    references.flatMap((reference) => {
      const [, service, page] =
        /^https:\/\/docs\.aws\.amazon\.com\/([^/]+)\/.*\/(API_\w+)\.html$/.exec(reference) ?? [];
      return service === undefined || page === undefined ? [] : [{ rule: title, service, page }];
    }),
  );
}

/** Names of the calls and of the forms in their requests, by service. */
function readNames(): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  const add = (service: string, name: string): void =>
    void (names.get(service) ?? names.set(service, new Set()).get(service))?.add(name);
  const read = (file: string): string => gunzipSync(readFileSync(join(models, file))).toString();
  for (const [service = "", , operation = ""] of read("operations.tsv.gz")
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t")))
    add(service, operation);
  const shapes = JSON.parse(read("request-shapes.json.gz")) as Record<string, { readonly shapes: object }>;
  for (const [service, { shapes: of }] of Object.entries(shapes))
    for (const name of Object.keys(of)) add(service, name);
  return names;
}

/** The pages that none of their services has. */
function findWrong(pages: readonly Page[], names: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return pages
    .filter(({ page }) => !BEYOND.has(page))
    .filter(({ service, page }) => {
      const name = page.replace(/^API_(?:(?:control|runtime|budgets)_)?/, "");
      return SERVICES[service]?.some((one) => names.get(one)?.has(name)) !== true;
    })
    .map(({ rule, service, page }) => `${rule}: ${service} has no ${page}`);
}

describe.skipIf(!existsSync(models))("references of the shipped rules (needs ../shared/data)", () => {
  test("each page of an API reference is of a call or a form that its service has", () => {
    const pages = findPages();
    expect(pages.length).toBeGreaterThan(80);
    expect(findWrong(pages, readNames())).toEqual([]);
  });

  test("the check finds what is misspelled, and what another service has", () => {
    const names = readNames();
    const wrong = [
      { rule: "a", service: "bedrock", page: "API_DeleteGuardrails" },
      { rule: "b", service: "kms", page: "API_DeleteGuardrail" },
    ];
    expect(findWrong(wrong, names)).toEqual([
      "a: bedrock has no API_DeleteGuardrails",
      "b: kms has no API_DeleteGuardrail",
    ]);
    expect(findWrong([{ rule: "c", service: "bedrock", page: "API_DeleteGuardrail" }], names)).toEqual([]);
  });
});
