/** The section `selfWatch`: defaults, what switches off, and names that nothing bears. */
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { printConfig } from "../../src/config/print.ts";
import type { Config } from "../../src/config/schema.ts";

const read = (file: object): Config => parseConfig(JSON.stringify(file), { adapters: ADAPTERS, path: "s.yml" }).config;
const sources = [{ type: "guardduty", name: "findings", regions: ["eu-west-1"] }];

test("without a word: half an hour, five minutes", () => {
  expect(read({}).selfWatch).toEqual({
    name: "sagewatch",
    silence: 1_800_000,
    silences: {},
    heartbeat: 300_000,
  });
});

test("null switches off, in whole and for one source, and is printed so", () => {
  const selfWatch = { silence: null, silences: { findings: null }, heartbeat: null };
  const config = read({ sources, selfWatch });
  expect(config.selfWatch).toEqual({ name: "sagewatch", ...selfWatch });
  const printed = printConfig(read({ sources, selfWatch: { silences: { findings: "7d" } } }), ADAPTERS);
  expect(printed).toContain("silence: 30m");
  expect(printed).toContain("findings: 7d");
  expect(printed).toContain("heartbeat: 5m");
});

test("a source that is not there is refused, with the nearest; so is a span that cannot be meant", () => {
  expect(() => read({ sources, selfWatch: { silences: { finding: "7d" } } })).toThrow(
    /selfWatch\.silences\.finding.*no source is called so.*findings/s,
  );
  expect(() => read({ selfWatch: { heartbeat: "1s" } })).toThrow(/must be between 10s and 1d/);
});
