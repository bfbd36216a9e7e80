/** How long a source may be without an answer before /ready says so: it goes by how often it asks, not by how often records come. */
import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../src/sources/registry.ts";
import { LIMITS } from "./records.ts";

const queue = { queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/trail", region: "eu-west-1", idle: "1h" };
const regions = { regions: ["eu-west-1"], every: "10m" };
test.each([
  ["sqs-eventbridge", queue, undefined],
  ["sqs-s3", queue, undefined],
  ["bedrock-log", queue, undefined],
  ["kinesis", { stream: "trail", region: "eu-west-1", idle: "1h" }, undefined],
  ["kafka", { brokers: ["broker:9092"], topics: ["trail"], idle: "1h" }, undefined],
  ["file", { paths: ["/spool"], mode: "watch", idle: "1h" }, 3_600_000],
  ["cloudtrail-lookup", regions, 1_800_000],
  ["guardduty", regions, 1_800_000],
  ["cost", { every: "4h" }, 43_200_000],
] as const)("%s", (type, settings, asksMs) => {
  const config = sourceRegistry[type].schema.parse({ type, name: "it", ...settings });
  const source = createSource(config, { clock: systemClock, limits: LIMITS, warn: () => {} });
  expect(source.timing.asksMs).toBe(asksMs);
});
