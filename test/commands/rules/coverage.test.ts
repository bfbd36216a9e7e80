/**
 * `rules coverage`: the layers hold to the format that the Navigators read, and the table says what is covered and needed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { call } from "../cli.ts";

/** Layer format 4.5, property by property, nothing else allowed: https://github.com/mitre-attack/attack-navigator, layers/spec/v4.5. */
const text = { type: "string" };
const flag = { type: "boolean" };
const metadata = {
  type: "array",
  items: {
    type: "object",
    required: ["name", "value"],
    additionalProperties: false,
    properties: { name: text, value: text },
  },
};
const LAYER = {
  type: "object",
  required: ["name", "versions", "domain", "techniques"],
  additionalProperties: false,
  properties: {
    name: text,
    versions: {
      type: "object",
      required: ["navigator", "layer"],
      additionalProperties: false,
      properties: { attack: text, navigator: text, layer: text },
    },
    domain: { enum: ["enterprise-attack", "atlas-atlas"] },
    description: text,
    filters: { type: "object", properties: { platforms: { type: "array", items: text } } },
    sorting: { enum: [0, 1, 2, 3] },
    layout: {
      type: "object",
      additionalProperties: false,
      properties: {
        layout: { enum: ["side", "flat", "mini"] },
        showID: flag,
        showName: flag,
        showAggregateScores: flag,
        countUnscored: flag,
        aggregateFunction: { enum: ["average", "min", "max", "sum"] },
        expandedSubtechniques: { enum: ["none", "all", "annotated"] },
      },
    },
    hideDisabled: flag,
    techniques: {
      type: "array",
      items: {
        type: "object",
        required: ["techniqueID"],
        additionalProperties: false,
        properties: {
          techniqueID: { type: "string", pattern: "^(AML\\.)?T\\d{4}(\\.\\d{3})?$" },
          tactic: text,
          comment: text,
          enabled: flag,
          score: { type: "number" },
          color: text,
          metadata,
          links: { type: "array" },
          showSubtechniques: flag,
        },
      },
    },
    gradient: {
      type: "object",
      required: ["colors", "minValue", "maxValue"],
      properties: {
        colors: { type: "array", minItems: 2, items: { type: "string", pattern: "^#[0-9a-f]{6}$" } },
        minValue: { type: "number" },
        maxValue: { type: "number" },
      },
    },
    legendItems: { type: "array" },
    showTacticRowBackground: flag,
    tacticRowBackground: text,
    selectTechniquesAcrossTactics: flag,
    selectSubtechniquesWithParent: flag,
    selectVisibleTechniques: flag,
    metadata,
    links: { type: "array" },
  },
};
const isLayer = new Ajv().compile(LAYER);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-coverage-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Technique = { techniqueID: string; score?: number; comment?: string; showSubtechniques?: boolean };
function readLayer(name: string): {
  versions: Record<string, string>;
  domain: string;
  techniques: Technique[];
  gradient: { minValue: number; maxValue: number };
} {
  const layer = JSON.parse(readFileSync(join(folder, name), "utf8"));
  expect(isLayer(layer), JSON.stringify(isLayer.errors)).toBe(true);
  return layer;
}

describe("the shipped rules", () => {
  test("make layers of the Navigators' formats", async () => {
    const { code } = await call("rules", "coverage", "--out", folder);
    expect(code).toBe(0);
    const attack = readLayer("attack-layer.json");
    expect(attack.domain).toBe("enterprise-attack");
    expect(attack.versions["layer"]).toBe("4.5");
    const atlas = readLayer("atlas-layer.json");
    expect(atlas.domain).toBe("atlas-atlas");
    for (const { techniques, gradient } of [attack, atlas]) {
      const ids = techniques.map(({ techniqueID }) => techniqueID);
      expect(new Set(ids).size).toBe(ids.length);
      expect(gradient.maxValue).toBeGreaterThan(gradient.minValue);
      expect(Math.max(...techniques.map(({ score = 0 }) => score))).toBe(gradient.maxValue);
      for (const id of ids.filter((id) => /\.\d{3}$/.test(id)))
        expect(techniques.find(({ techniqueID }) => techniqueID === id.slice(0, -4))?.showSubtechniques).toBe(true);
    }
    const trails = attack.techniques.find(({ techniqueID }) => techniqueID === "T1685.002");
    expect(trails?.comment).toContain("log-trail-off");
  });

  test("say what to switch on, and have no tag that names nothing", async () => {
    const { stdout } = await call("rules", "coverage", "--format", "json");
    const { rules, unknown } = JSON.parse(stdout) as { rules: { name: string; needs: string[] }[]; unknown: unknown[] };
    const needs = new Map(rules.map((rule) => [rule.name, rule.needs]));
    expect(unknown).toEqual([]);
    expect(needs.get("s3-model-artifact-download")).toContain("CloudTrail data events: S3 objects");
    expect(needs.get("log-trail-off")).toEqual(["CloudTrail management events, write"]);
    expect(needs.get("br-model-enum-burst")).toEqual(["CloudTrail management events, read too"]);
    expect(needs.get("gd-crypto-gpu")).toEqual(["GuardDuty with Runtime Monitoring"]);
    for (const rule of rules) expect(rule.needs, rule.name).not.toEqual([]);
  });
});

const RULE = `title: Own
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventSource: x.amazonaws.com, eventName: DeleteThing}, condition: call}
level: low
tags: [attack.t9999, attack.impact, attack.t1485, cve.2021-44228]
`;

test("tags that name nothing are told, and no other", async () => {
  writeFileSync(join(folder, "own.yml"), RULE);
  const { code, stdout } = await call("rules", "coverage", join(folder, "own.yml"));
  expect(code).toBe(0);
  expect(stdout).toContain("Tags that name no known technique or tactic\n  attack.t9999  in own\n");
  expect(stdout).toMatch(/Impact +T1485 Data Destruction +1: own/);
  expect(stdout).not.toContain("cve.");
});

test("a folder that cannot be written is told, not crashed over", async () => {
  const ended = await call("rules", "coverage", join(folder, "own.yml"), "--out", join(folder, "own.yml"));
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be written") });
});
