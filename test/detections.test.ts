/**
 * The rules that are shipped: sound, documented, proven by cases of each kind, and enough for what the simulator plants.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { runRulesTest } from "../src/commands/rules/test.ts";
import { openRules } from "../src/compose/rules.ts";
import { SHIPPED_RULES } from "../src/config/load.ts";
import { THRESHOLDS } from "../src/config/tuning/thresholds.ts";
import { ADAPTERS } from "../src/config/registries.ts";
import { type Config, createConfigSchema } from "../src/config/schema.ts";
import { toOcsfAttacks } from "../src/encode/technique.ts";
import type { Signal } from "../src/model/signal.ts";
import { readCaseFile, toCasesFile } from "../src/rules/cases.ts";
import { readLists, SHIPPED_LISTS } from "../src/rules/lists.ts";
import { loadRules } from "../src/rules/load.ts";
import type { Correlation, DetectionRule } from "../src/sigma/ast.ts";
import { EXPECTED_RULES } from "../src/simulate/attacks/stage.ts";

type Rule = DetectionRule | Correlation;

const config: Config = createConfigSchema(ADAPTERS).parse({});
const lists = readLists([SHIPPED_LISTS]);
const loaded = loadRules([SHIPPED_RULES], { mode: "strict", lists: new Set(lists.lists.keys()) });
const rules: readonly Rule[] = [...(loaded.ruleSet?.detections ?? []), ...(loaded.ruleSet?.correlations ?? [])];
const alerting = rules.filter(({ alerts }) => alerts);
const fileOf = new Map(rules.map(({ id, place }) => [id, basename(place.file, ".yml")]));
const named = (of: readonly Rule[]): (readonly [string, Rule])[] => of.map((rule) => [rule.title, rule] as const);

test("all load in strict mode and compile without an error or a warning", () => {
  const warnings: Signal[] = [];
  openRules(config, null, (signal) => signal.type === "rule_warning" && warnings.push(signal));
  expect([...loaded.problems, ...lists.problems, ...warnings]).toEqual([]);
  expect(alerting.length).toBeGreaterThanOrEqual(10);
});

test("each has an id of its own, in UUID version 4, that no other rule or list of ids shares", () => {
  const ids = rules.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

describe("each that alerts says what an analyst needs", () => {
  test.each(named(alerting))("%s", (_title, rule) => {
    const text = loaded.texts.get(rule.place.file) ?? "";
    expect(rule.description.length).toBeGreaterThan(80);
    // What to do comes as a paragraph of its own.
    expect(rule.description).toMatch(/^First: [^]{40,}$/m);
    expect(rule.falsePositives.length).toBeGreaterThan(0);
    expect(rule.references.length).toBeGreaterThan(0);
    for (const reference of rule.references) expect(reference).toMatch(/^https:\/\/docs\.aws\.amazon\.com\/\S+$/);
    expect(text).toMatch(/^author: Sagewatch$/m);
    expect(text).toMatch(/^date: \d{4}-\d\d-\d\d$/m);
    expect(text).toMatch(/^fields:$/m);
    expect(relative(SHIPPED_RULES, rule.place.file)).toMatch(
      /^(cloudtrail\/[a-z0-9-]+|bedrock|cost|guardduty|sequences)\/[a-z0-9-]+\.yml$/,
    );
  });

  test.each(named(alerting))(
    "%s: techniques that ATT&CK and ATLAS have, each ATT&CK one with a tactic of its own",
    (_title, { tags }) => {
      const techniques = tags
        .filter((tag) => /^(attack\.t\d|atlas\.)/.test(tag))
        .map((tag) => tag.slice(tag.indexOf(".") + 1).toUpperCase());
      expect(techniques.length).toBeGreaterThan(0);
      for (const id of techniques) {
        const tactics = toOcsfAttacks(id).flatMap(({ tactic }) => (tactic === undefined ? [] : [tactic.name]));
        expect(tactics, `${id} is revoked or does not exist`).not.toEqual([]);
        const asTags = tactics.map((name) => `attack.${name?.toLowerCase().replaceAll(" ", "-")}`);
        const isTagged = id.startsWith("AML.") || tags.some((tag) => asTags.includes(tag));
        expect(isTagged, `${id} lacks one of ${asTags.join(", ")}`).toBe(true);
      }
    },
  );
});

test("none reads the user agent or knows a tool by name: whoever attacks chooses both", () => {
  for (const [file, text] of loaded.texts) {
    expect(text, file).not.toMatch(/userAgent|stratus|pacu|kali|cloudfox|scoutsuite|trufflehog/i);
  }
});

describe("numbers", () => {
  const thresholds = rules.flatMap((rule) =>
    (rule.engine.thresholds ?? []).map((threshold) => ({ rule, ...threshold })),
  );

  test("every correlation with a bound gives it a name that the configuration knows, with the default of the rule", () => {
    const bounded = rules.filter((rule) => rule.type === "correlation" && rule.bounds.length > 0);
    expect(bounded.length).toBeGreaterThan(10);
    for (const { title, engine } of bounded) expect(engine.thresholds, title).toHaveLength(1);
    const written = Object.fromEntries(thresholds.map(({ name, written: number }) => [name, number]));
    const known = Object.fromEntries(Object.entries(THRESHOLDS).map(([name, { value }]) => [name, value]));
    expect(written).toEqual(known);
  });

  test("a detection has no number without a name, but for the 0 of `any at all`", () => {
    for (const rule of rules.filter(({ type }) => type === "detection")) {
      const text = documentOf(rule);
      const literals = [...text.matchAll(/\|(?:gte?|lte?): (\d+)/g)].map(([, number]) => Number(number));
      const named = new Set((rule.engine.thresholds ?? []).map(({ written }) => written));
      expect(
        literals.filter((number) => number !== 0 && !named.has(number)),
        rule.title,
      ).toEqual([]);
    }
  });

  test.each(thresholds.map(({ name }) => [name] as const))("%s: the default lies in its range", (name) => {
    const { value, least, most } = THRESHOLDS[name] ?? { value: -1, least: 0, most: 0 };
    expect(value).toBeGreaterThanOrEqual(least);
    expect(value).toBeLessThanOrEqual(most);
  });
});

/** The text of the document that a rule stands in. */
function documentOf({ place, title }: Rule): string {
  return (loaded.texts.get(place.file) ?? "").split("\n---\n").find((text) => text.includes(`title: ${title}\n`)) ?? "";
}

