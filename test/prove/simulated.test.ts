/**
 * The shipped rules over simulated days: planted attacks are found by the rules meant for them, honest days are quiet, and
 * what a caller says of its own program changes nothing.
 *
 * `npm run prove` makes the same over ten seeds and 200,000 honest records.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runRulesTest } from "../../src/commands/rules/test.ts";
import { openRules } from "../../src/compose/rules.ts";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { createConfigSchema } from "../../src/config/schema.ts";
import type { AlertContent } from "../../src/model/alert.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import type { SimulationOptions } from "../../src/simulate/simulation.ts";
import { detect, judgeDay, recordsOf } from "./day.ts";
import { withOtherAgent } from "./user-agent.ts";

const rules = openRules(createConfigSchema(ADAPTERS).parse({}), null, () => undefined);
const day = (seed: number, records: number, attacks = ATTACK_NAMES): SimulationOptions => ({ seed, records, attacks });

describe.each([7, 8])("seed %d", (seed) => {
  const options = day(seed, seed === 7 ? 20_000 : 4_000);
  const alerts = detect(recordsOf(options), rules);

  test("every planted attack is found by each rule that is meant for it, on the principal that did it", () => {
    const { planted, wanted, missed } = judgeDay(options, alerts, rules);
    expect(missed).toEqual([]);
    expect([planted, wanted]).toEqual([6, 12]);
  });

  test("nothing else is reported", () => {
    expect(judgeDay(options, alerts, rules).unplanned).toEqual([]);
  });
});

test("a day without attacks is quiet: at most 5 alerts in 100,000 records, here none in 20,000", () => {
  const alerts = detect(recordsOf(day(99, 20_000, [])), rules);
  expect(alerts.map(({ title, why }) => `${title}: ${why}`)).toEqual([]);
});

describe("with another user agent in every record", () => {
  test("a simulated day gives the same alerts, of the same records", () => {
    const options = day(7, 4_000);
    const shown = (alerts: readonly AlertContent[]): unknown =>
      alerts.map(({ id, ruleId, severity, principal, eventIds }) => ({ id, ruleId, severity, principal, eventIds }));
    const plain = detect(recordsOf(options), rules);
    expect(plain.length).toBeGreaterThan(15);
    const changed = detect(recordsOf(options, withOtherAgent), rules);
    expect(shown(changed)).toEqual(shown(plain));
    expect(JSON.stringify(changed)).not.toMatch(/boto|aws-cli/i);
  });

  test("all cases of all rules pass", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sagewatch-agents-"));
    cpSync(SHIPPED_RULES, folder, { recursive: true });
    let replaced = 0;
    for (const file of globSync("**/*.cases.json", { cwd: folder })) {
      const text = readFileSync(join(folder, file), "utf8");
      replaced += text.match(/"userAgent": /g)?.length ?? 0;
      writeFileSync(join(folder, file), text.replace(/"userAgent": "(?:[^"\\]|\\.)*"/g, '"userAgent": "x"'));
    }
    const { exitCode, stdout } = await runRulesTest({ paths: [folder], format: "text" });
    rmSync(folder, { recursive: true });
    expect(replaced).toBeGreaterThan(500);
    expect(stdout).toMatch(/^\d{3} cases, \d{3} passed, 0 failed\n$/);
    expect(exitCode).toBe(0);
  });
});
