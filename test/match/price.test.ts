/**
 * Prices of accelerator instances: the tables are whole, and figures are those that a hand calculation gives.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFields } from "../../src/match/fields.ts";
import { usdPerHour } from "../../src/match/price.ts";
import { ACCELERATORS } from "../../src/match/tables/accelerators.ts";
import { EC2_PRICES, SAGEMAKER_PRICES, SAGEMAKER_RATIOS } from "../../src/match/tables/prices.ts";
import type { Json, JsonObject } from "../../src/model/event.ts";
import { renderAccelerators, renderPrices } from "../../tools/make-instance-table.ts";
import { eventOf } from "./build.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "../shared/data/prices");

describe("the tables", () => {
  test.each(Object.keys(ACCELERATORS))("%s: accelerators, and every price of it is a price", (type) => {
    const [count, model] = ACCELERATORS[type] ?? [0, ""];
    expect(count).toBeGreaterThan(0);
    expect(model).toMatch(/^\w[\w -]*$/);
    for (const [table, prefix] of [
      [EC2_PRICES, ""],
      [SAGEMAKER_PRICES, "ml."],
    ] as const) {
      const regions = (table[type] ?? "").match(/[a-z]+(?:-[a-z]+)+-\d/g) ?? [];
      expect((table[type] ?? "").split(" ").filter((word) => word !== "")).toHaveLength(2 * regions.length);
      for (const region of regions) {
        const usd = usdPerHour(`${prefix}${type}`, region);
        expect(usd).toBeGreaterThan(0.02);
        expect(usd).toBeLessThan(1000);
      }
    }
  });

  test("no type has a price that has no accelerators", () => {
    const priced = [EC2_PRICES, SAGEMAKER_PRICES, SAGEMAKER_RATIOS].flatMap((table) => Object.keys(table));
    expect(priced.filter((type) => !Object.hasOwn(ACCELERATORS, type))).toEqual([]);
  });

  test.skipIf(!existsSync(folder))("are what the generator makes of ../shared/data/prices", () => {
    const read = (file: string): string => readFileSync(join(root, "src/match/tables", file), "utf8");
    expect(read("accelerators.ts")).toBe(renderAccelerators(folder));
    expect(read("prices.ts")).toBe(renderPrices(folder));
  });
});

describe("usd per hour", () => {
  const fields = createFields({ calendars: {}, accountCalendars: {} });
  const ask = (region: string, record: JsonObject): Json[] =>
    ["enrich.usd_per_hour", "enrich.price.known"].map(
      (name) => fields.get(name)?.(eventOf(record, { region })) ?? null,
    );
  const run = (instanceType: string, maxCount: number): JsonObject => ({
    eventSource: "ec2.amazonaws.com",
    eventName: "RunInstances",
    requestParameters: { instancesSet: { items: [{ minCount: 1, maxCount }] }, instanceType },
  });
  const groups = (...types: readonly string[]): JsonObject => ({
    eventSource: "sagemaker.amazonaws.com",
    eventName: "CreateCluster",
    requestParameters: { instanceGroups: types.map((instanceType) => ({ instanceType, instanceCount: 1 })) },
  });

  test.each<[string, string, JsonObject, Json[]]>([
    ["10 × 21.957642", "us-east-1", run("p4d.24xlarge", 10), [219.5764, true]],
    ["the Region's own: 2 × 27.43298", "eu-central-1", run("p4d.24xlarge", 2), [54.866, true]],
    ["lowered as in us-east-1: 35.5569", "sa-east-1", run("p4d.24xlarge", 1), [35.5569, true]],
    ["SageMaker's own: 25.2513", "us-east-1", groups("ml.p4d.24xlarge"), [25.2513, true]],
    ["EC2's 27.43298 × 1.15", "eu-central-1", groups("ml.p4d.24xlarge"), [31.5479, true]],
    ["CPU types do not count: 25.2513", "us-east-1", groups("ml.m5.large", "ml.p4d.24xlarge"), [25.2513, true]],
    ["one of two is not known: 25.2513", "us-east-1", groups("ml.p4d.24xlarge", "ml.trn2.48xlarge"), [25.2513, false]],
    ["not sold in the Region", "af-south-1", run("p4d.24xlarge", 1), [null, false]],
    ["no list price at all", "us-east-1", run("p5e.48xlarge", 1), [null, false]],
    ["a Region unheard of", "", run("p4d.24xlarge", 1), [null, false]],
    ["no accelerator", "us-east-1", run("m5.large", 1), [null, null]],
    [
      "a failed call costs what it asked for",
      "us-east-1",
      { ...run("p4d.24xlarge", 2), errorCode: "x" },
      [43.9153, true],
    ],
  ])("%s (%s)", (...[, region, record, want]) => {
    expect(ask(region, record)).toEqual(want);
  });

  test("SageMaker's price in a Region that has one is EC2's times the ratio, to 2 %", () => {
    const wrong: string[] = [];
    for (const [type, ratio] of Object.entries(SAGEMAKER_RATIOS)) {
      for (const region of ["us-east-1", "us-west-2"]) {
        const [own, bare] = [usdPerHour(`ml.${type}`, region), usdPerHour(type, region)];
        if (own !== null && bare !== null && Math.abs(own / (bare * ratio) - 1) > 0.02) wrong.push(`${type} ${region}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