test("each list is used by a rule", () => {
  const all = [...loaded.texts.values()].join("\n");
  for (const name of lists.lists.keys()) expect(all).toContain(`%${name}%`);
});

describe("cases", () => {
  test.each(named(alerting))("%s has some of each kind", (_title, rule) => {
    const { cases, faults } = readCaseFile(toCasesFile(rule.place.file));
    expect(faults).toEqual([]);
    const own = cases.filter(({ expect: wanted }) => wanted.some(({ ruleId }) => ruleId === rule.id));
    expect([...new Set(own.map(({ kind }) => kind))].toSorted()).toEqual(["fires", "legitimate", "near-miss"]);
  });

  test("all pass", async () => {
    const { exitCode, stdout } = await runRulesTest({ paths: [], format: "text" });
    expect(stdout).toMatch(/^\d+ cases, \d+ passed, 0 failed\n$/);
    expect(exitCode).toBe(0);
  });
});

test("docs/detections.md has a row for each rule that alerts", () => {
  const page = readFileSync(new URL("../docs/detections.md", import.meta.url), "utf8");
  for (const { title, id, level, place } of alerting) {
    const row = page.split("\n").find((line) => line.includes(`| [\`${basename(place.file, ".yml")}\`](`));
    expect(row, title).toContain(`| ${title} |`);
    expect(row, title).toContain(`| ${level} |`);
    expect(row, title).toContain(id);
  }
  const tuning = readFileSync(new URL("../docs/tuning.md", import.meta.url), "utf8");
  for (const name of readdirSync(SHIPPED_LISTS)) expect(tuning).toContain(`\`${basename(name, ".yml")}\``);
});

test("the rules that attacks are expected to trip are shipped", () => {
  const files = new Set(alerting.map(({ id }) => fileOf.get(id)));
  for (const name of Object.values(EXPECTED_RULES)) expect(files).toContain(name);
});
