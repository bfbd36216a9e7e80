/** A state folder outlives its runs: what a second run over new files finds, and what one over the same files does not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runSimulate } from "../../src/commands/simulate.ts";
import { composeRun, type RunSummary } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { openViews } from "../../src/store/views.ts";

const dir = mkdtempSync(join(tmpdir(), "sagewatch-again-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(folders: Readonly<Record<string, string>>): Promise<RunSummary> {
  const trail = (path: string): string => join(path, "AWSLogs");
  const config = {
    state: { dir: join(dir, "state") },
    sources: Object.entries(folders).map(([name, path]) => ({
      type: "file",
      name,
      paths: [trail(path)],
      mode: "once",
    })),
    sinks: [{ type: "file", path: join(dir, "alerts.ndjson") }],
  };
  const parsed = parseConfig(JSON.stringify(config), { adapters: ADAPTERS, environment: {}, path: null });
  return composeRun({ config: parsed.config, emit: () => undefined, signal: new AbortController().signal });
}

function alertCount(): number {
  const views = openViews(join(dir, "state"));
  try {
    return views.alerts({}).length;
  } finally {
    views.close();
  }
}

test("a later run over other files begins anew, whatever ended before it; the same files are not read twice", async () => {
  const out = (name: string): string => join(dir, name);
  for (const [seed, name] of [
    [1, "first"],
    [2, "short"],
    [3, "second"],
  ] as const) {
    await runSimulate({
      seed,
      // Tuesdays, weeks apart: their alerts share no bucket.
      start: `2026-03-${String(3 + seed * 7).padStart(2, "0")}T00:00:00Z`,
      records: name === "short" ? 500 : 1500,
      attacks: name === "short" ? "none" : "all",
      out: out(name),
    });
  }
  // Two sources in one run: the one that ends first must not close the windows of its next run.
  const first = await run({ main: out("first"), other: out("short") });
  const found = alertCount();
  expect(first).toMatchObject({ late: 0, quarantined: 0 });
  expect(found).toBeGreaterThanOrEqual(9);

  const second = await run({ main: out("second"), other: out("second") });
  expect(second).toMatchObject({ late: 0 });
  expect(alertCount()).toBeGreaterThanOrEqual(found + 9);

  const again = await run({ main: out("second"), other: out("second") });
  expect(again).toMatchObject({ read: 0, alertsByRule: {} });
});
