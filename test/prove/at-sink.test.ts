/**
 * From delivery files to the sink: planted attacks arrive there as alerts of the rules that are meant for them, a day
 * without attacks leaves it empty.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import type { Alert } from "../../src/model/alert.ts";
import { loadRules } from "../../src/rules/load.ts";
import type { Answers } from "../../src/simulate/answers.ts";
import { judge } from "../../src/simulate/attacks/judge.ts";
import { parseLines, run } from "../commands/cli.ts";
import { TIMEOUT_MS } from "../e2e/make.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-at-sink-"));
afterAll(() => rmSync(root, { recursive: true }));

const { detections, correlations } = loadRules([SHIPPED_RULES], { mode: "strict" }).readable;
const fileOf = new Map([...detections, ...correlations].map(({ id, place }) => [id, basename(place.file, ".yml")]));

/** Simulates a day, runs the daemon over it until the input ends, and gives what stands in the sink's file. */
async function runDay(name: string, seed: number, attacks: string): Promise<{ answers: Answers; alerts: Alert[] }> {
  const [day, sink] = [join(root, name), join(root, `${name}.ndjson`)];
  const options = ["--seed", String(seed), "--records", "4000", "--attacks", attacks, "--out", day];
  expect((await run(["simulate", ...options])).code).toBe(0);
  const config = join(root, `${name}.json`);
  const settings = {
    state: { dir: join(root, `${name}-state`) },
    sources: [{ type: "file", paths: [join(day, "AWSLogs")], mode: "once" }],
    sinks: [{ type: "file", path: sink }],
    http: { enabled: false },
  };
  writeFileSync(config, JSON.stringify(settings));
  expect((await run(["run", "--config", config])).code).toBe(0);
  const lines = existsSync(sink) ? parseLines(readFileSync(sink, "utf8")) : [];
  // The last revision of each alert says it all.
  const alerts = [...new Map(lines.map((line) => [line["id"], line as unknown as Alert])).values()];
  return { answers: JSON.parse(readFileSync(join(day, "answers.json"), "utf8")) as Answers, alerts };
}

test(
  "attacks: every rule that is meant for one is at the sink, and nothing else",
  { timeout: TIMEOUT_MS },
  async () => {
    const { answers, alerts } = await runDay("attacks", 21, "all");
    const { verdicts, unplanned } = judge(answers.attacks, alerts, fileOf);
    const wanted = verdicts.reduce((sum, { found, missed }) => sum + found.length + missed.length, 0);
    const found = verdicts.reduce((sum, one) => sum + one.found.length, 0);
    expect(wanted).toBe(12);
    expect({ recall: found / wanted, precision: (alerts.length - unplanned.length) / alerts.length }).toEqual({
      recall: 1,
      precision: 1,
    });
    expect(alerts.length).toBeGreaterThan(15);
  },
);

test("an honest day: the sink stays empty", { timeout: TIMEOUT_MS }, async () => {
  const { answers, alerts } = await runDay("honest", 22, "none");
  expect(answers.attacks).toEqual([]);
  expect(alerts.map(({ title, why }) => `${title}: ${why}`)).toEqual([]);
});
