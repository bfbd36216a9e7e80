/**
 * The section `tuning`: every knob with its default, unknown names refused, one table however it is written.
 */
import { parse as parseYaml } from "yaml";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { printConfig } from "../../src/config/print.ts";
import type { Config } from "../../src/config/schema.ts";
import { STARTER } from "../../src/config/starter.ts";
import { THRESHOLDS } from "../../src/config/tuning/thresholds.ts";
import { openRules } from "../../src/compose/rules.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { loadLists, toConfigured } from "../../src/rules/lists.ts";

const read = (text: string): Config => parseConfig(text, { path: "s.yml", adapters: ADAPTERS }).config;
const boundsOf = (config: Config, name: string): unknown =>
  openRules(config, null, () => undefined).ruleSet.correlations.find(({ engine }) =>
    engine.thresholds?.some((threshold) => threshold.name === name),
  )?.bounds;

describe("thresholds", () => {
  test("every one has its default, and one that is set changes the rule alone that names it", () => {
    const plain = read("");
    expect(Object.keys(plain.tuning.thresholds)).toEqual(Object.keys(THRESHOLDS));
    const changed = read("tuning: {thresholds: {sm_bulk_endpoint_create: 10}}");
    expect(changed.tuning.thresholds).toEqual({ ...plain.tuning.thresholds, sm_bulk_endpoint_create: 10 });
    expect(boundsOf(plain, "sm_bulk_endpoint_create")).toEqual([{ operator: "gte", value: 5 }]);
    expect(boundsOf(changed, "sm_bulk_endpoint_create")).toEqual([{ operator: "gte", value: 10 }]);
    expect(boundsOf(changed, "sm_bulk_delete")).toEqual([{ operator: "gte", value: 5 }]);
  });

  test.each<[string, string, string]>([
    [
      "an unknown name",
      "tuning:\n  thresholds:\n    sm_bulk_endpoint_creat: 10",
      "s.yml:3:29: `tuning.thresholds.sm_bulk_endpoint_creat`: no rule has this threshold, is 10; did you mean `sm_bulk_endpoint_create`?",
    ],
    ["below the range", "tuning: {thresholds: {sm_job_burst: 0}}", "must be 1 or more, is 0"],
    ["above the range", "tuning: {thresholds: {br_multi_region_invoke: 500}}", "must be 30 or less, is 500"],
    ["a fraction", "tuning: {thresholds: {sm_job_burst: 2.5}}", "must be a whole number"],
    ["a text", 'tuning: {thresholds: {sm_job_burst: "ten"}}', "must be a number"],
    ["another section", "tuning: {treshold: {}}", "unknown key; did you mean `thresholds`?"],
  ])("%s is refused", (_what, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("with rules of one's own, names are held against these rules when they are loaded", () => {
    const config = read("rules: {paths: [shipped]}\ntuning: {thresholds: {my_burst: 3, gpu_launch_spik: 4}}");
    expect(() => openRules(config, null, () => undefined)).toThrow(
      /my_burst`: no rule has this threshold(?:.|\n)*gpu_launch_spik`.*did you mean `gpu_launch_spike`/,
    );
  });
});

describe("lists and calendars", () => {
  const nights = "{zone: UTC, open: [{days: [sat], from: '00:00', to: '06:00'}]}";

  test("stand under `tuning` or at the top, to the same effect", () => {
    const list = "{values: [eu-central-1]}";
    const inside = read(`tuning: {lists: {approved_regions: ${list}}, calendars: {business: ${nights}}}`);
    const outside = read(`lists: {approved_regions: ${list}}\ncalendars: {business: ${nights}}`);
    expect(inside).toEqual(outside);
    expect(inside.calendars["business"]?.open[0]?.days).toEqual(["sat"]);
    expect(loadLists(inside.lists).get("approved_regions")?.items).toEqual(["eu-central-1"]);
  });

  test("a calendar under `tuning` is one that accounts may name, and confirms `business`", () => {
    const text = `accounts: {"012345678901": {calendar: nights}}\ntuning: {calendars: {nights: ${nights}}}`;
    expect(read(text).calendars).toHaveProperty("nights");
    const options = { path: null, adapters: ADAPTERS };
    expect(parseConfig(`tuning: {calendars: {business: ${nights}}}`, options).definesBusiness).toBe(true);
  });

  test.each([
    "lists: {a: {values: []}}\ntuning: {lists: {a: {values: []}}}",
    `calendars: {c: ${nights}}\ntuning: {calendars: {c: ${nights}}}`,
  ])("one name in both places is refused: %s", (text) => {
    expect(() => read(text)).toThrow(/at the top of the file too, is a mapping; keep one of them/);
  });
});

test("`config print` shows every knob in one section, and what it prints means the same", () => {
  const config = read("tuning: {thresholds: {sm_gpu_spike: 64}, lists: {gpu_launchers: {values: [a]}}}");
  const printed = printConfig(config, ADAPTERS, toConfigured(loadLists({})));
  const { tuning, ...rest } = parseYaml(printed) as { tuning: Config["tuning"] };
  expect(tuning.thresholds).toEqual({ ...read("").tuning.thresholds, sm_gpu_spike: 64 });
  expect(Object.keys(tuning.lists).toSorted()).toEqual([...loadLists({}).keys()].toSorted());
  expect(tuning.lists["gpu_launchers"]?.values).toEqual(["a"]);
  expect(tuning.calendars).toHaveProperty("business");
  expect(Object.keys(rest)).not.toContain("lists");
  expect(loadLists(read(printed).lists)).toEqual(loadLists(config.lists));
});

test("the starter configuration names the section", () => {
  expect(STARTER).toMatch(/^tuning:$/m);
  const uncommented = STARTER.replace(/^ {2}# ((?: {2})*(?:thresholds|lists|\w+:|values|type).*)$/gm, "  $1");
  expect(read(uncommented).tuning).toMatchObject({
    thresholds: { sm_bulk_endpoint_create: 10 },
    lists: { approved_regions: { values: ["eu-central-1", "us-east-1"] } },
  });
});
